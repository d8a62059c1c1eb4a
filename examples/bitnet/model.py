"""The decoder in PyTorch, as it is trained: BitNet b1.58 (W1.58 A8), or the same in full precision.

BitNet: every product has ternary weights with one scale a matrix, and 8-bit activations with one scale a token; the
products of the integers are exact, because integers of up to 8 bits are exact in bf16 and sums are kept in f32.
Gradients pass the roundings as if they were not there (straight through). The vocabulary, which embeds and predicts,
has 8-bit weights with one scale a row.

`reference.py` says each rounding for inference; this file follows it, but for bf16 where training needs no more: the
results of products, and attention. `Decoder.exact` turns those off.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Config:
    vocabulary: int = 6144
    hidden: int = 512
    layers: int = 8
    heads: int = 8
    kv_heads: int = 2
    head_size: int = 64
    feed_forward: int = 1408
    context: int = 512
    rope_theta: float = 10000.0
    epsilon: float = 1e-6
    ternary: bool = True

    def as_dict(self) -> dict:
        return asdict(self)


def straight_through(exact: Tensor, rounded: Tensor) -> Tensor:
    """The integers `rounded` in bf16, with the gradient of `exact`. The sum can be off by an ulp of f32; bf16 takes
    that away again."""
    return (exact + (rounded - exact).detach()).to(torch.bfloat16)


def quantize_activations(x: Tensor) -> tuple[Tensor, Tensor]:
    """Integers -128..127 in bf16, and 1 / scale, one a row."""
    scale = 127.0 / x.detach().abs().amax(-1, keepdim=True).clamp_min(1e-5)
    scaled = x * scale
    return straight_through(scaled, scaled.round().clamp(-128, 127)), 1.0 / scale


def quantize_ternary(w: Tensor) -> tuple[Tensor, Tensor]:
    """-1, 0, 1 in bf16, and 1 / scale, one for the matrix."""
    scale = 1.0 / w.detach().abs().mean().clamp_min(1e-5)
    scaled = w * scale
    return straight_through(scaled, scaled.round().clamp(-1, 1)), 1.0 / scale


def quantize_rows(w: Tensor) -> tuple[Tensor, Tensor]:
    """Integers -127..127 in bf16, and the step of each row, [rows, 1]."""
    step = w.detach().abs().amax(-1, keepdim=True).clamp_min(1e-8) / 127.0
    scaled = w / step
    return straight_through(scaled, scaled.round()), step


class Product(nn.Module):
    """y = x w^T: both quantized, or neither. `exact`: f32 results."""

    def __init__(self, columns: int, rows: int, ternary: bool, deviation: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(rows, columns) * deviation)
        self.ternary = ternary
        self.exact = False

    def forward(self, x: Tensor) -> Tensor:
        dtype = torch.float32 if self.exact else torch.bfloat16
        if not self.ternary:
            return F.linear(x.to(dtype), self.weight.to(dtype)).float()
        codes, step = quantize_activations(x)
        signs, alpha = quantize_ternary(self.weight)
        return F.linear(codes.to(dtype), signs.to(dtype)).float() * step * alpha


class Vocabulary(nn.Module):
    """Rows that embed tokens, and that the last hidden state is compared with."""

    def __init__(self, rows: int, columns: int, ternary: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(rows, columns) * 0.02)
        self.quantized = ternary
        self.exact = False

    def embed(self, tokens: Tensor) -> Tensor:
        if not self.quantized:
            return F.embedding(tokens, self.weight)
        codes, step = quantize_rows(self.weight)
        return F.embedding(tokens, codes.float() * step)

    def logits(self, x: Tensor) -> Tensor:
        dtype = torch.float32 if self.exact else torch.bfloat16
        if not self.quantized:
            return F.linear(x.to(dtype), self.weight.to(dtype)).float()
        codes, step = quantize_activations(x)
        rows, row_step = quantize_rows(self.weight)
        return F.linear(codes.to(dtype), rows.to(dtype)).float() * step * row_step.squeeze(-1)


class Norm(nn.Module):
    """x / sqrt(mean(x^2) + epsilon) * weight"""

    def __init__(self, size: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.epsilon) * self.weight


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary embedding of [..., positions, head_size]: element i of one half turns with element i of the other."""
    first, second = x.chunk(2, -1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)


