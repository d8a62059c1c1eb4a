# RUN: %python %s
"""Operators of com.microsoft, and standard ones that took after them, compiled and run, give what ONNX Runtime gives."""

import unittest

import numpy as np
import onnxruntime
from onnx import TensorProto, helper
from onnx_oracle import Const, Dyn, OperatorTest, build, refusal

rng = np.random.default_rng(25)


def floats(*shape: int) -> np.ndarray:
    return rng.standard_normal(shape, dtype=np.float32)


def codes(*shape: int) -> np.ndarray:
    return rng.integers(0, 256, shape, dtype=np.uint8)


class MatMulNBits(OperatorTest):
    def product(self, m: int, n: int, k: int, bits: int, block: int, zeros: str = "", bias: bool = False) -> None:
        groups = -(-k // block)
        weight = [Const(codes(n, groups, block * bits // 8)), Const(floats(n, groups))]
        if zeros == "packed":
            weight.append(Const(codes(n, -(-groups * bits // 8))))
        elif zeros == "float":
            weight.append(Const(floats(n, groups) + 2**bits / 2))
        else:
            weight.append(None)
        if bias:
            weight += [None, Const(floats(n))]
        while weight[-1] is None:
            weight.pop()
        activations = floats(2, m, k)
        expected = None
        if bits == 8 and zeros == "float":
            # ONNX Runtime's CPU provider refuses this one.
            scale, zero = (np.repeat(part.value, block, axis=1)[:, :k] for part in weight[1:3])
            dequantized = (weight[0].value.reshape(n, -1)[:, :k] - zero.astype(np.float64)) * scale
            expected = [(activations @ dequantized.T).astype(np.float32)]
        # Sums of K products of this size, in another order.
        self.check(
            "MatMulNBits", Dyn(activations, "b", "s", k), *weight, domain="com.microsoft", N=n, K=k, bits=bits,
            block_size=block, accuracy_level=1, tolerance=2e-6 * 2**bits * k**0.5, expected=expected,
        )  # fmt: skip

    def test_bits(self) -> None:
        for bits in (2, 4, 8):
            for zeros in ("", "packed", "float"):
                with self.subTest(bits=bits, zeros=zeros):
                    self.product(3, 17, 96, bits, 32, zeros)

    def test_remainders(self) -> None:
        self.product(5, 131, 264, 4, 32)
        self.product(1, 7, 40, 4, 16, "packed")

    def test_bias(self) -> None:
        self.product(3, 17, 64, 4, 32, bias=True)

    def test_flat_scales(self) -> None:
        self.check(
            "MatMulNBits", floats(3, 64), Const(codes(5, 2, 16)), Const(floats(10)), Const(codes(5)),
            domain="com.microsoft", N=5, K=64, bits=4, block_size=32, accuracy_level=1, tolerance=1e-3,
        )  # fmt: skip

    def grouped(
        self, g_idx: np.ndarray, k: int, bits: int, block: int, zeros: str = "", expected: bool = False
    ) -> None:
        """Columns whose scales `g_idx` names."""
        n, groups = 17, -(-k // block)
        weight = [
            Const(codes(n, groups, block * bits // 8)),
            Const(floats(n, groups)),
            None,
            Const(g_idx.astype(np.int32)),
            Const(floats(n)),
        ]
        if zeros == "packed":
            weight[2] = Const(codes(n, -(-groups * bits // 8)))
        elif zeros == "float":
            weight[2] = Const(floats(n, groups) + 2**bits / 2)
        activations = floats(2, 3, k)
        wanted = None
        if expected:
            # ONNX Runtime's CPU provider refuses g_idx at this width, or with K no multiple of the block; and with it, it takes no notice of
            # packed zero points.
            shifts = np.arange(0, 8, bits, dtype=np.uint8)
            unpack = lambda packed, count: (
                ((packed[..., None] >> shifts) & (2**bits - 1)).reshape(n, -1)[:, :count].astype(np.float64)
            )
            midpoint = np.full((n, groups), 2.0 ** (bits - 1))
            zero = (
                midpoint if zeros == "" else unpack(weight[2].value, groups) if zeros == "packed" else weight[2].value
            )
            dense = (unpack(weight[0].value.reshape(n, -1), k) - zero[:, g_idx[:k]]) * weight[1].value[:, g_idx[:k]]
            wanted = [(activations @ dense.T + weight[4].value).astype(np.float32)]
        self.check(
            "MatMulNBits", Dyn(activations, "b", "s", k), *weight, domain="com.microsoft", N=n, K=k, bits=bits,
            block_size=block, accuracy_level=1, tolerance=2e-6 * 2**bits * k**0.5, expected=wanted,
        )  # fmt: skip

    def test_group_index(self) -> None:
        for zeros in ("", "packed", "float"):
            with self.subTest(zeros=zeros):
                # As GPTQ's act-order makes it: every group has its block's number of columns, in any places.
                self.grouped(rng.permutation(np.arange(128) // 32), 128, 4, 32, zeros, expected=zeros == "packed")
        self.grouped(np.arange(128) // 32, 128, 4, 32)
        # Groups of any size, none at all included.
        self.grouped(rng.integers(0, 4, 128), 128, 4, 32, "float")
        self.grouped(np.full(128, 2), 128, 4, 32)

    def test_group_index_in_general(self) -> None:
        for bits in (2, 4, 8):
            for zeros in ("", "packed", "float"):
                with self.subTest(bits=bits, zeros=zeros):
                    k = 200
                    self.grouped(rng.permutation(np.arange(k) // 16), k, bits, 16, zeros, expected=True)
                    if zeros == "packed":
                        self.grouped(rng.integers(0, 13, k), k, bits, 16, zeros, expected=True)
        # With an entry for each padding column.
        self.grouped(np.append(rng.permutation(np.arange(40) // 32), np.zeros(24, np.int64)), 40, 4, 32, expected=True)

    def test_group_index_refused(self) -> None:
        weight = [Dyn(floats(2, 64), "m", 64), Const(codes(5, 2, 16)), Const(floats(5, 2)), None]
        keywords = {"domain": "com.microsoft", "N": 5, "K": 64, "bits": 4, "block_size": 32}
        groups = np.arange(64, dtype=np.int32) // 32
        self.assertIn(
            "must hold groups 0 to 1, but its element 63 is 2",
            refusal(
                "MatMulNBits", [*weight, Const(np.where(np.arange(64) == 63, 2, groups).astype(np.int32))], **keywords
            ),
        )
        self.assertIn(
            "input 'g_idx' must have K = 64 elements", refusal("MatMulNBits", [*weight, Const(groups[:32])], **keywords)
        )
        self.assertIn("input 'g_idx' must be a constant", refusal("MatMulNBits", [*weight, groups], **keywords))

    def test_halves(self) -> None:
        """f16 activations and scales; the product is of f32, rounded once."""
        halves = lambda *shape: floats(*shape).astype(np.float16)
        for zeros in (None, Const(codes(17, 2)), Const(halves(17, 3) + np.float16(8))):
            self.check(
                "MatMulNBits", Dyn(halves(2, 3, 96), "b", "s", 96), Const(codes(17, 3, 16)), Const(halves(17, 3)), zeros, None,
                Const(halves(17)), domain="com.microsoft", N=17, K=96, bits=4, block_size=32, accuracy_level=1, tolerance=4e-3,
            )  # fmt: skip


class MatMulBnb4(OperatorTest):
    def product(self, n: int, k: int, block: int, kind: int, dtype: type = np.float32) -> None:
        absmax = np.abs(rng.standard_normal(-(-n * k // block))).astype(dtype)
        self.check(
            "MatMulBnb4", Dyn(rng.standard_normal((2, 3, k)).astype(dtype), "b", "s", k), Const(codes(-(-n * k // 2))), Const(absmax),
            domain="com.microsoft", N=n, K=k, block_size=block, quant_type=kind, tolerance=2e-6 * k if dtype == np.float32 else 4e-3,
        )  # fmt: skip

    def test_kinds(self) -> None:
        for kind in (0, 1):
            for n, k, block in ((16, 128, 64), (17, 96, 32), (7, 64, 128), (6, 40, 16), (5, 51, 16)):
                with self.subTest(kind=kind, n=n, k=k, block=block):
                    self.product(n, k, block, kind)

    def test_halves(self) -> None:
        self.product(17, 96, 32, 1, np.float16)

    def test_refused(self) -> None:
        inputs = [Dyn(floats(2, 64), "m", 64), Const(codes(160)), Const(floats(10))]
        keywords = {"domain": "com.microsoft", "N": 5, "K": 64, "block_size": 32, "quant_type": 1}
        self.assertIn("attribute 'transB' = 0 is not supported", refusal("MatMulBnb4", inputs, **keywords, transB=0))
        self.assertIn(
            "attribute 'quant_type' must be 0 (FP4) or 1 (NF4)",
            refusal("MatMulBnb4", inputs, **{**keywords, "quant_type": 2}),
        )
        self.assertIn(
            "input 'B' must have shape [160]",
            refusal("MatMulBnb4", [inputs[0], Const(codes(159)), inputs[2]], **keywords),
        )
        self.assertIn("input 'absmax' must be a constant", refusal("MatMulBnb4", [*inputs[:2], floats(10)], **keywords))


class Norms(OperatorTest):
    def test_skip_simplified(self) -> None:
        x, skip = Dyn(floats(2, 3, 16), "b", "s", 16), Dyn(floats(2, 3, 16), "b", "s", 16)
        keywords = {"domain": "com.microsoft", "outputs": ("y0", "", "", "y3"), "epsilon": 1e-5}
        self.check("SkipSimplifiedLayerNormalization", x, skip, Const(floats(16)), **keywords)
        self.check("SkipSimplifiedLayerNormalization", x, skip, Const(floats(16)), Const(floats(16)), **keywords)

    def test_skip(self) -> None:
        x, skip = Dyn(floats(2, 3, 16), "b", "s", 16), Dyn(floats(2, 3, 16), "b", "s", 16)
        keywords = {"domain": "com.microsoft", "epsilon": 1e-5}
        gamma, beta, bias = Const(floats(16)), Const(floats(16)), Const(floats(16))
        self.check("SkipLayerNormalization", x, skip, gamma, beta, bias, outputs=("y0", "", "", "y3"), **keywords)
        self.check("SkipLayerNormalization", x, skip, gamma, beta, **keywords)


class Gelus(OperatorTest):
    def test_gelus(self) -> None:
        self.check("Gelu", floats(4, 9), domain="com.microsoft")
        self.check("QuickGelu", floats(4, 9), domain="com.microsoft")
        self.check("FastGelu", floats(4, 9), domain="com.microsoft")
        self.check("FastGelu", floats(4, 9), floats(9), domain="com.microsoft")
        self.check("BiasGelu", floats(4, 9), floats(9), domain="com.microsoft")


class GatherBlockQuantized(OperatorTest):
    def gather(self, bits: int, rows: int, cols: int, block: int, packed: bool) -> None:
        groups = -(-cols // block)
        # A negative index counts from the end; one beyond the table gives zeros.
        ids = np.array([[0, rows - 1, -1], [2, rows, 1]], np.int64)
        zeros = [Const(codes(rows, -(-groups * bits // 8)))] if packed else []
        self.check(
            "GatherBlockQuantized", Const(codes(rows, cols * bits // 8)), Dyn(ids, "b", "s"),
            Const(floats(rows, groups)), *zeros, domain="com.microsoft", bits=bits, block_size=block, gather_axis=0,
            quantize_axis=1,
        )  # fmt: skip

    def test_bits(self) -> None:
        for bits in (2, 4, 8):
            for packed in (False, True):
                with self.subTest(bits=bits, packed=packed):
                    self.gather(bits, 7, 80, 16, packed)
        self.gather(4, 7, 80, 32, True)

    def test_four_bits(self) -> None:
        """int4 and uint4 tables, whose zero points are 0 unless given, along any axes."""
        for kind, low in ((TensorProto.INT4, -8), (TensorProto.UINT4, 0)):
            make = lambda *shape, kind=kind, low=low: helper.make_tensor(
                "t", kind, shape, rng.integers(low, low + 16, int(np.prod(shape)))
            )
            for shape, gather, quantize, block in (
                ((7, 80), 0, 1, 16), ((7, 51), 0, -1, 32), ((48, 5), 1, 0, 16), ((3, 5, 40), 1, 2, 16), ((3, 33, 4), -1, 1, 16),
            ):  # fmt: skip
                for has_zeros in (False, True):
                    with self.subTest(kind=kind, shape=shape, gather=gather, zeros=has_zeros):
                        scales = list(shape)
                        scales[quantize] = -(-shape[quantize] // block)
                        ids = Dyn(rng.integers(-shape[gather], shape[gather], (2, 3)), "b", "s")
                        zeros = [make(*scales)] if has_zeros else []
                        self.check(
                            "GatherBlockQuantized", make(*shape), ids, Const(floats(*scales)), *zeros, domain="com.microsoft",
                            block_size=block, gather_axis=gather, quantize_axis=quantize,
                        )  # fmt: skip

    def test_halves(self) -> None:
        ids = Dyn(np.array([[0, 3, -1]]), "b", "s")
        self.check(
            "GatherBlockQuantized", Const(codes(7, 40)), ids, Const(floats(7, 5).astype(np.float16)), domain="com.microsoft",
            bits=4, block_size=16, tolerance=1e-3,
        )  # fmt: skip

    def test_refused(self) -> None:
        ids, scales = Const(np.array([0])), Const(floats(7, 5))
        keywords = {"domain": "com.microsoft", "block_size": 16}
        self.assertIn(
            "input 'data' must be uint8",
            refusal("GatherBlockQuantized", [Const(codes(7, 80).astype(np.int8)), ids, scales], **keywords),
        )
        self.assertIn(
            "'gather_axis' must be 0",
            refusal(
                "GatherBlockQuantized", [Const(codes(7, 40)), ids, scales], gather_axis=1, quantize_axis=0, **keywords
            ),
        )
        self.assertIn(
            "must be two axes",
            refusal("GatherBlockQuantized", [Const(codes(7, 40)), ids, scales], gather_axis=1, **keywords),
        )


class GroupQueryAttention(OperatorTest):
    def attend(
        self,
        batch: int,
        new: int,
        past: int,
        *,
        heads: tuple[int, int] = (4, 2),
        size: int = 16,
        packed: bool = True,
        rotary: int = 0,
        sink: bool = False,
        **attributes: object,
    ) -> None:
        query, kv = heads
        if packed:
            qkv = [Dyn(floats(batch, new, (query + 2 * kv) * size), "b", "s", (query + 2 * kv) * size), None, None]
        else:
            qkv = [Dyn(floats(batch, new, h * size), "b", "s", h * size) for h in (query, kv, kv)]
        cache = [Dyn(floats(batch, kv, past, size), "b", kv, "past", size) for _ in range(2)]
        total = past + new
        seqlens = Dyn(np.full(batch, total - 1, np.int32), "b")
        inputs = [*qkv, *cache, seqlens, Const(np.int32(total))]
        if rotary:
            angles = rng.uniform(0, 6, (32, rotary // 2)).astype(np.float32)
            inputs += [Const(np.cos(angles)), Const(np.sin(angles))]
            attributes["do_rotary"] = 1
        if sink:
            inputs += [None] * (11 - len(inputs)) + [Const(floats(query))]
        self.check(
            "GroupQueryAttention", *inputs, domain="com.microsoft", outputs=3, num_heads=query, kv_num_heads=kv,
            **attributes,
        )  # fmt: skip

    def test_prompt_and_decode(self) -> None:
        for new, past in ((5, 0), (1, 6), (3, 4)):
            for rotary in (0, 32, 16):
                with self.subTest(new=new, past=past, rotary=rotary):
                    self.attend(1, new, past, rotary=rotary, size=32)

    def test_batch(self) -> None:
        self.attend(3, 4, 0, rotary=16)
        self.attend(3, 1, 7, rotary=16)

    def test_long_cache(self) -> None:
        # More than a chunk of keys, and a part of one: with whole lines, several to a pass, and a head that is no multiple of a vector.
        for size, past in ((64, 1100), (128, 2063), (24, 1500)):
            with self.subTest(size=size, past=past):
                self.attend(1, 1, past, heads=(6, 2), size=size)
        self.attend(1, 1, 1300, size=64, local_window_size=1100)

    def test_separate(self) -> None:
        self.attend(2, 1, 5, packed=False, rotary=16)

    def test_interleaved(self) -> None:
        self.attend(1, 3, 0, rotary=16, rotary_interleaved=1)

    def test_softmax_variants(self) -> None:
        self.attend(1, 4, 3, scale=0.5)
        self.attend(1, 4, 3, softcap=2.0)
        self.attend(1, 1, 9, local_window_size=4)
        self.attend(1, 6, 0, local_window_size=4)
        self.attend(1, 4, 3, smooth_softmax=1)
        self.attend(1, 4, 3, sink=True)

    def scored(self, batch: int, new: int, past: int, bias: np.ndarray | None = None, *, shown: int = 0, rotary: bool = False, ids: np.ndarray | None = None,
               sink: bool = False, norms: tuple[np.ndarray, np.ndarray] | None = None, expected: list[np.ndarray] | None = None, inputs: list | None = None,
               **attributes: object) -> None:  # fmt: skip
        """A node with the inputs that concern scores, positions and heads."""
        query, kv, size, total = 4, 2, 16, past + new
        inputs = inputs or [Dyn(floats(batch, new, h * size), "b", "s", h * size) for h in (query, kv, kv)] + [
            Dyn(floats(batch, kv, past, size), "b", kv, "past", size) for _ in range(2)
        ]
        inputs = [*inputs, Dyn(np.full(batch, total - 1, np.int32), "b"), Const(np.int32(total))] + [None] * 9
        if rotary:
            angles = rng.uniform(0, 6, (32, 8)).astype(np.float32)
            inputs[7:9] = Const(np.cos(angles)), Const(np.sin(angles))
            attributes["do_rotary"] = 1
        if ids is not None:
            inputs[9] = Dyn(ids, "b", "s")
        if bias is not None:
            inputs[10] = Dyn(bias, *bias.shape[:2], "s", "t")
        if sink:
            inputs[11] = Const(floats(query))
        if norms:
            inputs[14:16] = (Const(norm) for norm in norms)
        while inputs[-1] is None:
            inputs.pop()
        self.check(
            "GroupQueryAttention", *inputs, domain="com.microsoft", outputs=4 if shown else 3, num_heads=query, kv_num_heads=kv, expected=expected,
            **({"qk_output": shown} if shown else {}), **attributes,
        )  # fmt: skip

    def test_bias(self) -> None:
        self.scored(2, 1, 5, floats(2, 4, 1, 6))
        self.scored(1, 3, 4, floats(1, 1, 3, 7), softcap=2.0, local_window_size=3)
        self.scored(2, 4, 0, floats(1, 4, 4, 4), sink=True, rotary=True, scale=0.3)
        self.scored(1, 2, 3, np.where(rng.random((1, 1, 2, 5)) < 0.3, -np.inf, 0).astype(np.float32), rotary=True)

    def test_scores_shown(self) -> None:
        for shown in (1, 2):
            with self.subTest(shown=shown):
                self.scored(1, 3, 4, floats(1, 4, 3, 7), shown=shown, softcap=2.0)
                self.scored(2, 4, 0, shown=shown, rotary=True)

    def test_not_causal(self) -> None:
        self.scored(1, 3, 2, causal=0)
        self.scored(2, 4, 0, floats(2, 1, 4, 4), causal=0)

    def test_position_ids(self) -> None:
        self.scored(1, 3, 4, rotary=True, ids=np.array([[9, 2, 5]]))
        self.scored(2, 1, 4, rotary=True, ids=np.array([[9], [30]]), rotary_interleaved=1)
        # A prompt's first position counts.
        self.scored(1, 3, 0, rotary=True, ids=np.array([[9, 2, 5]]))
        self.scored(1, 3, 4, floats(1, 1, 3, 7), rotary=True, ids=np.array([[4, 4, 31]]))

    def test_head_norms(self) -> None:
        # ONNX Runtime's CPU provider refuses these: normed by hand, they are its attention.
        query, kv, size, new, past = 4, 2, 16, 3, 4
        qkv = [floats(1, new, h * size) for h in (query, kv, kv)]
        cache = [floats(1, kv, past, size) for _ in range(2)]
        norms = floats(size), floats(size)
        named = lambda q, k: (
            [Dyn(x, "b", "s", x.shape[2]) for x in (q, k, qkv[2])] + [Dyn(x, "b", kv, "past", size) for x in cache]
        )

        def normed(x: np.ndarray, weight: np.ndarray, epsilon: float) -> np.ndarray:
            heads = x.reshape(1, new, -1, size)
            return (heads / np.sqrt((heads**2).mean(-1, keepdims=True) + epsilon) * weight).reshape(x.shape)

        for keywords, epsilons in (
            ({}, (1e-6, 1e-6)),
            ({"qk_norm_epsilon": 0.1}, (0.1, 0.1)),
            ({"qk_norm_epsilon": 0.1, "k_norm_epsilon": 0.3}, (0.1, 0.3)),
        ):
            with self.subTest(**keywords):
                by_hand = named(*(normed(x, *both) for x, *both in zip(qkv, norms, epsilons)))
                model, feed = build(
                    "GroupQueryAttention", [*by_hand, np.array([past + new - 1], np.int32), Const(np.int32(past + new))], domain="com.microsoft", outputs=3,
                    num_heads=query, kv_num_heads=kv,
                )  # fmt: skip
                wanted = onnxruntime.InferenceSession(model.SerializeToString()).run(None, feed)
                self.scored(1, new, past, norms=norms, expected=wanted, inputs=named(qkv[0], qkv[1]), **keywords)

    def test_refused(self) -> None:
        q, cache = Dyn(floats(1, 3, 128), "b", "s", 128), Dyn(floats(1, 2, 4, 16), "b", 2, "past", 16)
        inputs = [q, None, None, cache, cache, np.array([6], np.int32), Const(np.int32(7))]
        heads = {"domain": "com.microsoft", "num_heads": 4, "kv_num_heads": 2}
        ids, norm = Dyn(np.array([[4, 5, 6]]), "b", "s"), Const(floats(16))
        for what, extra, keywords in (
            ("input 'position_ids' needs attribute 'do_rotary' = 1", [None, None, ids], {}),
            ("inputs 'q_norm_weight' and 'k_norm_weight' must both be there", [None] * 7 + [norm], {}),
            ("output 'output_qk' needs attribute 'qk_output' = 1 or 2, but it is 0", [], {"outputs": 4}),
            ("attribute 'local_window_size' must be -1 where 'causal' is 0", [], {"causal": 0, "local_window_size": 3}),
            ("input 'query_seqlens' is not supported", [None] * 9 + [np.array([2], np.int32)], {}),
            ("attribute 'sliding_window_cache' is not supported", [], {"sliding_window_cache": 1}),
        ):
            with self.subTest(what):
                self.assertIn(what, refusal("GroupQueryAttention", inputs + extra, **heads, **keywords))


class MultiHeadAttention(OperatorTest):
    def attend(self, mask: np.ndarray | None, bias: bool = False, past: int = 0, **attributes: object) -> None:
        batch, new, heads, size = 2, 3, 2, 8
        parts = [Dyn(floats(batch, new, heads * size), "b", new, heads * size) for _ in range(3)]
        cache = (
            [Dyn(floats(batch, heads, past, size), "b", heads, past, size) for _ in range(2)] if past else [None, None]
        )
        inputs = [*parts, None, mask, floats(batch, heads, new, past + new) if bias else None, *cache]
        while inputs[-1] is None:
            inputs.pop()
        self.check(
            "MultiHeadAttention",
            *inputs,
            domain="com.microsoft",
            num_heads=heads,
            outputs=3 if past else 1,
            **attributes,
        )

    def test_padding(self) -> None:
        for past in (0, 2):
            keys = 3 + past
            masks = [
                np.array([[1, 0, 1, 1, 0], [0, 1, 1, 1, 1]], np.int32)[:, :keys],
                rng.integers(0, 2, (2, 3, keys)).astype(np.int32),
            ]
            # ONNX Runtime adds -10000 to scores: of what is left of a bias, an f32 then holds three digits.
            masks[1][..., 0] = 1
            # A list of lengths says nothing of a cache.
            for mask in masks if past else [*masks, np.array([1, 3], np.int32)]:
                for bias in (False, True):
                    with self.subTest(mask=mask.shape, bias=bias, past=past):
                        self.attend(mask, bias, past)
        self.attend(np.array([[0, 0, 0], [1, 0, 0]], np.int32))
        self.attend(np.array([1, 2], np.int32), mask_filter_value=-3.0)

    def test_refused(self) -> None:
        parts = [Dyn(floats(2, 3, 16), "b", "s", 16)] * 3
        named = {"domain": "com.microsoft", "num_heads": 2}
        four = np.zeros((2, 1, 3, 3), np.int32)
        self.assertIn(
            "'key_padding_mask' must be [batch], [batch, keys] or [batch, tokens, keys]",
            refusal("MultiHeadAttention", [*parts, None, four], **named),
        )
        self.assertIn(
            "output 'qk' is not supported", refusal("MultiHeadAttention", parts, outputs=["", "", "", "qk"], **named)
        )
        self.assertIn(
            "input 'past_sequence_length' is not supported",
            refusal("MultiHeadAttention", [*parts, *[None] * 5, Const(np.int32([3]))], **named),
        )


class RotaryEmbedding(OperatorTest):
    def rotate(self, x: Dyn, ids: np.ndarray, half: int, **attributes: object) -> None:
        tables = [Const(floats(32, half)), Const(floats(32, half))]
        self.check("RotaryEmbedding", x, ids, *tables, domain="com.microsoft", **attributes)

    def test_layouts(self) -> None:
        ids = Dyn(np.array([[0, 1, 2], [5, 6, 31]]), "b", "s")
        flat, split = Dyn(floats(2, 3, 64), "b", "s", 64), Dyn(floats(2, 4, 3, 16), "b", 4, "s", 16)
        for interleaved in (0, 1):
            with self.subTest(interleaved=interleaved):
                self.rotate(flat, ids, 8, interleaved=interleaved)
                self.rotate(split, ids, 8, interleaved=interleaved)
        self.rotate(flat, np.array([4]), 8)
        self.rotate(flat, ids, 4, num_heads=4, rotary_embedding_dim=8)
        self.rotate(split, ids, 4, num_heads=4, rotary_embedding_dim=8)

    def test_standard(self) -> None:
        x, ids = Dyn(floats(2, 3, 64), "b", "s", 64), Dyn(np.array([[0, 1, 2], [5, 6, 31]]), "b", "s")
        tables = [Const(floats(32, 8)), Const(floats(32, 8))]
        self.check("RotaryEmbedding", x, *tables, ids, opset=23, num_heads=4)


if __name__ == "__main__":
    unittest.main()
