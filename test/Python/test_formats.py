# RUN: %python %s
"""Weight formats: bytes as written by hand, round trips of every packing, quantizers, and refusals."""

import unittest
from pathlib import Path

import ml_dtypes
import numpy as np
from lutra import formats
from lutra.errors import LutraError
from lutra.formats import layout, planes
from lutra.formats.examples import read_examples
from lutra.formats.ternary import Ternary

PAGE = Path(__file__).resolve().parents[2] / "docs" / "spec" / "onnx-domain.md"
rng = np.random.default_rng(11)

SIMPLE = [
    *(f"uniform(bits={b}, group=16)" for b in range(1, 9)),
    *(f"uniform(bits={b}, group=12, zero=integer)" for b in range(1, 9)),
    *(f"uniform(bits={b}, group=7, zero=float, per=channel)" for b in range(1, 9)),
    *(f"uniform(bits={b}, group=16, signed=1)" for b in range(1, 9)),
    *(f"uniform(bits={b}, group=45, zero=integer, signed=1, per=tensor)" for b in range(2, 9)),
    "uniform(bits=4, group=16, zero=none)",
    *(f"bipolar(planes={b}, group=16)" for b in range(1, 9)),
    *(f"bipolar(planes={b}, group=16, zeta=-1)" for b in range(2, 9)),
    *(f"bcq(planes={b}, group=10)" for b in range(1, 5)),
    "bcq(planes=3, group=16, per=channel, shift_terms=3)",
    *(f"codebook(bits=4, group=16, table={t})" for t in ("nf4", "bnb_fp4", "e2m1")),
    "codebook(bits=4, group=16, table=e2m1, global_scale=1)",
    *(f"codebook(bits={b}, group=45, table=channel)" for b in (1, 3, 5)),
    "codebook(bits=3, group=16, table=tensor)",
]
COMPOSITE = [
    "nested(uniform(bits=8, group=16), min_bits=1)",
    "nested(uniform(bits=6, group=16, zero=float), min_bits=2)",
    "nested(uniform(bits=5, group=16, signed=1), min_bits=2)",
    "nested(bipolar(planes=4, group=16), min_bits=2)",
    "nested(bcq(planes=4, group=16), min_bits=2)",
    "nested(codebook(bits=4, group=45, table=channel), min_bits=2)",
    "mixed(uniform(bits=2, group=16), ternary(group=16, per=tensor), uniform(bits=8, group=45), rows=[2, 3, 1])",
    "mixed(uniform(bits=2, group=16), outliers(uniform(bits=4, group=16), columns=2), rows=[4, 2])",
    "outliers(uniform(bits=3, group=16), columns=4)",
    "outliers(codebook(bits=4, group=16, table=nf4), entries=3)",
]


class Examples(unittest.TestCase):
    def test_page(self) -> None:
        examples = read_examples(PAGE)
        self.assertGreater(len(examples), 15)
        for example in examples:
            with self.subTest(example.format.spelling):
                values = example.format.dequantize(example.components, example.rows, example.cols)
                np.testing.assert_array_equal(values, example.values)


