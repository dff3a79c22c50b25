"""What may skip where. On a person's machine a test may skip because something is not installed; in CI, which installs
all of it, such a skip would hide that nothing was tested."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from typing import TypeVar

import pytest

IN_CI = os.environ.get("CI", "").lower() in ("1", "true")
MISSING = re.compile(r"could not import|is not installed|no Chromium|needs \w+, the original")
NEVER_INSTALLED = re.compile(r"could not import 'openai'")  # a look at a client that is nothing of ours

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def strict(report: Report) -> Report:
    """The report of a test or a module, as a failure where it skipped in CI for want of a package or a program."""
    if IN_CI and report.skipped and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2]
        if MISSING.search(reason) and not NEVER_INSTALLED.search(reason):
            report.outcome = "failed"
            report.longrepr = f"In CI nothing skips for want of a package or a program. {reason}"
    return report


def needs_program(name: str) -> str:
    """The path of a program, which may be one of Python's packages; skips where it is not installed."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found
