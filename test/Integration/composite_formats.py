# Products with codebooks and with weights made of weights, compiled and interpreted: the same bits.
#
# RUN: %python %s --work-dir=%t.dir
"""Compiles and runs modules at phase lowbit with random weights; compares with the interpreter and with numpy."""

from __future__ import annotations

import argparse
import platform
import shutil
import subprocess
import unittest
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

WORK_DIR = Path()
rng = np.random.default_rng(1)
#: The tensor core, and a CPU that has no fused multiply and add.
OTHER_TARGETS = ("--target=ltc --target-option=ltc.table=f32",)
if platform.machine() == "x86_64":
    OTHER_TARGETS += ("--target-option=cpu.mcpu=x86-64 --target-option=cpu.table=f32",)

E2M1 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6] * 2) * ([1] * 8 + [-1] * 8)
NF4 = np.array([
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
])  # fmt: skip


@dataclass
class Weight:
    """A weight as IR has it (format and components), and its values."""

    format: str
    components: dict[str, np.ndarray | str]
    values: np.ndarray
    #: The values at fewer bits, of a nested weight.
    truncated: dict[int, np.ndarray] = field(default_factory=dict)


def elements(array: np.ndarray, dtype: str) -> str:
    """An array as dense elements of `dtype`; the bytes are those of the array."""
    shape = "x".join(str(size) for size in array.shape)
    return f'dense<"0x{array.tobytes().hex().upper()}"> : tensor<{shape}x{dtype}>'


