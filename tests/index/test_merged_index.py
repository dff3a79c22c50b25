"""An index whose points were merged apart says so, and earlier versions refuse it by the version of its schema."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from imagefinder import ImageFinder, copy_index
from imagefinder._version import __version__
from imagefinder.errors import IndexVersionError
from imagefinder.index import manifest as manifests
from imagefinder.index.migrations import MERGED
from imagefinder.store.edge import engine, merging
from imagefinder.store.edge.live import were_merged
from tests.support.edited import edit_json

PICTURES = Path(__file__).resolve().parents[2] / "examples" / "images"
pytestmark = pytest.mark.files


def merge_apart_from(images: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "APART_FROM", images)
    monkeypatch.setattr(engine, "HNSW_FROM", images)


def told(home: Path) -> tuple[int, str]:
    said = [json.loads((home / name).read_text("utf-8")) for name in (manifests.NAME, manifests.SECOND)]
    assert said[0] == said[1]
    return said[0]["version"], said[0]["app_version"]


def test_the_version_follows_where_the_points_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, fit = tmp_path / "index", tmp_path / "again"
    with ImageFinder.open(home, model="fast") as finder:
        finder.add(PICTURES / "medical")
    assert told(home)[0] == 1 and not were_merged(home / "points")
    edit_json(home / manifests.NAME, lambda said: said.update(app_version="0.1.0"))
    merge_apart_from(5, monkeypatch)
    with ImageFinder.open(home) as finder:
        finder.add(PICTURES / "animals")
        assert were_merged(home / "points") and told(home) == (MERGED, __version__)
        found = [hit.uri for hit in finder.search("a cat", k=5)]
    with ImageFinder.open(home) as finder:
        assert [hit.uri for hit in finder.search("a cat", k=5)] == found
    copy_index(home, fit)
    assert told(home) == (MERGED, __version__) and were_merged(fit / "points") and told(fit)[0] == MERGED
    merge_apart_from(1000, monkeypatch)
    copy_index(home, tmp_path / "small")
    assert not were_merged(tmp_path / "small" / "points") and told(tmp_path / "small")[0] == 1


def test_an_earlier_version_says_that_it_is_too_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    merge_apart_from(5, monkeypatch)
    with ImageFinder.open(tmp_path, model="fast") as finder:
        finder.add(PICTURES / "animals")
    monkeypatch.setattr(manifests, "CURRENT", MERGED - 1)
    for read_only in (False, True):
        with pytest.raises(IndexVersionError, match="Upgrade"):
            ImageFinder.open(tmp_path, read_only=read_only)
