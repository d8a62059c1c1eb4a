"""Products with a checkpoint's matrices as nodes of a graph: each kind of tensor as the operator that holds it exactly."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from gguf import GGMLQuantizationType as Kind

from lutra import onnx_domain
from lutra.convert import lowbit, quant
from lutra.convert.checkpoint import Checkpoint, StoredTensor
from lutra.convert.graph import MICROSOFT, GraphBuilder
from lutra.convert.kinds import ForkKind

#: Called after each tensor with its name and stored size in bytes.
Progress = Callable[[str, int], None]

#: BitNet's activations: 8-bit integers with one scale for each token.
_A8 = "int8_per_token"

#: The matrices that have biases in Qwen2.
_BIASED = ("attn_q.weight", "attn_k.weight", "attn_v.weight")


class Projections:
    """Adds products with the matrices of `checkpoint` to `graph`; `to_float` keeps every weight in f32."""

    def __init__(self, checkpoint: Checkpoint, graph: GraphBuilder, progress: Progress, to_float: bool = False) -> None:
        self._to_float = to_float
        self._checkpoint = checkpoint
        self._config = checkpoint.config
        self._graph = graph
        self._progress = progress
        self._quantized_inputs: dict[str, str] = {}

    def _take(self, name: str, *shape: int) -> StoredTensor:
        tensor = self._checkpoint.take(name, shape)
        self._progress(name, tensor.data.nbytes)
        return tensor.as_float() if self._to_float or tensor.kind == Kind.BF16 else tensor

    def _linear(
        self, path: str, stored: str, x: str, k: int, n: int, *, heads: int = 0, output: str | None = None
    ) -> str:
        """y [B, S, n] = x [B, S, k] . W^T (+ bias) for the stored W [n, k]; `heads` > 0 undoes the rotary order of W's
        rows."""
        tensor, x, activation = self._operands(stored, x, n, k)
        order = quant.unpermute_rows(n, heads) if heads else None
        y = self._rows(path, tensor, x, k, order, output, activation)
        return self._scaled_and_biased(path, stored, y, n) if stored.startswith("blk.") else y

    def _operands(self, stored: str, x: str, n: int, k: int) -> tuple[StoredTensor, str, str]:
        """The matrix, x as its products take it, and how they quantize it then."""
        quantized = self._quantizes_activations(stored)
        tensor = self._take(stored, n, k)
        if quantized and self._to_float:
            return tensor, self._quantize_activations(x), "none"
        return tensor, x, _A8 if quantized else "none"

    def _rows(
        self,
        path: str,
        tensor: StoredTensor,
        x: str,
        k: int,
        rows: np.ndarray | slice | None = None,
        output: str | None = None,
        activation: str = "none",
    ) -> str:
        """The product with the matrix, or with some of its rows, in any order."""
        data = tensor.data if rows is None else tensor.data[rows]
        if tensor.kind in lowbit.LOWBIT_KINDS:
            matrix = lowbit.repack(data, tensor.kind, tensor.name)
            return self._lowbit(path, matrix, self._components(path, matrix), x, output, activation)
        if tensor.kind not in quant.FLOAT_KINDS:
            return self._quantized(path, quant.repack(data, tensor.kind, tensor.name), x, output)
        name = f"{path.lstrip('/').replace('/', '.')}.MatMul.weight"
        weight = self._graph.initializer(name, data.astype(np.float32).reshape(-1, k).T)
        return self._graph.node("MatMul", [x, weight], f"{path}/MatMul", outputs=output and [output])

    def _scaled_and_biased(self, path: str, stored: str, y: str, n: int) -> str:
        """y times the scale of the whole matrix (BitNet) and plus the bias (Qwen2), where the architecture and file have them."""
        g, architecture, base = self._graph, self._config.architecture, path.lstrip("/").replace("/", ".")
        scale, bias = stored.removesuffix("weight") + "scale", stored.removesuffix("weight") + "bias"
        if architecture.sub_norms and self._checkpoint.has(scale):
            factor = g.initializer(f"{base}.scale", self._take(scale, 1).as_f32())
            y = g.node("Mul", [y, factor], f"{path}/Mul")
        if architecture.qkv_bias and stored.endswith(_BIASED) and self._checkpoint.has(bias):
            term = g.initializer(f"{base}.bias", self._take(bias, n).as_f32())
            y = g.node("Add", [y, term], f"{path}/Add")
        return y

    # Quantized activations.

    def _quantizes_activations(self, stored: str) -> bool:
        """Whether a product's activations are 8-bit integers, as BitNet b1.58 is trained: with I2_S weights in every
        architecture, as in bitnet.cpp, which has models of others; with other ternary weights in BitNet's."""
        kind = self._checkpoint.kind_of(stored)
        ternary = self._config.architecture.quantizes_activations and kind in lowbit.TERNARY_KINDS
        return ternary or kind == ForkKind.I2_S

    def _quantize_activations(self, x: str) -> str:
        """x rounded to 8-bit integers with one scale for each token, and back: what `int8_per_token` computes, in floats."""
        if x not in self._quantized_inputs:
            g, base = self._graph, f"{x.removesuffix('/output_0')}/quantize"
            constants = {"least": 1e-5, "largest": 127.0, "low": -128.0}
            least, largest, low = (
                g.initializer(f"model.constants.a8_{name}", np.array(value, np.float32))
                for name, value in constants.items()
            )
            axis = g.initializer("model.constants.a8_axis", np.array([-1], np.int64))
            magnitude = g.node("ReduceMax", [g.node("Abs", [x], f"{base}/Abs"), axis], f"{base}/ReduceMax", keepdims=1)
            floor = g.node("Max", [magnitude, least], f"{base}/Max")
            factor = g.node("Div", [largest, floor], f"{base}/Div")
            rounded = g.node("Round", [g.node("Mul", [x, factor], f"{base}/Mul")], f"{base}/Round")
            codes = g.node("Clip", [rounded, low, largest], f"{base}/Clip")
            self._quantized_inputs[x] = g.node("Div", [codes, factor], f"{base}/Dequantize")
        return self._quantized_inputs[x]

    # One operator each.

    def _components(self, path: str, matrix: lowbit.LowbitMatrix) -> list[str]:
        base = f"{path.lstrip('/').replace('/', '.')}.weight"
        parts = matrix.format.schema(matrix.rows, matrix.cols)
        return [self._graph.initializer(f"{base}.{part.name}", matrix.components[part.name]) for part in parts]

    def _lowbit(
        self,
        path: str,
        matrix: lowbit.LowbitMatrix,
        components: list[str],
        x: str,
        output: str | None,
        activation: str = "none",
    ) -> str:
        """A product in the domain ai.lutra."""
        name = f"{path if path.startswith('/') else '/' + path}/MatMul"
        output = output or f"{name}/output_0"
        return self._graph.add(
            onnx_domain.matmul(
                name, x, output, matrix.format, components, matrix.rows, matrix.cols, activation=activation
            )
        )

    def _quantized(self, path: str, matrix: quant.NBitsMatrix, x: str, output: str | None) -> str:
        base = f"{path.lstrip('/').replace('/', '.')}.MatMulNBits"
        inputs = [
            self._graph.initializer(f"{base}.qweight", matrix.codes),
            self._graph.initializer(f"{base}.scales", matrix.scales),
        ]
        if matrix.zero_points is not None:
            inputs.append(self._graph.initializer(f"{base}.zero_points", matrix.zero_points))
        return self._matmul_nbits(path, x, inputs, matrix.cols, matrix.rows, matrix.bits, matrix.block, output)

    def _matmul_nbits(
        self, path: str, x: str, weights: list[str], k: int, n: int, bits: int, block: int, output: str | None
    ) -> str:
        name = f"{path if path.startswith('/') else '/' + path}/MatMulNBits"
        return self._graph.node(
            "MatMulNBits",
            [x, *weights],
            name,
            outputs=output and [output],
            domain=MICROSOFT,
            K=k,
            N=n,
            bits=bits,
            block_size=block,
            accuracy_level=0,
        )
