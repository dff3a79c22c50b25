"""The short form of ``benchmarks/load.py``: honest and hostile clients at once. How fast it goes is not looked at."""

from __future__ import annotations

import asyncio
import importlib.util
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_connections import _held, serving, until

from imagefinder import ImageFinder
from imagefinder.types import Limits

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "load.py"
ROUNDS_S = 4.0


def load_module() -> Any:
    spec = importlib.util.spec_from_file_location("load", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["load"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.alone
def test_honest_clients_are_served_among_hostile_ones(
    sample_index: Path, tmp_path: Path, copy_index: Callable[[Path, Path], Path]
) -> None:
    module = load_module()
    limits = Limits(allow_private_addresses=True)
    with (
        ImageFinder.open(copy_index(sample_index, tmp_path / "index"), limits=limits) as finder,
        socket.create_server(("127.0.0.1", 0)) as quiet,  # accepts, and never answers
        serving(finder) as served,
    ):
        records = finder.records()
        pictures = [Path(record.uri).read_bytes() for record in records[:5]]
        nowhere = f"http://127.0.0.1:{quiet.getsockname()[1]}/"
        largest = max(records, key=lambda record: record.bytes).id
        load = module.Load(*served.address, [r.id for r in records], pictures, largest, nowhere, pause_s=0.3, pace=0.05)
        asyncio.run(module.run(load, ROUNDS_S, 6 + len(module.HARM), share=len(module.HARM) / (6 + len(module.HARM))))
        assert not load.faults
        assert set(load.statuses) <= {"200", "201", "202", "503"} and load.statuses["200"] > 0
        until(lambda: not served.open)
        until(lambda: _held(served).bytes == 0)
