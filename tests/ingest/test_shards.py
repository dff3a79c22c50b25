"""``--shard 3/16``: parts of all images, indexed by processes of their own, end as one index."""

from __future__ import annotations

import itertools
import json
import random
import shutil
import signal
import subprocess
import sys
import threading
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import addressed
import database
import pytest
from command import run_cli
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from points import points_of

from imagefinder import ImageFinder
from imagefinder.errors import InvalidInputError, NotFoundError
from imagefinder.index import shared
from imagefinder.index.said import load_said
from imagefinder.index.shards import MOST, Shard, Turn, key_of, load_rounds, note_finished, ranges
from imagefinder.index.shared import SharedIndex
from imagefinder.results import IngestReport
from imagefinder.store.stores import STORES

N = 4
SHARDS = [f"{n}/{N}" for n in range(1, N + 1)]
RUN = """
import os, signal, sys
from imagefinder import ImageFinder
from imagefinder.ingest import run
run.BATCH = 5
at, shard, die, *sources = sys.argv[1:]
def show(progress):
    if die == "yes" and progress.stage == "indexing" and progress.stored == 5:
        os.kill(os.getpid(), signal.SIGKILL)
with ImageFinder.open(at, model="fast") as finder:
    report = finder.add(*sources, shard=shard, progress=show, workers=1)
print(report.added + report.unchanged, len(report.skipped))
"""


@pytest.fixture(autouse=True)
def _own_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shared, "_folder_of", lambda site: addressed._made(tmp_path / "home" / site.name))


