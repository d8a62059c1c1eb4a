"""ggml's matrix products, through the C API of the libraries that llama-cpp-python brings. Needs nothing of Lutra.

Requests: {"do": "open", "type": "Q4_0", "repack": bool, "n": N, "k": K, "bytes": rotated bytes, "least": copies}, answered by
{"bytes": of one weight, "repacked": bool};
{"do": "time", "m": M, "threads": n, "seconds": s}, answered by {"ns": of one product}; {"do": "types"}, by {"types": [...],
"version": ...}.
"""

from __future__ import annotations

import ctypes
import json
import random
import re
import sys
import time
from ctypes import POINTER, byref, c_bool, c_char_p, c_float, c_int, c_int64, c_size_t, c_void_p
from pathlib import Path
from typing import Any

import llama_cpp

_F32 = 0
#: ggml does not say how many types it has, and its table of names must not be read past its end: Q1_0 is the newest that matters.
_LAST_TYPE = 41
#: More bytes than a tensor's or a graph's description takes, by far.
_OVERHEAD = 4096


class _InitParameters(ctypes.Structure):
    _fields_ = [("mem_size", c_size_t), ("mem_buffer", c_void_p), ("no_alloc", c_bool)]


class _TensorHead(ctypes.Structure):
    """The first fields of ggml_tensor."""

    _fields_ = [("type", c_int), ("buffer", c_void_p)]


_FOLDER = Path(llama_cpp.__file__).parent / "lib"
_base = ctypes.CDLL(str(_FOLDER / "libggml-base.so"), ctypes.RTLD_GLOBAL)
_cpu = ctypes.CDLL(str(_FOLDER / "libggml-cpu.so"), ctypes.RTLD_GLOBAL)


def _declare(library: ctypes.CDLL, name: str, result: Any, *arguments: Any) -> Any:
    function = getattr(library, name)
    function.restype, function.argtypes = result, list(arguments)
    return function


_init = _declare(_base, "ggml_init", c_void_p, _InitParameters)
_free = _declare(_base, "ggml_free", None, c_void_p)
_tensor_2d = _declare(_base, "ggml_new_tensor_2d", c_void_p, c_void_p, c_int, c_int64, c_int64)
_mul_mat = _declare(_base, "ggml_mul_mat", c_void_p, c_void_p, c_void_p, c_void_p)
_graph = _declare(_base, "ggml_new_graph_custom", c_void_p, c_void_p, c_size_t, c_bool)
_graph_overhead = _declare(_base, "ggml_graph_overhead_custom", c_size_t, c_size_t, c_bool)
_expand = _declare(_base, "ggml_build_forward_expand", None, c_void_p, c_void_p)
_type_name = _declare(_base, "ggml_type_name", c_char_p, c_int)
_quantize = _declare(
    _base, "ggml_quantize_chunk", c_size_t, c_int, c_void_p, c_void_p, c_int64, c_int64, c_int64, c_void_p
)
_row_size = _declare(_base, "ggml_row_size", c_size_t, c_int, c_int64)
_block_size = _declare(_base, "ggml_blck_size", c_int64, c_int)
_version = _declare(_base, "ggml_version", c_char_p)
_allocate = _declare(_base, "ggml_backend_alloc_ctx_tensors_from_buft", c_void_p, c_void_p, c_void_p)
_buffer_free = _declare(_base, "ggml_backend_buffer_free", None, c_void_p)
_empty_buffer = _declare(_base, "ggml_backend_buft_alloc_buffer", c_void_p, c_void_p, c_size_t)
_buffer_type_name = _declare(_base, "ggml_backend_buft_name", c_char_p, c_void_p)
_set = _declare(_base, "ggml_backend_tensor_set", None, c_void_p, c_void_p, c_size_t, c_size_t)
_supports = _declare(_base, "ggml_backend_dev_supports_op", c_bool, c_void_p, c_void_p)
_compute = _declare(_base, "ggml_backend_graph_compute", c_int, c_void_p, c_void_p)
_device = _declare(_base, "ggml_backend_get_device", c_void_p, c_void_p)
_registry = _declare(_base, "ggml_backend_dev_backend_reg", c_void_p, c_void_p)
_procedure = _declare(_base, "ggml_backend_reg_get_proc_address", c_void_p, c_void_p, c_char_p)
_default_type = _declare(_base, "ggml_backend_get_default_buffer_type", c_void_p, c_void_p)
_log_set = _declare(_base, "ggml_log_set", None, c_void_p, c_void_p)
_backend_init = _declare(_cpu, "ggml_backend_cpu_init", c_void_p)
_set_threads = _declare(_cpu, "ggml_backend_cpu_set_n_threads", None, c_void_p, c_int)


@ctypes.CFUNCTYPE(None, c_int, c_char_p, c_void_p)
def _silent(_level: int, _text: bytes, _user: int) -> None:
    pass


def _types() -> dict[str, int]:
    """ggml's element types by name in capitals."""
    names = {}
    for number in range(_LAST_TYPE + 1):
        name = _type_name(number) or b""
        if re.fullmatch(rb"[a-zA-Z]+[a-zA-Z0-9_]*", name):
            names[name.decode().upper()] = number
    return names


