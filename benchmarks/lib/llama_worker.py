"""llama.cpp under test, through the C API that llama-cpp-python wraps. Usage: llama_worker.py MODEL.gguf CAPACITY

Runs with the Python that benchmarks/setup prepared; needs nothing of Lutra.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Sequence

import llama_cpp
from llama_cpp import llama_cpp as api
from worker import serve


@api.llama_log_callback
def _silent(_level: int, _text: bytes, _user: ctypes.c_void_p) -> None:
    pass


class LlamaEngine:
    def __init__(self, path: str, capacity: int) -> None:
        api.llama_log_set(_silent, ctypes.c_void_p(0))
        api.llama_backend_init()
        self._model = api.llama_model_load_from_file(path.encode(), api.llama_model_default_params())
        if not self._model:
            raise SystemExit(f"llama.cpp cannot load '{path}'")
        parameters = api.llama_context_default_params()
        parameters.n_ctx = capacity
        parameters.n_batch = parameters.n_ubatch = 512
        parameters.n_threads = parameters.n_threads_batch = 1
        self._context = api.llama_init_from_model(self._model, parameters)

    def start(self, threads: int, skip: int) -> None:
        if skip:
            raise SystemExit("llama.cpp cannot count positions as filled")
        api.llama_set_n_threads(self._context, threads, threads)
        api.llama_memory_clear(api.llama_get_memory(self._context), True)

    def feed(self, tokens: Sequence[int]) -> None:
        for i in range(0, len(tokens), 512):
            part = tokens[i : i + 512]
            array = (api.llama_token * len(part))(*part)
            if api.llama_decode(self._context, api.llama_batch_get_one(array, len(part))) != 0:
                raise SystemExit("llama_decode failed")
        api.llama_get_logits_ith(self._context, -1)  # waits until they are there


def main() -> None:
    path, capacity = sys.argv[1], int(sys.argv[2])
    serve(
        lambda: LlamaEngine(path, capacity),
        lambda _engine: {
            "name": f"llama.cpp (llama-cpp-python {llama_cpp.__version__})",
            "weight_bytes": os.path.getsize(path),
            "features": api.llama_print_system_info().decode().strip(),
        },
    )


if __name__ == "__main__":
    main()
