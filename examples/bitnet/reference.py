"""BitNet b1.58 in numpy: what the model in this folder computes, said as plainly as it can be.

    python reference.py "The purpose of this library is" --tokens 60

It states each rounding, so that other programs can compute the same tokens for any prompt. Sums and functions whose
order and inner steps a program may choose (norms, attention) are computed in f64 and rounded to f32 once: two programs
that do so differ in an element only where the exact number lies within some 1e-16 of the middle between two f32, which
one in 1e8 or so does. Everything else is exact or has its order said (docs/spec/numerics.md). In the order in which a
token meets them:

 1. Embedding. The vocabulary has 8-bit codes and one step a row: x = f32(code) * step, rounded to f32 once.
 2. Norm. r = 1 / sqrt(mean(x^2) + epsilon) in f64, rounded to f32; then (x * r) * weight, each product rounded to f32.
 3. Activations of a product, one scale a token (A8): scale = 127 / max(max |x|, 1e-5); code = round(x * scale), ties
    to even, kept in -128..127; step = 1 / scale. Three roundings to f32: scale, x * scale, step.
 4. The product of codes and weights is exact, integers below 2^24. It is taken in two parts, as lookups of planes do:
    2 sum(w a) = acc + zeta sum(a), with zeta = 1 for ternary weights and -1 for the vocabulary's 8 bits.
 5. Its scaling: y = (step * acc + zeta * f32(step * sum(a))) * (alpha / 2), with f32 roundings of step * sum(a), of the
    sum (whose first product is not rounded: a fused multiply-add) and of y. alpha is the weight's one scale, the mean
    magnitude of the weights that were trained; for the logits, the step of the vocabulary's row.
 6. Rope: products and sums each rounded to f32. Scores, softmax and its sum with the values: f64, from f32 queries, keys
    and values; the result is rounded to f32.
 7. Residual sums and the gate: each operation rounded to f32.

The cache keeps keys (after rope) and values of all tokens in f32.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
F32 = np.float32


def quantize_activations(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A8: integers -128..127 as f32 [tokens, K], and the step f32 [tokens, 1] that one of them stands for."""
    scale = F32(127) / np.maximum(np.abs(x).max(axis=-1, keepdims=True), F32(1e-5))
    return np.clip(np.rint(x * scale), F32(-128), F32(127)), F32(1) / scale


class Product:
    """y = x w^T with integer weights [N, K] and their scale: f32 [1] for all, or f32 [N] for each row.

    `zeta` is how much twice a weight exceeds the sum of its planes, each of -1 and +1: 1 for ternary codes of two
    planes, -1 for signed codes of eight.
    """

    def __init__(self, codes: np.ndarray, scale: np.ndarray, zeta: int) -> None:
        # f32 holds the integers and their sums exactly, and multiplies them faster than numpy multiplies integers.
        self._planes = (2 * codes.astype(F32) - F32(zeta)).T.copy()
        self._half_scale, self._zeta = scale * F32(0.5), F32(zeta)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        codes, step = quantize_activations(x)
        total = self._zeta * (step * codes.sum(axis=-1, keepdims=True))
        # In f64 the product and its sum with `total` are exact: rounding to f32 is the only one.
        fused = step.astype(np.float64) * (codes @ self._planes) + total
        return fused.astype(F32) * self._half_scale


class FloatProduct:
    """y = x w^T in f32, for the full-precision twin."""

    def __init__(self, weights: np.ndarray) -> None:
        self._weights = weights.astype(F32).T.copy()

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return x @ self._weights


def rms_norm(x: np.ndarray, weight: np.ndarray, epsilon: float) -> np.ndarray:
    """x / sqrt(mean(x^2) + epsilon) * weight, along the last dimension."""
    mean = np.mean(np.square(x, dtype=np.float64), axis=-1, keepdims=True)
    return x * (1 / np.sqrt(mean + F32(epsilon))).astype(F32) * weight


