"""Several processes on one index on a Qdrant server, here one that speaks its REST API, see ``qdrant_rest``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import addressed
import pytest
import qdrant_rest

from imagefinder import ImageFinder
from imagefinder.client import Client
from imagefinder.errors import ServerError
from imagefinder.index import shared
from imagefinder.store.qdrant import server as connections

PICTURES = Path(__file__).resolve().parents[3] / "examples" / "images"
INDEXING = """
import sys
from imagefinder import ImageFinder
with ImageFinder.open(sys.argv[1], model="fast") as finder:
    finder.add(*sys.argv[2:], workers=1, progress=lambda progress: print(progress.stored, flush=True))
"""
TAGGING = """
import sys
from imagefinder import ImageFinder
with ImageFinder.open(sys.argv[1], create=False) as finder:
    ids = finder.columns(["id"])["id"]
    for n in range(5):
        finder.tag(ids, add=[f"{sys.argv[2]}-{n}"])
    finder.feedback.add({"text": sys.argv[2]}, liked=[ids[0]])
"""


@pytest.fixture(autouse=True)
def _own_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shared, "_folder_of", lambda site: addressed._made(tmp_path / "home" / site.name))


def begin(tmp_path: Path, program: str, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path)}
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def test_a_killed_run_is_taken_up_by_the_next(tmp_path: Path) -> None:
    with qdrant_rest.speaking() as server:
        at = server.address()
        ImageFinder.open(at, model="fast").close()
        writer = begin(tmp_path, INDEXING, at, str(PICTURES / "plants"), str(PICTURES / "food"))
        assert writer.stdout is not None
        told = 0
        for line in writer.stdout:
            told = int(line) if line.strip().isdigit() else told
            if told >= 16:
                writer.send_signal(signal.SIGKILL)
                break
        writer.wait(60)
        writer.stdout.close()
        one = [connections.CATALOGUE]
        held = server.inside.retrieve("imagefinder_shop.documents", one)[0].payload["locks"]["indexing"]["holder"]
        assert held, "the lock outlives its holder, by half a minute"
        server.inside.set_payload("imagefinder_shop.documents", {"locks": {}}, points=one)  # as if that had passed
        with ImageFinder.open(at, create=False) as finder:
            assert len(finder) >= told, "what was said to be stored is there"
            report = finder.add(PICTURES / "plants", PICTURES / "food")
            uris = finder.columns(["uri"])["uri"]
            assert len(uris) == len(set(uris)) == report.total and report.unchanged >= told


def test_two_processes_tag_the_same_images(tmp_path: Path) -> None:
    with qdrant_rest.speaking() as server, ImageFinder.open(server.address(), model="fast") as finder:
        finder.add(PICTURES / "medical")
        writers = [begin(tmp_path / str(n), TAGGING, server.address(), f"w{n}") for n in range(2)]
        for writer in writers:
            writer.communicate(timeout=200)
            assert writer.returncode == 0
        wanted = {f"w{n}-{i}" for n in range(2) for i in range(5)}
        assert all(set(record.tags) == wanted for record in finder.records())
        assert len(finder.feedback.list()) == 2
        assert all(len(finder.records(f"tags = w{n}-4")) == 3 for n in range(2))


def test_a_server_that_is_away_is_no_fault_of_the_request(
    monkeypatch: pytest.MonkeyPatch, serving: Callable[..., AbstractContextManager[str]]
) -> None:
    monkeypatch.setattr(connections, "BACK_S", 0.3)
    with qdrant_rest.speaking(key="s3cret") as server:
        at = server.address(settings="api_key=s3cret")
        with ImageFinder.open(at, model="fast") as finder, serving(finder) as url, Client(url) as client:
            assert len(client) == 0
            server.stop()
            with pytest.raises(ServerError, match="does not answer") as caught:
                client.records()
            assert caught.value.code == "unreachable" and "s3cret" not in str(caught.value)
            server.start()
            assert len(client.records()) == 0
