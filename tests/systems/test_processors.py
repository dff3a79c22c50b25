"""How many threads a process takes: no more than the limit of its container, as control groups of both versions say."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from imagefinder._util import threads
from imagefinder._util.quota import quota


def group(folder: Path, limit: str, period: str = "100000", *, version: int = 2) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if version == 2:
        (folder / "cpu.max").write_text(f"{limit} {period}\n")
    else:
        (folder / "cpu.cfs_quota_us").write_text(f"{limit}\n")
        (folder / "cpu.cfs_period_us").write_text(f"{period}\n")


def found(tmp_path: Path, own: str) -> int | None:
    (tmp_path / "own").write_text(own)
    return quota(tmp_path / "own", tmp_path / "groups")


@pytest.mark.parametrize(
    ("limit", "cores"), [("max", None), ("50000", 1), ("100000", 1), ("150000", 2), ("800000", 8), ("nonsense", None)]
)
def test_a_container_sees_its_limit_at_the_root(tmp_path: Path, limit: str, cores: int | None) -> None:
    group(tmp_path / "groups", limit)
    assert found(tmp_path, "0::/\n") == cores


def test_the_smallest_limit_on_the_way_up_counts(tmp_path: Path) -> None:
    groups = tmp_path / "groups"
    group(groups / "kubepods", "400000")
    group(groups / "kubepods" / "pod1", "250000")
    group(groups / "kubepods" / "pod1" / "server", "max")
    group(groups / "kubepods" / "pod2", "100000")  # a neighbour
    assert found(tmp_path, "0::/kubepods/pod1/server\n") == 3


@pytest.mark.parametrize(("limit", "cores"), [("-1", None), ("150000", 2)])
def test_the_first_version_of_control_groups(tmp_path: Path, limit: str, cores: int | None) -> None:
    group(tmp_path / "groups" / "cpu,cpuacct" / "docker" / "ab", limit, version=1)
    group(tmp_path / "groups" / "memory" / "docker" / "ab", "100000", version=1)
    assert found(tmp_path, "4:memory:/docker/ab\n3:cpu,cpuacct:/docker/ab\n0::/\n") == cores


@pytest.mark.parametrize("own", ["", "\n", "0", "0::", "0::/../..\n", "x:cpu\n", "\x00"])
def test_what_is_no_list_of_groups_says_nothing(tmp_path: Path, own: str) -> None:
    assert found(tmp_path, own) is None


def test_threads_are_no_more_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)
    for limit, expected in [(None, 16), (3, 3), (64, 16)]:
        monkeypatch.setattr(threads, "quota", lambda limit=limit: limit)
        assert threads.cores() == expected
