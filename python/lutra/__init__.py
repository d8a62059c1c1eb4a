"""Lutra: compile low-bit language models from ONNX to lookup-table code, and run them.

import lutra
lutra.compile("model.onnx", "model.lutra")
session = lutra.Session("model.lutra")
outputs = session.run(None, {"input_ids": ids, ...})
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lutra.errors import LutraError

if TYPE_CHECKING:
    from lutra.convert import convert_gguf
    from lutra.kvcache import KVCache
    from lutra.session import Session, TensorInfo, compile

__version__ = "0.1.0"
__all__ = ["KVCache", "LutraError", "Session", "TensorInfo", "compile", "convert_gguf"]

# What loads when it is first used: the converter needs gguf, a session needs the shared library.
_LAZY = {
    "KVCache": "lutra.kvcache",
    "Session": "lutra.session",
    "TensorInfo": "lutra.session",
    "compile": "lutra.session",
    "convert_gguf": "lutra.convert",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'lutra' has no attribute '{name}'")
    import importlib

    return getattr(importlib.import_module(_LAZY[name]), name)
