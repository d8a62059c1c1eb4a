"""benchmarks/run: kernels and whole models, beside peers and the machine's own limits."""

from __future__ import annotations

import argparse
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import auto
import cases
import cost
import products
from figures import cliffs
from kernels import Bench, Effort
from lutra import native
from lutra.errors import LutraError
from models import Models, names
from overview import overview
from pace import Pace
from paths import PEER_PYTHON, BenchmarkError
from peers import Peers
from report import GEMM_HEADER, GEMV_HEADER, Table, cells, cpu_name, write_json

Rows = list[dict[str, object]]
PARTS = ("gemv", "gemm", "model", "cost", "auto")


def _threads(text: str) -> tuple[int, ...]:
    try:
        counts = tuple(int(word) for word in text.split(","))
    except ValueError:
        counts = ()
    if not counts or min(counts) < 1:
        raise argparse.ArgumentTypeError(f"expected counts such as 1,2, but found '{text}'")
    return counts


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number of seconds, but found '{text}'")
    return seconds


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"'{text}' is no regular expression: {error}") from None
    return text


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser("benchmarks/run", description=__doc__)
    parser.add_argument("--only", choices=PARTS, help="one part; default: all")
    parser.add_argument("--filter", type=_pattern, default="", metavar="REGEX", help="cases whose name has a match")
    parser.add_argument("--threads", type=_threads, default=(1, 2), metavar="N,...", help="default: 1,2")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows")
    parser.add_argument(
        "--resume", action="store_true", help="keep the rows that --json FILE has, and measure the others"
    )
    parser.add_argument(
        "--limit", type=_seconds, metavar="SECONDS", help="begin no case after so long; exit code 3 if some are left"
    )
    parser.add_argument(
        "--overview", action="store_true", help="measure nothing; print the rows of --json FILE as tables"
    )
    parser.add_argument("--plots", type=Path, metavar="FOLDER", help="draw the rows (needs benchmarks/setup)")
    parser.add_argument("--quick", action="store_true", help="3 short rounds instead of 7: for a first look")
    parser.add_argument(
        "--seconds",
        type=_seconds,
        default=Effort().seconds,
        help="of each measurement of a product; default: %(default)s",
    )
    parser.add_argument(
        "--prepare", action="store_true", help="compile the products of all parts but model; measure nothing"
    )
    parser.add_argument("--full", action="store_true", help="every format and group size of every shape")
    parser.add_argument("--seed", type=int, default=1, help="draw other cases of cost; default: %(default)s")
    parser.add_argument("--no-peers", action="store_true", help="Lutra alone")
    parser.add_argument("--peers", type=_pattern, default="", metavar="REGEX", help="only peers whose name has a match")
    parser.add_argument("--target-option", action="append", default=[], metavar="cpu.KEY=VALUE", help="for lutrac")
    parser.add_argument("--list", action="store_true", help="print the names of the cases")
    options = parser.parse_args(arguments)
    for name in ("resume", "overview"):
        if getattr(options, name) and not options.json:
            parser.error(f"--{name} needs --json FILE, whose rows it takes")
    return options


def _prepare(options: argparse.Namespace, part: str, found: Sequence[cases.Case]) -> None:
    fresh = 0
    for case in {case.weight_key + (case.m if case.known_m else None,): case for case in found}.values():
        if part == "cost":
            fresh += cost.keep(case)
        elif part == "auto":
            fresh += cost.keep(case, options.target_option, auto.STRATEGIES)
        else:
            fresh += products.keep(case, options.target_option)
    print(f"{part}: {fresh} products compiled", flush=True)


