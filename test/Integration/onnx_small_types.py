# RUN: %python %s
"""Arrays of 2- and 4-bit integers and of 4- and 8-bit floats, cast, moved, quantized: what ml_dtypes makes of the same numbers, to the bit."""

import tempfile
import unittest
from pathlib import Path

import lutra
import ml_dtypes
import numpy as np
from onnx import TensorProto, helper, numpy_helper
from onnx_oracle import Const, Dyn, refusal

rng = np.random.default_rng(31)
FLOATS = {
    "FLOAT8E4M3FN": ml_dtypes.float8_e4m3fn,
    "FLOAT8E4M3FNUZ": ml_dtypes.float8_e4m3fnuz,
    "FLOAT8E5M2": ml_dtypes.float8_e5m2,
    "FLOAT8E5M2FNUZ": ml_dtypes.float8_e5m2fnuz,
    "FLOAT4E2M1": ml_dtypes.float4_e2m1fn,
}
INTS = {"INT4": ml_dtypes.int4, "UINT4": ml_dtypes.uint4, "INT2": ml_dtypes.int2, "UINT2": ml_dtypes.uint2}
ALL = {**FLOATS, **INTS, "FLOAT8E8M0": ml_dtypes.float8_e8m0fnu}


def number(name: str) -> int:
    return getattr(TensorProto, name)


def bits_of(dtype: type) -> int:
    return getattr(ml_dtypes, "iinfo" if dtype in INTS.values() else "finfo")(dtype).bits


def every(dtype: type) -> np.ndarray:
    """An array of each code that the type has."""
    return np.arange(2 ** bits_of(dtype), dtype=np.uint8).view(dtype)


def bits(array: np.ndarray) -> np.ndarray:
    """The bytes of codes, every NaN the same."""
    if array.dtype.type not in ALL.values():
        return array
    codes = array.view(np.uint8).copy()
    if array.dtype.type not in INTS.values() and np.isnan(wide := array.astype(np.float32)).any():
        codes[np.isnan(wide)] = 0xFF
    return codes


class Small(unittest.TestCase):
    """Collects nodes, each with inputs of its own; what a test collected is compiled as one model, run, and compared by its codes."""

    def setUp(self) -> None:
        self.nodes, self.infos, self.constants, self.feed, self.expected = [], [], [], {}, []

    def codes(self, op: str, *inputs: np.ndarray | Const, expected: np.ndarray, **attributes: object) -> None:
        """A node that gives `expected`."""
        names = []
        for value in inputs:
            names.append(f"x{len(self.feed) + len(self.constants)}")
            if isinstance(value, Const):
                self.constants.append(numpy_helper.from_array(value.value, names[-1]))
            else:
                self.feed[names[-1]] = value
                self.infos.append(
                    helper.make_tensor_value_info(names[-1], helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
                )
        self.expected.append(expected)
        self.nodes.append(helper.make_node(op, names, [f"y{len(self.nodes)}"], f"/{op}{len(self.nodes)}", **attributes))

    def tearDown(self) -> None:
        outputs = [
            helper.make_tensor_value_info(node.output[0], helper.np_dtype_to_tensor_dtype(wanted.dtype), wanted.shape)
            for node, wanted in zip(self.nodes, self.expected, strict=True)
        ]
        graph = helper.make_graph(self.nodes, "small", self.infos, outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 25)], ir_version=13)
        with lutra.InferenceSession(model.SerializeToString(), lutra.SessionOptions(use_cache=False)) as session:
            results = session.run(None, self.feed)
        for node, got, wanted in zip(self.nodes, results, self.expected, strict=True):
            with self.subTest(
                f"{node.name}{[x.name + '=' + str(helper.get_attribute_value(x)) for x in node.attribute]}"
            ):
                self.assertEqual((got.dtype, got.shape), (wanted.dtype, wanted.shape))
                np.testing.assert_array_equal(bits(got), bits(wanted))


