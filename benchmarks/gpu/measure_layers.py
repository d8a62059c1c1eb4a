#!/usr/bin/env python3
"""Times single transformer layers, and the microbenchmarks that describe the machine, on an NVIDIA GPU with PyTorch.

    python3 measure_layers.py --output h100.json [--seconds 150]

Every time is the median of several replays of a CUDA graph, so that the host is out of the numbers. A layer is the
list of kernels that eager PyTorch launches for it; `lutra-sim validate` predicts the same list. Points come in the
order of their value and the file is rewritten after each: a run that is cut off leaves what it has.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

HALF = torch.float16
CONTEXT = 2048
MODELS: dict[str, dict[str, int]] = {
    "opt-175b": {"hidden": 12288, "ffn": 49152, "heads": 96, "kv_heads": 96, "head": 128, "gated": 0},
    "bloom-176b": {"hidden": 14336, "ffn": 57344, "heads": 112, "kv_heads": 112, "head": 128, "gated": 0},
    "llama2-70b": {"hidden": 8192, "ffn": 28672, "heads": 64, "kv_heads": 8, "head": 128, "gated": 1},
}
# (phase, batch, tokens of each sequence)
POINTS = [
    ("prefill", 1, 2048),
    ("decode", 1, 1),
    ("decode", 16, 1),
    ("prefill", 1, 512),
    ("decode", 64, 1),
    ("prefill", 4, 2048),
    ("decode", 256, 1),
]


def bench(fn: Callable[[], object], budget: float = 0.03, samples: int = 7) -> float:
    """Median seconds of one call of `fn`."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    with torch.cuda.stream(side):
        fn()
        start.record()
        fn()
        end.record()
    torch.cuda.current_stream().wait_stream(side)
    torch.cuda.synchronize()
    inner = max(1, min(50, int(budget / max(1e-6, start.elapsed_time(end) * 1e-3))))
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(inner):
            fn()
    graph.replay()
    times = []
    for _ in range(samples):
        start.record()
        graph.replay()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end) * 1e-3 / inner)
    del graph
    return statistics.median(times)


def randn(*shape: int, dtype: torch.dtype = HALF) -> torch.Tensor:
    """Normal numbers of a size that keeps f16 sums finite."""
    x = torch.randn(*shape, device="cuda", dtype=HALF).mul_(0.05)
    if dtype == torch.int8:
        return torch.randint(-127, 128, shape, device="cuda", dtype=torch.int8)
    return x.to(dtype)


class Linear:
    """A product with a stored weight, in one of three precisions; fp8 and int8 convert their input first."""

    def __init__(self, n: int, k: int, precision: str) -> None:
        self.precision = precision
        stored = {"fp16": HALF, "fp8": torch.float8_e4m3fn, "int8": torch.int8}[precision]
        self.weight = randn(n, k, dtype=stored)
        self.one = torch.ones((), device="cuda", dtype=torch.float32)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        if self.precision == "fp16":
            return F.linear(x, self.weight)
        if self.precision == "fp8":
            out: torch.Tensor = torch._scaled_mm(
                x, self.weight.t(), scale_a=self.one, scale_b=self.one, out_dtype=HALF, use_fast_accum=True
            )
            return out
        return torch._int_mm(x, self.weight.t()).to(HALF)

    def convert(self, x: torch.Tensor) -> torch.Tensor:
        """What the product reads."""
        return x if self.precision == "fp16" else x.to(self.weight.dtype)


