"""Lutra: compile low-bit language models from ONNX to lookup-table code, and run them.

import lutra
session = lutra.InferenceSession("model.onnx")                # compiled once, then from a cache
outputs = session.run(None, {"input_ids": ids, ...})
low = lutra.quantize("float.onnx", "uniform(bits=3, group=64)", "hqq").save("low/model.onnx")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lutra.errors import LutraError

if TYPE_CHECKING:
    from lutra.convert import convert_gguf
    from lutra.generator import Completion, Generator, generate
    from lutra.inference import InferenceSession, NodeArg, SessionOptions
    from lutra.kvcache import KVCache
    from lutra.quantization import Budget, quantize
    from lutra.session import Session, TensorInfo, compile

__version__ = "0.1.0"
__all__ = [
    "Budget",
    "Completion",
    "Generator",
    "InferenceSession",
    "KVCache",
    "LutraError",
    "NodeArg",
    "Session",
    "SessionOptions",
    "TensorInfo",
    "compile",
    "convert_gguf",
    "generate",
    "quantize",
]

# What loads when it is first used: the converter needs gguf, a session needs the shared library.
_LAZY = {
    "Budget": "lutra.quantization",
    "Completion": "lutra.generator",
    "Generator": "lutra.generator",
    "InferenceSession": "lutra.inference",
    "KVCache": "lutra.kvcache",
    "NodeArg": "lutra.inference",
    "Session": "lutra.session",
    "SessionOptions": "lutra.inference",
    "TensorInfo": "lutra.session",
    "compile": "lutra.session",
    "convert_gguf": "lutra.convert",
    "generate": "lutra.generator",
    "quantize": "lutra.quantization",
}

#: The extras of pyproject.toml that bring what a module needs besides numpy.
_EXTRAS = {"lutra.convert": "convert", "lutra.quantization": "quantize"}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'lutra' has no attribute '{name}'")
    import importlib

    module = _LAZY[name]
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        if module not in _EXTRAS:
            raise
        wanted = f"lutra.{name} needs the Python package '{error.name}': pip install 'lutra[{_EXTRAS[module]}]'"
        raise ModuleNotFoundError(wanted, name=error.name) from error