def pack(codes: np.ndarray, bits: int, group: int) -> np.ndarray:
    """N x K codes as N x G x ceil(group * bits / 8) bytes, least significant bit first."""
    n, k = codes.shape
    groups = -(-k // group)
    padded = np.zeros((n, groups * group), np.uint8)
    padded[:, :k] = codes
    planes = padded.reshape(n, groups, group, 1) >> np.arange(bits) & 1
    return np.packbits(planes.reshape(n, groups, group * bits), axis=-1, bitorder="little")


def spread(numbers: np.ndarray, group: int, k: int) -> np.ndarray:
    """A number per group for each element."""
    return np.repeat(numbers, group, axis=1)[:, :k].astype(np.float64)


def uniform(n: int, k: int, bits: int, group: int) -> Weight:
    codes = rng.integers(0, 2**bits, (n, k), dtype=np.uint8)
    scales = rng.standard_normal((n, -(-k // group))).astype(np.float32)
    components = {"codes": elements(pack(codes, bits, group), "i8"), "scales": elements(scales, "f32")}
    values = spread(scales, group, k) * (codes - 2.0 ** (bits - 1))
    weight = Weight(f"#lowbit.uniform<bits = {bits}, group = {group}>", components, values)
    for fewer in range(1, bits):
        step = 2.0 ** (bits - fewer)
        middle = (codes >> (bits - fewer)) * step + (step - 1) / 2
        weight.truncated[fewer] = spread(scales, group, k) * (middle - 2.0 ** (bits - 1))
    return weight


def codebook(n: int, k: int, group: int, table: str, scale: str = "f32", bits: int = 4) -> Weight:
    codes = rng.integers(0, 2**bits, (n, k), dtype=np.uint8)
    groups = -(-k // group)
    components = {"codes": elements(pack(codes, bits, group), "i8")}
    extra = ""
    if scale == "f8E8M0FNU":
        exponents = rng.integers(120, 134, (n, groups), dtype=np.uint8)
        components["scales"] = elements(exponents, scale)
        scales = 2.0 ** (exponents.astype(np.float64) - 127)
    elif scale == "f8E4M3FN":
        # Normal numbers: 1 <= exponent <= 14.
        stored = rng.integers(8, 120, (n, groups), dtype=np.uint8)
        components["scales"] = elements(stored, scale)
        scales = 2.0 ** ((stored >> 3) - 7.0) * (1 + (stored & 7) / 8)
        extra = ", global_scale = true"
        components["global_scale"] = "dense<0.3> : tensor<1xf32>"
        scales = (scales.astype(np.float32) * np.float32(0.3)).astype(np.float64)
    else:
        scales = rng.standard_normal((n, groups)).astype(np.float32)
        components["scales"] = elements(scales, scale)
    if table in ("e2m1", "nf4"):
        values = (E2M1 if table == "e2m1" else NF4)[codes]
    elif table == "tensor":
        own = rng.standard_normal(2**bits).astype(np.float32)
        components["table"] = elements(own, "f32")
        values = own[codes]
    else:
        own = rng.standard_normal((n, 2**bits)).astype(np.float32)
        components["table"] = elements(own, "f32")
        values = np.take_along_axis(own, codes.astype(np.int64), axis=1)
    text = f"#lowbit.codebook<bits = {bits}, group = {group}, table = {table}"
    text += ("" if scale == "f32" else f", scale = {scale}") + extra + ">"
    return Weight(text, components, values * spread(scales, group, k))


def nested(body: Weight, min_bits: int) -> Weight:
    return Weight(f"#lowbit.nested<{body.format}, min_bits = {min_bits}>", body.components, body.values, body.truncated)


def nested_codebook(n: int, k: int, group: int, bits: int, min_bits: int) -> Weight:
    body = codebook(n, k, group, "channel", bits=bits)
    components = {name: value for name, value in body.components.items() if name != "table"}
    codes = rng.integers(0, 2**bits, (n, k), dtype=np.uint8)
    scales = rng.standard_normal((n, -(-k // group))).astype(np.float32)
    components.update(codes=elements(pack(codes, bits, group), "i8"), scales=elements(scales, "f32"))
    weight = Weight(f"#lowbit.nested<{body.format}, min_bits = {min_bits}>", components, body.values)
    for width in range(min_bits, bits + 1):
        own = rng.standard_normal((n, 2**width)).astype(np.float32)
        components[f"table{width}"] = elements(own, "f32")
        index = (codes >> (bits - width)).astype(np.int64)
        weight.truncated[width] = np.take_along_axis(own, index, axis=1) * spread(scales, group, k)
    weight.values = weight.truncated[bits]
    return weight


def mixed(parts: list[Weight]) -> Weight:
    rows = [part.values.shape[0] for part in parts]
    permutation = rng.permutation(sum(rows)).astype(np.int32)
    values = np.empty((sum(rows), parts[0].values.shape[1]))
    values[permutation] = np.concatenate([part.values for part in parts])
    components: dict = {}
    for i, part in enumerate(parts):
        components.update({f'"{i}.{name}"': value for name, value in part.components.items()})
    components["permutation"] = elements(permutation, "i32")
    formats = ", ".join(part.format for part in parts)
    return Weight(f"#lowbit.mixed<rows = {rows}, formats = [{formats}]>", components, values)


def outliers(body: Weight, count: int, by_column: bool, value: str) -> Weight:
    n, k = body.values.shape
    kept = (10 * rng.standard_normal((n, count))).astype(np.float16 if value == "f16" else np.float32)
    components: dict = {f"body.{name}": text for name, text in body.components.items()}
    components["values"] = elements(kept, value)
    values = body.values.copy()
    if by_column:
        columns = np.sort(rng.permutation(k)[:count]).astype(np.int32)
        components["columns"] = elements(columns, "i32")
        values[:, columns] += kept
    else:
        indices = np.full((n, count), -1, np.int32)
        for row in range(n):
            used = rng.integers(0, count + 1)
            indices[row, :used] = np.sort(rng.permutation(k)[:used])
            values[row, indices[row, :used]] += kept[row, :used]
        components["indices"] = elements(indices, "i32")
    kind = "columns" if by_column else "entries"
    return Weight(f"#lowbit.outliers<{body.format}, {kind} = {count}, value = {value}>", components, values)


def module(weight: Weight, attributes: str = "", precision: bool = False, element: str = "f32", scales: int = 0) -> str:
    """One product; activations of `element`, with `scales` of them per row when they are codes."""
    n, k = weight.values.shape
    components = ", ".join(f"{name} = {value}" for name, value in weight.components.items())
    argument = '%b: tensor<1xi32> {onnx.name = "b"}, ' if precision else ""
    bits = "%zero = arith.constant 0 : index\n  %bits = tensor.extract %b[%zero] : tensor<1xi32>" if precision else ""
    operands = "precision(%bits)" if precision else ""
    if scales:
        argument += f'%s: tensor<?x{scales}xf32> {{onnx.name = "s", onnx.dims = ["m", "{scales}"]}}, '
        operands += f"scales(%s : tensor<?x{scales}xf32>)"
    result = "f32" if element == "i8" else element
    return f"""
!w = !lowbit.weight<{n}x{k}, {weight.format}>
!out = memref<?x{n}x{result}, strided<[?, 1], offset: ?>>
func.func @main(%a: tensor<?x{k}x{element}> {{onnx.name = "a", onnx.dims = ["m", "{k}"]}}, {argument}
    %out: !out {{onnx.name = "y", onnx.dims = ["m", "{n}"], lutra.output}}) {{
  {bits}
  %w = lowbit.weight {{{components}}} : !w
  %y = lowbit.matmul %a, %w {operands} {attributes} : tensor<?x{k}x{element}>, !w -> tensor<?x{n}x{result}>
  bufferization.materialize_in_destination %y in restrict writable %out : (tensor<?x{n}x{result}>, !out) -> ()
  return
}}
"""


def run(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)


class CompositeFormats(unittest.TestCase):
    def check(
        self,
        name: str,
        weight: Weight,
        attributes: str = "",
        precision: int | None = None,
        targets: tuple[str, ...] = (),
    ) -> None:
        with self.subTest(name):
            folder = WORK_DIR / name
            folder.mkdir(parents=True, exist_ok=True)
            source = folder / "model.mlir"
            source.write_text(module(weight, attributes, precision is not None))
            k = weight.values.shape[1]
            activations = rng.standard_normal((3, k)).astype(np.float32)
            np.save(folder / "a.npy", activations)
            inputs = ["--input", f"a={folder / 'a.npy'}"]
            values = weight.values
            if precision is not None:
                np.save(folder / "b.npy", np.array([precision], np.int32))
                inputs += ["--input", f"b={folder / 'b.npy'}"]
                values = weight.truncated.get(precision, weight.values)
            run("lutrac", source, "-o", folder / "model.lutra", "--target-option=cpu.table=f32")
            run("lutra-run", folder / "model.lutra", *inputs, f"--output-dir={folder / 'compiled'}")
            run("lutra-run", "--interpret", source, "--table=f32", *inputs, f"--output-dir={folder / 'interpreted'}")
            # Once more behind the passes that choose how.
            tables = folder / "tables.mlir"
            run("lutrac", source, "--compile-to=tables", "-o", tables, "--target-option=cpu.table=f32")
            run("lutra-run", "--interpret", tables, *inputs, f"--output-dir={folder / 'tables'}")

            compiled = np.load(folder / "compiled" / "y.npy")
            np.testing.assert_array_equal(compiled, np.load(folder / "interpreted" / "y.npy"))
            np.testing.assert_array_equal(compiled, np.load(folder / "tables" / "y.npy"))
            for target in targets:
                run("lutrac", source, "-o", folder / "other.lutra", *target.split())
                run("lutra-run", folder / "other.lutra", *inputs, f"--output-dir={folder / 'other'}")
                np.testing.assert_array_equal(compiled, np.load(folder / "other" / "y.npy"), target)
            exact = activations.astype(np.float64) @ values.T
            bound = np.abs(activations).astype(np.float64) @ np.abs(values).T * (k + 8) * 2.0**-22 * 8
            self.assertTrue(np.all(np.abs(compiled - exact) <= bound), f"{name}: far from the weights' values")

    def test_codebooks(self) -> None:
        self.check("nf4", codebook(13, 70, 32, "nf4"))
        self.check("mxfp4", codebook(13, 70, 32, "e2m1", "f8E8M0FNU"))
        self.check("nvfp4", codebook(13, 70, 16, "e2m1", "f8E4M3FN"))
        self.check("tensor", codebook(5, 33, 8, "tensor", bits=3))
        self.check("channel", codebook(5, 33, 8, "channel", bits=2))

    def test_dense(self) -> None:
        for bits in (1, 4, 7):
            strategy = "{strategy = #lowbit.strategy<dense>}"
            self.check(f"dense{bits}", uniform(70, 45, bits, 12), strategy, targets=OTHER_TARGETS)

    def test_nested(self) -> None:
        weight = nested(uniform(7, 45, 6, 12), 3)
        self.check("nested", weight)
        for bits in (3, 5, 6):
            self.check(f"nested{bits}", weight, precision=bits, targets=OTHER_TARGETS if bits == 5 else ())
        self.check("any_precision", nested_codebook(5, 33, 33, 4, 2), precision=3)

    def test_mixed(self) -> None:
        self.check("mixed", mixed([uniform(9, 50, 4, 16), uniform(3, 50, 8, 16), codebook(2, 50, 16, "nf4")]))
        self.check("mixed_outliers", mixed([outliers(uniform(5, 50, 4, 16), 3, True, "f16"), uniform(2, 50, 8, 16)]))

    def test_outliers(self) -> None:
        self.check("columns", outliers(uniform(70, 50, 3, 16), 5, True, "f16"), targets=OTHER_TARGETS)
        self.check("entries", outliers(uniform(70, 50, 3, 16), 4, False, "f32"))
        self.check("over_codebook", outliers(codebook(6, 50, 16, "nf4"), 4, False, "f16"))

    def test_activations(self) -> None:
        """Codes with a scale per token or group, and halves."""
        four = uniform(5, 48, 4, 16)
        weights = {
            "entries": outliers(four, 3, False, "f16"),
            "mixed": mixed([four, outliers(uniform(2, 48, 3, 16), 2, True, "f16")]),
            "nf4": codebook(5, 48, 16, "nf4"),
        }
        folder = WORK_DIR / "activations"
        folder.mkdir(parents=True, exist_ok=True)
        source = folder / "model.mlir"
        for name, weight in weights.items():
            for element, scales in (("i8", 1), ("i8", 3), ("f16", 0)):
                with self.subTest(name, element=element, scales=scales):
                    source.write_text(module(weight, element=element, scales=scales))
                    inputs = ["--input", f"a={folder / 'a.npy'}"]
                    if scales:
                        np.save(folder / "a.npy", rng.integers(-128, 128, (3, 48), dtype=np.int8))
                        np.save(folder / "s.npy", rng.random((3, scales), dtype=np.float32))
                        inputs += ["--input", f"s={folder / 's.npy'}"]
                    else:
                        np.save(folder / "a.npy", rng.standard_normal((3, 48)).astype(np.float16))
                    run("lutrac", source, "-o", folder / "model.lutra")
                    run("lutra-run", folder / "model.lutra", *inputs, f"--output-dir={folder / 'compiled'}")
                    run("lutra-run", "--interpret", source, *inputs, f"--output-dir={folder / 'interpreted'}")
                    compiled = np.load(folder / "compiled" / "y.npy")
                    np.testing.assert_array_equal(compiled, np.load(folder / "interpreted" / "y.npy"))

    def test_precision_out_of_range(self) -> None:
        folder = WORK_DIR / "range"
        folder.mkdir(parents=True, exist_ok=True)
        source = folder / "model.mlir"
        source.write_text(module(nested(uniform(7, 45, 6, 12), 3), precision=True))
        np.save(folder / "a.npy", np.zeros((1, 45), np.float32))
        np.save(folder / "b.npy", np.array([7], np.int32))
        run("lutrac", source, "-o", folder / "model.lutra")
        inputs = ["--input", f"a={folder / 'a.npy'}", "--input", f"b={folder / 'b.npy'}"]
        command = ["lutra-run", folder / "model.lutra", *inputs]
        result = subprocess.run(command, capture_output=True, text=True)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("the precision of a weight must be 3 to 6 bits", result.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--work-dir", type=Path, required=True)
    arguments, rest = parser.parse_known_args()
    WORK_DIR = arguments.work_dir
    shutil.rmtree(WORK_DIR, ignore_errors=True)
    unittest.main(argv=["composite_formats.py", *rest])
