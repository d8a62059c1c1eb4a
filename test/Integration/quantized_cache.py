# RUN: %python %s
"""Key-value caches of codes: their bytes are those that docs/spec/numerics.md defines, and attention over them is close to the same in
numpy and in the interpreter; GroupQueryAttention's own quantization gives what ONNX Runtime gives; a decoder runs with each kind."""

import platform
import subprocess
import tempfile
import unittest
from pathlib import Path

import lutra
import numpy as np
from lutra.decoder import Decoder
from onnx_oracle import Const, Dyn, Input, OperatorTest, build, declare_outputs, refusal

rng = np.random.default_rng(45)
FIXTURE = Path(__file__).resolve().parents[1] / "Fixtures" / "tiny_llama.onnx"


def floats(*shape: int) -> np.ndarray:
    return rng.standard_normal(shape, dtype=np.float32)


def write_lines(heads: np.ndarray, bits: int, group: int) -> np.ndarray:
    """Heads [..., H] as lines of codes and scales, i8 [..., bytes]."""
    largest = np.float32(2 ** (bits - 1) - 1)
    groups = heads.reshape(*heads.shape[:-1], heads.shape[-1] // group, group)
    scales = (np.abs(groups).max(-1) / largest).astype(np.float16)
    wide = scales.astype(np.float32)[..., None]
    quotients = np.divide(groups, wide, out=np.zeros_like(groups), where=wide != 0)
    codes = np.clip(np.rint(quotients), -largest, largest).astype(np.int8).reshape(heads.shape)
    if bits == 4:
        nibbles = (codes + 8).astype(np.uint8)
        codes = (nibbles[..., ::2] | nibbles[..., 1::2] << 4).view(np.int8)
    return np.concatenate([codes, scales.view(np.int8)], axis=-1)


def read_lines(lines: np.ndarray, bits: int, group: int, size: int) -> np.ndarray:
    """The numbers that lines stand for, f64 [..., H]."""
    codes, scales = (
        lines[..., : size * bits // 8],
        np.ascontiguousarray(lines[..., size * bits // 8 :]).view(np.float16),
    )
    if bits == 4:
        pairs = codes.view(np.uint8)
        codes = np.stack([pairs & 15, pairs >> 4], axis=-1).reshape(*pairs.shape[:-1], size).astype(np.int8) - 8
    return codes.astype(np.float64) * np.repeat(scales.astype(np.float64), group, axis=-1)


def as_integers(query: np.ndarray, scale: np.float32, group: int) -> np.ndarray:
    """Queries [..., H] as a single token's products with codes take them, over `scale` again: numerics.md, "Quantized caches"."""
    scaled = (query * scale).reshape(*query.shape[:-1], query.shape[-1] // group, group)
    most, greatest = np.float32(127), np.abs(scaled).max(-1, keepdims=True)
    numbers = np.rint(scaled.astype(np.float64) * (most / greatest))
    return (numbers * (greatest / most).astype(np.float64)).reshape(query.shape) / np.float64(scale)


def attend(query: np.ndarray, keys: np.ndarray, values: np.ndarray, past: int, window: int = -1) -> np.ndarray:
    """Attention [B, S, heads * H] of queries [B, S, heads, H] over caches [B, kv heads, T, H], in f64."""
    batch, new, heads, size = query.shape
    shared = heads // keys.shape[1]
    output = np.zeros((batch, new, heads, size))
    for head in range(heads):
        k, v = keys[:, head // shared], values[:, head // shared]
        for token in range(new):
            end = past + token + 1
            scores = np.einsum("bh,bth->bt", query[:, token, head].astype(np.float64), k[:, :end]) * (
                np.float32(1) / np.sqrt(np.float32(size))
            )
            if window > 0:
                scores[:, : max(end - window, 0)] = -np.inf
            weights = np.exp(scores - scores.max(-1, keepdims=True))
            output[:, token, head] = np.einsum("bt,bth->bh", weights / weights.sum(-1, keepdims=True), v[:, :end])
    return output.reshape(batch, new, -1)


class ScalesInTheLine(unittest.TestCase):
    """cpu.kv-cache=i8 and i4."""

    def attention(
        self, kind: str, size: int, new: int, past: int, sums: str, heads: int = 6, kv: int = 2, window: int = -1, mcpu: str = "native"
    ) -> None:  # fmt: skip
        bits = int(kind[1])
        group = size if bits == 8 or size % 32 else 32
        qkv = floats(2, new, (heads + 2 * kv) * size)
        qkv[0, 0, heads * size : (heads + 1) * size] = 0  # A head of zeros has a scale of zero.
        query, key, value = np.split(qkv, [heads * size, (heads + kv) * size], axis=-1)
        pasts = [write_lines(floats(2, kv, past, size) * 3, bits, group) for _ in range(2)]
        presents = [
            np.concatenate(
                [old, write_lines(added.reshape(2, new, kv, size).transpose(0, 2, 1, 3), bits, group)], axis=2
            )
            for old, added in zip(pasts, (key, value), strict=True)
        ]
        keys, values = (read_lines(lines, bits, group, size) for lines in presents)
        by_integers = new == 1 and sums == "f32" and group * bits // 8 % 16 == 0
        queries: np.ndarray = query.reshape(2, new, heads, size)
        if by_integers:
            queries = as_integers(queries, np.float32(1) / np.sqrt(np.float32(size)), group)
        expected = attend(queries, keys, values, past, window)

        # The model declares caches of f32, which the option makes lines.
        unquantized = [Dyn(np.zeros((2, kv, past, size), np.float32), 2, kv, "past", size) for _ in range(2)]
        inputs: list[Input] = [Dyn(qkv, 2, "s", qkv.shape[-1]), None, None, *unquantized]
        inputs += [Dyn(np.full(2, past + new - 1, np.int32), 2), Const(np.int32(past + new))]
        model, feed = build(
            "GroupQueryAttention",
            inputs,
            domain="com.microsoft",
            outputs=3,
            num_heads=heads,
            kv_num_heads=kv,
            local_window_size=window,
        )
        declare_outputs(
            model, [expected.astype(np.float32), np.zeros((1, 1, 1, 1), np.float32), np.zeros((1, 1, 1, 1), np.float32)]
        )
        feed |= {"x3": pasts[0], "x4": pasts[1]}
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "op.onnx"
            path.write_bytes(model.SerializeToString())
            found = self.run_model(path, {"kv-cache": kind, "sums": sums, "mcpu": mcpu}, feed)
            for got, wanted in zip(found[1:], presents, strict=True):
                np.testing.assert_array_equal(got, wanted)
            # Integers of weights are of 14 bits, of the chunk's greatest scale.
            tolerance = 4e-3 if by_integers else 1e-5 if sums == "f32" else 1e-7
            np.testing.assert_allclose(found[0], expected, rtol=tolerance, atol=tolerance)
            if sums == "f64":
                self.interpret(Path(directory), kind, feed, found)

    def run_model(self, model: Path, options: dict[str, str], feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Here; test/Conformance/attention.py has it on other machines."""
        return lutra.Session(lutra.compile(model, model.with_suffix(".lutra"), options=options)).run(None, feed)

    def interpret(self, directory: Path, kind: str, feed: dict[str, np.ndarray], found: list[np.ndarray]) -> None:
        """The interpreter gives the same bytes of caches; of its outputs, one number in some 10^8 may differ."""
        module = directory / "op.mlir"
        option = f"--target-option=cpu.kv-cache={kind}"
        subprocess.run(
            ["lutrac", directory / "op.onnx", option, "--compile-to=lowbit", "--emit=mlir", "-o", module], check=True
        )
        flags = []
        for name, array in feed.items():
            np.save(directory / f"{name}.npy", array)
            flags += ["--input", f"{name}={directory / name}.npy"]
        subprocess.run(["lutra-run", "--interpret", module, "--output-dir", directory / "out", *flags], check=True)
        for name, got in zip(("y0", "y1", "y2"), found, strict=True):
            np.testing.assert_array_equal(np.load(directory / "out" / f"{name}.npy"), got)

    def test_kinds_and_sizes(self) -> None:
        for kind in ("i8", "i4"):
            for size in (64, 24):
                for sums in ("f32", "f64"):
                    with self.subTest(kind=kind, size=size, sums=sums):
                        self.attention(kind, size, 5, 0, sums)
                        self.attention(kind, size, 1, 9, sums)

    def test_several_chunks_of_keys(self) -> None:
        for kind in ("i8", "i4"):
            self.attention(kind, 32, 1, 300, "f32")
            self.attention(kind, 32, 40, 270, "f32")

    def test_products_of_integers(self) -> None:
        # Whole blocks of 64 bytes and pieces of 16; positions beside multiples of 4, 16 and of a chunk's 256; rows of one and of two passes.
        for kind, size, past, heads, kv in [
            ("i8", 64, 258, 6, 3), ("i8", 128, 37, 5, 1), ("i8", 80, 255, 8, 1),
            ("i4", 64, 16, 3, 3), ("i4", 96, 257, 6, 2), ("i4", 128, 37, 5, 1),
        ]:  # fmt: skip
            with self.subTest(kind=kind, size=size, past=past, heads=heads, kv=kv):
                self.attention(kind, size, 1, past, "f32", heads, kv)

    def test_products_of_integers_within_a_window(self) -> None:
        for kind in ("i8", "i4"):
            self.attention(kind, 64, 1, 300, "f32", window=50)

    @unittest.skipUnless(platform.machine() in ("x86_64", "AMD64"), "names x86-64's machines")
    def test_products_of_integers_on_other_machines(self) -> None:
        flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
        for model, needed in (("x86-64", "sse2"), ("haswell", "avx2")):
            for kind in ("i8", "i4"):
                if needed in flags:
                    with self.subTest(model=model, kind=kind):
                        self.attention(kind, 64, 1, 37, "f32", mcpu=model)


class ScalesGiven(OperatorTest):
    """k_quant_type, v_quant_type and kv_cache_bit_width."""

    def node(
        self, bits: int, types: tuple[str, str], new: int, past: int, heads: int = 4, kv: int = 2, size: int = 32
    ) -> tuple[list[Input], dict[str, object]]:
        line, dtype = size * bits // 8, np.int8 if bits == 8 else np.uint8
        cache: list[Input] = [
            Dyn(
                rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max + 1, (1, kv, past, line), dtype),
                "b",
                kv,
                "past",
                line,
            )
            for _ in range(2)
        ]
        largest = 2 ** (bits - 1) - 1
        scales: list[Input] = [
            Const(
                rng.uniform(1, 2, (1, kv, 1, size) if kind == "PER_CHANNEL" else (1,)).astype(np.float32)
                / np.float32(largest)
            )
            for kind in types
        ]
        inputs: list[Input] = [
            Dyn(floats(1, new, (heads + 2 * kv) * size), "b", "s", (heads + 2 * kv) * size),
            None,
            None,
            *cache,
        ]
        inputs += [Dyn(np.full(1, past + new - 1, np.int32), "b"), Const(np.int32(past + new)), *[None] * 5, *scales]
        attributes: dict[str, object] = {
            "domain": "com.microsoft", "outputs": 3, "num_heads": heads, "kv_num_heads": kv, "k_quant_type": types[0],
            "v_quant_type": types[1], "kv_cache_bit_width": bits,
        }  # fmt: skip
        return inputs, attributes

    def test_against_onnxruntime(self) -> None:
        for bits in (8, 4):
            for types in (("PER_TENSOR", "PER_TENSOR"), ("PER_CHANNEL", "PER_CHANNEL")):
                for new, past in ((1, 6), (3, 4)) if types[0] == "PER_TENSOR" else ((5, 0), (1, 6)):
                    with self.subTest(bits=bits, types=types, new=new, past=past):
                        inputs, attributes = self.node(bits, types, new, past)
                        # A single token's queries and weights are integers of 14 bits (scales are given).
                        self.check("GroupQueryAttention", *inputs, tolerance=2e-4 if new == 1 else 1e-5, **attributes)

    def refuse(self, changed: dict[str, object], message: str, drop: int = 0, bits: int = 8) -> None:
        inputs, attributes = self.node(bits, ("PER_CHANNEL", "PER_CHANNEL"), 1, 4)
        attributes |= changed
        self.assertIn(message, refusal("GroupQueryAttention", inputs[: len(inputs) - drop], **attributes))

    def test_refusals(self) -> None:
        self.refuse(
            {"k_quant_type": "PER_GROUP"},
            "attribute 'k_quant_type' = 'PER_GROUP' is not supported: only 'NONE', 'PER_TENSOR' and 'PER_CHANNEL' are",
        )
        self.refuse({"v_quant_type": "NONE"}, "must both be 'NONE', or neither, but they are 'PER_CHANNEL' and 'NONE'")
        self.refuse(
            {"kv_cache_bit_width": 2}, "attribute 'kv_cache_bit_width' of a quantized cache must be 8 or 4, but is 2"
        )
        self.refuse(
            {"kv_cache_bit_width": 4},
            "input 'past_key' must be ui8 where 'kv_cache_bit_width' is 4, but its elements are 'i8'",
        )
        self.refuse(
            {"k_quant_type": "PER_TENSOR"}, "input 'k_scale' must have 1 elements for 'PER_TENSOR' scales, but is"
        )
        self.refuse({}, "input 'v_scale' is missing: a quantized cache needs it", drop=1)
        self.refuse(
            {"k_quant_type": "NONE", "v_quant_type": "NONE", "kv_cache_bit_width": 0}, "input 'past_key' must be 'f32'"
        )


class InADecoder(unittest.TestCase):
    def test_kinds(self) -> None:
        """The cache's dtype and size come from the artifact; logits stay near those of f32."""
        tokens = [int(token) for token in rng.integers(0, 320, 24)]
        logits, sizes = {}, {}
        with tempfile.TemporaryDirectory() as directory:
            for kind in ("f32", "f16", "i8", "i4"):
                artifact = lutra.compile(FIXTURE, Path(directory) / kind, options={"table": "f32", "kv-cache": kind})
                session = lutra.Session(artifact)
                sizes[kind] = [(i.dtype.str, i.shape[3]) for i in session.inputs() if i.name == "past_key_values.0.key"]
                decoder = Decoder(session, 32)
                logits[kind] = [
                    decoder.prefill(tokens[:20]).copy(),
                    *(decoder.prefill([token]).copy() for token in tokens[20:]),
                ]
        self.assertEqual(sizes, {"f32": [("<f4", 32)], "f16": [("<f2", 32)], "i8": [("|i1", 34)], "i4": [("|i1", 18)]})
        for kind, bound in (("f16", 2e-3), ("i8", 0.03), ("i4", 0.4)):
            error = np.linalg.norm(np.subtract(logits[kind], logits["f32"])) / np.linalg.norm(logits["f32"])
            self.assertLess(error, bound, kind)
            self.assertGreater(error, 0, kind)

    @unittest.skipUnless(platform.machine() == "x86_64", "compiles for the first x86-64, and runs it")
    def test_without_instructions_for_f16(self) -> None:
        """Scales are f16: a machine that cannot convert them gives the same bits, where sums are in f64."""
        tokens = [int(token) for token in rng.integers(0, 320, 12)]
        found = []
        with tempfile.TemporaryDirectory() as directory:
            for cpu in ("x86-64", "native"):
                options = {"table": "f32", "kv-cache": "i4", "sums": "f64", "mcpu": cpu}
                decoder = Decoder(lutra.Session(lutra.compile(FIXTURE, Path(directory) / cpu, options=options)), 16)
                found.append(decoder.prefill(tokens).copy())
        np.testing.assert_array_equal(*found)


if __name__ == "__main__":
    unittest.main()
