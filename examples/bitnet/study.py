"""How likely is held-out text? The twin, the ternary model, and both through Lutra with each kind of table.

    python study.py [--twin DIRECTORY] [--corpus DIRECTORY] [--tokens 4096] [--readme]

measures perplexity on heldout.jsonl in windows of the model's context, each from an empty cache, and writes
results/study.json. `--twin` names the folder of float-0.npz and so on, which train.py --float writes: without it
there are no rows of the twin. `--corpus` adds, for the two reference models, each kind of the whole test set.
`--readme` writes the tables into README.md.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import export
import numpy as np
from lutra import session
from lutra.decoder import Decoder
from lutra.formats import parse as parse_format
from reference import HERE, Reference, Weights
from tokenizers import Tokenizer

RESULTS = HERE / "results" / "study.json"
#: Tables of products whose activations are f32: entries, and what shares a scale.
TABLES = (
    ("f32", "group"),
    ("f16", "group"),
    *((kind, scale) for kind in ("i16", "i8") for scale in ("table", "group", "row")),
)
#: Formats that the twin is rounded to after training.
ROUNDED = tuple(f"uniform(bits={bits}, group=64, zero=integer)" for bits in (4, 3, 2)) + ("ternary(group=64)",)

PARTS = ("tables", "kinds", "targets")
#: The ternary weights with tables whose scales are shared by 64 columns, for activations in f32.
GROUPED = "ternary(group=64, storage=five_in_eight, per=tensor)"


class Model(Protocol):
    def reset(self) -> None: ...

    def feed(self, tokens: Sequence[int]) -> np.ndarray: ...


def read_tokens(path: Path) -> list[int]:
    """All documents of a .jsonl file, each ending in token 0."""
    tokenizer = Tokenizer.from_file(str(HERE / "tokenizer.json"))
    texts = (json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines())
    return [token for text in texts for token in (*tokenizer.encode(text).ids, 0)]


def perplexity(model: Model, tokens: Sequence[int], window: int) -> float:
    """exp of the mean loss of all tokens but none twice; each window begins with the token before it."""
    stream, total = [0, *tokens], 0.0
    for start in range(0, len(tokens), window):
        part = stream[start : start + window + 1]
        model.reset()
        logits = model.feed(part[:-1]).astype(np.float64)
        logits -= logits.max(axis=-1, keepdims=True)
        logits -= np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        total -= logits[np.arange(len(part) - 1), part[1:]].sum()
    return float(np.exp(total / len(tokens)))


def compiled(
    weights: Weights, directory: Path, body: str, activation: str, options: dict[str, str], target: str = "cpu"
) -> Decoder:
    """The model in another format, through Lutra."""
    form = type("Form", (export.LutraForm,), {"body": body, "activation": activation})
    onnx = directory / "model.onnx"
    onnx.write_bytes(export.build(weights.arrays, weights.config, form).SerializeToString())
    artifact = session.compile(onnx, Path(tempfile.mkdtemp(dir=directory)), target, options=options)
    return Decoder(session.Session(artifact), weights.config["context"])


def rounded(weights: Weights, body: str) -> Weights:
    """The float twin with each matrix but the vocabulary rounded to `body`, as floats again."""
    weight = parse_format(body)
    arrays = dict(weights.arrays)
    for name, array in arrays.items():
        if array.ndim == 2 and name != "vocabulary":
            arrays[name] = weight.dequantize(weight.quantize(array.astype(np.float64)), *array.shape).astype(np.float32)
    return Weights(arrays, weights.config)


def rows(ternary: Weights, twin: Weights | None, directory: Path) -> Iterator[tuple[str, str, str, Model]]:
    """(weights, activations, computed by, the model) of each row of the table."""
    shipped = export.LutraForm.body
    if twin is not None:
        yield "f32, the twin", "f32", "numpy", Reference(twin)
    yield "ternary", "int8 a token", "numpy", Reference(ternary)
    for kind in ("i8", "f32"):
        lutra = compiled(ternary, directory, shipped, "int8_per_token", {"table": kind})
        yield "ternary", "int8 a token", f"Lutra, exact tables (table={kind})", lutra
    for kind, scale in TABLES:
        lutra = compiled(ternary, directory, GROUPED, "none", {"table": kind, "table-scale": scale})
        yield "ternary", "f32", f"Lutra, {kind} tables" + (f", scale a {scale}" if kind[0] == "i" else ""), lutra
    if twin is not None:
        for body in ROUNDED:
            yield f"the twin as {body}", "f32", "numpy", Reference(rounded(twin, body))
            yield (
                f"the twin as {body}",
                "f32",
                "Lutra, i8 tables, scale a group",
                compiled(twin, directory, body, "none", {}),
            )


def tables(ternary: Weights, twin: Weights | None, directory: Path, tokens: Sequence[int]) -> list[dict]:
    """Each of `rows` with its perplexity."""
    result = []
    for weights, activations, by, model in rows(ternary, twin, directory):
        start = time.monotonic()
        found = perplexity(model, tokens, ternary.config["context"])
        result.append({"weights": weights, "activations": activations, "by": by, "perplexity": found})
        print(f"{found:9.4f}  {weights}; {activations}; {by}  ({time.monotonic() - start:.0f} s)", flush=True)
    return result


def kinds(corpus: Path, models: dict[str, Weights], most: int) -> dict:
    """Perplexity by kind of text of the whole test set, at most `most` tokens each."""
    result: dict = {}
    arrays = np.load(corpus / "test.npz")
    documents = np.split(arrays["tokens"].astype(int), arrays["starts"][1:])
    kind_of = [
        "descriptions" if s == "debian" else "manuals" if "-doc" in s or s == "manuals" else "books"
        for s in arrays["sources"]
    ]
    for kind in ("descriptions", "manuals", "books"):
        tokens = np.concatenate([d for d, k in zip(documents, kind_of, strict=True) if k == kind])[:most].tolist()
        entry = result[kind] = {"tokens": len(tokens)}
        for name, weights in models.items():
            entry[name] = perplexity(Reference(weights), tokens, weights.config["context"])
            print(f"{kind:14} {name:10} {entry[name]:.3f}", flush=True)
    return result


def targets(ternary: Weights, directory: Path, tokens: Sequence[int]) -> list[dict]:
    """The CPU beside the simulated tensor core, on few tokens: perplexity, and whether logits have the same bits."""
    result = []
    for activation in ("int8_per_token", "none"):
        body = export.LutraForm.body if activation != "none" else GROUPED
        losses, logits = {}, {}
        for target in ("cpu", "ltc"):
            model = compiled(ternary, directory, body, activation, {}, target)
            losses[target] = perplexity(model, tokens, len(tokens))
            model.reset()
            logits[target] = model.feed(tokens)
        same = bool(np.array_equal(logits["cpu"].view(np.int32), logits["ltc"].view(np.int32)))
        result.append({"activation": activation, "tokens": len(tokens), **losses, "same_bits": same})
        print(result[-1], flush=True)
    return result


def markdown(study: dict) -> str:
    """The tables of README.md."""
    least = next(row["perplexity"] for row in study["rows"] if row["activations"] == "int8 a token")
    lines = ["| weights | activations | computed by | perplexity | to the reference |", "|---|---|---|---|---|"]
    for row in study["rows"]:
        ratio = row["perplexity"] / least - 1
        lines.append(
            f"| {row['weights']} | {row['activations']} | {row['by']} | {row['perplexity']:.3f} | {ratio:+.2%} |"
        )
    if by_kind := study.get("kinds"):
        lines += ["", "| test text | tokens | the twin | ternary |", "|---|---|---|---|"]
        for kind, entry in by_kind.items():
            twin = f"{entry['twin']:.2f}" if "twin" in entry else "-"
            lines.append(f"| {kind} | {entry['tokens']:,} | {twin} | {entry['ternary']:.2f} |")
    if found := study.get("targets"):
        lines += ["", "| activations | tokens | CPU | tensor core (simulated) | logits |", "|---|---|---|---|---|"]
        for row in found:
            activations = "f32, i8 tables" if row["activation"] == "none" else "int8 a token"
            bits = "the same bits" if row["same_bits"] else "differ"
            lines.append(f"| {activations} | {row['tokens']} | {row['cpu']:.4f} | {row['ltc']:.4f} | {bits} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--twin", type=Path)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--tokens", type=int, default=4096, help="of heldout.jsonl")
    parser.add_argument("--kind-tokens", type=int, default=20480, help="of each kind of the test set")
    parser.add_argument("--simulated-tokens", type=int, default=64, help="that the tensor core is simulated on")
    parser.add_argument(
        "--parts", nargs="+", choices=PARTS, default=PARTS, help="the others stay as results/study.json has them"
    )
    parser.add_argument("--readme", action="store_true")
    a = parser.parse_args()
    ternary = Weights.from_onnx(HERE / "bitnet.onnx")
    twin = Weights.from_npz(sorted(a.twin.glob("float-*.npz")), HERE / "results" / "float.json") if a.twin else None
    tokens = read_tokens(HERE / "heldout.jsonl")
    study: dict = json.loads(RESULTS.read_text()) if RESULTS.exists() and len(a.parts) < len(PARTS) else {}
    with tempfile.TemporaryDirectory() as directory:
        if "tables" in a.parts:
            study |= {
                "tokens": min(a.tokens, len(tokens)),
                "rows": tables(ternary, twin, Path(directory), tokens[: a.tokens]),
            }
        if "targets" in a.parts:
            study["targets"] = targets(ternary, Path(directory), tokens[: a.simulated_tokens])
    if a.corpus and "kinds" in a.parts:
        models = {"ternary": ternary} | ({"twin": twin} if twin else {})
        study["kinds"] = kinds(a.corpus, models, a.kind_tokens)
    RESULTS.write_text(json.dumps(study, indent=1) + "\n")
    table = markdown(study)
    print("\n" + table)
    if a.readme:
        readme = HERE / "README.md"
        text = readme.read_text(encoding="utf-8")
        readme.write_text(
            re.sub(r"(<!-- study -->\n).*?(<!-- /study -->)", lambda m: f"{m[1]}{table}\n{m[2]}", text, flags=re.S),
            encoding="utf-8",
        )


if __name__ == "__main__":
    main()