def _kernels(options: argparse.Namespace, part: str, found: Sequence[cases.Case], rows: Rows, pace: Pace) -> None:
    effort = Effort(3, min(options.seconds, 0.05)) if options.quick else Effort(seconds=options.seconds)
    peers = None if options.no_peers else Peers(options.peers)
    bench = Bench(effort, peers, options.target_option)
    versions = ", ".join([f"lutra {native.version()}", *(peers.versions if peers else [])])
    print(f"\n{part}: {cpu_name()}; {versions}; medians of {effort.rounds} rounds [best, worst]\n")
    failed, measured = 0, 0
    table = Table(GEMV_HEADER if part == "gemv" else GEMM_HEADER, max(len(case.name) for case in found))
    try:
        for case in sorted(found, key=lambda case: (case.weight_key, case.threads, case.m)):
            if not pace.go_on(case.name):
                continue
            measured += 1
            try:
                result = bench.measure(case)
            except BenchmarkError as error:
                # One product that does not compile is no reason to lose the others.
                print(f"benchmarks: {case.name}: {error}", file=sys.stderr)
                failed += 1
                continue
            table.add(cells(result))
            rows += result.rows()
    finally:
        bench.close()
    if measured and failed == measured:
        raise BenchmarkError(f"no case of {part} could be measured")
    sweeps: dict[tuple[object, object], dict[int, float]] = {}
    for row in rows:
        if str(row["name"]).startswith("sweep/"):
            sweeps.setdefault((row["format"], row["threads"]), {})[int(str(row["M"]))] = float(str(row["median_ns"]))
    for (form, threads), times in sweeps.items():
        slower = max(cliffs([times[m] for m in sorted(times)]))
        print(f"sweep of {form}, {threads} thread(s): at most {slower:.1%} slower than more rows are")


def _models(options: argparse.Namespace, rows: Rows, pace: Pace) -> None:
    rounds = 3 if options.quick else 7
    print(f"\nmodel: {cpu_name()}; lutra {native.version()}; medians of {rounds} rounds\n")
    models = Models(rounds, options.no_peers, options.target_option, rows, pace)
    try:
        models.run(options.filter, options.threads)
    finally:
        models.close()


def run(options: argparse.Namespace, rows: Rows, pace: Pace) -> None:
    """Measures what is asked for; adds the rows for --json as they come."""
    parts = [options.only] if options.only else PARTS
    kernels = {"gemv": cases.gemv, "gemm": cases.gemm}
    chosen = {
        "cost": (cases.cost(20 if options.quick else 200, options.seed), cost.run),
        "auto": (cases.open_rows(), auto.run),
    }
    for part in parts:
        if part in kernels:
            found = cases.select(kernels[part](options.threads, options.full), options.filter)
            if options.list:
                print("\n".join(case.name for case in found))
            elif found and options.prepare:
                _prepare(options, part, found)
            elif found:
                _kernels(options, part, found, rows, pace)
            elif options.only:
                raise BenchmarkError(f"no case of {part} matches '{options.filter}': --list prints their names")
        elif part in chosen:
            drawn, measure = chosen[part]
            found = cases.select(drawn, options.filter)
            if options.list:
                print("\n".join(case.name for case in found))
            elif found and options.prepare:
                _prepare(options, part, found)
            elif found:
                print(f"\n{part}: {cpu_name()}; lutra {native.version()}\n")
                measure(found, options.target_option, rows, pace)
            elif options.only:
                raise BenchmarkError(f"no case of {part} matches '{options.filter}': --list prints their names")
        elif part == "model" and options.list:
            print("\n".join(name for name in names(options.threads) if re.search(options.filter, name)))
        elif part == "model" and not options.prepare:
            _models(options, rows, pace)


def _draw(rows: Rows, folder: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "rows.json"
        write_json(file, rows)
        script = Path(__file__).with_name("plots.py")
        if subprocess.run([PEER_PYTHON, script, file, folder], check=False).returncode:
            raise BenchmarkError("the plots could not be drawn")


def main(arguments: Sequence[str]) -> int:
    """Exit code: 0, 1 with a line on stderr, or 3 when --limit left cases."""
    options = parse(arguments)
    try:
        if options.json:
            # Now, not after an hour of measuring.
            options.json.open("a").close()
        if options.plots and not PEER_PYTHON.exists():
            raise BenchmarkError(f"--plots needs '{PEER_PYTHON}': run benchmarks/setup")
        pace = Pace(options.limit)
        rows: Rows = pace.resume(options.json) if options.resume or options.overview else []
        if options.overview:
            print(overview(rows))
            if options.plots and rows:
                _draw(rows, options.plots)
            return 0
        try:
            run(options, rows, pace)
        finally:
            # Also of a run that is ended early: measuring takes long.
            if options.json:
                write_json(options.json, rows)
        if options.plots and rows:
            _draw(rows, options.plots)
        if pace.left:
            print(
                f"benchmarks: {len(pace.left)} cases are left, from {pace.left[0]} on: --resume goes on",
                file=sys.stderr,
            )
            return 3
    except OSError as error:
        print(f"benchmarks: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    except (BenchmarkError, LutraError) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    # Ended from outside, leave as from an error: with what was measured, and without what was compiled.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
    sys.exit(main(sys.argv[1:]))
