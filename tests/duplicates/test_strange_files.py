"""Plans and decisions that people or programs have written: what can't be used is refused and moves nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import odd
import pytest
from hypothesis import given, settings

from imagefinder import ImageFinder
from imagefinder.duplicates.decisions import Decisions
from imagefinder.duplicates.last_run import KIND
from imagefinder.duplicates.plan import Plan
from imagefinder.errors import IndexDamagedError, InvalidInputError
from imagefinder.index.runs import save_run

FILE = {"path": "/nowhere/a.jpg", "content_hash": "0" * 32, "bytes": 5, "why": "x", "along": []}
PLAN = {
    "imagefinder_plan": 2,
    "created": "2026-01-01T00:00:00+00:00",
    "references": ["/nowhere/kept"],
    "groups": [{"keep": FILE, "remove": [{**FILE, "path": "/nowhere/b.jpg", "along": [{**FILE, "path": "/c.jpg"}]}]}],
}
PAIR = {"a": "0" * 32, "b": "1" * 32, "decision": "keep-both", "when": "2026-01-01", "names": ["x", "y"]}


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory, make_image: Callable[..., Any]) -> Any:
    home = tmp_path_factory.mktemp("plans")
    make_image(1).save(home / "a.png")
    with ImageFinder.open(home / "index", model="fast") as finder:
        finder.add(home / "a.png")
        yield finder


def test_an_odd_plan_is_refused_or_moves_nothing(
    finder: ImageFinder, tmp_path: Path, tried: Callable[[int], settings]
) -> None:
    path = tmp_path / "plan.json"

    @tried(60)
    @given(odd.changed(PLAN, odd.values("/nowhere/a.jpg", str(tmp_path))))
    def read(plan: Any) -> None:
        path.write_text(json.dumps(plan), "ascii")
        try:
            loaded = Plan.load(path)
        except InvalidInputError as error:
            assert str(path) in str(error) or "plan" in str(error)
            return
        assert finder.copies.apply(loaded).files == ()

    read()
    assert len(finder) == 1 and path.is_file()


def test_odd_decisions_are_refused_or_written_back(finder: ImageFinder, tried: Callable[[int], settings]) -> None:
    @tried(60)
    @given(odd.changed({"version": 1, "pairs": [PAIR]}, odd.values("0" * 32)))
    def read(value: Any) -> None:
        try:
            finder.copies.add_decisions(Decisions.from_dict(value))
        except InvalidInputError as error:
            assert len(str(error)) > 20
        assert finder.copies.decisions() == Decisions.from_dict(finder.copies.decisions().to_dict())

    read()


def test_a_kept_report_that_is_odd_is_refused_or_shown(finder: ImageFinder, tried: Callable[[int], settings]) -> None:
    """As it may be in an index that came from somebody else."""
    home = Path(finder.info().path)
    (record,) = finder.records()
    facts = {"id": record.id, "uri": record.uri, "content_hash": record.content_hash, "bytes": record.bytes}
    member = {**facts, "tier": "identical-bytes", "evidence": "x", "score": 1.0, "edits": ["x"], "reference": False}
    group = {"tier": "identical-bytes", "keep": {**facts, "names": ["x"]}, "reason": "x", "members": [member]}
    counts = {"images": 1, "compared": 1, "kept": 0, "decided": 0, "seconds": 0.1, "skipped": []}
    report = {"kind": KIND, **counts, "groups": [group], "one_file": [[record.uri, "x"]], "one_picture": []}
    run = save_run(home, KIND, report, {})
    assert len(finder.copies.latest()["groups"]) == 1

    @tried(100)
    @given(odd.changed(report, odd.values(record.id, record.uri)))
    def read(facts: Any) -> None:
        (run.folder / "run.json").write_text(json.dumps(facts), "ascii")
        try:
            assert json.dumps(finder.copies.latest())
        except IndexDamagedError as error:
            assert "run.json" in str(error) and "imagefinder duplicates" in error.remedy

    read()