class Casts(Small):
    def numbers(self, dtype: type) -> np.ndarray:
        """Numbers of the type, halfway between neighbours and beside that, out of range, and special ones."""
        values = np.unique(every(dtype).astype(np.float64))
        values = np.sort(values[np.isfinite(values)]).astype(np.float32)
        middle = ((values[1:].astype(np.float64) + values[:-1]) / 2).astype(np.float32)
        beside = [np.nextafter(middle, np.float32(way)) for way in (np.inf, -np.inf)]
        special = np.array(
            [0.0, -0.0, 1e-45, -1e-30, 3e38, -3e38, values[-1] * 1.3, 1e6, -1e6, np.inf, -np.inf, np.nan], np.float32
        )
        return np.concatenate([values, middle, *beside, special])

    def test_floats(self) -> None:
        for name, dtype in FLOATS.items():
            for saturate in (1, 0):
                x = self.numbers(dtype)
                limit = float(ml_dtypes.finfo(dtype).max)
                wanted = (np.clip(x, -limit, limit) if saturate else x).astype(dtype)
                if name == "FLOAT4E2M1":
                    # A type without NaN.
                    wanted[np.isnan(x)] = 0
                self.codes("Cast", x, to=number(name), saturate=saturate, expected=wanted)
                self.codes("Cast", every(dtype), to=TensorProto.FLOAT, expected=every(dtype).astype(np.float32))

    def test_powers(self) -> None:
        x = np.array(
            [0.0, 2.0**-127, 2.0**-126, 1.0, 1.4, 1.5, 1.6, 2.0, 3.0, 5.9e4, 2.0**127, 3e38, np.inf, np.nan], np.float32
        )
        floor = np.clip(np.floor(np.log2(np.maximum(x, 2.0**-127))), -127, 127)
        ratio = np.where(x > 0, x / 2.0**floor, 1)
        for mode, raised in (("down", ratio > np.inf), ("up", ratio > 1), ("nearest", ratio >= 1.5)):
            code = np.where(np.isnan(x), 255, np.where(np.isinf(x), 254, np.minimum(floor + 127 + raised, 254))).astype(
                np.uint8
            )
            self.codes(
                "Cast", x, to=number("FLOAT8E8M0"), round_mode=mode, expected=code.view(ml_dtypes.float8_e8m0fnu)
            )
        nearest = np.where((x == 0) | ~np.isfinite(x) | (x > 2.5e38), 255, floor + 127 + (ratio >= 1.5)).astype(
            np.uint8
        )
        keywords = {"to": number("FLOAT8E8M0"), "round_mode": "nearest", "saturate": 0}
        self.codes("Cast", x, expected=nearest.view(ml_dtypes.float8_e8m0fnu), **keywords)
        codes = every(ml_dtypes.float8_e8m0fnu)
        self.codes("Cast", codes, to=TensorProto.FLOAT, expected=codes.astype(np.float32))

    def test_integers(self) -> None:
        for name, dtype in INTS.items():
            low, high = ml_dtypes.iinfo(dtype).min, ml_dtypes.iinfo(dtype).max
            inside = np.arange(low, high + 1)
            for source in (np.float32, np.float16, np.int8, np.int64):
                self.codes("Cast", inside.astype(source), to=number(name), expected=inside.astype(dtype))
            for target in (np.float32, np.float16, np.float64, np.int8, np.uint8, np.int32, np.bool_):
                wanted = np.asarray(every(dtype).astype(np.int32).astype(target))
                self.codes("Cast", every(dtype), to=helper.np_dtype_to_tensor_dtype(np.dtype(target)), expected=wanted)
            # Beyond, the high bits go; a fraction goes towards zero.
            beyond = np.arange(-20, 20, dtype=np.int32)
            self.codes(
                "Cast",
                beyond,
                to=number(name),
                expected=(beyond & 2 ** bits_of(dtype) - 1).astype(np.uint8).view(dtype),
            )
            self.codes("Cast", np.float32([0.9, 1.2]), to=number(name), expected=np.array([0, 1], dtype))

    def test_between(self) -> None:
        codes = every(ml_dtypes.float8_e5m2)
        finite = codes[np.isfinite(codes.astype(np.float32))]
        wanted = np.clip(finite.astype(np.float32), -448, 448).astype(ml_dtypes.float8_e4m3fn)
        self.codes("Cast", finite, to=number("FLOAT8E4M3FN"), expected=wanted)
        # From f64, rounded once: a hair above the middle of two numbers.
        x = np.array([1.0625 + 2.0**-40, 1.0625, 1e300, -1e-300], np.float64)
        wanted = np.array([1.125, 1.0, 448.0, -0.0], np.float32).astype(ml_dtypes.float8_e4m3fn)
        self.codes("Cast", x, to=number("FLOAT8E4M3FN"), expected=wanted)
        self.codes(
            "Cast",
            Const(every(ml_dtypes.int4)),
            to=number("FLOAT4E2M1"),
            expected=every(ml_dtypes.int4).astype(np.float32).astype(ml_dtypes.float4_e2m1fn),
        )

    def test_high_bits_are_ignored(self) -> None:
        dirty = np.array([0x1F, 0xF7, 0x80], np.uint8).view(ml_dtypes.int4)
        self.codes("Cast", dirty, to=TensorProto.INT8, expected=np.array([-1, 7, 0], np.int8))