class Weights:
    """`copies` weights of one type and shape, in ggml's repacked layout if it has one for them."""

    def __init__(self, backend: int, number: int, n: int, k: int, rotated: int, least: int, repack: bool) -> None:
        size = _row_size(number, k) * n
        copies = max(least, -(-rotated // size))
        self._context = _init(_InitParameters((copies + 3) * _OVERHEAD, None, True))
        self.tensors = [_tensor_2d(self._context, number, k, n) for _ in range(copies)]
        kind = _default_type(backend)
        repacked = self._repacked_type(backend, k) if repack else None
        self.repacked = repacked is not None
        self._buffer = _allocate(self._context, repacked or kind)
        if not self._buffer:
            raise MemoryError(f"ggml has no memory for {copies} weights of {size} bytes")
        self.bytes = size
        data = self._rows(number, n, k, size)
        for tensor in self.tensors:
            _set(tensor, data, 0, size)

    def _repacked_type(self, backend: int, k: int) -> int | None:
        """The buffer type that rearranges weights for the CPU, if it takes these."""
        device = _device(backend)
        address = _procedure(_registry(device), b"ggml_backend_dev_get_extra_bufts")
        if not address:
            return None
        types = ctypes.CFUNCTYPE(POINTER(c_void_p), c_void_p)(address)(device)
        scratch = _init(_InitParameters(4 * _OVERHEAD, None, True))
        product = _mul_mat(scratch, self.tensors[0], _tensor_2d(scratch, _F32, k, 1))
        head = _TensorHead.from_address(self.tensors[0])
        found = None
        for i in range(16):
            if not types or not types[i]:
                break
            # ggml asks a weight's buffer what it can do; an empty one is enough.
            buffer = _empty_buffer(types[i], 0)
            head.buffer = buffer
            if b"REPACK" in _buffer_type_name(types[i]) and _supports(device, product):
                found = types[i]
            head.buffer = None
            _buffer_free(buffer)
        _free(scratch)
        return found

    @staticmethod
    def _rows(number: int, n: int, k: int, size: int) -> ctypes.Array:
        """Random weights: a few rows are quantized and repeated, as speed does not depend on the values."""
        sample = min(n, 16)
        generator = random.Random(1)
        values = (c_float * (sample * k))(*(generator.gauss(0, 1) for _ in range(sample * k)))
        ones = (c_float * k)(*([1.0] * k))
        few = (ctypes.c_ubyte * (size // n * sample))()
        _quantize(number, values, few, 0, sample, k, ones)
        text = bytes(few)
        return ctypes.create_string_buffer((text * -(-n // sample))[:size], size)

    def close(self) -> None:
        _buffer_free(self._buffer)
        _free(self._context)


class Products:
    """A graph that multiplies the same activations with every weight once."""

    def __init__(self, backend: int, weights: Weights, m: int, k: int) -> None:
        count = len(weights.tensors)
        nodes = 2 * count + 8
        self._context = _init(_InitParameters((count + 4) * _OVERHEAD + _graph_overhead(nodes, False), None, True))
        activations = _tensor_2d(self._context, _F32, k, m)
        self.graph = _graph(self._context, nodes, False)
        for tensor in weights.tensors:
            _expand(self.graph, _mul_mat(self._context, tensor, activations))
        self._buffer = _allocate(self._context, _default_type(backend))
        data = (c_float * (k * m))(*((i * 37 % 101 - 50) / 50 for i in range(k * m)))
        _set(activations, byref(data), 0, ctypes.sizeof(data))

    def close(self) -> None:
        _buffer_free(self._buffer)
        _free(self._context)


class Worker:
    def __init__(self) -> None:
        _log_set(ctypes.cast(_silent, c_void_p), None)
        self._backend = _backend_init()
        self._types = _types()
        self._weights: Weights | None = None
        self._products: tuple[int, Products] | None = None
        self._k = 0

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        verb = request["do"]
        if verb == "types":
            return {
                "types": sorted(self._types),
                "version": f"ggml {_version().decode()} of llama-cpp-python {llama_cpp.__version__}",
            }
        return self._open(**request) if verb == "open" else self._time(**request)

    def _open(self, do: str, type: str, repack: bool, n: int, k: int, bytes: int, least: int) -> dict[str, Any]:
        self._close()
        number = self._types.get(type)
        if number is None:
            return {"error": f"this ggml has no type {type}"}
        if k % _block_size(number):
            return {"error": f"{type} needs K to be a multiple of {_block_size(number)}, but K is {k}"}
        self._k = k
        self._weights = Weights(self._backend, number, n, k, bytes, least, repack)
        return {"bytes": self._weights.bytes, "repacked": self._weights.repacked}

    def _close(self) -> None:
        if self._products:
            self._products[1].close()
        if self._weights:
            self._weights.close()
        self._products = self._weights = None

    def _time(self, do: str, m: int, threads: int, seconds: float) -> dict[str, Any]:
        assert self._weights
        if self._products is None or self._products[0] != m:
            if self._products:
                self._products[1].close()
            self._products = (m, Products(self._backend, self._weights, m, self._k))
            _compute(self._backend, self._products[1].graph)
        _set_threads(self._backend, threads)
        passes, started = 0, time.perf_counter()
        while (taken := time.perf_counter() - started) < seconds or passes == 0:
            if _compute(self._backend, self._products[1].graph) != 0:
                return {"error": "ggml_backend_graph_compute failed"}
            passes += 1
        return {"ns": taken / passes / len(self._weights.tensors) * 1e9}


def main() -> None:
    worker = Worker()
    for line in sys.stdin:
        try:
            answer = worker.answer(json.loads(line))
        except MemoryError as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
