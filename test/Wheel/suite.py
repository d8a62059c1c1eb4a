"""The wheel: built, looked into, installed in a fresh environment, and used there; `scripts/test --suite wheel` runs this.

    suite.py [--prebuilt FOLDER] [--work-dir DIR] [--wheel FILE]

Without --prebuilt the wheel is built by `pip wheel .`, which compiles everything; --prebuilt takes libLutraC.so and lutrac from what
scripts/build made; --wheel tests one that is there. Needs PyPI for numpy and for what the build uses. The code under test runs with LLVM
and this source tree hidden, where the machine allows that (as root): what works then is what the wheel brings.
Prints a line for each check and, last, "N passed, N failed".
"""

from __future__ import annotations

import argparse
import ctypes
import os
import re
import shutil
import subprocess
import sys
import time
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LLVM = Path("/usr/lib/llvm-22")
#: What a wheel may need of a system: the C and C++ runtimes (as in Python's manylinux policies).
SYSTEM = re.compile(r"^(ld-linux.*|lib(c|m|dl|rt|pthread|stdc\+\+|gcc_s)\.so\.\d+)$")
_UNSHARE = 0x00020000  # CLONE_NEWNS of sched.h


class Wheel:
    """A built wheel and the places where it is looked into and used."""

    def __init__(self, path: Path, work: Path) -> None:
        self.path, self.unpacked, self.env, self.model = path, work / "unpacked", work / "env", work / "model"
        for folder in (self.unpacked, self.env, self.model):
            shutil.rmtree(folder, ignore_errors=True)
        with zipfile.ZipFile(path) as archive:
            archive.extractall(self.unpacked)
        self.hidden = _can_hide()

    def files(self) -> list[Path]:
        """Every ELF file in the wheel."""
        found = (file for file in self.unpacked.rglob("*") if file.is_file())
        return sorted(file for file in found if file.open("rb").read(4) == b"\x7fELF")

    def python(self, code: str) -> str:
        """What Python code prints in the environment, started from the folder with the model."""
        return self.run("python", "-c", code)

    def run(self, command: str, *arguments: object) -> str:
        """What a command of the environment prints; LLVM and the source tree are hidden from it."""
        environment = {
            "PATH": f"{self.env}/bin:/usr/bin:/bin", "HOME": str(self.model), "LUTRA_CACHE_DIR": str(self.model / "cache"),
        }  # fmt: skip
        done = subprocess.run(
            [str(self.env / "bin" / command), *map(str, arguments)], cwd=self.model, env=environment, capture_output=True,
            text=True, check=False, preexec_fn=_hide if self.hidden else None,
        )  # fmt: skip
        expect(done.returncode == 0, (done.stderr or done.stdout).strip())
        return done.stdout


CHECKS: list[Callable[[Wheel], str]] = []


def check(function: Callable[[Wheel], str]) -> Callable[[Wheel], str]:
    CHECKS.append(function)
    return function