class Layer:
    """One decoder layer as the sequence of its operations, each with a name."""

    def __init__(self, shape: dict[str, int], precision: str) -> None:
        self.s = shape
        h, f, d = shape["hidden"], shape["ffn"], shape["head"]
        kv = shape["kv_heads"] * d
        self.qkv = Linear(h + 2 * kv, h, precision)
        self.out = Linear(h, h, precision)
        self.up = Linear(f * (2 if shape["gated"] else 1), h, precision)
        self.down = Linear(h, f, precision)
        self.norm = randn(h)
        self.bias = randn(h)

    def ops(self, phase: str, batch: int, tokens: int) -> list[tuple[str, Callable[[], object]]]:
        """Closures that pass their values on through a dictionary."""
        s, v = self.s, dict[str, Any]()
        h, d, heads, kv = s["hidden"], s["head"], s["heads"], s["kv_heads"]
        rows = batch * tokens
        v["x"] = randn(rows, h)
        length = tokens if phase == "prefill" else CONTEXT
        v["kc"], v["vc"] = randn(batch, kv, length, d), randn(batch, kv, length, d)
        v["cos"], v["sin"] = randn(rows, 1, d), randn(rows, 1, d)

        def norm(src: str, dst: str) -> None:
            if s["gated"]:
                v[dst] = F.rms_norm(v[src], (h,), self.norm, 1e-5)
            else:
                v[dst] = F.layer_norm(v[src], (h,), self.norm, self.bias, 1e-5)

        def convert(name: str, linear: Linear) -> None:
            v[name] = linear.convert(v[name])

        def qkv() -> None:
            v["qkv"] = self.qkv(v["n"])

        def rotary() -> None:
            # Queries and keys are one tensor of heads + kv heads.
            x = v["qkv"][:, : h + kv * d].view(rows, heads + kv, d)
            v["rope"] = x * v["cos"] + torch.cat((-x[..., d // 2 :], x[..., : d // 2]), -1) * v["sin"]

        def split() -> None:
            qk = v["rope"] if s["gated"] else v["qkv"][:, : h + kv * d].view(rows, heads + kv, d)
            qk = qk.view(batch, tokens, heads + kv, d).transpose(1, 2)
            value = v["qkv"][:, h + kv * d :].view(batch, tokens, kv, d).transpose(1, 2)
            v["q"] = qk[:, :heads]
            if phase == "prefill":
                v["k"], v["v"] = qk[:, heads:], value
            else:
                v["kc"][:, :, -1:].copy_(qk[:, heads:])
                v["vc"][:, :, -1:].copy_(value)
                v["k"], v["v"] = v["kc"], v["vc"]

        def attention() -> None:
            with sdpa_kernel([SDPBackend.FLASH_ATTENTION]):
                v["o"] = F.scaled_dot_product_attention(
                    v["q"], v["k"], v["v"], is_causal=phase == "prefill", enable_gqa=kv != heads
                )

        def merge() -> None:
            v["o2"] = v["o"].transpose(1, 2).reshape(rows, h)

        def out() -> None:
            v["p"] = self.out(v["o2"])

        def residual(src: str, dst: str) -> None:
            v[dst] = v["x"] + v[src]

        def up() -> None:
            v["u"] = self.up(v["n"])

        def activate() -> None:
            if s["gated"]:
                v["a"] = F.silu(v["u"][:, : s["ffn"]]) * v["u"][:, s["ffn"] :]
            else:
                v["a"] = F.gelu(v["u"], approximate="tanh")

        def down() -> None:
            v["p"] = self.down(v["a"])

        quantized = self.qkv.precision != "fp16"
        ops: list[tuple[str, Callable[[], object]]] = [("norm1", lambda: norm("x", "n"))]
        if quantized:
            ops.append(("convert1", lambda: convert("n", self.qkv)))
        ops.append(("qkv", qkv))
        if s["gated"]:
            ops.append(("rotary", rotary))
        ops += [("append", split), ("attention", attention), ("merge", merge)]
        if quantized:
            ops.append(("convert2", lambda: convert("o2", self.out)))
        ops += [("out", out), ("residual1", lambda: residual("p", "y")), ("norm2", lambda: norm("y", "n"))]
        if quantized:
            ops.append(("convert3", lambda: convert("n", self.up)))
        ops += [("up", up), ("activate", activate)]
        if quantized:
            ops.append(("convert4", lambda: convert("a", self.down)))
        return [*ops, ("down", down), ("residual2", lambda: residual("p", "z"))]


def microbenchmarks(record: Callable[[str, float, float], None]) -> None:
    """Rates of single kernels. `record` takes a name, seconds, and the bytes or operations in them."""
    big = torch.empty(1 << 31, device="cuda", dtype=torch.uint8)
    other = torch.empty_like(big)
    record("copy 2 GiB, bytes", bench(lambda: other.copy_(big)), 2.0 * big.numel())  # noqa: F821 (deleted only after it ran)
    del big, other
    one = torch.ones(1, device="cuda")
    record("add of 1 element, kernels", bench(lambda: one.add_(1)), 1)
    for log in (16, 20, 22, 24, 26, 29):
        x, y = randn(1 << log), randn(1 << log)
        record(f"add of 2^{log} f16, bytes", bench(lambda x=x, y=y: torch.add(x, y)), 6.0 * (1 << log))
    x, w = randn(1, 8192), randn(65536, 8192)
    record("gemv 65536 x 8192 f16, bytes", bench(lambda: F.linear(x, w)), 2.0 * w.numel())
    del w
    n = 8192
    w = randn(n, n)
    for m in (16, 64, 128, 256, 512, 1024, 2048, 4096, 8192):
        a = randn(m, n)
        record(f"gemm {m} x {n} x {n} fp16, flop", bench(lambda a=a: F.linear(a, w)), 2.0 * m * n * n)
    for k in (1024, 4096, 16384):
        a, b = randn(1408, k), randn(3072, k)
        record(f"gemm 1408 x 3072 x {k} fp16, flop", bench(lambda a=a, b=b: F.linear(a, b)), 2.0 * 1408 * 3072 * k)
    for precision in ("fp8", "int8"):
        linear = Linear(n, n, precision)
        for m in (64, 1024, 8192):
            a = linear.convert(randn(m, n))
            record(f"gemm {m} x {n} x {n} {precision}, flop", bench(lambda a=a, f=linear: f(a)), 2.0 * m * n * n)
    for seq in (512, 2048, 8192):
        q = randn(1, 32, seq, 128)
        with sdpa_kernel([SDPBackend.FLASH_ATTENTION]):
            t = bench(lambda q=q: F.scaled_dot_product_attention(q, q, q, is_causal=True))
        record(f"flash attention causal 32 x {seq} x 128, flop", t, 2.0 * 32 * seq * seq * 128)
    for batch in (1, 32):
        q, k = randn(batch, 32, 1, 128), randn(batch, 32, 4096, 128)
        with sdpa_kernel([SDPBackend.FLASH_ATTENTION]):
            t = bench(lambda q=q, k=k: F.scaled_dot_product_attention(q, k, k))
        record(f"flash decode {batch} x 32 x 4096 x 128 (keys are values), bytes", t, 2.0 * k.numel())
    for rows in (16, 2048):
        x, g = randn(rows, n), randn(n)
        record(f"layer_norm {rows} x {n}, bytes", bench(lambda x=x, g=g: F.layer_norm(x, (n,), g, g)), 4.0 * x.numel())
        record(f"rms_norm {rows} x {n}, bytes", bench(lambda x=x, g=g: F.rms_norm(x, (n,), g)), 4.0 * x.numel())


def clocks() -> str:
    query = "name,clocks.sm,clocks.mem,power.draw,temperature.gpu,driver_version"
    return subprocess.run(
        ["nvidia-smi", f"--query-gpu={query}", "--format=csv,noheader"], capture_output=True, text=True, check=False
    ).stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=150)
    args = parser.parse_args()
    began = time.monotonic()
    torch.manual_seed(1)
    properties = torch.cuda.get_device_properties(0)
    result: dict[str, Any] = {
        "device": properties.name,
        "multiprocessors": properties.multi_processor_count,
        "l2_bytes": properties.L2_cache_size,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "context": CONTEXT,
        "models": MODELS,
        "microbenchmarks": [],
        "layers": [],
        "operations": [],
    }

    def save(where: str, entry: dict[str, Any]) -> None:
        result[where].append(entry)
        args.output.write_text(json.dumps(result, indent=1))
        print(f"{time.monotonic() - began:6.1f}", where, json.dumps(entry), flush=True)

    def late(share: float) -> bool:
        return time.monotonic() - began > share * args.seconds

    def record(name: str, seconds: float, work: float) -> None:
        save("microbenchmarks", {"name": name, "seconds": seconds, "work": work, "rate": work / seconds})

    def attempt(what: str, fn: Callable[[], None]) -> None:
        try:
            fn()
        except Exception as error:  # one point that fails must not cost the others
            print("failed:", what, str(error)[:300], flush=True)
            result.setdefault("failed", []).append({"what": what, "error": str(error)[:300]})

    attempt("microbenchmarks", lambda: microbenchmarks(record))
    result["clocks_after_microbenchmarks"] = clocks()

    def measure(model: str, precision: str, points: list[tuple[str, int, int]], single: bool) -> None:
        gc.collect()
        torch.cuda.empty_cache()
        layer = Layer(MODELS[model], precision)
        for phase, batch, tokens in points:
            if late(1.0):
                return

            def point(phase: str = phase, batch: int = batch, tokens: int = tokens) -> None:
                ops = layer.ops(phase, batch, tokens)
                key = {"model": model, "precision": precision, "phase": phase, "batch": batch, "tokens": tokens}

                def run() -> None:
                    for _, op in ops:
                        op()

                if not single:
                    save("layers", {**key, "seconds": bench(run)})
                    return
                run()
                for name, op in ops:
                    if name.startswith("convert"):
                        continue
                    save("operations", {**key, "name": name, "seconds": bench(op, 0.01, 5)})

            attempt(f"{model} {precision} {phase} {batch} {tokens}", point)
            gc.collect()
            torch.cuda.empty_cache()

    for model in MODELS:
        attempt(model, lambda m=model: measure(m, "fp16", POINTS, False))
    result["clocks_after_fp16"] = clocks()
    for precision in ("fp8", "int8"):
        points = [p for p in POINTS if p[1] * p[2] > 16]
        for model in ("llama2-70b", "opt-175b", "bloom-176b"):
            attempt(model, lambda m=model, p=precision, q=points: measure(m, p, q, False))
    for model in ("llama2-70b", "opt-175b"):
        few = [POINTS[0], POINTS[1], POINTS[4], POINTS[3]]
        attempt(model, lambda m=model, q=few: measure(m, "fp16", q, True))
    assert math.isfinite(sum(entry["seconds"] for entry in result["layers"]))
    args.output.write_text(json.dumps(result, indent=1))
    print("done", f"{time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main()
