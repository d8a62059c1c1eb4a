"""The targets that this machine can compile for and run, and the tools that do it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

#: From a module as module.py writes it to one that every target starts from.
PREPARE = ["--lutra-onnx-to-lowbit"]
_SYSROOT = Path("/usr/aarch64-linux-gnu")
_EMULATOR = Path(__file__).parent.parent / "emulator"
_SECONDS = 1800


class Failure(Exception):
    """A tool failed: its command line and what it printed."""


def run(*command: object, text: str | None = None) -> str:
    """Runs a tool; one that fails, crashes or takes very long is a Failure. LLVM's stack dumps are kept short."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, input=text, capture_output=True, text=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        raise Failure(f"took longer than {_SECONDS} s: {' '.join(words)}") from None
    if done.returncode != 0:
        # A diagnostic shows its line, and that may hold a weight.
        said = [line.rstrip()[:400] for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise Failure("\n".join([f"failed ({done.returncode}): {' '.join(words)}"[:2000], *said[:30]]))
    return done.stdout


@dataclass(frozen=True)
class Mode:
    """What a run asks of all targets: the tables of products that name no kind, and whether kernels apply epilogues."""

    table: str = "i8"
    scale: str = "group"
    fused: bool = False

    def flags(self) -> list[str]:
        """For the interpreter."""
        return [f"--table={self.table}", f"--table-scale={self.scale}"]

    def options(self, back_end: str) -> list[str]:
        """For lutrac."""
        values = {"table": self.table, "table-scale": self.scale}
        if back_end == "cpu":
            # What a product's numbers are must not go by what is fast; strategies.py has that.
            values["strategy"] = "lut"
            values["fuse-epilogue"] = "on" if self.fused else "off"
        return [f"--target-option={back_end}.{key}={value}" for key, value in values.items()]

    def __str__(self) -> str:
        return f"{self.table} tables by {self.scale}" + (", fused epilogues" if self.fused else "")


@dataclass(frozen=True)
class Target:
    """A way to run a module. `name` is for messages and --targets."""

    name: str
    options: tuple[str, ...]
    emulated: bool = False

    def compile_command(self, module: Path, artifact: Path, mode: Mode) -> list[object]:
        back_end = self.options[0].removeprefix("--target=")
        return ["lutrac", module, "-o", artifact, *self.options, *mode.options(back_end)]

    def run_command(self, artifact: Path, threads: int, inputs: Path, names: list[str], outputs: Path) -> list[object]:
        given = [word for name in names for word in ("--input", f"{name}={inputs / name}.npy")]
        return ["lutra-run", artifact, "--skip-hashes", f"--threads={threads}", "--output-dir", outputs, *given]

    def run(self, artifact: Path, threads: int, inputs: Path, names: list[str], outputs: Path, emulator: Path) -> None:
        """Runs the artifact on inputs/<name>.npy; writes outputs/<name>.npy."""
        shutil.rmtree(outputs, ignore_errors=True)
        outputs.mkdir()
        if self.emulated:
            _emulate(artifact, threads, inputs, outputs, emulator)
        else:
            run(*self.run_command(artifact, threads, inputs, names, outputs))


def available() -> list[Target]:
    """All targets of this machine."""
    cpuinfo = Path("/proc/cpuinfo")
    features = set(cpuinfo.read_text().split()) if cpuinfo.exists() else set()

    def cpu(name: str, model: str) -> Target:
        return Target(name, ("--target=cpu", f"--target-option=cpu.mcpu={model}"))

    found = [cpu("portable", "x86-64")]
    if {"avx2", "fma", "bmi2"} <= features:
        found.append(cpu("avx2", "haswell"))
    if {"avx512bw", "avx512vl", "avx512dq", "avx512cd"} <= features:
        found.append(cpu("avx512", "skylake-avx512"))
    found.append(Target("native", ("--target=cpu",)))
    if shutil.which("qemu-aarch64") and shutil.which("aarch64-linux-gnu-g++"):
        triple = "--target-option=cpu.triple=aarch64-linux-gnu"
        for name, model in (("neon", "cortex-a72"), ("neon-dotprod", "cortex-a76")):
            found.append(Target(name, ("--target=cpu", triple, f"--target-option=cpu.mcpu={model}"), emulated=True))
    found.append(Target("ltc", ("--target=ltc",)))
    return found


def build_emulator(folder: Path) -> Path:
    """Builds what runs artifacts under qemu, once: a loader and an OpenMP runtime. Returns its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    compiler = ["aarch64-linux-gnu-g++", "-std=c++20", "-O2", "-static-libstdc++", "-static-libgcc"]
    # g++'s runtime comes with the cross compiler; what is linked statically here needs no search path under qemu.
    run(
        *compiler, "-shared", "-fPIC", "-Wl,-soname,libomp.so.5", _EMULATOR / "openmp.cpp", "-o", folder / "libomp.so.5"
    )
    run(*compiler, _EMULATOR / "run_artifact.cpp", "-o", folder / "run_artifact", "-ldl")
    return folder


def _emulate(artifact: Path, threads: int, inputs: Path, outputs: Path, emulator: Path) -> None:
    manifest = json.loads((artifact / "manifest.json").read_text())
    weights = manifest["weights"]
    lines = [f"library {artifact / manifest['library']['file']}",
             f"weights {artifact / weights['file']} {weights['data_offset']}", f"threads {threads}"]  # fmt: skip
    symbols, results = {}, []
    for tensor in manifest["inputs"]:
        array = np.load(inputs / f"{tensor['name']}.npy")
        raw = outputs / f"{tensor['name']}.in"
        array.tofile(raw)
        symbols |= {dim: size for dim, size in zip(tensor["shape"], array.shape) if isinstance(dim, str)}
        lines.append(f"input {array.itemsize} {','.join(map(str, array.shape)) or '-'} {raw}")
    for tensor in manifest["outputs"]:
        dtype = np.dtype({"f32": "f4", "f16": "f2", "i8": "i1", "i32": "i4"}[tensor["dtype"]])
        shape = [symbols[dim] if isinstance(dim, str) else dim for dim in tensor["shape"]]
        raw = outputs / f"{tensor['name']}.raw"
        lines.append(f"output {dtype.itemsize} {','.join(map(str, shape))} {raw}")
        results.append((tensor["name"], raw, dtype, shape))
    run("qemu-aarch64", "-L", _SYSROOT, "-E", f"LD_LIBRARY_PATH={emulator}", emulator / "run_artifact",
        text="\n".join([*lines, "run"]) + "\n")  # fmt: skip
    for name, raw, dtype, shape in results:
        np.save(outputs / f"{name}.npy", np.fromfile(raw, dtype).reshape(shape))


def interpret(module: Path, mode: Mode, inputs: Path, names: list[str], outputs: Path) -> None:
    """Runs the module in the interpreter; writes outputs/<name>.npy."""
    shutil.rmtree(outputs, ignore_errors=True)
    given = [word for name in names for word in ("--input", f"{name}={inputs / name}.npy")]
    run("lutra-run", "--interpret", module, *mode.flags(), "--output-dir", outputs, *given)


def prepare(module: Path, result: Path) -> None:
    """The module after the passes that all targets share."""
    run("lutra-opt", module, *PREPARE, "-o", result)


def nice() -> None:
    """Workers give way to whoever is at the machine."""
    os.nice(2)
