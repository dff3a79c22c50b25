"""The command line as a user runs it, for tests."""

from __future__ import annotations

import os
import subprocess
import sys


def run_cli(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``imagefinder`` with these arguments and variables; no run may end in a traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "imagefinder", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=200,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done
