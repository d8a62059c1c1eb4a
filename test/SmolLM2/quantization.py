"""SmolLM2-135M-Instruct quantized at 4, 3 and 2 bits and in ternary: bits/weight, perplexity and tokens/s as a table.

    test/SmolLM2/quantization.py [--only NAME...] [--work-dir DIR]      quantize, compile, perplexity; resumes
    test/SmolLM2/quantization.py --speed                                decode speed of what is there, one thread (a quiet machine)
    test/SmolLM2/quantization.py --table                                the table, and whether gptq and hqq beat rtn

The float model is the GGUF file of scripts/demo --model smollm2 (Q4_1) in f32: 4 bits are what its weights came from. The
output projection stays at 8 bits and the embedding in f32 in every row; bits/weight are those of the other 210 weights, with
their f16 scales and f32 zero points, alphas in f16 and betas in f32, for groups of 64.
Calibration: 32 windows of 256 tokens of examples/bitnet/heldout.jsonl. Perplexity: a chapter of Alice in Wonderland,
its first 1024 tokens in windows of 512, through the compiled model with the default tables.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import shutil
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python"))

import lutra  # noqa: E402
import numpy as np  # noqa: E402
import onnx  # noqa: E402
from lutra.convert import convert_gguf  # noqa: E402
from lutra.decoder import Decoder  # noqa: E402
from lutra.eval import measures  # noqa: E402
from lutra.eval.perplexity import TEXT  # noqa: E402
from lutra.eval.reference import ReferenceModel  # noqa: E402
from lutra.quantization import Budget, Statistics, calibrate, quantize, token_batches  # noqa: E402
from lutra.textmodel import TextModel  # noqa: E402

GGUF = ROOT / ".cache" / "smollm2" / "SmolLM2-135M-Instruct.Q4_1.gguf"
#: Windows of 256 tokens to calibrate with, and tokens that the perplexity is of.
WINDOWS, TOKENS = 32, 1024
#: Of the decode speed: what else runs on a machine disturbs one thread least.
THREADS = 1
HEAD = {"lm_head": "uniform(bits=8, group=64)"}

#: Name -> format, algorithm, budget.
RUNS: dict[str, tuple[str, str, Budget | None]] = {}
for _bits in (4, 3, 2):
    _form = f"uniform(bits={_bits}, group=64, zero=float)"
    RUNS |= {f"{_bits}-bit {algorithm}": (_form, algorithm, None) for algorithm in ("rtn", "hqq", "gptq")}
RUNS |= {f"bcq {_planes} {algorithm}": (f"bcq(planes={_planes}, group=64)", algorithm, None)
         for _planes in (3, 2) for algorithm in ("rtn", "bcq", "gptq")}  # fmt: skip
RUNS |= {f"ternary {algorithm}": ("ternary(group=64)", algorithm, None) for algorithm in ("absmean", "hqq", "gptq")}
RUNS["3.5 bits, budget per layer, gptq"] = ("uniform(bits=3, group=64, zero=float)", "gptq", Budget(3.5, "layer"))
RUNS["3.5 bits, budget per channel, gptq"] = ("uniform(bits=3, group=64, zero=float)", "gptq", Budget(3.5, "channel"))


def folder(name: str) -> str:
    return name.replace(" ", "-").replace(",", "")


@functools.cache
def calibration_tokens(work: Path) -> list[int]:
    """The prose to calibrate with: other text than that of the perplexity."""
    lines = (ROOT / "examples" / "bitnet" / "heldout.jsonl").read_text(encoding="utf-8").splitlines()
    prose = "\n\n".join(str(json.loads(line)["text"]) for line in lines)
    return TextModel.load(work / "float").encode(prose)


def statistics(model: onnx.ModelProto, work: Path) -> dict[str, Statistics]:
    """The gram matrices of the float model's activations; computed once, kept in a file (f32) for later rows and runs."""
    path = work / "float" / "statistics.npz"
    if not path.exists():
        batches = token_batches(model, calibration_tokens(work), window=256, limit=WINDOWS)
        grams = {name: found.gram.astype(np.float32) for name, found in calibrate(model, batches).items()}
        np.savez(path.with_name("partial.npz"), **grams)
        path.with_name("partial.npz").rename(path)
    with np.load(path) as grams:
        return {name: Statistics(grams[name].astype(np.float64), 256 * WINDOWS) for name in grams}


