"""onnxruntime's MatMulNBits. Needs nothing of Lutra.

Requests: {"do": "open", "bits": b, "group": g, "n": N, "k": K, "bytes": rotated bytes, "least": copies, "lut": bool,
"threads": n}, answered by {"bytes": of one weight}; {"do": "time", "m": M, "seconds": s}, by {"ns": of one product}; {"do":
"types"}, by {"version": ...}.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


def _model(bits: int, group: int, n: int, k: int, copies: int) -> bytes:
    """`copies` products of the same activations, with weights of their own."""
    groups = -(-k // group)
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 256, (n, groups, group * bits // 8), dtype=np.uint8)
    scales = rng.uniform(0.01, 0.05, n * groups).astype(np.float32)
    nodes, outputs, weights = [], [], []
    for i in range(copies):
        # Different data, lest a copy be recognized as one.
        codes[0, 0, 0] = i % 256
        codes[0, 0, 1] = i // 256
        weights += [numpy_helper.from_array(codes, f"codes{i}"), numpy_helper.from_array(scales, f"scales{i}")]
        nodes.append(
            helper.make_node(
                "MatMulNBits",
                ["a", f"codes{i}", f"scales{i}"],
                [f"y{i}"],
                domain="com.microsoft",
                N=n,
                K=k,
                bits=bits,
                block_size=group,
                accuracy_level=4,
            )
        )
        outputs.append(helper.make_tensor_value_info(f"y{i}", TensorProto.FLOAT, ["m", n]))
    graph = helper.make_graph(
        nodes, "products", [helper.make_tensor_value_info("a", TensorProto.FLOAT, ["m", k])], outputs, weights
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()


class Worker:
    def __init__(self) -> None:
        self._session: onnxruntime.InferenceSession | None = None
        self._copies = 1
        self._shape = (1, 1)
        self._bindings: dict[int, Any] = {}

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        verb = request["do"]
        if verb == "types":
            return {"version": f"onnxruntime {onnxruntime.__version__}"}
        return self._open(**request) if verb == "open" else self._time(**request)

    def _open(
        self, do: str, bits: int, group: int, n: int, k: int, bytes: int, least: int, lut: bool, threads: int
    ) -> dict[str, Any]:
        self._session, self._bindings = None, {}
        size = n * -(-k // group) * (group * bits // 8 + 4)
        self._copies = max(least, min(600, -(-bytes // size)))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("mlas.use_lut_gemm", "1" if lut else "0")
        self._session = onnxruntime.InferenceSession(
            _model(bits, group, n, k, self._copies), options, providers=["CPUExecutionProvider"]
        )
        self._shape = (n, k)
        return {"bytes": size}

    def _time(self, do: str, m: int, seconds: float) -> dict[str, Any]:
        assert self._session
        if m not in self._bindings:
            binding = self._session.io_binding()
            n, k = self._shape
            a = onnxruntime.OrtValue.ortvalue_from_numpy(np.random.default_rng(2).standard_normal((m, k), np.float32))
            binding.bind_ortvalue_input("a", a)
            for i in range(self._copies):
                y = onnxruntime.OrtValue.ortvalue_from_shape_and_type((m, n), np.float32)
                binding.bind_ortvalue_output(f"y{i}", y)
            self._bindings[m] = binding
            self._session.run_with_iobinding(binding)
        passes, started = 0, time.perf_counter()
        while (taken := time.perf_counter() - started) < seconds or passes == 0:
            self._session.run_with_iobinding(self._bindings[m])
            passes += 1
        return {"ns": taken / passes / self._copies * 1e9}


def main() -> None:
    worker = Worker()
    for line in sys.stdin:
        try:
            answer = worker.answer(json.loads(line))
        except Exception as error:  # noqa: BLE001 (onnxruntime's have no common base)
            answer = {"error": f"onnxruntime: {str(error).splitlines()[0]}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