class Layer(nn.Module):
    def __init__(self, c: Config, dropout: float) -> None:
        super().__init__()
        queries, keys = c.heads * c.head_size, c.kv_heads * c.head_size
        last = 0.02 / (2 * c.layers) ** 0.5
        self.c, self.dropout = c, dropout
        self.input_norm = Norm(c.hidden, c.epsilon)
        self.q = Product(c.hidden, queries, c.ternary, 0.02)
        self.k = Product(c.hidden, keys, c.ternary, 0.02)
        self.v = Product(c.hidden, keys, c.ternary, 0.02)
        self.attn_sub_norm = Norm(queries, c.epsilon)
        self.o = Product(queries, c.hidden, c.ternary, last)
        self.post_norm = Norm(c.hidden, c.epsilon)
        self.gate = Product(c.hidden, c.feed_forward, c.ternary, 0.02)
        self.up = Product(c.hidden, c.feed_forward, c.ternary, 0.02)
        self.ffn_sub_norm = Norm(c.feed_forward, c.epsilon)
        self.down = Product(c.feed_forward, c.hidden, c.ternary, last)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        x = x + self._drop(self._attention(self.input_norm(x), cos, sin))
        y = self.post_norm(x)
        inner = F.relu(self.gate(y)).square() * self.up(y)
        return x + self._drop(self.down(self.ffn_sub_norm(inner)))

    def _attention(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        c, (batch, length, _) = self.c, x.shape
        q, k, v = (
            product(x).view(batch, length, heads, c.head_size).transpose(1, 2)
            for product, heads in ((self.q, c.heads), (self.k, c.kv_heads), (self.v, c.kv_heads))
        )
        dtype = torch.float32 if self.q.exact else torch.bfloat16
        q, k, v = rotate(q, cos, sin).to(dtype), rotate(k, cos, sin).to(dtype), v.to(dtype)
        shared = c.heads // c.kv_heads
        k, v = k.repeat_interleave(shared, 1), v.repeat_interleave(shared, 1)
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True).float()
        return self.o(self.attn_sub_norm(a.transpose(1, 2).reshape(batch, length, c.heads * c.head_size)))

    def _drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training)


class Decoder(nn.Module):
    def __init__(self, c: Config, dropout: float = 0.0) -> None:
        super().__init__()
        self.c, self.dropout = c, dropout
        self.vocabulary = Vocabulary(c.vocabulary, c.hidden, c.ternary)
        self.layers = nn.ModuleList(Layer(c, dropout) for _ in range(c.layers))
        self.norm = Norm(c.hidden, c.epsilon)
        inverse = c.rope_theta ** (-torch.arange(0, c.head_size, 2, dtype=torch.float64) / c.head_size)
        angles = torch.arange(c.context, dtype=torch.float64)[:, None] * inverse
        self.register_buffer("cos", angles.cos().float(), persistent=False)
        self.register_buffer("sin", angles.sin().float(), persistent=False)

    def exact(self, on: bool = True) -> Decoder:
        """Everything in f32, or back to bf16. (Integers are exact in tf32 too; attention is not, so turn tf32 off.)"""
        for module in self.modules():
            if isinstance(module, (Product, Vocabulary)):
                module.exact = on
        return self

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits f32 [batch, length, vocabulary] of tokens [batch, length]."""
        x = F.dropout(self.vocabulary.embed(tokens), self.dropout, self.training)
        cos, sin = self.cos[: tokens.shape[1]], self.sin[: tokens.shape[1]]
        for layer in self.layers:
            x = layer(x, cos, sin)
        return self.vocabulary.logits(self.norm(x))

    def loss(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Mean cross entropy in nats."""
        return F.cross_entropy(self(tokens).flatten(0, 1), targets.flatten())
