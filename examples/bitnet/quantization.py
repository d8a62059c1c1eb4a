"""The model's full-precision twin, quantized by `lutra.quantize`: bits/weight, perplexity and decode speed as a table.

    python quantization.py TWIN LOG.json OUT.json [--only NAME...]     quantizes, compiles, measures; adds to OUT.json
    python quantization.py OUT.json --table                            prints the table; fails unless hqq and gptq beat rtn

TWIN is the folder of the twin's parts (float-*.npz). Calibration: the first 4096 tokens of heldout.jsonl, in windows of 256.
Perplexity: the 6144 tokens behind them, in windows of 512, through compiled code with the default tables. The vocabulary stays in
f32; bits/weight are those of the other 56 matrices, scales and alphas in f16, float zero points and betas in f32.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import export
import lutra
import numpy as np
from lutra.decoder import Decoder
from lutra.eval import measures
from lutra.eval.reference import ReferenceModel
from lutra.quantization import Budget, quantize, token_batches
from lutra.textmodel import TextModel
from reference import Weights

HERE = Path(__file__).resolve().parent
CALIBRATION, TEST = slice(0, 4096), slice(4096, 10240)

#: Name -> format, algorithm, budget.
ROWS: dict[str, tuple[str, str, Budget | None]] = {}
for _bits in (4, 3, 2):
    for _algorithm in ("rtn", "hqq", "gptq"):
        ROWS[f"{_bits} bits, {_algorithm}"] = (f"uniform(bits={_bits}, group=64, zero=float)", _algorithm, None)
for _algorithm in ("absmean", "hqq", "gptq"):
    ROWS[f"ternary, {_algorithm}"] = ("ternary(group=64)", _algorithm, None)
for _algorithm in ("rtn", "bcq", "gptq"):
    ROWS[f"2 planes, {_algorithm}"] = ("bcq(planes=2, group=64)", _algorithm, None)
for _per in ("layer", "channel"):
    ROWS[f"budget 3.5 a {_per}, gptq"] = ("uniform(bits=3, group=64, zero=float)", "gptq", Budget(3.5, _per))


class FloatForm(export.LutraForm):
    """Products and the vocabulary in f32, in standard operators."""

    opsets = ()

    def embed(self, ids: str) -> str:
        self._graph.constant("vocabulary", self._arrays["vocabulary"].astype(np.float32))
        return self._graph.node("Gather", ["vocabulary", ids], "embed", axis=0)

    def product(self, name: str, x: str) -> str:
        weight = self._graph.constant(name, self._arrays[name].astype(np.float32).T)
        return self._graph.node("MatMul", [x, weight], f"{name}.out")

    def head(self, x: str) -> str:
        weight = self._graph.constant("vocabulary.T", self._arrays["vocabulary"].astype(np.float32).T)
        return self._graph.node("MatMul", [x, weight], "head", ["logits"])


def decode_speed(artifact: Path) -> float:
    """Tokens a second of single steps behind a short prompt, the median of 48."""
    decoder = Decoder(lutra.Session(artifact), 128)
    decoder.prefill(list(range(100, 132)))
    times = []
    for _ in range(48):
        started = time.perf_counter()
        decoder.feed([7])
        times.append(time.perf_counter() - started)
    return 1 / float(np.median(times))


def measure(twin: Path, log: Path, out: Path, names: list[str]) -> None:
    weights = Weights.from_npz(sorted(twin.glob("float-*.npz")), log)
    model = export.build(weights.arrays, weights.config, FloatForm)
    text = TextModel.load(HERE)
    prose = (json.loads(line)["text"] for line in (HERE / "heldout.jsonl").read_text(encoding="utf-8").splitlines())
    tokens = [token for part in prose for token in (*text.tokenizer.encode(part), 0)]
    rows = json.loads(out.read_text()) if out.exists() else {}
    calibration = token_batches(model, tokens[CALIBRATION])
    with tempfile.TemporaryDirectory() as folder:
        if "f32" not in rows:
            path = Path(folder) / "float.onnx"
            path.write_bytes(model.SerializeToString())
            rows["f32"] = {"perplexity": measures.perplexity(ReferenceModel(path), tokens[TEST])}
        for name in names:
            if name in rows:
                continue
            form, algorithm, budget = ROWS[name]
            started = time.perf_counter()
            result = quantize(
                model, form, algorithm, calibration=calibration if algorithm == "gptq" else None,  # type: ignore[arg-type]
                budget=budget, overrides={"^head$": None}, scales="f16",
            )  # fmt: skip
            seconds = time.perf_counter() - started
            artifact = lutra.compile(result.save(Path(folder) / "low.onnx"), Path(folder) / "low.lutra")
            rows[name] = {
                "format": form, "bits": result.report.bits_per_weight, "seconds": seconds,
                "perplexity": measures.perplexity(Decoder(lutra.Session(artifact), 512), tokens[TEST]),
                "weight_error": float(np.mean([layer.weight_error for layer in result.report.layers])),
            }  # fmt: skip
            out.write_text(json.dumps(rows, indent=1) + "\n")
            print(
                f"{name}: {rows[name]['bits']:.3f} bits/weight, perplexity {rows[name]['perplexity']:.3f}", flush=True
            )


def speeds(twin: Path, log: Path, out: Path) -> None:
    """Adds the speed of each format (on a quiet machine); the algorithm does not change it."""
    weights = Weights.from_npz(sorted(twin.glob("float-*.npz")), log)
    model = export.build(weights.arrays, weights.config, FloatForm)
    rows = json.loads(out.read_text())
    known: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, row in rows.items():
            if name == "f32" or "budget" in name:
                continue
            if row["format"] not in known:
                low = quantize(model, row["format"], overrides={"^head$": None}, scales="f16")
                artifact = lutra.compile(low.save(Path(folder) / "low.onnx"), Path(folder) / "low.lutra")
                known[row["format"]] = decode_speed(artifact)
            row["tokens_per_second"] = known[row["format"]]
    out.write_text(json.dumps(rows, indent=1) + "\n")


def table(out: Path) -> int:
    rows = json.loads(out.read_text())
    print(f"f32: perplexity {rows['f32']['perplexity']:.3f}\n")
    print("| | format | bits/weight | perplexity | tokens/s |\n|---|---|---|---|---|")
    for name in ROWS:
        if row := rows.get(name):
            rate = f"{row['tokens_per_second']:.0f}" if "tokens_per_second" in row else "-"
            print(f"| {name} | `{row['format']}` | {row['bits']:.2f} | {row['perplexity']:.3f} | {rate} |")
    failed = 0
    for bits in (3, 2):
        for algorithm in ("hqq", "gptq"):
            pair = rows.get(f"{bits} bits, {algorithm}"), rows.get(f"{bits} bits, rtn")
            holds = None not in pair and pair[0]["perplexity"] < pair[1]["perplexity"]
            failed += not holds
            print(f"{'PASS' if holds else 'FAIL'}  {algorithm} beats rtn at {bits} bits")
    print(f"{4 - failed} passed, {failed} failed")
    return 1 if failed else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    parser.add_argument("--only", nargs="+", choices=list(ROWS), default=list(ROWS), metavar="NAME")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--table", action="store_true")
    a = parser.parse_args()
    if a.table:
        return table(a.paths[-1])
    if a.speed:
        speeds(*a.paths)
    else:
        measure(*a.paths, a.only)
    return table(a.paths[-1])


if __name__ == "__main__":
    sys.exit(main())
