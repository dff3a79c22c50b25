"""Backups that are kept by their number: the latest stay, and nothing else of the folder is touched."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from command import run_cli

from imagefinder import backup_index
from imagefinder.errors import InvalidInputError, StorageError
from imagefinder.whole.keeping import Series

BEGUN = datetime(2026, 11, 28, 3, 0, 0, tzinfo=UTC)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_latest_stay_and_all_else_is_left_alone(index: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    one = folder / "one.tar"
    backup_index(index, one)
    series = Series(folder, index, 2)
    for day in range(4):
        os.link(one, series.place(BEGUN + timedelta(days=day)))
    strange = folder / f"{index.name}-20200101T000000Z.tar"
    strange.write_text("not one of ours")
    (folder / f"{index.name}-20200102T000000Z.tar").symlink_to(one)
    os.link(one, folder / f"other-{index.name}-20200101T000000Z.tar")
    os.link(one, folder / f"{index.name}-20200101T000000Z.tar.part")
    kept = {one.name, strange.name, *names(folder)[-1:]} | {
        name for name in names(folder) if name.startswith("other") or name.endswith(".part") or "20200102" in name
    }
    report = backup_index(index, folder, keep=2)
    assert [Path(path).name for path in report.removed] == [
        f"{index.name}-202611{day}T030000Z.tar" for day in (28, 29, 30)
    ]
    assert set(names(folder)) == kept | {Path(report.target).name, f"{index.name}-20261201T030000Z.tar"}


def test_the_new_one_stays_also_where_the_clock_went_back(index: Path, tmp_path: Path) -> None:
    backup_index(index, tmp_path / "one.tar")
    later = Series(tmp_path, index, 1).place(BEGUN.replace(year=2999))
    os.link(tmp_path / "one.tar", later)
    report = backup_index(index, tmp_path, keep=1)
    assert report.removed == (str(later),) and Path(report.target).is_file()


def test_what_fails_removes_nothing(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backup_index(index, tmp_path / "one.tar")
    old = Series(tmp_path, index, 1).place(BEGUN)
    os.link(tmp_path / "one.tar", old)

    def stop(progress: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backup_index(index, tmp_path, keep=1, progress=stop)
    assert names(tmp_path)[-1] == "one.tar" and old.is_file()

    def refuse(self: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refuse)
        with pytest.raises(StorageError, match="is written, but older ones"):
            backup_index(index, tmp_path, keep=1)


@pytest.mark.parametrize("where", ["s3://bucket/backups", "missing", "file.tar", "postgresql://me@db/shop/pictures"])
def test_only_a_folder_that_is_there_keeps_backups(index: Path, tmp_path: Path, where: str) -> None:
    (tmp_path / "file.tar").write_bytes(b"")
    with pytest.raises(InvalidInputError):
        backup_index(index, where if ":" in where else tmp_path / where, keep=2)
    with pytest.raises(InvalidInputError):
        backup_index(index, tmp_path, keep=0)


def test_an_address_gives_its_name_and_no_password(tmp_path: Path) -> None:
    place = Series(tmp_path, "postgresql://me:s3cret@db/shop/pictures?host=/tmp/x", 3).place(BEGUN)
    assert place == tmp_path / "pictures-20261128T030000Z.tar"


def test_the_command_says_what_it_removed(index: Path, tmp_path: Path) -> None:
    backup_index(index, tmp_path / "one.tar")
    old = Series(tmp_path, index, 1).place(BEGUN)
    os.link(tmp_path / "one.tar", old)
    done = run_cli("backup", tmp_path, "--keep", 1, "--index", index, "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["removed"] == [str(old)]
    assert f"Removed, as only the latest 1 are kept: {old}." in done.stderr
    assert run_cli("backup", "-", "--keep", 1, "--index", index).returncode == 2