class Movement(Small):
    def test_moved(self) -> None:
        for dtype in ALL.values():
            x = np.resize(every(dtype), (3, 4))
            self.codes("Transpose", x, expected=x.T, perm=[1, 0])
            self.codes("Reshape", Const(x), Const([2, 6]), expected=x.reshape(2, 6))
        x = np.resize(every(ml_dtypes.float8_e4m3fn), (3, 4))
        self.codes("Unsqueeze", x, Const([0]), expected=x[None])
        self.codes("Gather", x, np.array([2, 0, -1]), expected=x[[2, 0, 2]])
        self.codes("Concat", x, Const(x), expected=np.concatenate([x, x]), axis=0)
        self.codes("Slice", x, Const([1]), Const([3]), expected=x[1:3])
        self.codes("Identity", x, expected=x)
        self.codes("Shape", x, expected=np.array([3, 4]))
        cache, update = (
            np.resize(every(ml_dtypes.float4_e2m1fn), (2, 1, 5, 4)),
            np.resize(every(ml_dtypes.float4_e2m1fn)[3:], (2, 1, 2, 4)),
        )
        wanted = cache.copy()
        wanted[0, :, 1:3], wanted[1, :, 0:2] = update[0], update[1]
        self.codes("TensorScatter", cache, update, np.array([1, 0]), expected=wanted)


class Quantized(Small):
    def test_quantize_and_back(self) -> None:
        x = (rng.standard_normal((5, 8)) * 9).astype(np.float32)
        for name, dtype in {**FLOATS, **INTS}.items():
            scale = np.array(1.5, np.float32)
            info = ml_dtypes.iinfo(dtype) if name in INTS else ml_dtypes.finfo(dtype)
            quotient = np.rint(x / scale) + 1 if name in INTS else x / scale
            wanted = np.clip(quotient, float(info.min), float(info.max)).astype(dtype)
            zero = np.array(1 if name in INTS else 0, dtype)
            self.codes("QuantizeLinear", x, Const(scale), Const(zero), expected=wanted)
            self.codes("QuantizeLinear", x, scale, zero, expected=wanted)
            back = (wanted.astype(np.float32) - zero.astype(np.float32)) * scale
            self.codes("DequantizeLinear", wanted, Const(scale), Const(zero), expected=back)
            self.codes("DequantizeLinear", wanted, scale, zero, expected=back)

    def test_microscaling(self) -> None:
        codes = np.resize(every(ml_dtypes.float4_e2m1fn), (4, 64))
        scales = rng.integers(120, 130, (4, 2), dtype=np.uint8).view(ml_dtypes.float8_e8m0fnu)
        wanted = codes.astype(np.float32) * np.repeat(scales.astype(np.float32), 32, 1)
        keywords = {"axis": 1, "block_size": 32, "output_dtype": TensorProto.FLOAT, "expected": wanted}
        self.codes("DequantizeLinear", codes, scales, **keywords)


class Interface(unittest.TestCase):
    def test_types(self) -> None:
        graph = helper.make_graph(
            [helper.make_node("Cast", ["x"], ["y"], to=number("UINT4"))], "g",
            [helper.make_tensor_value_info("x", number("FLOAT4E2M1"), ["n"])], [helper.make_tensor_value_info("y", number("UINT4"), ["n"])],
        )  # fmt: skip
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 25)], ir_version=13)
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "m.onnx"
            path.write_bytes(model.SerializeToString())
            session = lutra.InferenceSession(path, lutra.SessionOptions(use_cache=False))
            self.assertEqual(session.get_inputs()[0].type, "tensor(float4e2m1)")
            self.assertEqual(session.get_outputs()[0].type, "tensor(uint4)")
            (y,) = session.run(None, {"x": np.array([0, 1, 6, 3], np.float32).astype(ml_dtypes.float4_e2m1fn)})
            self.assertEqual(y.tolist(), [0, 1, 6, 3])
            with self.assertRaisesRegex(lutra.LutraError, "has dtype int8; expected float4_e2m1fn"):
                session.run(None, {"x": np.zeros(4, np.int8)})

    def test_refused(self) -> None:
        four = Dyn(np.zeros(3, ml_dtypes.int4), "n")
        self.assertIn(
            "node '/Add' (Add): input 0 is an array of i4, which this operator does not take: cast it before",
            refusal("Add", [four, four]),
        )
        eight = Dyn(np.zeros(3, np.int8), "n")
        self.assertIn("inputs have different element types", refusal("Concat", [four, eight], axis=0))
        power = {"to": number("FLOAT8E8M0"), "round_mode": "sideways", "opset": 25}
        self.assertIn(
            "attribute 'round_mode' must be 'up', 'down' or 'nearest', but is 'sideways'",
            refusal("Cast", [np.zeros(3, np.float32)], **power),
        )
        x = [np.zeros(3, np.float32), Const(np.float32(1))]
        self.assertIn(
            "quantizing to 'f8E8M0FNU' is not supported",
            refusal("QuantizeLinear", x, output_dtype=number("FLOAT8E8M0"), opset=25),
        )


if __name__ == "__main__":
    unittest.main()
