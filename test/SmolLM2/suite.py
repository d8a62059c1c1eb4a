"""SmolLM2-135M-Instruct end to end, as scripts/demo --model smollm2 left it under .cache/: `scripts/test --suite smollm2` runs this.

Prints one line for each check and, last, "N passed, N failed".
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".cache" / "smollm2"
ONNX, ARTIFACT = HOME / "onnx" / "model.onnx", HOME / "smollm2.lutra"
PYTHON, LUTRA = ROOT / ".venv" / "bin" / "python", ROOT / ".venv" / "bin" / "lutra"

CHECKS: list[Callable[[], str]] = []


def check(function: Callable[[], str]) -> Callable[[], str]:
    CHECKS.append(function)
    return function


def run(*command: object) -> str:
    """Output of a command; a failure raises with what it said."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=ROOT)
    if done.returncode != 0:
        raise AssertionError((done.stderr or done.stdout).strip())
    return done.stdout


def expect(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(message)


@check
def compile_time_and_memory() -> str:
    """ONNX to artifact under 20 s, and in less than 3 times the memory of the model file."""
    directory = HOME / "compile-check.lutra"
    run("rm", "-rf", directory)
    started = time.perf_counter()
    child = os.spawnv(os.P_NOWAIT, LUTRA, [str(LUTRA), "compile", str(ONNX), str(directory)])
    _, status, usage = os.wait4(child, 0)
    seconds, peak = time.perf_counter() - started, usage.ru_maxrss * 1024
    run("rm", "-rf", directory)
    size = ONNX.stat().st_size + ONNX.with_name("model.onnx.data").stat().st_size
    expect(status == 0, f"lutra compile failed with status {status}")
    expect(seconds < 20, f"took {seconds:.1f} s; expected less than 20")
    expect(peak < 3 * size, f"peak memory {peak / 1e6:.0f} MB; expected less than 3 x {size / 1e6:.0f}")
    return f"{seconds:.1f} s, peak {peak / 1e6:.0f} MB = {peak / size:.2f} x the model"


@check
def legible_english() -> str:
    text = run(LUTRA, "generate", ARTIFACT, "What is the capital of France?", "--max-tokens", 40, "--quiet").strip()
    expect("Paris" in text, f"expected an answer that names Paris, found: {text}")
    return text.splitlines()[0]


@check
def readme_transcript() -> str:
    """What README.md shows is what the command prints."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    match = re.search(
        r'^\$ lutra generate smollm2\.lutra "([^"]+)"\n(.*?)^(?:\$|prefill|```)', readme, re.MULTILINE | re.DOTALL
    )
    expect(match is not None, "README.md has no transcript of `lutra generate`")
    text = run(LUTRA, "generate", ARTIFACT, match.group(1), "--quiet")
    expect(text.strip() == match.group(2).strip(), f"README.md shows another answer than: {text.strip()}")
    return "equal"


@check
def threads_do_not_change_the_text() -> str:
    texts = {
        run(LUTRA, "generate", ARTIFACT, "List three uses of copper.", "--max-tokens", 48, "--quiet", "--threads", n)
        for n in (1, 2)
    }
    expect(len(texts) == 1, f"1 and 2 threads give different texts: {sorted(texts)}")
    return "equal for 1 and 2 threads"


@check
def greedy_tokens_equal_onnxruntime() -> str:
    figures = json.loads(run(PYTHON, "-m", "lutra.eval", "tokens", ONNX, "--json"))
    prompts = figures["prompts"]
    equal = sum(prompt["equal"] for prompt in prompts)
    return f"{equal} of {figures['tokens'] * len(prompts)} tokens equal before the first differences"


@check
def perplexity_with_default_tables() -> str:
    figures = json.loads(run(PYTHON, "-m", "lutra.eval", "perplexity", ONNX, "--json"))
    return (
        f"perplexity {figures['perplexity']:.3f} (onnxruntime {figures['reference_perplexity']:.3f}), "
        f"mean KL {figures['kl_mean']:.2e} over {figures['predicted']} predictions"
    )


@check
def same_bits_on_the_lut_tensor_core() -> str:
    """The whole model on the simulator: not one bit of the logits differs from those of the CPU's lookups."""
    artifacts = [HOME / "smollm2-lut.lutra", HOME / "smollm2-ltc.lutra"]
    run("rm", "-rf", *artifacts)
    return run(PYTHON, Path(__file__).with_name("ltc.py"), ONNX, *artifacts).strip()


def main() -> int:
    failed = 0
    for function in CHECKS:
        name = function.__name__.replace("_", " ")
        try:
            print(f"PASS  {name}: {function()}", flush=True)
        except AssertionError as error:
            failed += 1
            print(f"FAIL  {name}: {error}", flush=True)
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