def measure(name: str, work: Path) -> None:
    """Quantizes, compiles and measures one row; its figures go to result.json."""
    home = work / folder(name)
    result_file = home / "result.json"
    if result_file.exists():
        return
    source = work / "float" / "model.onnx"
    text = TextModel.load(source.parent)
    form, algorithm, budget = RUNS[name]
    model = onnx.load(source)
    started = time.perf_counter()
    calibration = statistics(model, work) if algorithm == "gptq" else None
    result = quantize(model, form, algorithm, calibration=calibration, budget=budget, overrides=HEAD, scales="f16")  # type: ignore[arg-type]
    seconds = time.perf_counter() - started
    for beside in ("tokenizer.json", "model.json"):
        home.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source.with_name(beside), home / beside)
    path = result.save(home / "model.onnx")
    layers = [layer for layer in result.report.layers if "lm_head" not in layer.name]
    weights = sum(layer.rows * layer.cols for layer in layers)
    artifact = lutra.compile(path, home / "model.lutra")
    ids = text.encode(TEXT.read_text(encoding="utf-8"))[:TOKENS]
    found = measures.perplexity(Decoder(lutra.Session(artifact), 512), ids)
    path.unlink()
    path.with_name("model.onnx.data").unlink()
    figures = {
        "name": name, "format": form, "algorithm": algorithm, "perplexity": found, "seconds": seconds,
        "bits": sum(layer.bits * layer.rows * layer.cols for layer in layers) / weights,
        "weight_error": float(np.mean([layer.weight_error for layer in layers])),
    }  # fmt: skip
    result_file.write_text(json.dumps(figures))
    print(json.dumps(figures), flush=True)


def speed(work: Path) -> None:
    """Decode steps a second of each format, by one artifact (algorithms do not change it): the median of 48 steps, the best of three."""
    known: set[str] = set()
    for name in RUNS:
        home = work / folder(name)
        if not (home / "result.json").exists():
            continue
        figures = json.loads((home / "result.json").read_text())
        kind = name if RUNS[name][2] else figures["format"]
        if kind in known:
            continue
        known.add(kind)
        decoder = Decoder(lutra.Session(home / "model.lutra", threads=THREADS), 256)
        rounds = []
        for _ in range(3):
            decoder.reset()
            decoder.prefill(list(range(100, 132)))
            times = []
            for _ in range(52):
                started = time.perf_counter()
                decoder.feed([7])
                times.append(time.perf_counter() - started)
            rounds.append(float(np.median(times[4:])))
        figures["tokens_per_second"] = 1 / min(rounds)
        (home / "result.json").write_text(json.dumps(figures))
        print(f"{figures['name']}: {figures['tokens_per_second']:.1f} tokens/s", flush=True)


def table(work: Path) -> int:
    rows = {}
    for name in RUNS:
        if (work / folder(name) / "result.json").exists():
            rows[name] = json.loads((work / folder(name) / "result.json").read_text())
    speeds = {
        row["format"]: row["tokens_per_second"]
        for row in rows.values()
        if "tokens_per_second" in row and "," not in row["name"]
    }
    if (work / "float" / "perplexity.json").exists():
        print(f"float: perplexity {json.loads((work / 'float' / 'perplexity.json').read_text()):.3f}")
    print("| | format | bits/weight | perplexity | tokens/s |\n|---|---|---|---|---|")
    for name, row in rows.items():
        rate = row.get("tokens_per_second", speeds.get(row["format"]) if "," not in name else None)
        print(
            f"| {name} | `{row['format']}` | {row['bits']:.2f} | {_spell(row['perplexity'])} | "
            f"{'-' if rate is None else f'{rate:.0f}'} |"
        )
    failed = 0
    for bits in (3, 2):
        for algorithm in ("hqq", "gptq"):
            one, other = rows.get(f"{bits}-bit {algorithm}"), rows.get(f"{bits}-bit rtn")
            holds = one is not None and other is not None and one["perplexity"] < other["perplexity"]
            failed += not holds
            print(f"{'PASS' if holds else 'FAIL'}  {algorithm} beats rtn at {bits} bits")
    print(f"{4 - failed} passed, {failed} failed")
    return 1 if failed else 0


def _spell(perplexity: float) -> str:
    """Two digits are enough of what says that nothing is left of a model."""
    return f"{perplexity:.2f}" if perplexity < 1e4 else f"{perplexity:.1e}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(RUNS), metavar="NAME")
    parser.add_argument("--work-dir", type=Path, default=ROOT / ".cache" / "quantize")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    work = arguments.work_dir
    if arguments.table:
        return table(work)
    if arguments.speed:
        speed(work)
        return 0
    source = work / "float" / "model.onnx"
    if not source.exists():
        convert_gguf(GGUF, source, select_logits=True, to_float=True)
    if not (work / "float" / "perplexity.json").exists():
        ids = TextModel.load(source.parent).encode(TEXT.read_text(encoding="utf-8"))[:TOKENS]
        found = measures.perplexity(ReferenceModel(source, os.cpu_count() or 1), ids)
        (work / "float" / "perplexity.json").write_text(json.dumps(found))
        print(f"float: perplexity {found:.3f}", flush=True)
    for name in arguments.only or RUNS:
        measure(name, work)
    return table(work)


if __name__ == "__main__":
    sys.exit(main())
