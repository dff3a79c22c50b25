"""Kept results: whole or not at all, and never a pickle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from eight_threads import all_at_once

from imagefinder.errors import IndexDamagedError, NotFoundError, StorageError
from imagefinder.index import runs
from imagefinder.index.runs import change_facts, drop_former, drop_run, list_runs, load_run, read_run, save_run


def test_what_is_saved_comes_back_in_order(tmp_path: Path) -> None:
    for n in range(12):
        save_run(tmp_path, "maps", {"n": n, "name": "Käfer"}, {"ids": np.array(["a", "b"]), "x": np.eye(2)})
    kept = list_runs(tmp_path, "maps")
    assert [r.facts["n"] for r in kept] == list(range(12))
    assert load_run(tmp_path, "maps").facts["n"] == 11
    assert load_run(tmp_path, "maps", "0003").facts["name"] == "Käfer"
    arrays = load_run(tmp_path, "maps").arrays()
    assert arrays["ids"].tolist() == ["a", "b"] and arrays["x"].tolist() == [[1, 0], [0, 1]]
    drop_run(kept[-1])
    assert load_run(tmp_path, "maps").facts["n"] == 10
    assert change_facts(kept[0], {"n": 99}).facts == list_runs(tmp_path, "maps")[0].facts == {"n": 99}


def test_what_is_not_there(tmp_path: Path) -> None:
    assert list_runs(tmp_path, "maps") == []
    with pytest.raises(NotFoundError, match="No maps yet"):
        load_run(tmp_path, "maps")
    save_run(tmp_path, "maps", {}, {})
    with pytest.raises(NotFoundError, match="there are 0001"):
        load_run(tmp_path, "maps", "0002")


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_run(tmp_path, "maps", {"n": 1}, {})

    def full(path: Path, data: bytes) -> None:
        raise StorageError("full")

    monkeypatch.setattr(runs, "write_whole", full)
    with pytest.raises(StorageError):
        save_run(tmp_path, "maps", {"n": 2}, {})
    assert [r.facts["n"] for r in list_runs(tmp_path, "maps")] == [1]


def test_a_run_cut_short_is_not_seen_and_not_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "runs/maps/.0001.part").mkdir(parents=True)
    assert list_runs(tmp_path, "maps") == []
    assert save_run(tmp_path, "maps", {}, {}).name == "0001"


@pytest.mark.parametrize("file", ["run.json", "arrays.npz"])
def test_damage_is_said(tmp_path: Path, file: str) -> None:
    run = save_run(tmp_path, "maps", {}, {"x": np.eye(2)})
    (run.folder / file).write_bytes(b"[1")
    with pytest.raises(IndexDamagedError, match=file):
        load_run(tmp_path, "maps").arrays()


def test_an_array_of_objects_is_refused(tmp_path: Path) -> None:
    run = save_run(tmp_path, "maps", {}, {})
    np.savez(run.folder / "arrays.npz", x=np.array([{}], dtype=object))
    with pytest.raises(IndexDamagedError):
        run.arrays()


def test_many_threads_keep_runs_of_their_own(tmp_path: Path) -> None:
    runs = all_at_once(lambda n: save_run(tmp_path, "maps", {"n": n}, {"x": np.full(3, n)}), range(40))
    assert sorted(run.name for run in runs) == [f"{i:04d}" for i in range(1, 41)]
    kept = {run.name: run.facts["n"] for run in list_runs(tmp_path, "maps")}
    assert kept == {run.name: n for n, run in enumerate(runs)}
    assert all(run.arrays()["x"].tolist() == [run.facts["n"]] * 3 for run in list_runs(tmp_path, "maps"))


def test_the_newest_run_stays_whoever_tidies(tmp_path: Path) -> None:
    """Each thread keeps a run and drops those it takes the place of, while others look: one is always there, whole."""

    def work(n: int) -> list[float]:
        if n % 2:
            drop_former(tmp_path, save_run(tmp_path, "maps", {"n": n}, {"x": np.full(3, n)}))
        found = [run.facts["n"] for run in list_runs(tmp_path, "maps")]
        return [*found, read_run(lambda: load_run(tmp_path, "maps"), lambda run: float(run.arrays()["x"][0]))]

    save_run(tmp_path, "maps", {"n": -1}, {"x": np.full(3, -1)})
    assert all(len(seen) > 1 for seen in all_at_once(work, range(80)))
    (last,) = list_runs(tmp_path, "maps")
    assert last.name == "0041"
    assert not list((tmp_path / "runs/maps").glob(".*"))
    with pytest.raises(NotFoundError, match="any more"):
        drop_run(last)
        last.arrays()
