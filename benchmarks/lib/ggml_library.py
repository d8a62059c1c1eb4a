"""The C API of ggml, as far as products need it: of the libraries that llama-cpp-python brings, or of ik_llama_cpp_python's, whose ggml is a fork with types of its
own. Needs nothing of Lutra."""

from __future__ import annotations

import ctypes
import importlib
import re
from ctypes import POINTER, c_bool, c_char_p, c_float, c_int, c_int64, c_size_t, c_void_p
from pathlib import Path
from typing import Any

F32 = 0
#: More bytes than a tensor's or a graph's description takes, by far.
OVERHEAD = 4096


class InitParameters(ctypes.Structure):
    _fields_ = [("mem_size", c_size_t), ("mem_buffer", c_void_p), ("no_alloc", c_bool)]


class TensorHead(ctypes.Structure):
    """The first fields of ggml_tensor."""

    _fields_ = [("type", c_int), ("buffer", c_void_p)]


@ctypes.CFUNCTYPE(None, c_int, c_char_p, c_void_p)  # type: ignore[untyped-decorator]
def _silent(_level: int, _text: bytes, _user: int) -> None:
    pass


class Ggml:
    """A library's functions, without ggml_'s prefix, and the number of each type by its name in capitals."""

    #: What the package is called, what its module, which libraries, and the number of the last type: ggml does not say how many there are, and its table of names
    #: must not be read past its end.
    _PACKAGES = {
        "ggml": ("llama-cpp-python", "llama_cpp", ("libggml-base.so", "libggml-cpu.so"), 41),
        "ik": ("ik-llama-cpp-python", "ik_llama_cpp", ("libggml.so",), 399),
    }

    def __init__(self, name: str) -> None:
        package, module, files, last = self._PACKAGES[name]
        imported = importlib.import_module(module)
        folder = Path(str(imported.__file__)).parent / "lib"
        self._libraries = [ctypes.CDLL(str(folder / file), ctypes.RTLD_GLOBAL) for file in files]
        self.init = self._declare("init", c_void_p, InitParameters)
        self.free = self._declare("free", None, c_void_p)
        self.tensor_2d = self._declare("new_tensor_2d", c_void_p, c_void_p, c_int, c_int64, c_int64)
        self.mul_mat = self._declare("mul_mat", c_void_p, c_void_p, c_void_p, c_void_p)
        self.graph = self._declare("new_graph_custom", c_void_p, c_void_p, c_size_t, c_bool)
        self.graph_overhead = self._declare("graph_overhead_custom", c_size_t, c_size_t, c_bool)
        self.expand = self._declare("build_forward_expand", None, c_void_p, c_void_p)
        self.row_size = self._declare("row_size", c_size_t, c_int, c_int64)
        self.block_size = self._declare("blck_size", c_int64, c_int)
        self.quantize = self._declare(
            "quantize_chunk", c_size_t, c_int, POINTER(c_float), c_void_p, c_int64, c_int64, c_int64, POINTER(c_float)
        )
        self.allocate = self._declare("backend_alloc_ctx_tensors_from_buft", c_void_p, c_void_p, c_void_p)
        self.buffer_free = self._declare("backend_buffer_free", None, c_void_p)
        self.set = self._declare("backend_tensor_set", None, c_void_p, c_void_p, c_size_t, c_size_t)
        self.get = self._declare("backend_tensor_get", None, c_void_p, c_void_p, c_size_t, c_size_t)
        self.compute = self._declare("backend_graph_compute", c_int, c_void_p, c_void_p)
        self.default_type = self._declare("backend_get_default_buffer_type", c_void_p, c_void_p)
        self.set_threads = self._declare("backend_cpu_set_n_threads", None, c_void_p, c_int)
        if log_set := self._find("log_set", None, c_void_p, c_void_p):
            log_set(ctypes.cast(_silent, c_void_p), None)
        self.backend = self._declare("backend_cpu_init", c_void_p)()
        self.types = self._types(last)
        own = self._find("version", c_char_p)
        described = f"ggml {own().decode()}" if own else "ggml"
        self.version = f"{described} of {package} {imported.__version__}"

    def _find(self, name: str, result: Any, *arguments: Any) -> Any:
        """ggml_`name`, or None where this ggml has none."""
        for library in self._libraries:
            if function := getattr(library, f"ggml_{name}", None):
                function.restype, function.argtypes = result, list(arguments)
                return function
        return None

    def _declare(self, name: str, result: Any, *arguments: Any) -> Any:
        if (function := self._find(name, result, *arguments)) is None:
            raise ImportError(f"this ggml has no ggml_{name}")
        return function

    def _types(self, last: int) -> dict[str, int]:
        type_name = self._declare("type_name", c_char_p, c_int)
        names = {}
        for number in range(last + 1):
            name = type_name(number) or b""
            if re.fullmatch(rb"[a-zA-Z]+[a-zA-Z0-9_]*", name):
                names[name.decode().upper()] = number
        return names

    def rearranged(self, weight: int, k: int) -> int | None:
        """The buffer type that rearranges weights like `weight`, of `k` columns, for the CPU; None where ggml has none for them (a fork whose rearranged weights are
        types of their own has none at all)."""
        get_device = self._find("backend_get_device", c_void_p, c_void_p)
        if get_device is None:
            return None
        registry = self._declare("backend_dev_backend_reg", c_void_p, c_void_p)
        procedure = self._declare("backend_reg_get_proc_address", c_void_p, c_void_p, c_char_p)
        empty_buffer = self._declare("backend_buft_alloc_buffer", c_void_p, c_void_p, c_size_t)
        type_name = self._declare("backend_buft_name", c_char_p, c_void_p)
        supports = self._declare("backend_dev_supports_op", c_bool, c_void_p, c_void_p)
        device = get_device(self.backend)
        address = procedure(registry(device), b"ggml_backend_dev_get_extra_bufts")
        if not address:
            return None
        types = ctypes.CFUNCTYPE(POINTER(c_void_p), c_void_p)(address)(device)
        scratch = self.init(InitParameters(4 * OVERHEAD, None, True))
        product = self.mul_mat(scratch, weight, self.tensor_2d(scratch, F32, k, 1))
        head = TensorHead.from_address(weight)
        found = None
        for i in range(16):
            if not types or not types[i]:
                break
            # ggml asks a weight's buffer what it can do; an empty one is enough.
            buffer = empty_buffer(types[i], 0)
            head.buffer = buffer
            if b"REPACK" in type_name(types[i]) and supports(device, product):
                found = types[i]
            head.buffer = None
            self.buffer_free(buffer)
        self.free(scratch)
        return found
