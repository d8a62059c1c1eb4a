"""ggml's matrix products. Usage: ggml_worker.py ggml|ik, with the Python that has the package (ggml_library.py says which). Needs nothing of Lutra.

Requests: {"do": "open", "type": "Q4_0", "repack": bool, "n": N, "k": K, "bytes": rotated bytes, "least": copies}, answered by
{"bytes": of one weight, "repacked": bool};
{"do": "time", "m": M, "threads": n, "seconds": s}, answered by {"ns": of one product, "error_rms": by how much its result differs from that of the weights before
they were quantized, over the result's own size}; {"do": "types"}, by {"types": [...], "version": ...}.
"""

from __future__ import annotations

import ctypes
import json
import re
import sys
import time
from ctypes import POINTER, c_float
from typing import Any

import numpy as np
from ggml_library import F32, OVERHEAD, Ggml, InitParameters

#: Rows of a weight that are quantized, and repeated, as speed does not depend on the values. Types that interleave rows take 4, 8 or 16 of them.
_SAMPLE_ROWS = 16
#: What a type computes differs from the product of the weights that were quantized: by a third at 2 bits; a result that has nothing to do with the product, by 1.4.
_MOST_ERROR = 0.6


def _floats(array: np.ndarray) -> Any:
    return array.ctypes.data_as(POINTER(c_float))


def _sample(kind: str, k: int) -> np.ndarray:
    """Random weights that a type is made for: it must hold the values of those that have few."""
    rng = np.random.default_rng(1)
    shape = (_SAMPLE_ROWS, k)
    if re.match(r"TQ|IQ[12]_BN|I2_S", kind):
        return rng.integers(-1, 2, shape).astype(np.float32)
    if kind.startswith("Q1_0"):
        return (2 * rng.integers(0, 2, shape) - 1).astype(np.float32)
    return rng.standard_normal(shape, np.float32)


class Weights:
    """`copies` weights of one type and shape, in ggml's repacked layout if it has one for them."""

    def __init__(self, ggml: Ggml, kind: str, n: int, k: int, rotated: int, least: int, repack: bool) -> None:
        self._ggml, number = ggml, ggml.types[kind]
        size = ggml.row_size(number, k) * n
        copies = max(least, -(-rotated // size))
        self._context = ggml.init(InitParameters((copies + 3) * OVERHEAD, None, True))
        self.tensors = [ggml.tensor_2d(self._context, number, k, n) for _ in range(copies)]
        repacked = ggml.rearranged(self.tensors[0], k) if repack else None
        self.repacked = repacked is not None
        self._buffer = ggml.allocate(self._context, repacked or ggml.default_type(ggml.backend))
        if not self._buffer:
            raise MemoryError(f"ggml has no memory for {copies} weights of {size} bytes")
        self.bytes, self.n = size, n
        self.sample = _sample(kind, k)
        few = (ctypes.c_ubyte * (size // n * _SAMPLE_ROWS))()
        ones = np.ones(k, np.float32)
        ggml.quantize(number, _floats(self.sample), few, 0, _SAMPLE_ROWS, k, _floats(ones))
        data = ctypes.create_string_buffer((bytes(few) * -(-n // _SAMPLE_ROWS))[:size], size)
        for tensor in self.tensors:
            ggml.set(tensor, data, 0, size)

    def close(self) -> None:
        self._ggml.buffer_free(self._buffer)
        self._ggml.free(self._context)


class Products:
    """A graph that multiplies the same activations with every weight once."""

    def __init__(self, ggml: Ggml, weights: Weights, m: int, k: int) -> None:
        self._ggml, self._n = ggml, weights.n
        count = len(weights.tensors)
        nodes = 2 * count + 8
        self._context = ggml.init(
            InitParameters((count + 4) * OVERHEAD + ggml.graph_overhead(nodes, False), None, True)
        )
        activations = ggml.tensor_2d(self._context, F32, k, m)
        self._graph = ggml.graph(self._context, nodes, False)
        self._results = [ggml.mul_mat(self._context, tensor, activations) for tensor in weights.tensors]
        for result in self._results:
            ggml.expand(self._graph, result)
        self._buffer = ggml.allocate(self._context, ggml.default_type(ggml.backend))
        data = ((np.arange(m * k, dtype=np.int64) * 37 % 101 - 50) / 50).astype(np.float32).reshape(m, k)
        ggml.set(activations, data.ctypes.data, 0, data.nbytes)
        self.compute()
        expected = np.tile(data @ weights.sample.T, (1, -(-weights.n // _SAMPLE_ROWS)))[:, : weights.n]
        self.error = max(self._error(result, expected) for result in (self._results[0], self._results[-1]))

    def _error(self, result: int, expected: np.ndarray) -> float:
        found = np.empty(expected.shape, np.float32)
        self._ggml.get(result, found.ctypes.data, 0, found.nbytes)
        return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))

    def compute(self) -> None:
        """All products, once."""
        if self._ggml.compute(self._ggml.backend, self._graph) != 0:
            raise RuntimeError("ggml_backend_graph_compute failed")

    def close(self) -> None:
        self._ggml.buffer_free(self._buffer)
        self._ggml.free(self._context)


class Worker:
    def __init__(self, name: str) -> None:
        self._ggml = Ggml(name)
        self._weights: Weights | None = None
        self._products: tuple[int, Products] | None = None
        self._k = 0

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        verb = request["do"]
        if verb == "types":
            return {"types": sorted(self._ggml.types), "version": self._ggml.version}
        return self._open(**request) if verb == "open" else self._time(**request)

    def _open(self, do: str, type: str, repack: bool, n: int, k: int, bytes: int, least: int) -> dict[str, Any]:
        self._close()
        number = self._ggml.types.get(type)
        if number is None:
            return {"error": f"this ggml has no type {type}"}
        if k % self._ggml.block_size(number):
            return {"error": f"{type} needs K to be a multiple of {self._ggml.block_size(number)}, but K is {k}"}
        interleaved = re.search(r"_R(\d+)$", type)
        if interleaved and n % int(interleaved[1]):
            return {"error": f"{type} needs N to be a multiple of {interleaved[1]}, but N is {n}"}
        self._k = k
        self._weights = Weights(self._ggml, type, n, k, bytes, least, repack)
        return {"bytes": self._weights.bytes, "repacked": self._weights.repacked}

    def _close(self) -> None:
        if self._products:
            self._products[1].close()
        if self._weights:
            self._weights.close()
        self._products = self._weights = None

    def _time(self, do: str, m: int, threads: int, seconds: float) -> dict[str, Any]:
        assert self._weights
        self._ggml.set_threads(self._ggml.backend, threads)
        if self._products is None or self._products[0] != m:
            if self._products:
                self._products[1].close()
            self._products = (m, Products(self._ggml, self._weights, m, self._k))
        products = self._products[1]
        if not products.error < _MOST_ERROR:
            return {"error": f"its result is not the product: it differs by {products.error:.2f} of its size"}
        passes, started = 0, time.perf_counter()
        while (taken := time.perf_counter() - started) < seconds or passes == 0:
            products.compute()
            passes += 1
        return {"ns": taken / passes / len(self._weights.tensors) * 1e9, "error_rms": products.error}


def main() -> None:
    worker = Worker(sys.argv[1])
    for line in sys.stdin:
        try:
            answer = worker.answer(json.loads(line))
        except (MemoryError, RuntimeError) as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
