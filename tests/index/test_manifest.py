"""``index.json``: read back as written, and every wrong folder told apart."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from imagefinder._util.files import write_whole
from imagefinder.errors import IndexDamagedError, IndexFolderError, IndexVersionError, NotFoundError, StorageError
from imagefinder.index import manifest as manifests
from imagefinder.index.manifest import Manifest, SourceEntry, SpaceEntry
from imagefinder.index.migrations import CURRENT, migrate

SPACE = SpaceEntry("lite2", "sha256:ab", "image", 1280, "raw", "image.1", "transforms/image.1.npz", 600)
MANIFEST = Manifest(
    "0.1.0",
    {"image": SPACE},
    (SourceEntry("/photos", "folder", {"exclude": ["*.gif"]}),),
    current={"image": "image"},
)

SCHEMA_1 = {
    "version": 1,
    "created": "2026-11-20T10:00:00+00:00",
    "app_version": "0.1.0",
    "spaces": {
        "image": {
            "model": "lite2",
            "model_fingerprint": "sha256:ab",
            "model_space": "image",
            "dim": 1280,
            "vector": "raw",
            "search_vector": None,
            "transform": None,
            "fitted_count": 0,
        }
    },
    "sources": [{"uri": "/photos/é", "kind": "folder", "options": {}, "last_indexed": None}],
}


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "index"
    assert not manifests.exists(folder)
    manifests.save(folder, MANIFEST)
    assert manifests.exists(folder)
    assert manifests.load(folder) == MANIFEST
    assert {f.name for f in folder.iterdir()} == {"index.json", "index.bak.json"}, "no temporary file stays"


def test_schema_1_written_by_hand_is_read(tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text(json.dumps(SCHEMA_1), "utf-8")
    found = manifests.load(tmp_path)
    assert found.to_dict() == SCHEMA_1 | {"current": {"image": "image"}}, "from before there were several models"
    assert found.sources[0].uri == "/photos/é"


def test_changes_give_copies() -> None:
    other = SpaceEntry("siglip", "x", "image", 768, "siglip")
    assert list(MANIFEST.with_space("siglip", other).spaces) == ["image", "siglip"]
    assert list(MANIFEST.with_space("image", None).spaces) == []
    again = SourceEntry("/photos", "folder", last_indexed="2026-11-21T00:00:00+00:00")
    assert MANIFEST.with_source(again).sources == (again,)
    assert len(MANIFEST.with_source(SourceEntry("/b", "folder")).sources) == 2
    assert MANIFEST.space("image") is SPACE
    with pytest.raises(NotFoundError, match=r"'words'; it has: image"):
        MANIFEST.space("words")


BAD: dict[str, bytes] = {
    "empty": b"",
    "cut": json.dumps(SCHEMA_1).encode()[:200],
    "binary": b"\xff\xfe\x00",
    "a list": b"[]",
    "no version": b"{}",
    "version true": b'{"version": true}',
    "version 0": b'{"version": 0}',
    "no spaces": b'{"version": 1, "created": "", "app_version": "", "sources": []}',
    "unknown key": json.dumps({**SCHEMA_1, "spaces": {"image": {"modl": "x"}}}).encode(),
    "wrong type": json.dumps({**SCHEMA_1, "sources": [{"uri": 5, "kind": "folder"}]}).encode(),
    "deep": b"[" * 100_000,
}


def test_the_second_copy_counts_where_the_first_is_damaged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    manifests.save(tmp_path, MANIFEST)
    whole = (tmp_path / "index.json").read_bytes()
    for damaged in (b"", whole[:200], whole.replace(b"photos", b"photis"), None):
        (tmp_path / "index.json").unlink()
        if damaged is not None:
            (tmp_path / "index.json").write_bytes(damaged)
        caplog.clear()
        assert manifests.load(tmp_path, mend=True) == MANIFEST
        assert "index.bak.json" in caplog.text and (tmp_path / "index.json").read_bytes() == whole


@pytest.mark.parametrize("data", BAD.values(), ids=BAD.keys())
def test_damage_is_called_damage(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "index.json").write_bytes(data)
    with pytest.raises(IndexDamagedError) as caught:
        manifests.load(tmp_path)
    assert "backup" in caught.value.remedy


def test_a_newer_version_is_named(tmp_path: Path) -> None:
    newer: dict[str, Any] = {"version": CURRENT + 1, "app_version": "9.9"}
    (tmp_path / "index.json").write_text(json.dumps(newer))
    with pytest.raises(IndexVersionError, match=r"9\.9.*Upgrade"):
        manifests.load(tmp_path)


def test_folders_that_are_no_index(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no index at"):
        manifests.load(tmp_path / "missing")
    with pytest.raises(NotFoundError, match="empty"):
        manifests.load(tmp_path)
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(IndexFolderError, match="not an index"):
        manifests.load(tmp_path)
    with pytest.raises(IndexFolderError, match="is a file"):
        manifests.load(tmp_path / "photo.jpg")
    (tmp_path / "points").mkdir()
    with pytest.raises(IndexDamagedError, match="missing"):
        manifests.load(tmp_path)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifests.save(tmp_path, MANIFEST)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        manifests.save(tmp_path, MANIFEST.with_space("image", None))
    monkeypatch.undo()
    assert manifests.load(tmp_path) == MANIFEST
    assert {f.name for f in tmp_path.iterdir()} == {"index.json", "index.bak.json"}


@pytest.mark.skipif(os.name != "posix", reason="modes")
def test_written_files_have_the_usual_mode(tmp_path: Path) -> None:
    write_whole(tmp_path / "file", b"x")
    (tmp_path / "other").touch()
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == stat.S_IMODE((tmp_path / "other").stat().st_mode)


def test_migrations_run_in_order_from_where_the_data_is() -> None:
    def m002_adds(data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "steps": [2]}

    def m003_appends(data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "steps": [*data.get("steps", []), 3]}

    steps = (m002_adds, m003_appends)
    old = {"version": 1}
    assert migrate(old, steps) == {"version": 3, "steps": [2, 3]}
    assert migrate({"version": 2}, steps) == {"version": 3, "steps": [3]}
    assert migrate({"version": 3}, steps) == {"version": 3}
    assert old == {"version": 1}
    with pytest.raises(ValueError, match="schema 4"):
        migrate({"version": 4}, steps)
