# RUN: %python %s %t
"""Which peers a case has: of each library that is there, its types of the width that the library knows."""

import contextlib
import io
import shutil
import sys
import unittest
from pathlib import Path

from cases import Case
from paths import BenchmarkError
from peers import Peers

FOLDER = Path(sys.argv[1])
#: Stands for a Python with a ggml: knows some types, opens all but one, and says what it was asked.
WORKER = """#!{python}
import json, sys
for line in sys.stdin:
    request = json.loads(line)
    if request["do"] == "types":
        answer = {{"types": ["Q4_K", "Q4_K_R4", "IQ4_KS"], "version": "{version}"}}
    elif request["do"] == "open":
        answer = {{"error": "too small"}} if request["type"] == "IQ4_KS" else {{"bytes": 1, "repacked": request["type"] == "Q4_K"}}
    else:
        answer = {{"ns": request["m"]}}
    print(json.dumps(answer), flush=True)
"""


def python(name: str) -> Path:
    """A stand-in."""
    path = FOLDER / name
    path.write_text(WORKER.format(python=sys.executable, version=name))
    path.chmod(0o755)
    return path


class PeersTest(unittest.TestCase):
    CASE = Case(1, 64, 256, "4", 0, 1)

    def names(self, peers: Peers, case: Case) -> list[str]:
        found = peers.of(case, rotate=False)
        try:
            return [peer.name for peer in found]
        finally:
            Peers.close(found)

    def test_both(self) -> None:
        peers = Peers("", python("llama"), python("ik"))
        self.assertEqual(peers.versions[:2], ["llama", "ik"])
        self.assertEqual(self.names(peers, self.CASE), ["ggml Q4_K", "ik_llama.cpp Q4_K_R4", "ik_llama.cpp IQ4_KS"])
        self.assertEqual(self.names(peers, Case(1, 64, 256, "3", 0, 1)), [])

    def test_a_pattern(self) -> None:
        self.assertEqual(self.names(Peers("_R4$", python("llama"), python("ik")), self.CASE), ["ik_llama.cpp Q4_K_R4"])

    def test_times(self) -> None:
        found = Peers("", python("llama"), python("ik")).of(self.CASE, rotate=True)
        try:
            llama, _, other = found
            llama.open()
            self.assertEqual((llama.name, llama.time(3, 0.1)), ("ggml Q4_K repacked", 3))
            with self.assertRaisesRegex(BenchmarkError, "too small"):
                other.open()
        finally:
            Peers.close(found)

    def test_what_is_not_there(self) -> None:
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            peers = Peers("", python("llama"), FOLDER / "none")
        self.assertIn("without ik_llama.cpp: ", said.getvalue())
        self.assertEqual(self.names(peers, self.CASE), ["ggml Q4_K"])
        with self.assertRaisesRegex(BenchmarkError, "run benchmarks/setup, or give --no-peers"):
            Peers("", FOLDER / "none", FOLDER / "none")


if __name__ == "__main__":
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    unittest.main(argv=sys.argv[:1])
