"""Runs a `lutra` command within the test."""

from __future__ import annotations

import contextlib
import io

from lutra import cli


def run(*arguments: object) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `lutra ARGUMENTS`."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as exit_:
            code = int(exit_.code or 0)
    return code, out.getvalue(), err.getvalue()