@pytest.fixture(params=[name for name, kind in STORES.items() if kind.schemes])
def server(request: pytest.FixtureRequest) -> Any:
    """Each server on which indexes can be."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def at(server: Any) -> str:
    """The address of a new index."""
    return str(server.address())


def draw(path: Path, n: int) -> Path:
    """A picture that no other number has."""
    dice = random.Random(n)
    noise = Image.frombytes("RGB", (6, 6), bytes(dice.randrange(256) for _ in range(108)))
    path.parent.mkdir(parents=True, exist_ok=True)
    noise.resize((48, 48), Image.Resampling.BICUBIC).save(path)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """40 pictures, of which 8 are twice there, and a broken one; beside them an archive of 6 and a table of 5."""
    photos = tmp_path / "photos"
    for n in range(40):
        draw(photos / "ab"[n % 2] / f"{n:03}.png", n)
    for n in range(8):
        shutil.copy(photos / "ab"[n % 2] / f"{n:03}.png", photos / f"copy of {n}.png")
    with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
        for n in range(100, 106):
            archive.write(draw(tmp_path / f"{n}.png", n), f"in/{n}.png")
    (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing more")
    rows = "".join(f"{draw(tmp_path / 'apart' / f'{n}.png', n)},number {n}\n" for n in range(200, 205))
    (tmp_path / "table.csv").write_text(f"path,caption\n{rows}", "utf-8")
    return photos


def sources_of(photos: Path) -> list[str]:
    return [str(photos), str(photos.parent / "some.zip"), str(photos.parent / "table.csv")]


def add(place: Path | str, *sources: Path | str, shard: str | None = None, **options: Any) -> IngestReport:
    with ImageFinder.open(place, model="fast") as finder:
        return finder.add(*sources, shard=shard, **options)


def begun(work: Any) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


# --- which images are in which shard ----------------------------------------------------------------------------------

NAMES = st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=30)


@given(st.lists(NAMES, max_size=30), st.integers(1, 50))
def test_each_image_is_in_one_shard_of_any_number_of_them(uris: list[str], of: int) -> None:
    for uri in uris:
        assert sum(Shard(n, of).has(uri) for n in range(1, of + 1)) == 1


@given(NAMES, st.integers(1, 10**6), st.integers(1, 500))
def test_what_is_read_as_one_is_in_one_shard(name: str, number: int, of: int) -> None:
    shard = Shard(1 + key_of(f"/x/{name}.pdf") % of, of)
    assert shard.has(f"/x/{name}.pdf") and shard.has(f"/x/{name}.pdf#page={number}")
    for holder, part in (
        (f"/x/{name}.mp4", f"#t={number / 10:g}"),
        (f"/x/{name}.tar", f"#{name}/{number}.jpg"),
        (f"s3://bucket/{name}.zip", f"#{number}.png"),
    ):
        if "e" not in part.partition("=")[2]:
            assert key_of(holder) == key_of(f"{holder}{part}")
    row = 1000 * (number // 1000)
    assert key_of(f"/x/t.parquet#image/{row}/a.jpg") == key_of(f"/x/t.parquet#image/{row + 999}")
    assert key_of(f"/x/t.parquet#image/{row}") != key_of(f"/x/t.parquet#image/{row + 1000}")


def test_shards_never_change_and_are_alike_in_size() -> None:
    """These numbers are those of the first version that had shards: an index is gone on with by later ones."""
    assert key_of("/photos/a.jpg") == KEYS[0] and key_of("s3://bucket/é.png") == KEYS[1]
    sizes = Counter(key_of(f"/photos/{n:06}.jpg") % 16 for n in range(16_000))
    assert len(sizes) == 16 and all(880 < size < 1120 for size in sizes.values())


KEYS = (428_004_868_450_328_783, 9_205_757_975_869_239_760)


@pytest.mark.parametrize(
    "text", ["0/16", "17/16", "3/0", "a/b", "3", "", "3/16/2", "-1/4", "1.5/4", "1/10001", "9" * 30 + "/16", "٣/٤", 3]
)
def test_what_is_no_shard_is_refused(text: Any) -> None:
    with pytest.raises(InvalidInputError, match="no shard") as error:
        Shard.read(text)
    assert "3/16" in error.value.remedy and len(error.value.message) < 120


def test_shards_are_read_and_shown() -> None:
    assert Shard.read(" 3/16 ") == Shard(3, 16) and str(Shard(3, 16)) == "3/16"
    assert Shard.read(f"{MOST}/{MOST}").of == MOST
    assert ranges([1, 2, 3, 5, 7, 8]) == "1-3, 5, 7-8" and ranges([]) == ""


# --- which have ended -------------------------------------------------------------------------------------------------


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Any]:
    with ImageFinder.open(tmp_path / "empty") as finder:
        yield finder._collection.index


def turns(index: Any, numbers: Any, of: int = 3, sources: tuple[str, ...] = ()) -> list[bool]:
    """Whether each was the last."""
    found = []
    for n in numbers:
        turn = Turn(index, Shard(n, of), sources)
        turn.begin()
        found.append(turn.end(missing=False))
    return found


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3))))
def test_the_last_of_all_is_the_last_in_any_order_again_and_again(empty: Any, order: tuple[int, ...]) -> None:
    for _ in range(3):
        assert turns(empty, order) == [False, False, True]
        note_finished(empty)
        assert load_rounds(empty.documents)[0].told()["missing"] == []


def test_one_that_was_killed_is_awaited(empty: Any) -> None:
    killed = Turn(empty, Shard(2, 3), ())
    killed.begin()
    assert turns(empty, (1, 3)) == [False, False]
    assert load_rounds(empty.documents)[0].told() == {
        "of": 3, "sources": [], "running": [2], "missing": [2], "finished": None
    }  # fmt: skip
    assert turns(empty, (2,)) == [True]


def test_a_run_of_all_ends_what_shards_have_left(photos: Path, tmp_path: Path) -> None:
    add(place := tmp_path / "index", photos, shard="1/3")
    with ImageFinder.open(place) as finder:
        Turn(finder._collection.index, Shard(2, 3), [str(photos)]).begin()  # and is killed
        assert finder.info().shards[0]["running"] == [2] and finder.add().total == 48
        found = finder.info().shards[0]
        assert (found["running"], found["missing"]) == ([], [2, 3]) and found["finished"]
        assert finder.list_sources()[0].state == "there" and finder.search("noise")
    later = [add(place, photos, shard=shard).shard for shard in ("2/3", "3/3")]
    assert [shard and shard.missing for shard in later] == [(3,), ()]


def test_the_last_that_was_killed_before_it_had_done_all_is_last_again(empty: Any) -> None:
    assert turns(empty, (1, 2, 3)) == [False, False, True]  # and it did not come to note that all is done
    assert turns(empty, (3,)) == [True]
    assert turns(empty, (1,)) == [True]
    note_finished(empty)
    assert turns(empty, (2, 1, 3)) == [False, False, True]


def test_a_night_that_was_left_unfinished_does_not_shorten_the_next(empty: Any) -> None:
    assert turns(empty, (1, 3)) == [False, False]
    assert turns(empty, (1, 2, 3)) == [False, False, True]


def test_other_numbers_and_sources_are_rounds_of_their_own(empty: Any) -> None:
    assert turns(empty, (1, 2)) == [False, False]
    assert turns(empty, (1, 2), of=2) == [False, True]
    assert turns(empty, (1,), of=1, sources=("/a",)) == [True]
    assert turns(empty, (3,)) == [True]
    for n in range(20):
        turns(empty, (1,), sources=(f"/{n}",))
    assert len(load_rounds(empty.documents)) == 8


def test_a_shard_that_lacks_a_source_that_was_named_has_not_ended(empty: Any) -> None:
    turn = Turn(empty, Shard(1, 1), ("/a",))
    turn.begin()
    assert not turn.end(missing=True) and turn.told().missing == (1,)
    known = Turn(empty, Shard(1, 1), ())  # one of all that are known may be away for long
    known.begin()
    assert known.end(missing=True)


def test_a_damaged_document_is_as_if_it_were_not_there(empty: Any) -> None:
    turns(empty, (1,))
    (empty.documents / "shards.json").write_text('{"rounds": [{"of": 1}]}')
    assert load_rounds(empty.documents) == []
    assert turns(empty, (1, 2, 3)) == [False, False, True]


# --- as one index -----------------------------------------------------------------------------------------------------


def test_four_processes_at_once_one_killed_make_the_index_that_one_makes(
    postgres: database.Server, photos: Path
) -> None:
    one, many = postgres.address(), postgres.address_in_new_database()
    whole = add(one, *sources_of(photos))

    def start(shard: str, die: str = "no") -> subprocess.Popen[str]:
        command = [sys.executable, "-c", RUN, many, shard, die, *sources_of(photos)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    running = [start(shard, "yes" if shard == "2/4" else "no") for shard in SHARDS]
    told = [process.communicate()[0].split() for process in running]
    assert [process.returncode for process in running] == [0, -signal.SIGKILL, 0, 0]
    with ImageFinder.open(many) as finder:
        assert finder.info().shards[0]["missing"] == [2] and finder.list_sources()[0].state == "interrupted"
    again = start("2/4")
    told[1] = again.communicate()[0].split()
    assert sum(int(n) for n, _ in told) == whole.added == 59
    assert sum(int(n) for _, n in told) == len(whole.skipped) == 1
    assert points_of(many) == points_of(one)
    with ImageFinder.open(many) as finder:
        shards = finder.info().shards[0]
        assert shards["missing"] == shards["running"] == [] and shards["finished"]
        assert [(s.state, s.images) for s in finder.list_sources()] == [("there", 48), ("there", 6), ("there", 5)]
        unsharded = finder.add()
        assert (unsharded.unchanged, unsharded.added, unsharded.updated, unsharded.removed) == (59, 0, 0, 0)
    assert points_of(many) == points_of(one)


def test_shards_that_all_begin_at_once_make_the_index_that_one_makes(server: Any, photos: Path) -> None:
    """The index, its spaces and its sources are made by whichever is first."""
    one, many, together = server.address(), server.address(), threading.Barrier(N)
    add(one, photos)
    reports: list[IngestReport] = []

    def run(shard: str) -> None:
        together.wait(60)
        reports.append(add(many, photos, shard=shard))

    threads = [begun(lambda shard=shard: run(shard)) for shard in SHARDS]
    for thread in threads:
        thread.join(60)
    assert sum(report.added for report in reports) == 48
    assert sum(not report.shard.missing for report in reports if report.shard) == 1
    assert points_of(many) == points_of(one)


def test_shards_one_after_the_other_make_the_same(at: str, photos: Path, tmp_path: Path) -> None:
    """At every kind of address, and in a folder; and other shards afterwards find nothing to do."""
    add(tmp_path / "one", *sources_of(photos))
    for place in (at, tmp_path / "many"):
        reports = [add(place, *sources_of(photos), shard=shard) for shard in reversed(SHARDS)]
        assert [report.shard and report.shard.missing for report in reports] == [(1, 2, 3), (1, 2), (1,), ()]
        assert all(1 < report.added < 40 for report in reports) and sum(r.added for r in reports) == 59
        other = [add(place, shard=f"{n}/3") for n in (1, 2, 3)]
        assert sum(r.unchanged for r in other) == 59 and not any(r.added or r.removed for r in other)
    assert points_of(tmp_path / "many") == points_of(tmp_path / "one")
    assert {id: payload for id, (payload, _) in points_of(at).items()} == {
        id: payload for id, (payload, _) in points_of(tmp_path / "one").items()
    }


def test_a_shard_removes_its_own_images_alone(photos: Path, tmp_path: Path) -> None:
    place = tmp_path / "index"
    add(place, photos)
    gone = sorted(photos.glob("*/*.png"))[:9]
    for path in gone:
        path.unlink()
    removed = Counter({shard: sum(Shard.read(shard).has(str(path)) for path in gone) for shard in SHARDS})
    for n, shard in enumerate(SHARDS, 1):
        report = add(place, shard=shard)
        assert report.removed == removed[shard] and not report.kept
        assert report.total == 48 - sum(removed[s] for s in SHARDS[:n])
    assert add(place).removed == 0


def test_whether_too_many_are_gone_is_judged_by_all_of_a_source(photos: Path, tmp_path: Path) -> None:
    """30 of 48 are gone. Of each shard it may be less than 10, or less than half."""
    place = tmp_path / "index"
    add(place, photos)
    gone = sorted(photos.rglob("*.png"), key=lambda path: path.name)[:30]
    for path in gone:
        path.unlink()
    reports = [add(place, shard=shard) for shard in SHARDS]
    assert sum(report.kept for report in reports) == 30 and not any(report.removed for report in reports)
    assert all("30 of its 48 images" in report.skipped[-1].reason for report in reports)
    with ImageFinder.open(place) as finder:
        assert len(finder.records("missing = true")) == 30
    reports = [add(place, shard=shard, allow_removal=True) for shard in SHARDS]
    assert sum(report.removed for report in reports) == 30 and reports[-1].total == 18


def test_a_drive_that_is_away_on_one_machine_takes_nothing_away(photos: Path, tmp_path: Path) -> None:
    place = tmp_path / "index"
    for shard in SHARDS:
        add(place, photos, shard=shard)
    photos.rename(tmp_path / "away")
    with pytest.raises(NotFoundError):
        add(place, photos, shard="2/4")
    assert add(place, shard="3/4").missing[0].uri == str(photos)
    photos.mkdir()  # as an unmounted drive leaves it
    report = add(place, photos, shard="2/4")
    assert report.removed == 0 and report.kept and report.total == 48


@pytest.mark.parametrize("new_first", [True, False])
def test_what_was_said_moves_from_shard_to_shard(photos: Path, tmp_path: Path, new_first: bool) -> None:
    place, old = tmp_path / "index", photos / "a" / "010.png"
    add(place, photos)
    with ImageFinder.open(place) as finder:
        finder.update(str(old), tags=["mine"], caption="said")
    was = next(n for n in range(N) if Shard(n + 1, N).has(str(old)))
    names = (photos / "a" / f"moved {n}.png" for n in itertools.count())
    new = next(path for path in names if key_of(str(path)) % N == (was + 1) % N)
    old.rename(new)
    order = [(was + 1) % N, was] if new_first else [was, (was + 1) % N]
    reports = [add(place, shard=SHARDS[n]) for n in (*order, *(n for n in range(N) if n not in order))]
    with ImageFinder.open(place) as finder:
        assert (len(finder), finder.get(str(new)).tags, finder.get(str(new)).caption) == (48, ("mine",), "said")
        kept = load_said(finder._collection.index.documents).images
        assert [uri for _, uri in kept] == [str(new)]
    assert sum(r.moved for r in reports) == new_first and not any(r.kept for r in reports)
    assert add(place).unchanged == 48


def test_an_image_whose_source_is_not_looked_at_gives_what_was_said_of_it(photos: Path, tmp_path: Path) -> None:
    """It was moved from a source to another, and only that is indexed."""
    place, old = tmp_path / "index", photos / "a" / "010.png"
    add(place, photos)
    with ImageFinder.open(place) as finder:
        finder.update(str(old), tags=["mine"])
    new = tmp_path / "elsewhere" / "x.png"
    new.parent.mkdir()
    old.rename(new)
    for shard in SHARDS:
        add(place, new.parent, shard=shard)
    with ImageFinder.open(place) as finder:
        assert finder.get(str(new)).tags == ("mine",)


def test_an_image_that_another_shard_holds_keeps_what_was_said_of_it(photos: Path, tmp_path: Path) -> None:
    """A copy of it is new in a shard which knows nothing of it: nothing is taken from it."""
    place, old = tmp_path / "index", photos / "a" / "010.png"
    add(place, photos)
    with ImageFinder.open(place) as finder:
        finder.update(str(old), tags=["mine"])
    shutil.copy(old, photos / "a further copy.png")
    for shard in SHARDS:
        add(place, shard=shard)
    with ImageFinder.open(place) as finder:
        assert finder.get(str(old)).tags == ("mine",) and finder.get(str(photos / "a further copy.png")).tags == ()
        assert [uri for _, uri in load_said(finder._collection.index.documents).images] == [str(old)]


def test_further_models_get_their_vectors_shard_by_shard(photos: Path, tmp_path: Path) -> None:
    place = tmp_path / "index"
    add(place, photos / "b")
    with ImageFinder.open(place) as finder:
        finder.add_model("default")
    reports = [add(place, photos, shard=shard) for shard in ("2/2", "1/2")]
    assert all(sum(filled.filled for filled in report.filled) > 5 for report in reports)
    with ImageFinder.open(place) as finder:
        assert [space.images for space in finder.spaces()] == [48] * 4


def test_new_images_join_the_clusters_when_the_last_has_ended(photos: Path, tmp_path: Path) -> None:
    place = tmp_path / "index"
    add(place, photos / "a")
    with ImageFinder.open(place) as finder:
        finder.cluster(3)
    reports = [add(place, photos, shard=shard) for shard in SHARDS]
    assert [report.clusters is not None for report in reports] == [False, False, False, True]
    with ImageFinder.open(place) as finder:
        assert all("cluster" in record.extra for record in finder.records())


# --- beside others ----------------------------------------------------------------------------------------------------


def test_shards_run_beside_each_other_and_never_beside_a_run_of_all(at: str) -> None:
    with SharedIndex(at) as first, SharedIndex(at, create=False) as second:
        done: list[str] = []
        together, end = threading.Barrier(3), threading.Event()

        def shard(index: SharedIndex, n: int) -> None:
            with index.sharing(Turn(index, Shard(n, 2), ())):
                together.wait(60)
                end.wait(60)
                done.append("shard")

        def whole() -> None:
            with second.indexing:
                done.append("all")

        shards = [begun(lambda n=n, index=index: shard(index, n)) for n, index in ((1, first), (2, second))]
        together.wait(60)  # both are at work
        others = begun(whole)
        others.join(0.3)
        assert others.is_alive() and not done
        end.set()
        for thread in (*shards, others):
            thread.join(60)
        assert done == ["shard", "shard", "all"]


def test_a_shard_waits_for_a_run_of_all(at: str) -> None:
    with SharedIndex(at) as first, SharedIndex(at, create=False) as second:
        inside = threading.Event()

        def shard() -> None:
            with first.sharing(Turn(first, Shard(3, 3), ())):
                inside.set()

        with second.indexing:
            late = begun(shard)
            assert not inside.wait(0.3)
        assert inside.wait(60)
        late.join(60)


def test_the_same_shard_is_not_run_twice_at_once(at: str) -> None:
    with SharedIndex(at) as first, SharedIndex(at, create=False) as second:
        inside = threading.Event()

        def again() -> None:
            with second.sharing(Turn(second, Shard(1, 2), ())):
                inside.set()

        with first.sharing(Turn(first, Shard(1, 2), ())):
            thread = begun(again)
            assert not inside.wait(0.3)
        assert inside.wait(60)
        thread.join(60)


def test_vectors_of_a_space_in_the_making_are_not_dropped_by_who_opens_the_index(at: str, photos: Path) -> None:
    """Each of the processes opens it, and what a run that was cut short has left is dropped then."""
    with SharedIndex(at) as first:
        with first.sharing(Turn(first, Shard(1, 2), ())):
            first.store.create_vector("left.raw", first_params())
            with first.writing:
                opening = begun(lambda: SharedIndex(at, create=False).close())
                opening.join(0.3)
                assert opening.is_alive() and "left.raw" in first.store.vectors()
            opening.join(60)
        assert "left.raw" not in SharedIndex(at, create=False).store.vectors()


def first_params() -> Any:
    from imagefinder.store.base import VectorParams

    return VectorParams(4, "float16", "dot", searchable=False)


# --- at the command line ----------------------------------------------------------------------------------------------


def test_the_command_tells_which_shards_are_to_come(photos: Path, tmp_path: Path) -> None:
    where = ("--index", tmp_path / "index")
    first = run_cli("index", photos, "--model", "fast", "--shard", "2/3", *where)
    assert first.returncode == 0 and "Shard 2 of 3 has ended; still to end: 1, 3." in first.stderr
    assert "1 of 3 have ended" in run_cli("info", *where).stdout
    assert "not begun: 1, 3" in run_cli("info", *where).stdout
    second = run_cli("index", photos, "--shard", "1/3", "--json", *where)
    assert json.loads(second.stdout)["shard"] == {"number": 1, "of": 3, "missing": [3]}
    last = run_cli("index", photos, "--shard", "3/3", *where)
    assert "Shard 3 of 3 was the last" in last.stderr and "48 images" in last.stderr
    assert "all is fitted since" in run_cli("info", *where).stdout
    assert json.loads(run_cli("info", "--json", *where).stdout)["shards"][0]["missing"] == []
    assert run_cli("search", "noise", *where).returncode == 0


@pytest.mark.parametrize("shard", ["0/16", "17/16", "3/0", "a/b", "3", "1/99999"])
def test_the_command_refuses_what_is_no_shard(tmp_path: Path, shard: str) -> None:
    done = run_cli("index", tmp_path, "--shard", shard, "--index", tmp_path / "index")
    assert done.returncode == 2 and f"no shard '{shard}'" in done.stderr and "3/16" in done.stderr
    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize("option", [["--watch"], ["--rebuild"], ["--model", "fast", "--use"]])
def test_what_concerns_the_whole_index_takes_no_shard(tmp_path: Path, option: list[str]) -> None:
    done = run_cli("index", tmp_path, "--shard", "1/2", *option, "--index", tmp_path / "index")
    assert done.returncode == 2 and "without --shard" in done.stderr


def test_a_further_model_is_not_added_by_a_shard(photos: Path, tmp_path: Path) -> None:
    where = ("--index", tmp_path / "index")
    run_cli("index", photos / "a", "--model", "fast", *where)
    done = run_cli("index", photos, "--shard", "1/2", "--model", "default", *where)
    assert done.returncode == 2 and "without --shard" in done.stderr


# --- in a scheduler ---------------------------------------------------------------------------------------------------

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cluster.md"


@pytest.mark.skipif(sys.platform == "win32", reason="the lines are those of a POSIX shell")
@pytest.mark.parametrize(
    "variables",
    [
        {"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "16"},
        {"JOB_COMPLETION_INDEX": "2", "SHARDS": "16"},
        {"AWS_BATCH_JOB_ARRAY_INDEX": "2", "AWS_BATCH_JOB_ARRAY_SIZE": "16"},
    ],
    ids=lambda variables: next(iter(variables)),
)
def test_the_lines_of_the_page_give_the_shard(variables: dict[str, str]) -> None:
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if f"{next(iter(variables))}" in line]
    shard = next(line for line in lines if "--shard" in line).partition("--shard ")[2]
    done = subprocess.run(["sh", "-uc", f"echo {shard}"], capture_output=True, text=True, env=variables, check=True)
    assert Shard.read(done.stdout) == Shard(3, 16)
