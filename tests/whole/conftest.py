"""An index with everything in it, to be copied and backed up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import rich
from files import made_once


@pytest.fixture(scope="session")
def rich_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Never changed nor opened: tests copy it."""
    return made_once(tmp_path_factory, "rich", rich.make) / "index"


@pytest.fixture
def index(rich_index: Path, tmp_path: Path, copy_index: Callable[[Path, Path], Path]) -> Path:
    return copy_index(rich_index, tmp_path / "index")


@pytest.fixture(autouse=True)
def _own_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What belongs to an index at an address lies in the folder of the test, also for processes that it starts."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