def expect(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(message)


def _mount() -> ctypes.CDLL:
    """In a name space of its own, puts empty folders over LLVM and the tree's package and build. Raises OSError if it may not."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_UNSHARE) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    private = 1 << 18 | 1 << 14  # MS_PRIVATE | MS_REC: nothing of this is seen outside
    if libc.mount(b"none", b"/", None, private, None) != 0:
        raise OSError(ctypes.get_errno(), "mount")
    for folder in (
        LLVM,
        ROOT / "python",
        ROOT / "build" / "lib",
        ROOT / "build" / "bin",
        *Path("/usr/lib").glob("*-linux-gnu/libLLVM*"),
    ):
        if folder.is_dir() and libc.mount(b"none", os.fsencode(folder), b"tmpfs", 0, None) != 0:
            raise OSError(ctypes.get_errno(), "mount")
        if folder.is_file() and libc.mount(b"/dev/null", os.fsencode(folder), None, 1 << 12, None) != 0:
            raise OSError(ctypes.get_errno(), "mount")
    return libc


def _hide() -> None:
    _mount()


def _can_hide() -> bool:
    child = os.fork()
    if child == 0:
        try:
            _mount()
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


@check
def it_needs_only_the_c_and_cpp_runtimes(wheel: Wheel) -> str:
    """Every library that a file of the wheel names lies in the wheel, or belongs to every system."""
    files = wheel.files()
    inside, versions, needs = {file.name for file in files}, {}, set()
    for file in files:
        text = subprocess.run(
            [LLVM / "bin" / "llvm-readelf", "--dynamic", "--version-info", file],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for name in re.findall(r"\(NEEDED\)\s+Shared library: \[(.*?)\]", text):
            expect(
                name in inside or SYSTEM.match(name) is not None, f"{file.name} needs {name}, which the wheel has not"
            )
            needs |= {name} - inside
        for what, version in re.findall(r"\b(GLIBC|GLIBCXX|CXXABI|GCC)_(\d[\d.]*)", text):
            versions[what] = max(versions.get(what, (0,)), tuple(int(part) for part in version.split(".") if part))
    spelled = ", ".join(f"{what} {'.'.join(map(str, version))}" for what, version in sorted(versions.items()))
    return f"{len(files)} ELF files; of the system: {', '.join(sorted(needs))}; at least {spelled}"


@check
def it_installs_with_numpy_alone(wheel: Wheel) -> str:
    venv.create(wheel.env, with_pip=True)
    pip = [str(wheel.env / "bin" / "pip"), "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "-q", str(wheel.path)], check=True, capture_output=True, text=True)
    listed = subprocess.run([*pip, "list", "--format=freeze"], check=True, capture_output=True, text=True).stdout
    names = {line.partition("==")[0] for line in listed.splitlines()} - {"pip", "setuptools"}
    expect(names == {"lutra", "numpy"}, f"expected lutra and numpy to be installed, found {', '.join(sorted(names))}")
    shutil.copytree(
        ROOT / "examples" / "bitnet", wheel.model, ignore=shutil.ignore_patterns("*.py", "results", "*.jsonl")
    )
    return "LLVM and the source tree are hidden from what follows" if wheel.hidden else "LLVM stays visible (not root)"


@check
def the_command_is_there(wheel: Wheel) -> str:
    return wheel.run("lutra", "--version").strip()


@check
def five_lines_of_the_readme_print_text(wheel: Wheel) -> str:
    """The block of README.md that makes text, as it stands there, on the model that it names."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = [
        block
        for block in re.findall(r"^```python\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
        if "Generator" in block
    ]
    expect(len(blocks) == 1, f"README.md has {len(blocks)} blocks of Python with a Generator; expected one")
    lines = [line for line in blocks[0].splitlines() if line.strip()]
    expect(len(lines) <= 5, f"the block has {len(lines)} lines; expected 5 at most")
    text = wheel.python(blocks[0].replace("examples/bitnet/", ""))
    expect(len(text.split()) >= 8, f"expected text, found: {text!r}")
    return f"{len(lines)} lines: {' '.join(text.split())[:90]!r}"


@check
def a_session_runs_from_the_cache(wheel: Wheel) -> str:
    """The second session of one model compiles nothing."""
    return wheel.python(
        "import lutra, numpy, time\n"
        "for _ in range(2):\n"
        "    start = time.perf_counter()\n"
        "    session = lutra.InferenceSession('bitnet.onnx')\n"
        "    print('compiled' if session.compiled else 'from the cache', f'{time.perf_counter() - start:.1f} s', end='; ')\n"
        "assert not session.compiled\n"
        "print(len(session.get_inputs()), 'inputs')"
    ).strip()


@check
def lutrac_comes_with_it(wheel: Wheel) -> str:
    package = next(wheel.env.glob("lib/python*/site-packages/lutra"))
    expect(os.access(package / "bin" / "lutrac", os.X_OK), "lutra/bin/lutrac is missing, or cannot be executed")
    found = wheel.python("from lutra import native; print(native.lutrac())").strip()
    expect(Path(found) == package / "bin" / "lutrac", f"lutra finds {found}, not its own lutrac")
    done = wheel.python(
        "import subprocess; from lutra import native; print(subprocess.check_output([native.lutrac(), '--version'], text=True))"
    )
    return done.strip().splitlines()[0]


@check
def what_an_extra_brings_is_named(wheel: Wheel) -> str:
    """A command that needs more than numpy says what."""
    code = "import lutra\ntry:\n    lutra.quantize('bitnet.onnx', 'ternary(group=64)')\nexcept (lutra.LutraError, ModuleNotFoundError) as e:\n    print(e)"
    message = wheel.python(code).strip()
    expect("pip install 'lutra[quantize]'" in message, f"expected the extra to be named, found: {message}")
    metadata = next(wheel.unpacked.glob("lutra-*.dist-info/METADATA")).read_text(encoding="utf-8")
    extras = re.findall(r"^Provides-Extra: (\S+)$", metadata, re.MULTILINE)
    expect({"convert", "quantize", "eval", "plot"} <= set(extras), f"the extras are {', '.join(extras)}")
    return f"{message}; extras {', '.join(extras)}"


def build(work: Path, prebuilt: Path | None) -> Path:
    """The wheel that pip makes of the tree."""
    out = work / "dist"
    shutil.rmtree(out, ignore_errors=True)
    command = [
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "wheel",
        "--no-deps",
        "-w",
        str(out),
        str(ROOT),
    ]
    if prebuilt is not None:
        command += [f"--config-settings=cmake.define.LUTRA_PREBUILT={prebuilt.resolve()}"]
    kept = work.resolve() / ("build" if prebuilt is None else "prebuilt")
    done = subprocess.run(
        [*command, f"--config-settings=build-dir={kept}"], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"pip wheel failed:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    (wheel,) = out.glob("lutra-*.whl")
    return wheel


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prebuilt", type=Path, metavar="FOLDER")
    parser.add_argument("--wheel", type=Path, metavar="FILE")
    parser.add_argument("--work-dir", type=Path, default=ROOT / "build" / "wheel")
    arguments = parser.parse_args()
    arguments.work_dir.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    path = arguments.wheel or build(arguments.work_dir, arguments.prebuilt)
    print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB, {time.perf_counter() - started:.0f} s", flush=True)
    wheel, failed = Wheel(path, arguments.work_dir), 0
    for function in CHECKS:
        name = function.__name__.replace("_", " ")
        try:
            print(f"PASS  {name}: {function(wheel)}", flush=True)
        except (AssertionError, OSError, subprocess.CalledProcessError) as error:
            failed += 1
            print(f"FAIL  {name}: {error}", flush=True)
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
