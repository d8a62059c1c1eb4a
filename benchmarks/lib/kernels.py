"""Times compiled products: every round measures Lutra, then each peer, then the machine's limit."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cases import Case
from figures import Spread
from paths import CACHE, BenchmarkError, driver, library
from peers import Peer, Peers
from products import ROTATED_BYTES, Artifact, prepare
from worker_process import WorkerProcess

_READ_KIBIBYTES = 256 << 10
#: Above this many rows of activations a product computes more than it reads.
_READ_BOUND_ROWS = 1


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure."""

    rounds: int = 7
    #: Of one measurement in a round.
    seconds: float = 0.15

    @property
    def limit_seconds(self) -> float:
        """For one measurement of a limit of the machine."""
        return self.seconds / 3


@dataclass(slots=True)
class Result:
    """A case's figures. `limit` is 10^9 bytes (M = 1) or operations a second of the machine."""

    case: Case
    artifact: Artifact
    ns: Spread
    limit: Spread
    limit_name: str
    peers: dict[str, Spread]

    @property
    def rate(self) -> float:
        """10^9 bytes (M = 1) or operations a second."""
        case = self.case
        work = self.artifact.weight_bytes if case.m <= _READ_BOUND_ROWS else 2 * case.m * case.n * case.k
        return work / self.ns.median

    @property
    def gflops(self) -> float:
        """2 M N K a nanosecond."""
        return 2 * self.case.m * self.case.n * self.case.k / self.ns.median

    def rows(self) -> list[dict[str, object]]:
        """For --json: a row for each peer, or one without."""
        common: dict[str, object] = {
            **self.case.facts,
            "median_ns": self.ns.median,
            "low_ns": self.ns.low,
            "high_ns": self.ns.high,
            "bytes": self.artifact.weight_bytes,
            "gflops": self.gflops,
            "roofline": self.limit.median,
            "roofline_kind": self.limit_name,
            "roofline_fraction": self.rate / self.limit.median,
            "compile_seconds": self.artifact.compile_seconds,
        }
        ratios: list[tuple[str | None, float | None, float | None]] = [
            (name, spread.median, spread.median / self.ns.median) for name, spread in self.peers.items()
        ]
        return [
            {**common, "peer": name, "peer_ns": ns, "ratio_to_peer": ratio}
            for name, ns, ratio in ratios or [(None, None, None)]
        ]


class Bench:
    """Measures cases, one after the other."""

    def __init__(self, effort: Effort, peers: Peers | None, options: Sequence[str], folder: Path = CACHE) -> None:
        self._effort, self._peers, self._options = effort, peers, options
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix="products.", dir=folder))
        self._driver = WorkerProcess(driver(), library())
        self._prepared: tuple[object, Artifact] | None = None

    def close(self) -> None:
        """Ends the driver and removes the compiled products."""
        self._driver.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def measure(self, case: Case) -> Result:
        """The case's figures. Raises BenchmarkError when it does not compile or run."""
        rotate = case.m <= _READ_BOUND_ROWS
        artifact = self._open(case, rotate)
        own: list[float] = []
        limits: list[float] = []
        with self._opened(case, rotate) as peers:
            others: dict[str, list[float]] = {peer.name: [] for peer in peers}
            for round_ in range(-1, self._effort.rounds):  # Round -1 warms up.
                found = self._time(case)
                for peer in peers:
                    self._settle(case)
                    other = peer.time(case.m, self._effort.seconds)
                    if round_ >= 0:
                        others[peer.name].append(other)
                self._settle(case)
                limit, name = self._limit(case)
                if round_ >= 0:
                    own.append(found)
                    limits.append(limit)
        spreads = {name: Spread.of(values) for name, values in others.items()}
        return Result(case, artifact, Spread.of(own), Spread.of(limits), name, spreads)

    def _settle(self, case: Case) -> None:
        """Lets the threads of who was measured go to sleep."""
        if case.threads > 1:
            time.sleep(0.05)

    def _time(self, case: Case) -> float:
        return float(self._driver.ask(f"time product {case.threads} {case.m} {self._effort.seconds}")["ns"])

    def _limit(self, case: Case) -> tuple[float, str]:
        seconds = self._effort.limit_seconds
        if case.m <= _READ_BOUND_ROWS:
            return float(self._driver.ask(f"reads {case.threads} {_READ_KIBIBYTES} {seconds}")["best"]), "read"
        peaks = self._driver.ask(f"peaks {case.threads} {seconds}")
        # Lookups replace multiplications of bytes: those are the measure, by the machine's best instruction for them.
        name = max((name for name in peaks if name.startswith("int8")), key=lambda name: peaks[name], default="fp32")
        return float(peaks[name]), name

    def _open(self, case: Case, rotate: bool) -> Artifact:
        key = (case.weight_key, rotate)
        if self._prepared and self._prepared[0] == key:
            return self._prepared[1]
        if self._prepared:
            self._driver.ask("close product")
            shutil.rmtree(self._prepared[1].folder)
            self._prepared = None
        folder = self._folder / "product"
        shutil.rmtree(folder, ignore_errors=True)  # Of a case that did not compile.
        artifact = prepare(case, folder, self._options, ROTATED_BYTES if rotate else 0)
        self._driver.ask(f"open product {folder} {artifact.copies} {case.n} {case.k}")
        self._prepared = (key, artifact)
        return artifact

    @contextmanager
    def _opened(self, case: Case, rotate: bool) -> Iterator[list[Peer]]:
        candidates = self._peers.of(case, rotate) if self._peers else []
        usable = []
        for peer in candidates:
            try:
                peer.open()
                usable.append(peer)
            except BenchmarkError as error:
                print(f"benchmarks: {case.name}: {peer.name} is left out: {error}", file=sys.stderr)
        try:
            yield usable
        finally:
            Peers.close(candidates)
