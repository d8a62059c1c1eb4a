"""Holds the numbers of `lutra-sim reproduce --json` to the bounds of docs/spec/tile-model.md."""

import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    figures = json.load(file)
assert all(set(f) == {"figure", "entry", "unit", "ours", "paper", "error"} for f in figures)

table1 = [f for f in figures if f["figure"] == "Table 1"]
beyond = {f["entry"] for f in table1 if abs(f["error"]) > 0.15}
assert not beyond, beyond
errors = [abs(f["error"]) for f in table1]
assert len(errors) == 36 and sum(errors) / len(errors) < 0.08, sum(errors) / len(errors)

table2 = [f for f in figures if f["figure"] == "Table 2" and f["entry"].endswith("density")]
assert len(table2) == 4 and all(abs(f["error"]) < 0.10 for f in table2)

fused = [f["ours"] for f in figures if f["figure"] == "Table 4" and "fused" in f["entry"]]
assert len(fused) == 2 and max(fused) < 3, fused

shape = [f["ours"] for f in figures if f["figure"] == "Fig. 14"]
assert shape == [2, 64, 4], shape
assert [f["ours"] for f in figures if f["entry"].startswith("best k")] == [4, 4]
assert [f["ours"] for f in figures if f["figure"] == "Fig. 13"] == [6]
