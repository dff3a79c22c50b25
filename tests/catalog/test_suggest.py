"""Suggestions for a text that is typed: against plain Python over all names, and right after every change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from imagefinder import ImageFinder
from imagefinder.catalog import suggest as suggesting
from imagefinder.errors import InvalidInputError
from imagefinder.server.app import create_app


@pytest.fixture
def finder(sample_index: Path, copy_index: Callable[[Path, Path], Path], tmp_path: Path) -> Iterator[ImageFinder]:
    with ImageFinder.open(copy_index(sample_index, tmp_path / "index")) as finder:
        yield finder


def names(rows: list[dict[str, object]], field: str = "value") -> list[object]:
    return [row[field] for row in rows]


def test_those_that_begin_with_it_come_first(finder: ImageFinder) -> None:
    ids = [record.id for record in finder.records()]
    for tag, n in {"sea": 1, "Seaside": 3, "by the sea": 5, "overseas": 9, "hills": 9}.items():
        finder.tag(ids[:n], add=[tag])
    assert names(finder.suggest("SEA")["tags"]) == ["Seaside", "sea", "by the sea", "overseas"]
    assert [row["count"] for row in finder.suggest("sea", k=2)["tags"]] == [3, 1]
    assert names(finder.suggest("s")["tags"]) == ["Seaside", "sea", "by the sea"]
    assert not any(finder.suggest("no such thing anywhere").values())


@pytest.mark.parametrize("text", ["a", "an", "berry", ".JPG", "e", "-", "01"])
def test_files_are_those_of_all_names(finder: ImageFinder, text: str) -> None:
    wanted = text.casefold()
    all_names = sorted(Path(record.uri).name.casefold() for record in finder.records())
    first = [name for name in all_names if name.startswith(wanted)]
    others = [name for name in all_names if wanted in name and not name.startswith(wanted)] if len(text) > 1 else []
    found = finder.suggest(text, k=50)["files"]
    assert [str(row["name"]).casefold() for row in found] == [*first, *others][:50]
    assert all(Path(finder.get(str(row["id"])).uri).name == row["name"] for row in found)


def test_they_are_right_after_every_change(finder: ImageFinder) -> None:
    record = finder.records()[0]
    name = Path(record.uri).name
    assert name in names(finder.suggest(name)["files"], "name") and not finder.suggest("brand new")["tags"]
    finder.tag([record.id], add=["brand new"])
    assert names(finder.suggest("brand new")["tags"]) == ["brand new"]
    finder.concepts.save("brand new too", filter="tags = 'brand new'")
    assert finder.suggest("brand new")["concepts"] == [{"name": "brand new too"}] == finder.suggest("")["concepts"]
    finder.remove(record.id)
    assert name not in names(finder.suggest(name)["files"], "name") and not finder.suggest("brand new")["tags"]


def test_groups_and_folders(finder: ImageFinder) -> None:
    finder.cluster()
    label = 0
    finder.clusters.rename(label, "My favourite things")
    (found,) = finder.suggest("favour")["clusters"]
    assert found["name"] == "My favourite things" and found["value"] == label
    assert found["count"] == len(finder.records({"cluster": label}))
    (folder,) = finder.suggest("anim")["folders"]
    assert folder == {"value": "animals", "count": len(finder.records({"folder": "animals"}))}


def test_names_that_take_long_are_not_collected_at_each_letter(
    finder: ImageFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    collected = suggesting._collected
    monkeypatch.setattr(suggesting, "_collected", lambda index: calls.append(1) or collected(index))
    monkeypatch.setattr(suggesting, "SLOW_S", 0.0)
    monkeypatch.setattr(suggesting, "PATIENCE", 1e9)
    for letters in ("a", "an", "ani"):
        finder.suggest(letters)
        finder.tag([finder.records()[0].id], add=[letters])
    assert len(calls) == 1


def test_over_the_api(finder: ImageFinder) -> None:
    with TestClient(create_app(finder), base_url="http://localhost") as client:
        assert client.get("/v1/suggest", params={"text": "anim", "k": 2}).json() == finder.suggest("anim", 2)
        for wrong in ({"k": 0}, {"k": 51}, {"text": "x" * 201}):
            assert client.get("/v1/suggest", params=wrong).status_code == 400, wrong


@pytest.mark.parametrize(("text", "k"), [("x" * 201, 5), ("x", 0), ("x", 51), ("x", True), (None, 5)])
def test_what_is_no_text_is_refused(finder: ImageFinder, text: object, k: object) -> None:
    with pytest.raises((InvalidInputError, TypeError)):
        finder.suggest(text, k)  # type: ignore[arg-type]