class Packing(unittest.TestCase):
    def test_bits_by_hand(self) -> None:
        # Seven 3-bit codes 1 2 3 4 5 6 7 in groups of 4: 1 | 2 << 3 | 3 << 6 | 4 << 9 = 0x8d1.
        packed = layout.pack_codes(np.array([[1, 2, 3, 4, 5, 6, 7]]), 3, 4)
        self.assertEqual(packed.tolist(), [[[0xD1, 0x08], [0xF5, 0x01]]])
        self.assertEqual(layout.pack_codes(np.array([[1, 0, 0, 1, 1]]), 1, 5).tolist(), [[[0b11001]]])

    def test_bits_round_trip(self) -> None:
        for bits in range(1, 9):
            for _ in range(20):
                rows, cols, group = (int(x) for x in rng.integers(1, [5, 80, 40]))
                codes = rng.integers(0, 1 << bits, (rows, cols)).astype(np.uint8)
                packed = layout.pack_codes(codes, bits, group)
                self.assertEqual(packed.shape, (rows, -(-cols // group), -(-group * bits // 8)))
                np.testing.assert_array_equal(layout.unpack_codes(packed, bits, group, cols), codes)

    def test_ternary_by_hand(self) -> None:
        signs = np.array([[1, -1, 0, 0, 1, -1, -1]], np.int8)
        self.assertEqual(Ternary(7).pack(signs).tolist(), [[[0b01_01_00_10, 0b00_00_10]]])
        # 2 + 0 + 9 + 27 + 162 = 200, then 0.
        self.assertEqual(Ternary(7, "five_in_eight").pack(signs).tolist(), [[[200, 0]]])
        # 1 - 3 = -2; 3 - 9 = -6; -1.
        self.assertEqual(Ternary(7, "three_in_five").pack(signs).tolist(), [[[0x62, 0x01, 0b111]]])

    def test_ternary_round_trip(self) -> None:
        for storage in ("two_bit", "three_in_five", "five_in_eight"):
            for _ in range(30):
                rows, cols, group = (int(x) for x in rng.integers(1, [5, 80, 60]))
                signs = rng.integers(-1, 2, (rows, cols)).astype(np.int8)
                form = Ternary(group, storage)
                packed = form.pack(signs)
                self.assertEqual(packed.shape[2], form.group_bytes)
                np.testing.assert_array_equal(form.unpack(packed, cols), signs)

    def test_invalid_ternary(self) -> None:
        # Of 5 elements in a group of 8, codes behind the fifth may be anything.
        for storage, code, padding in (
            ("two_bit", [0x54, 0xFF], [0x55, 0xFD]),
            ("three_in_five", [0xE0, 0, 0], [0, 0x0F, 0]),
            ("five_in_eight", [243, 0], [0, 243]),
        ):
            form = Ternary(8, storage)
            with self.assertRaisesRegex(LutraError, storage):
                form.unpack(np.array([[code]], np.uint8), 5)
            form.unpack(np.array([[padding]], np.uint8), 5)

    def test_shift_terms(self) -> None:
        values = np.array([1.0, -2.0, 0.5, 0.0, 5.0, 7.0, -0.375])
        terms = planes.encode_shifts(values, 2)
        self.assertEqual(terms[:4].tolist(), [[0x40, 0], [0xC1, 0], [0x3F, 0], [0, 0]])
        np.testing.assert_array_equal(planes.decode_shifts(terms).sum(axis=-1), values)


class Quantizers(unittest.TestCase):
    def test_schema_and_spelling(self) -> None:
        weights = rng.standard_normal((6, 45)).astype(np.float32)
        for spelling in SIMPLE + COMPOSITE:
            for scale in ("f32", "f16", "bf16", "f8E8M0FNU", "f8E4M3FN"):
                with self.subTest(spelling, scale=scale):
                    form = formats.parse(spelling, scale=scale)
                    self.assertEqual(form.spelling, spelling)
                    components = form.quantize(weights)
                    self.assertEqual(list(components), [part.name for part in form.schema(6, 45)])
                    form.check(components, 6, 45)

    def test_error_is_half_a_step(self) -> None:
        weights = rng.standard_normal((5, 40)).astype(np.float32)
        for bits in range(2, 9):
            for extra in (", zero=float", ", zero=integer", ""):
                with self.subTest(bits=bits, extra=extra):
                    form = formats.parse(f"uniform(bits={bits}, group=16{extra})")
                    components = form.quantize(weights)
                    error = np.abs(form.dequantize(components, 5, 40) - weights)
                    steps = np.abs(layout.spread(components["scales"], 5, 40, 16))
                    # Integer zero points and the side without the greatest magnitude are clamped up to a step off.
                    self.assertTrue((error <= steps * (0.5001 if extra == ", zero=float" else 1.01)).all())

    def test_exact_weights_survive(self) -> None:
        cases = {
            "uniform(bits=3, group=8)": [-2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5],
            "uniform(bits=3, group=8, zero=float)": [5, 6, 7, 8, 9, 10, 11, 12],
            "ternary(group=6, storage=five_in_eight)": [-1, 1, 1, -1, 1, 1],
            "bipolar(planes=2, group=4, zeta=0)": [-3, -1, 1, 3],
            "codebook(bits=4, group=8, table=e2m1)": [0, -0.5, 1, 1.5, -2, 3, 4, 6],
            "codebook(bits=2, group=4, table=channel)": [-1, -0.25, 0.5, 1],
            "outliers(uniform(bits=3, group=8), columns=1)": [-2, -1.5, -1, -0.5, 100, 0.5, 1, 1.5],
        }
        for spelling, row in cases.items():
            with self.subTest(spelling):
                weights = np.array([row], np.float32)
                form = formats.parse(spelling)
                np.testing.assert_array_equal(form.dequantize(form.quantize(weights), 1, len(row)), weights)

    def test_zero_weights(self) -> None:
        for spelling in SIMPLE:
            form = formats.parse(spelling)
            values = form.dequantize(form.quantize(np.zeros((2, 45), np.float32)), 2, 45)
            self.assertTrue(np.isfinite(values).all(), spelling)

    def test_microscaling(self) -> None:
        form = formats.parse("codebook(bits=4, group=32, table=e2m1)", scale="f8E8M0FNU")
        components = form.quantize(np.full((1, 32), 5.0, np.float32))
        # floor(log2(5)) - 2 = 0: a scale of 1, byte 127.
        self.assertEqual(components["scales"].dtype, ml_dtypes.float8_e8m0fnu)
        self.assertEqual(components["scales"].view(np.uint8).tolist(), [[127]])

    def test_nested_widths(self) -> None:
        weights = rng.standard_normal((6, 45)).astype(np.float32)
        for spelling in COMPOSITE[:6]:
            form = formats.parse(spelling)
            assert isinstance(form, formats.Nested)
            components = form.quantize(weights)
            errors = [
                np.abs(form.dequantize(components, 6, 45, bits) - weights).mean()
                for bits in range(form.min_bits, form.bits + 1)
            ]
            self.assertEqual(errors, sorted(errors, reverse=True), spelling)

    def test_nested_by_hand(self) -> None:
        form = formats.parse("nested(uniform(bits=4, group=4), min_bits=2)")
        components = {"codes": np.array([[[0x1F, 0x80]]], np.uint8), "scales": np.array([[1.0]], np.float32)}
        np.testing.assert_array_equal(form.dequantize(components, 1, 4), [[7, -7, -8, 0]])
        assert isinstance(form, formats.Nested)
        # Codes 3 0 0 2 of four values each: the centers of 12..15, 0..3 and 8..11, less 8.
        np.testing.assert_array_equal(form.dequantize(components, 1, 4, bits=2), [[5.5, -6.5, -6.5, 1.5]])


class Activations(unittest.TestCase):
    def test_by_hand(self) -> None:
        row = np.array([[1.0, -2.0, 0.5, 0.25, 0.0, 0.03]], np.float32)
        activation = formats.parse_activation("int8_per_token")
        assert activation is not None
        codes, scales = activation.quantize(row, 4)
        # 127 / 2 = 63.5 a unit: 63.5 and 31.75 round to 64 (even) and 32.
        self.assertEqual(codes.tolist(), [[64, -127, 32, 16, 0, 2]])
        self.assertEqual(scales.tolist(), [[np.float32(1) / np.float32(63.5)]])
        grouped = formats.Activation("bipolar", 2, "group")
        self.assertEqual(grouped.spelling, "bipolar2_per_group")
        codes, scales = grouped.quantize(row, 4)
        # 3 / 2 = 1.5 a unit: 1.5, -3, 0.75, 0.375; then 3 / 0.03 = 100 a unit: 0 and 3.
        self.assertEqual(codes.tolist(), [[1, -3, 1, 1, 1, 3]])
        self.assertEqual(scales.shape, (1, 2))

    def test_error_is_half_a_step(self) -> None:
        rows = rng.standard_normal((5, 40)).astype(np.float32)
        for text, step in (("int8_per_token", 0.5), ("int4_per_group", 0.5), ("bipolar7_per_token", 1.0)):
            activation = formats.parse_activation(text)
            assert activation is not None
            codes, scales = activation.quantize(rows, 16)
            error = np.abs(activation.dequantize(codes, scales, 16) - rows)
            steps = layout.spread(scales, 5, 40, 40 if activation.per == "token" else 16)
            self.assertTrue((error <= step * 1.001 * steps).all(), text)

    def test_not_finite(self) -> None:
        rows = np.array([[1, np.inf, 2, 3], [1, 2, np.nan, 4], [0, 0, 0, 0]], np.float32)
        for text in ("int8_per_group", "bipolar3_per_group"):
            activation = formats.parse_activation(text)
            assert activation is not None
            codes, scales = activation.quantize(rows, 2)
            self.assertEqual(np.isnan(scales).tolist(), [[True, False], [False, True], [False, False]])
            self.assertEqual(codes[0, :2].tolist() + codes[1, 2:].tolist(), [0] * 4)

    def test_refusals(self) -> None:
        with self.assertRaisesRegex(LutraError, "activation 'int8' is not known"):
            formats.parse_activation("int8")
        with self.assertRaisesRegex(LutraError, "bits of bipolar activations must be 1 to 7, but is 8"):
            formats.parse_activation("bipolar8_per_token")


class Refusals(unittest.TestCase):
    def refuse(self, message: str, spelling: str) -> None:
        with self.assertRaisesRegex(LutraError, message):
            formats.parse(spelling)

    def test_grammar(self) -> None:
        self.refuse("expected one of uniform", "unifrom(bits=3, group=8)")
        self.refuse("expected a key of uniform", "uniform(bits=3, bits=4)")
        self.refuse("expected a key of uniform", "uniform(bit=3)")
        self.refuse("expected an integer, but found 'x'", "uniform(bits=x, group=8)")
        self.refuse("lacks a key", "uniform(bits=3)")
        self.refuse("expected nothing more", "uniform(bits=3, group=8))")
        self.refuse("but found the end", "uniform(bits=3, group=8")
        self.refuse("unexpected character '<'", "uniform<bits=3>")
        self.refuse("nested takes 1 formats", "nested(min_bits=2)")
        self.refuse("formats come before keys", "nested(min_bits=2, uniform(bits=3, group=8))")

    def test_parameters(self) -> None:
        self.refuse("bits must be 1 to 8, but is 9", "uniform(bits=9, group=8)")
        self.refuse("group must be 1 to 262144", "uniform(bits=3, group=0)")
        self.refuse("per must be one of", "uniform(bits=3, group=8, per=row)")
        self.refuse("zero = midpoint is for unsigned", "uniform(bits=3, group=8, zero=midpoint, signed=1)")
        self.refuse("zeta must be a finite f32, but is inf", "bipolar(planes=3, group=8, zeta=1e999)")
        self.refuse("zeta must be a finite f32, but is nan", "bipolar(planes=3, group=8, zeta=nan)")
        self.refuse("storage must be one of", "ternary(group=8, storage=dense)")
        self.refuse("bits must be 4", "codebook(bits=3, group=8, table=nf4)")
        self.refuse("body of a nested", "nested(ternary(group=8), min_bits=1)")
        self.refuse("min_bits|bits of", "nested(uniform(bits=3, group=8), min_bits=4)")
        self.refuse("must not be nested or mixed", "mixed(nested(uniform(bits=3, group=8), min_bits=2), rows=[4])")
        self.refuse("either columns or entries", "outliers(uniform(bits=3, group=8))")

    def test_components(self) -> None:
        form = formats.parse("uniform(bits=3, group=8)")
        components = form.quantize(np.ones((2, 8), np.float32))
        with self.assertRaisesRegex(LutraError, "component 'scales' must have shape \\(2, 1\\)"):
            form.dequantize({**components, "scales": np.ones((2, 2), np.float32)}, 2, 8)
        with self.assertRaisesRegex(LutraError, "component 'codes' must be uint8"):
            form.dequantize({**components, "codes": components["codes"].view(np.int8)}, 2, 8)
        with self.assertRaisesRegex(LutraError, "has no component 'zeros'"):
            form.dequantize({**components, "zeros": np.ones((2, 1))}, 2, 8)
        with self.assertRaisesRegex(LutraError, "needs the component 'codes'"):
            form.dequantize({"scales": components["scales"]}, 2, 8)

    def test_places(self) -> None:
        form = formats.parse("outliers(uniform(bits=3, group=8), entries=2)")
        components = form.quantize(rng.standard_normal((2, 8)).astype(np.float32))
        for places in ([[3, 1], [0, 1]], [[0, 8], [0, 1]], [[-1, 2], [0, 1]]):
            with self.assertRaisesRegex(LutraError, "places must ascend"):
                form.dequantize({**components, "indices": np.array(places, np.int32)}, 2, 8)
        mixed = formats.parse("mixed(uniform(bits=3, group=8), rows=[2])")
        components = mixed.quantize(np.ones((2, 8), np.float32))
        with self.assertRaisesRegex(LutraError, "permutation must hold each"):
            mixed.dequantize({**components, "permutation": np.array([1, 1], np.int32)}, 2, 8)


if __name__ == "__main__":
    unittest.main()
