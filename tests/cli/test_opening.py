"""How a command opens its index."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from command import run_cli

from imagefinder import ImageFinder
from imagefinder.cli.common import open_finder
from imagefinder.errors import NotFoundError
from imagefinder.index.lock import IndexLock

PICTURES = Path(__file__).resolve().parents[2] / "examples" / "images" / "animals"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders whose lock was taken, each time."""
    taken: list[Path] = []
    acquire = IndexLock.acquire

    def note(lock: IndexLock, *args: Any, **options: Any) -> IndexLock:
        taken.append(lock._folder)
        return acquire(lock, *args, **options)

    monkeypatch.setattr(IndexLock, "acquire", note)
    return taken


def test_an_index_is_opened_once_with_a_model_or_without(tmp_path: Path, opened: list[Path]) -> None:
    home = tmp_path / "index"
    assert run_cli("index", PICTURES, "--index", home, "--model", "fast").returncode == 0
    assert opened == [home]
    with open_finder(home, new_model="default") as finder:
        assert finder.models == [finder.model_spec("fast").name]
        assert finder.embedder.spec.name == finder.model_spec("fast").name
    assert opened == [home] * 2
    (tmp_path / "empty").mkdir()
    with open_finder(tmp_path / "empty", create=True) as finder:
        assert finder.models == []
    with open_finder(tmp_path / "empty", new_model="fast") as finder:
        finder.add(PICTURES / "bear.jpg")
        assert finder.models == [finder.model_spec("fast").name]
    assert opened[2:] == [tmp_path / "empty"] * 2


def test_a_wrong_model_leaves_no_index_behind(tmp_path: Path, opened: list[Path]) -> None:
    home = tmp_path / "index"
    ran = run_cli("index", PICTURES, "--index", home, "--model", "nonsense")
    assert ran.returncode == 3 and "nonsense" in ran.stderr
    for wrong in ("nonsense", f"onnx:{tmp_path / 'none.onnx'}"):
        with pytest.raises(NotFoundError):
            open_finder(home, create=True, new_model=wrong)
        with pytest.raises(NotFoundError):
            ImageFinder.open(home, model=wrong)
        assert not home.exists()
    assert opened == []
