# RUN: %python %s
"""GGUF kinds that become weights of the domain ai.lutra: values against gguf's own, and whole models compiled."""

import tempfile
import unittest
from pathlib import Path

import lutra
import numpy as np
import onnxruntime
from gguf import GGMLQuantizationType as Kind
from gguf.quants import dequantize
from lutra.convert import convert_gguf, lowbit
from lutra.convert.kinds import ForkKind
from tiny_gguf import TinyGGUF, random_blocks

#: The others are within 1 ulp of the block's largest weight.
EXACT = (Kind.Q3_K, Kind.Q5_0, Kind.TQ1_0, Kind.TQ2_0, Kind.IQ4_NL, Kind.IQ4_XS, Kind.MXFP4)
MATRICES = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")


class KindTest(unittest.TestCase):
    def test_values(self) -> None:
        random = np.random.default_rng(2)
        for kind in (*EXACT, *lowbit.ROUNDED_KINDS):
            with self.subTest(kind.name):
                stored = random_blocks(random, kind, 6, 512)
                expected = dequantize(stored, kind)
                matrix = lowbit.repack(stored, kind, "w")
                self.assertEqual((matrix.rows, matrix.cols), (6, 512))
                found = matrix.format.dequantize(matrix.components, 6, 512).astype(np.float32)
                if kind in EXACT:
                    np.testing.assert_array_equal(found, expected)
                else:
                    largest = np.abs(expected).reshape(-1, 32).max(axis=1, keepdims=True)
                    error = np.abs(found - expected).reshape(-1, 32)
                    self.assertLessEqual((error / np.spacing(largest)).max(), 1.5)

    def test_every_kind_is_tested(self) -> None:
        # I2_S is no kind of the gguf package: test_architectures.py has it.
        self.assertEqual({*EXACT, *lowbit.ROUNDED_KINDS, ForkKind.I2_S}, {*lowbit.LOWBIT_KINDS})

    def test_groups_without_a_scale(self) -> None:
        for kind in (Kind.Q2_K, Kind.Q4_K, Kind.Q5_K, Kind.Q5_1):
            stored = random_blocks(np.random.default_rng(4), kind, 2, 256)
            size = stored.shape[1] // (256 // (32 if kind == Kind.Q5_1 else 256))
            place = {Kind.Q2_K: 80}.get(kind, 0)
            for start in range(0, stored.shape[1], size):
                stored[:, start + place : start + place + 2] = 0
            matrix = lowbit.repack(stored, kind, "w")
            np.testing.assert_array_equal(matrix.format.dequantize(matrix.components, 2, 256), dequantize(stored, kind))

    def test_models(self) -> None:
        """Each kind in every matrix: the compiled model against the same weights in f32, run by onnxruntime."""
        ids = np.array([[5, 80, 200, 17]], np.int64)
        feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        feeds |= {f"past_key_values.0.{part}": np.zeros((1, 2, 0, 64), np.float32) for part in ("key", "value")}
        for kind, embedding in (
            (Kind.Q2_K, Kind.Q4_K), (Kind.Q3_K, Kind.Q5_0), (Kind.Q4_K, Kind.Q6_K), (Kind.Q5_K, Kind.Q3_K),
            (Kind.Q5_1, Kind.BF16), (Kind.IQ4_XS, Kind.IQ4_NL), (Kind.MXFP4, Kind.F16), (Kind.TQ2_0, Kind.Q8_0),
        ):  # fmt: skip
            with self.subTest(f"{kind.name} {embedding.name}"), tempfile.TemporaryDirectory() as folder:
                root = Path(folder)
                kinds = {f"blk.0.{name}.weight": kind for name in MATRICES}
                if embedding != Kind.BF16:
                    kinds["token_embd.weight"] = embedding
                TinyGGUF(root / "tiny.gguf", kinds)
                low = convert_gguf(root / "tiny.gguf", root / "low" / "m.onnx", tokenizer=False)
                full = convert_gguf(root / "tiny.gguf", root / "full" / "m.onnx", tokenizer=False, to_float=True)
                session = lutra.Session(lutra.compile(low, root / "m.lutra", options={"table": "f32"}))
                reference = onnxruntime.InferenceSession(full, providers=["CPUExecutionProvider"])
                ours, theirs = session.run(["logits"], feeds)[0], reference.run(["logits"], feeds)[0]
                np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4 * max(1.0, float(np.abs(theirs).max())))

    def test_damaged_rows(self) -> None:
        with self.assertRaisesRegex(
            lutra.LutraError, "rows of 85 bytes, not a multiple of Q2_K's 84: the file is damaged"
        ):
            lowbit.repack(np.zeros((1, 85), np.uint8), Kind.Q2_K, "w")


if __name__ == "__main__":
    unittest.main()
