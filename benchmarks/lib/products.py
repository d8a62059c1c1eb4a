"""Products for the driver: an ONNX model of one node, compiled, and copied until the copies do not fit any cache.

Compiling takes both cores for seconds, so that it is no part of a quiet measurement: `keep` compiles ahead, and `prepare` takes what it left.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import struct
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from cases import CHANNEL, Case
from lutra import formats, onnx_domain
from onnx import TensorProto, helper, numpy_helper
from paths import CACHE, BenchmarkError, library, tool

ROTATED_BYTES = 288 << 20
MAX_COPIES = 600
_SAMPLE_ROWS = 64
#: In a kept product's folder: what compiling it took.
_SECONDS = "seconds"


@dataclass(frozen=True, slots=True)
class Artifact:
    """A compiled product with its copies in `folder`/0 and up."""

    folder: Path
    copies: int
    weight_bytes: int
    compile_seconds: float


def make_model(case: Case, path: Path) -> None:
    """Writes the product of `case` with random weights: MatMulNBits where com.microsoft has the format, else ai.lutra."""
    rng = np.random.default_rng(case.n * 31 + case.k)
    rows = case.m if case.known_m else "m"
    if case.width in ("2", "4", "8") and case.group != CHANNEL:
        node, weights = _matmul_nbits(case, rng)
        domain = helper.make_opsetid("com.microsoft", 1)
    else:
        node, weights = _lutra_matmul(case, rng)
        domain = helper.make_opsetid(onnx_domain.DOMAIN, onnx_domain.VERSION)
    graph = helper.make_graph(
        [node],
        "product",
        [helper.make_tensor_value_info("a", TensorProto.FLOAT, [rows, case.k])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [rows, case.n])],
        weights,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21), domain], ir_version=10), path)


def _matmul_nbits(case: Case, rng: np.random.Generator) -> tuple[onnx.NodeProto, list[TensorProto]]:
    groups = -(-case.k // case.group)
    codes = rng.integers(0, 256, (case.n, groups, case.group * case.bits // 8), dtype=np.uint8)
    # Scales of two bytes, as in files that people have.
    scales = rng.uniform(0.01, 0.05, case.n * groups).astype(np.float16).astype(np.float32)
    node = helper.make_node(
        "MatMulNBits", ["a", "codes", "scales"], ["y"], name="product", domain="com.microsoft",
        N=case.n, K=case.k, bits=case.bits, block_size=case.group, accuracy_level=4,
    )  # fmt: skip
    return node, [numpy_helper.from_array(codes, "codes"), numpy_helper.from_array(scales, "scales")]


def _lutra_matmul(case: Case, rng: np.random.Generator) -> tuple[onnx.NodeProto, list[TensorProto]]:
    form = formats.parse(case.spelling, scale="f16")
    # Speed does not depend on the values: a few rows are quantized, and repeated.
    sample = min(_SAMPLE_ROWS, case.n)
    components = form.quantize(rng.standard_normal((sample, case.k)).astype(np.float32))
    repeated = {}
    for part, small in zip(form.schema(case.n, case.k), form.schema(sample, case.k), strict=True):
        array = components[part.name]
        for axis, (wanted, present) in enumerate(zip(part.shape, small.shape, strict=True)):
            if wanted != present:
                array = np.take(array, np.arange(wanted) % present, axis)
        repeated[part.name] = array
    weights = onnx_domain.make_initializers("w", form, repeated, case.n, case.k)
    names = [tensor.name for tensor in weights]
    return onnx_domain.matmul("product", "a", "y", form, names, case.n, case.k), weights


def compile_model(model: Path, artifact: Path, options: Sequence[str] = ()) -> float:
    """Runs lutrac; the seconds that it took."""
    command: list[str | Path] = [tool("lutrac"), model, "-o", artifact, "--crash-reproducer=none"]
    command += [f"--target-option={option}" for option in options]
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchmarkError(f"lutrac failed on {model.name}: {done.stderr.strip()}")
    return time.perf_counter() - started


def weight_bytes(artifact: Path, unread: str = "") -> int:
    """Bytes of packed weights that products read: codes, scales and what else they have, without those named `unread`. Packed weights are
    all that is u8; float tensors (norms, tables of the rotary embedding) are no products."""
    manifest = json.loads((artifact / "manifest.json").read_text())
    with open(artifact / manifest["weights"]["file"], "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    return sum(
        entry["data_offsets"][1] - entry["data_offsets"][0]
        for name, entry in header.items()
        if name != "__metadata__" and entry["dtype"] == "U8" and not (unread and unread in name)
    )


def _kept(case: Case, options: Sequence[str]) -> Path:
    """Where `keep` puts a product. Another compiler, another way to make models, or a file that an option names and that has changed (cpu.facts) is
    another place."""
    named = [Path(value) for _, _, value in (option.partition("=") for option in options) if Path(value).is_file()]
    files = [tool("lutrac"), *library().parent.glob("libLutra*.so"), Path(__file__)]
    stamps = [str(file.stat().st_mtime_ns) for file in [*sorted(files), *named]]
    key = hashlib.sha256("\n".join([*options, *stamps]).encode()).hexdigest()[:16]
    rows = f"m{case.m}-" if case.known_m else ""
    return CACHE / "products" / f"{case.n}x{case.k}-{case.width}-g{case.group}-{rows}{key}"


def keep(case: Case, options: Sequence[str]) -> bool:
    """Compiles `case` for later calls of `prepare`; whether it was not there yet."""
    folder = _kept(case, options)
    if folder.exists():
        return False
    fresh = folder.with_suffix(f".{os.getpid()}")
    try:
        _compile(case, fresh, options)
        fresh.replace(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return True


def _compile(case: Case, folder: Path, options: Sequence[str]) -> None:
    """Makes `folder`/0, and writes beside it what compiling took."""
    folder.mkdir(parents=True)
    model = folder / "model.onnx"
    make_model(case, model)
    seconds = compile_model(model, folder / "0", options)
    model.unlink()
    (folder / _SECONDS).write_text(str(seconds))


def _copy(source: Path, target: Path) -> None:
    """Copies in one write, for which a file system that has huge pages takes them, as for the compiler's own writes."""
    target.write_bytes(source.read_bytes())


def prepare(case: Case, folder: Path, options: Sequence[str], rotated: int) -> Artifact:
    """Compiles `case`, unless `keep` did, and copies the artifact until the weights are at least `rotated` bytes."""
    kept, first = _kept(case, options), folder / "0"
    if kept.exists():
        shutil.copytree(kept, folder, copy_function=os.link)
    else:
        _compile(case, folder, options)
    size = weight_bytes(first)
    weights = json.loads((first / "manifest.json").read_text())["weights"]["file"]
    copies = max(1, min(MAX_COPIES, -(-rotated // (first / weights).stat().st_size)))
    for copy in range(1, copies):
        target = folder / str(copy)
        target.mkdir()
        for file in first.iterdir():
            # One library, loaded once; but weights that lie in memory of their own.
            if file.name == weights:
                _copy(file, target / file.name)
            else:
                os.link(file, target / file.name)
    return Artifact(folder, copies, size, float((folder / _SECONDS).read_text()))