def rotate(x: np.ndarray, cos: np.ndarray, sin: np.ndarray) -> np.ndarray:
    """Rope of [heads, tokens, head size] with cos and sin [tokens, head size / 2]: halves turn together."""
    first, second = np.split(x, 2, axis=-1)
    return np.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)


def softmax(x: np.ndarray) -> np.ndarray:
    """Along the last dimension."""
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


class Weights:
    """The arrays of a trained model: integers i8 with their scales, norms, and the model's sizes."""

    def __init__(self, arrays: dict[str, np.ndarray], config: dict) -> None:
        self.arrays, self.config = arrays, config
        self.ternary = "vocabulary.step" in arrays

    @staticmethod
    def from_onnx(path: Path) -> Weights:
        """Reads what export.py wrote (its ai.lutra form), from the bytes that docs/spec/onnx-domain.md defines."""
        import onnx
        from onnx import helper, numpy_helper

        model = onnx.load(path)
        stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
        arrays = {name: array for name, array in stored.items() if not name.endswith((".codes", ".scales"))}
        for node in model.graph.node:
            if (node.domain, node.op_type) != ("ai.lutra", "MatMul"):
                continue
            columns = next(helper.get_attribute_value(a) for a in node.attribute if a.name == "K")
            codes, scales = (stored[name] for name in node.input[3:5])
            name = node.input[3].removesuffix(".codes")
            if name == "vocabulary":
                arrays[name] = codes[:, 0].view(np.int8)
                arrays["vocabulary.step"] = scales[:, 0]
            else:
                # A byte holds five digits of base 3, the first the lowest; a digit is the sign + 1.
                digits = codes[:, 0, :, None] // np.array([1, 3, 9, 27, 81], np.uint8) % 3
                arrays[name] = digits.reshape(len(codes), -1)[:, :columns].astype(np.int8) - 1
                arrays[f"{name}.alpha"] = scales.reshape(1)
        properties = {entry.key: entry.value for entry in model.metadata_props}
        return Weights(arrays, json.loads(properties["bitnet.config"]))

    @staticmethod
    def from_npz(paths: Sequence[Path], log: Path) -> Weights:
        """Reads what train.py wrote: ternary.npz, or the parts of the float twin; `log` has the sizes."""
        arrays = {name: part[name] for part in map(np.load, paths) for name in part.files}
        return Weights(arrays, json.loads(log.read_text())["config"])

    def product(self, name: str) -> Product | FloatProduct:
        """The product with matrix `name`."""
        if not self.ternary:
            return FloatProduct(self.arrays[name])
        if name == "vocabulary":
            return Product(self.arrays[name], self.arrays["vocabulary.step"], zeta=-1)
        return Product(self.arrays[name], self.arrays[f"{name}.alpha"], zeta=1)

    def vocabulary(self) -> np.ndarray:
        """The rows that embed tokens, f32."""
        rows = self.arrays["vocabulary"].astype(F32)
        return rows * self.arrays["vocabulary.step"][:, None] if self.ternary else rows


class Reference:
    """A decoder for one sequence, with a cache: `feed` tokens, get logits."""

    def __init__(self, weights: Weights) -> None:
        config = self._config = weights.config
        self._embedding = weights.vocabulary()
        self._head = weights.product("vocabulary")
        self._norm = weights.arrays["norm"]
        self._layers = [_Layer(weights, f"layers.{i}", config) for i in range(config["layers"])]
        size = config["head_size"]
        inverse = config["rope_theta"] ** (-np.arange(0, size, 2, dtype=np.float64) / size)
        angles = np.arange(config["context"], dtype=np.float64)[:, None] * inverse
        self._cos, self._sin = np.cos(angles).astype(F32), np.sin(angles).astype(F32)
        self.reset()

    def reset(self) -> None:
        """Forgets what was fed."""
        self._length = 0
        for layer in self._layers:
            layer.reset()

    def feed(self, tokens: Sequence[int]) -> np.ndarray:
        """Appends `tokens`; logits f32 [len(tokens), vocabulary] after each."""
        span = slice(self._length, self._length + len(tokens))
        if span.stop > self._config["context"]:
            raise ValueError(f"{span.stop} tokens are more than the context of {self._config['context']}")
        x = self._embedding[np.asarray(tokens)]
        for layer in self._layers:
            x = layer(x, self._cos[span], self._sin[span])
        self._length = span.stop
        return self._head(rms_norm(x, self._norm, self._config["epsilon"]))


