"""The table of the kinds of jobs: a row is all that a new kind needs, and the page and the client agree with it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, get_args

import pytest

import imagefinder.client
import imagefinder.server
from imagefinder import ImageFinder
from imagefinder.client import Client
from imagefinder.errors import InvalidInputError
from imagefinder.server.app import create_app
from imagefinder.server.hub import Changed, Hub
from imagefinder.server.jobs.job import kept_jobs
from imagefinder.server.jobs.kinds import JOBS, JobKind, title_of
from imagefinder.server.jobs.task import Task
from imagefinder.server.requests import Body

SCRIPTS = Path(imagefinder.server.__file__).parent / "page" / "js"
CLIENT = Path(imagefinder.client.__file__).parent
CALLED = r'(?:startJob\(|latestJob\(\w+, |\b(?:job|data)\.kind === )"([\w-]+)"'
NAMED = re.compile(CALLED + r'|\{ kind: "([\w-]+)", icon')  # the second: what the library page offers to start


class CountOptions(Body):
    up_to: int = 3
    ids: tuple[str, ...] = ()


def count(task: Task, *, up_to: int = 3, ids: tuple[str, ...] = ()) -> dict[str, int]:
    for i in range(up_to):
        task.step("counting", i, up_to)
    return {"images": len(task.finder), "counted": up_to}


@pytest.fixture
def served(
    sample_index: Path,
    tmp_path: Path,
    copy_index: Callable[[Path, Path], Path],
    serving: Callable[..., AbstractContextManager[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[ImageFinder, Client]]:
    """A server and its client, with one more kind of job."""
    row = JobKind(lambda given: f"Counting to {given['up_to']}", CountOptions, count, ("maps",), hidden=("ids",))
    monkeypatch.setitem(JOBS, "count", row)
    home = copy_index(sample_index, tmp_path / "index")
    with ImageFinder.open(home) as finder, serving(finder) as url, Client(url) as client:
        yield finder, client


def test_a_row_is_a_new_kind(served: tuple[ImageFinder, Client], monkeypatch: pytest.MonkeyPatch) -> None:
    finder, client = served
    told: list[Any] = []
    monkeypatch.setattr(Hub, "publish", lambda self, event, data: told.append((event, data)))
    job = client.run_job("count", up_to=5, ids=["a"])
    assert job.result == {"images": len(finder), "counted": 5}
    assert job.title == "Counting to 5" and job.options == {"up_to": 5}
    assert [j.id for j in client.jobs("count")] == [job.id]
    assert ("changed", {"what": ["maps"]}) in told
    with pytest.raises(InvalidInputError, match="downwards"):
        client.run_job("count", downwards=True)


def test_the_second_of_its_like_tells_when_it_will_end(
    served: tuple[ImageFinder, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    finder, client = served
    notes = Path(finder._collection.index.path) / "jobs"
    told: list[Any] = []
    monkeypatch.setattr(Hub, "publish", lambda self, event, data: told.append(data) if event == "job" else None)

    def said(**options: Any) -> set[bool]:
        told.clear()
        job = client.run_job("map", method="pca", **options)
        end = time.monotonic() + 60
        while (note := json.loads((notes / f"{job.id}.json").read_text("utf-8")))["state"] != "done":
            assert time.monotonic() < end, note
            time.sleep(0.01)
        assert note["run"]["images"] == len(finder) and "laying out" in note["run"]["stages"], note
        return {data["run_eta_s"] is not None for data in told}

    assert said() == {False}
    assert said() == {False, True}, "while it waits and at its end nothing is left to be told"
    assert said(seed=3) == {False}
    kept = kept_jobs(notes, 10, title_of)
    assert [job.run is not None and job.run.images for job in kept] == 3 * [len(finder)]


def test_a_row_is_described(served: tuple[ImageFinder, Client]) -> None:
    described = create_app(served[0]).openapi()
    assert described["components"]["schemas"]["JobRequest"]["properties"]["kind"]["enum"] == [*JOBS]
    (kind,) = (p for p in described["paths"]["/v1/jobs"]["get"]["parameters"] if p["name"] == "kind")
    assert {"enum": [*JOBS], "type": "string"} in kind["schema"]["anyOf"]


def test_a_kind_there_is_not_is_refused(served: tuple[ImageFinder, Client]) -> None:
    with pytest.raises(InvalidInputError, match=r"'dance'.*index, cluster"):
        served[1].run_job("dance")


def test_every_kind_has_a_title_for_people() -> None:
    titles = {title_of(kind, {"what": "words"}) for kind in JOBS}
    assert len(titles) == len(JOBS) and all(re.fullmatch(r"[A-Z][a-z].+", title) for title in titles)
    assert title_of("a kind of an older version", {}) == "a kind of an older version"


def test_the_page_knows_no_kinds_but_those() -> None:
    code = "\n".join(path.read_text("utf-8") for path in SCRIPTS.rglob("*.js"))
    named = {"".join(found) for found in NAMED.findall(code)}
    assert {"index", "cluster", "choose-k", "map", "duplicates", "outliers", "quality", "read", "train"} <= named
    assert named <= set(JOBS)


def test_the_page_listens_to_nothing_but_what_changes() -> None:
    code = "\n".join(path.read_text("utf-8") for path in SCRIPTS.rglob("*.js"))
    heard = {
        name for names in re.findall(r"onChanged\(\s*\[([^\]]*)\]", code) for name in re.findall(r'"(\w+)"', names)
    }
    assert heard == set(get_args(Changed))
    assert {what for row in JOBS.values() for what in row.changes} == set(get_args(Changed))


def test_the_client_starts_no_kinds_but_those() -> None:
    code = "\n".join(path.read_text("utf-8") for path in CLIENT.glob("*.py"))
    assert set(re.findall(r'_jobs\.run\("([\w-]+)"', code)) <= set(JOBS)
