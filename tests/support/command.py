"""The command line as a user runs it, for tests: in this process, or in one of its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import warnings
from contextlib import redirect_stderr, redirect_stdout
from unittest import mock

TIMEOUT_S = 200


def run_cli(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``imagefinder`` with these arguments and variables in this process, which saves its start; no run may end in
    a traceback. Warnings are errors here, as in every test. For what belongs to a process (signals, pipes, locks
    between processes, variables that a package reads when it is imported) there is ``run_process``."""
    from imagefinder.cli import main
    from imagefinder.models import providers, text

    words = [str(argument) for argument in arguments]
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with (
        mock.patch.dict(os.environ, environment),
        mock.patch.object(sys, "argv", ["imagefinder", *words]),
        mock.patch.object(providers, "_preferred", [providers.AUTO]),
        mock.patch.object(text, "_asked_once", [False]),
        warnings.catch_warnings(),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code
    assert isinstance(code, int), f"main() left without an exit code: {code!r}"
    return _checked(subprocess.CompletedProcess(["imagefinder", *words], code, _text(out), _text(err)))


def run_process(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """The same in a process of its own, as from a shell."""
    done = subprocess.run(
        [sys.executable, "-m", "imagefinder", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=TIMEOUT_S,
    )
    return _checked(done)


def _text(stream: io.TextIOWrapper) -> str:
    """What was written, with line ends as ``text=True`` gives them."""
    stream.flush()
    written = stream.buffer
    assert isinstance(written, io.BytesIO)
    return written.getvalue().decode("utf-8").replace("\r\n", "\n")


def _checked(done: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    assert "Traceback" not in done.stderr, done.stderr
    return done