class _Layer:
    def __init__(self, weights: Weights, path: str, config: dict) -> None:
        self._config = config
        self._norms = {
            name: weights.arrays[f"{path}.{name}"]
            for name in ("input_norm", "attn_sub_norm", "post_norm", "ffn_sub_norm")
        }
        self._products = {
            name: weights.product(f"{path}.{name}") for name in ("q", "k", "v", "o", "gate", "up", "down")
        }

    def reset(self) -> None:
        shape = (self._config["kv_heads"], 0, self._config["head_size"])
        self._keys, self._values = np.zeros(shape, F32), np.zeros(shape, F32)

    def __call__(self, x: np.ndarray, cos: np.ndarray, sin: np.ndarray) -> np.ndarray:
        p = self._products
        x = x + p["o"](self._normed("attn_sub_norm", self._attention(self._normed("input_norm", x), cos, sin)))
        y = self._normed("post_norm", x)
        gate = np.maximum(p["gate"](y), F32(0))
        return x + p["down"](self._normed("ffn_sub_norm", gate * gate * p["up"](y)))

    def _normed(self, name: str, x: np.ndarray) -> np.ndarray:
        return rms_norm(x, self._norms[name], self._config["epsilon"])

    def _attention(self, x: np.ndarray, cos: np.ndarray, sin: np.ndarray) -> np.ndarray:
        """[tokens, heads * head size]; heads of queries share the key and value heads in order."""
        c, tokens = self._config, len(x)

        def heads(name: str, count: int) -> np.ndarray:
            return self._products[name](x).reshape(tokens, count, c["head_size"]).transpose(1, 0, 2)

        q = rotate(heads("q", c["heads"]), cos, sin)
        self._keys = np.concatenate([self._keys, rotate(heads("k", c["kv_heads"]), cos, sin)], axis=1)
        self._values = np.concatenate([self._values, heads("v", c["kv_heads"])], axis=1)
        shared = c["heads"] // c["kv_heads"]
        # Heads of queries that share keys lie beside each other: [kv heads, heads that share * tokens, head size], f64.
        queries = q.reshape(c["kv_heads"], -1, c["head_size"]) * np.float64(F32(c["head_size"] ** -0.5))
        scores = (queries @ self._keys.transpose(0, 2, 1)).reshape(c["heads"], tokens, -1)
        length = scores.shape[-1]
        seen = np.arange(length) <= np.arange(length - tokens, length)[:, None]
        weights = softmax(np.where(seen, scores, -np.inf)).reshape(c["kv_heads"], shared * tokens, -1)
        out = (weights @ self._values).astype(F32).reshape(c["heads"], tokens, -1)
        return out.transpose(1, 0, 2).reshape(tokens, -1)


def generate(model: Reference, prompt: Sequence[int], count: int, stop: int | None = None) -> Iterator[int]:
    """Greedily: up to `count` tokens that follow `prompt`, before `stop`. Of equal logits the first token wins."""
    model.reset()
    logits = model.feed(prompt)
    for _ in range(count):
        token = int(logits[-1].argmax())
        if token == stop:
            return
        yield token
        logits = model.feed([token])


def main() -> None:
    from tokenizers import Tokenizer

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("prompt")
    parser.add_argument("--tokens", type=int, default=60)
    parser.add_argument("--model", type=Path, default=HERE / "bitnet.onnx")
    a = parser.parse_args()
    model = Reference(Weights.from_onnx(a.model))
    tokenizer = Tokenizer.from_file(str(HERE / "tokenizer.json"))
    prompt = [0, *tokenizer.encode(a.prompt).ids]
    print(a.prompt + tokenizer.decode(list(generate(model, prompt, a.tokens, 0))))


if __name__ == "__main__":
    main()
