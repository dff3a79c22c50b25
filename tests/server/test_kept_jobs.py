"""The notes of jobs that earlier servers left: whatever is in them, the list is shown, and each can be taken out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import odd
import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings

from imagefinder import ImageFinder
from imagefinder.client.jobs import Job
from imagefinder.server.app import create_app
from imagefinder.server.jobs.job import kept_jobs
from imagefinder.server.jobs.kinds import title_of

NOTE: dict[str, Any] = {
    "id": "20260101-000000-aaaaaaaa", "kind": "cluster", "title": "Grouping", "options": {"n_clusters": 3},
    "state": "done", "stage": "describing", "done": 1, "total": 2, "eta_s": None,
    "created": "2026-01-01T00:00:00.000+00:00",
    "started": "2026-01-01T00:00:00.000+00:00", "finished": "2026-01-01T00:00:01.000+00:00", "seconds": 1.0,
    "error": {"code": "x", "message": "y", "remedy": "z"}, "result": {"run": "0001"},
    "skipped": [{"uri": "a", "code": "corrupt", "reason": "b", "remedy": "c"}],
}  # fmt: skip


@pytest.fixture
def home(sample_index: Path, tmp_path: Path, copy_index: Callable[[Path, Path], Path]) -> Iterator[Path]:
    yield copy_index(sample_index, tmp_path / "index")


def served(home: Path, ask: Callable[[TestClient], None]) -> None:
    with (
        ImageFinder.open(home) as finder,
        TestClient(create_app(finder), base_url="http://localhost", raise_server_exceptions=False) as client,
    ):
        ask(client)


def write(home: Path, notes: dict[str, Any]) -> None:
    (home / "jobs").mkdir(exist_ok=True)
    for name, note in notes.items():
        (home / "jobs" / f"{name}.json").write_text(note if isinstance(note, str) else json.dumps(note), "utf-8")


def test_notes_that_are_wrong_are_shown_as_far_as_they_can_be(home: Path) -> None:
    wrong = {
        "00-whole": NOTE,
        "01-twin": NOTE,  # of the same name inside
        "02-outside": {**NOTE, "id": "../../index"},
        "03-options": {**NOTE, "kind": "train", "options": ["what"]},
        "04-unknown": {**NOTE, "kind": "sorting", "options": {"n_clusters": "many", "deep": odd.nested(300)}},
        "05-times": {**NOTE, "created": 5, "started": {}, "finished": [], "seconds": "long", "done": 1e300},
        "06-state": {**NOTE, "state": "asleep", "error": "bad", "skipped": [1, {"uri": "a"}, None]},
        "07-empty": {},
        "08-numbers": {**NOTE, "done": 10**30, "result": {"n": 10**30, "t": "\ud800"}, "seconds": float("nan")},
        "09-no-json": "{",
        "10-list": [NOTE],
    }
    write(home, wrong)

    def ask(client: TestClient) -> None:
        rows = client.get("/v1/jobs").json()["jobs"]
        assert sorted(row["id"] for row in rows) == list(wrong)[:9]
        for row in rows:
            told = client.get(f"/v1/jobs/{row['id']}")
            assert told.status_code == 200 and Job.from_dict(told.json()).ended
            assert client.get(f"/v1/jobs/{row['id']}/skipped").status_code == 200
            assert client.delete(f"/v1/jobs/{row['id']}?forget=true").status_code == 200
        assert client.get("/v1/jobs").json() == {"total": 0, "jobs": []}
        assert client.delete("/v1/jobs/00-whole?forget=true").status_code == 404

    served(home, ask)
    assert sorted(path.stem for path in (home / "jobs").iterdir()) == ["09-no-json", "10-list"]
    assert (home / "index.json").is_file()


def test_only_a_job_that_has_ended_is_forgotten(home: Path) -> None:
    def ask(client: TestClient) -> None:
        id = client.post("/v1/jobs", json={"kind": "quality"}).json()["id"]
        answer = client.delete(f"/v1/jobs/{id}?forget=true")
        assert answer.status_code in (200, 409)
        while answer.status_code == 409:
            assert "has not ended" in answer.json()["error"]["message"]
            answer = client.delete(f"/v1/jobs/{id}?forget=true")
        assert id not in [job["id"] for job in client.get("/v1/jobs").json()["jobs"]]

    served(home, ask)
    assert not list((home / "jobs").iterdir())


def test_any_note_is_read(tmp_path: Path, tried: Callable[[int], settings]) -> None:
    folder = tmp_path / "jobs"
    folder.mkdir()

    @tried(200)
    @given(odd.changed(NOTE, odd.values("done", "running")))
    def read(note: Any) -> None:
        (folder / "a.json").write_text(json.dumps(note))
        for job in kept_jobs(folder, 10, title_of):
            assert job.id == "a" and job.state in ("done", "failed", "cancelled")
            assert Job.from_dict(job.to_dict()).ended

    read()
