"""What the command line sets up for a short life."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command import run_cli

from imagefinder.models import text
from imagefinder.models.registry import load_model
from imagefinder.models.text import TextTower

SHOWN = (
    "import os, sys; from imagefinder.cli import main; sys.argv = ['imagefinder', '--version']\n"
    "try: main()\nfinally: print(os.environ['OPENBLAS_THREAD_TIMEOUT'])"
)


@pytest.mark.parametrize(("given", "found"), [({}, "16"), ({"OPENBLAS_THREAD_TIMEOUT": "20"}, "20")])
def test_threads_of_the_blas_do_not_wait_in_busy_loops_unless_told_to(given: dict[str, str], found: str) -> None:
    plain = {name: value for name, value in os.environ.items() if name != "OPENBLAS_THREAD_TIMEOUT"}
    done = subprocess.run([sys.executable, "-c", SHOWN], env=plain | given, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == found


def test_a_tower_that_is_asked_once_gives_the_same_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = load_model().spec.tower
    assert folder is not None
    texts = ["red car", "a dog in the grass", "sunset over the old town"]
    usual = TextTower(folder).embed(texts)
    monkeypatch.setattr(text, "_asked_once", [False])
    text.ask_once()
    assert TextTower(folder).embed(texts) == pytest.approx(usual, abs=1e-6)


def test_a_search_of_the_command_line_asks_once(
    sample_index: Path, copy_index: Callable[[Path, Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = copy_index(sample_index, tmp_path / "index")
    asked: list[bool] = []
    before = TextTower.embed

    def embed(self: TextTower, texts: list[str]):  # type: ignore[no-untyped-def]
        asked.append(text._asked_once[0])
        return before(self, texts)

    monkeypatch.setattr(TextTower, "embed", embed)
    monkeypatch.setattr(text, "_asked_once", [False])
    assert run_cli("search", "dog", "--index", place).returncode == 0
    assert asked == [True] and text._asked_once == [False]
