"""A rebuild makes the new index beside the old one: nothing is gone before, and what people said is there after it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imagefinder import FunctionEmbedder, ImageFinder, register
from imagefinder.errors import IndexDamagedError, IndexLockedError, NotFoundError, StorageError
from imagefinder.images import loader
from imagefinder.index import folder as folders
from imagefinder.index import manifest as manifests
from imagefinder.index.said import FILE, load_said
from imagefinder.types import Progress
from tests.support.command import run_cli

MakeImage = Callable[..., Image.Image]
CopyIndex = Callable[[Path, Path], Path]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, make_image: MakeImage) -> Path:
    """An index of a folder, a paused one and a table, and of a folder that was forgotten; with all that people said."""
    tmp_path = tmp_path_factory.mktemp("made") / "work"
    tmp_path.mkdir()
    for name, first in (("album", 0), ("paused", 20), ("forgotten", 40), ("listed", 60)):
        (tmp_path / name).mkdir()
        for n in range(first, first + 4):
            make_image(n).save(tmp_path / name / f"{n}.png")
    (tmp_path / "table.csv").write_text("path,price\n" + "".join(f"listed/{n}.png,{n}\n" for n in range(60, 64)))
    register(colours())
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        finder.add(tmp_path / "album", exclude=["*.gif"])
        finder.add(tmp_path / "paused", tmp_path / "forgotten", tmp_path / "table.csv")
        finder.pause_source(tmp_path / "paused")
        finder.forget_source(tmp_path / "forgotten")
        finder.add_model("colours")
        finder.quality()
        finder.cluster(3)
        finder.clusters.rename(1, "mine")
        for n, record in enumerate(finder.records()):
            finder.update(record.id, tags=[f"tag {n}"], caption=f"caption {n}", name=f"name {n}")
        first, second, third = (record.id for record in finder.records()[:3])
        finder.clusters.move(first, 2)
        finder.copies.decide("keep-both", first, second)
        finder.feedback.add({"text": "x"}, [third])
        finder.train_classifier(by="folder", hidden=4, held_out=0, name="trained")
    return tmp_path


@pytest.fixture(scope="module")
def kept(made: Path, copy_index: CopyIndex) -> Path:
    return copied(made, made.with_name("kept"), copy_index)


@pytest.fixture
def home(made: Path, kept: Path, copy_index: CopyIndex) -> Path:
    """The index, as it was, in the place that it was made in: it knows its sources by their paths."""
    register(colours())
    shutil.rmtree(made)
    return copied(kept, made, copy_index) / "index"


def copied(home: Path, target: Path, copy_index: CopyIndex) -> Path:
    shutil.copytree(home, target, ignore=shutil.ignore_patterns("index"))
    copy_index(home / "index", target / "index")
    return target


def colours() -> FunctionEmbedder:
    return FunctionEmbedder(
        "colours", lambda rows: rows.reshape(len(rows), -1, 3).mean(axis=1) / 255, dim=3, size=32, transform="none"
    )


def state(index: Path) -> dict[str, Any]:
    """All that people have said and decided, and what searches answer."""
    with ImageFinder.open(index) as finder:
        first = finder.records()[0].id
        return {
            "records": {r.uri: r.to_payload() for r in finder.records()},
            "clusters": {c.name: c.size for c in finder.clusters},
            "decisions": finder.copies.decisions(),
            "feedback": finder.feedback.list(),
            "sources": [(s.uri, s.kind, s.images, s.state) for s in finder.list_sources()],
            "models": finder.models,
            "hits": {model: [h.id for h in finder.similar(first, 20, spaces=[model])] for model in finder.models},
            "current": finder.info().spaces.keys(),
        }


def vectors(index: Path) -> dict[str, np.ndarray]:
    with ImageFinder.open(index) as finder:
        return {name: finder.vectors(name, raw=True)[1] for name in finder.info().spaces}


def places(index: Path) -> set[str]:
    return {"points", "transforms", *manifests.MADE} & {path.name for path in index.iterdir()}


def schema(index: Path) -> int:
    return int(json.loads((index / "index.json").read_text())["version"])


def test_all_is_there_again_and_rebuilding_goes_on_working(home: Path) -> None:
    before, rows = state(home), vectors(home)
    assert places(home) == {"points", "transforms"} and schema(home) == 1
    for made in ("made-1", "made-2", "made-1"):
        report = ImageFinder.rebuild(home)
        assert (report.total, report.added, report.skipped) == (16, 16, ())
        assert state(home) == before
        assert places(home) == {made} and schema(home) == 2, "which an earlier ImageFinder refuses by a message"
        after = vectors(home)
        assert after.keys() == rows.keys()
        for name, array in rows.items():
            np.testing.assert_allclose(after[name], array, atol=2e-3)
    with ImageFinder.open(home) as finder:
        assert (finder.add().unchanged, len(finder)) == (8, 16), "what is paused and forgotten is not gone over"
        assert load_said(home).images.keys() == {(p["content_hash"], u) for u, p in before["records"].items()}


def test_new_sources_and_another_model_come_in_and_the_former_model_stays(
    home: Path, tmp_path: Path, make_image: MakeImage
) -> None:
    (tmp_path / "more").mkdir()
    make_image(90).save(tmp_path / "more" / "90.png")
    before = state(home)
    report = ImageFinder.rebuild(home, tmp_path / "more", model="colours")
    assert report.total == 17
    after = state(home)
    assert after["records"].items() >= before["records"].items()
    assert set(after["models"]) == set(before["models"]) and after["models"][0] == "colours"
    with ImageFinder.open(home) as finder:
        assert {space.images for space in finder.spaces()} == {17}, "the new image has vectors of all models"
        assert finder.info().model == "colours"


def test_the_vectors_of_a_model_that_is_not_here_any_more_are_kept(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from imagefinder.models import registry

    rows = vectors(home)["colours"]
    with monkeypatch.context() as without:
        without.setattr(registry, "_registered", {n: m for n, m in registry._registered.items() if n != "colours"})
        ImageFinder.rebuild(home)
    np.testing.assert_array_equal(vectors(home)["colours"], rows)


def offline(home: Path, patch: pytest.MonkeyPatch) -> None:
    (home.parent / "album").rename(home.parent / "elsewhere")


def paused_offline(home: Path, patch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(home.parent / "paused")


def emptied(home: Path, patch: pytest.MonkeyPatch) -> None:
    for path in (home.parent / "album").iterdir():
        path.unlink()


def forgotten_gone(home: Path, patch: pytest.MonkeyPatch) -> None:
    (home.parent / "forgotten" / "40.png").unlink()


def cut_table(home: Path, patch: pytest.MonkeyPatch) -> None:
    (home.parent / "table.csv").write_text("path,price\n")


def broken_table(home: Path, patch: pytest.MonkeyPatch) -> None:
    (home.parent / "table.csv").write_text('path,price\nlisted/60.png,"13\nlisted/61.png,2\n')


def unreadable(home: Path, patch: pytest.MonkeyPatch) -> None:
    real = os.scandir

    def scandir(path: Any = ".") -> Any:
        if str(path) == str(home.parent / "album"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    patch.setattr(os, "scandir", scandir)


def damaged_picture(home: Path, patch: pytest.MonkeyPatch) -> None:
    (home.parent / "album" / "0.png").write_bytes(b"no picture")


REFUSED = {
    offline: NotFoundError,
    paused_offline: NotFoundError,
    emptied: NotFoundError,
    forgotten_gone: NotFoundError,
    cut_table: NotFoundError,
    broken_table: StorageError,
    unreadable: StorageError,
    damaged_picture: StorageError,
}


@pytest.mark.parametrize(("harm", "kind"), REFUSED.items(), ids=lambda value: value.__name__)
def test_images_that_could_not_be_made_again_refuse_it_until_that_is_allowed(
    home: Path, monkeypatch: pytest.MonkeyPatch, harm: Callable[..., None], kind: type[Exception]
) -> None:
    before = state(home)
    harm(home, monkeypatch)
    with pytest.raises(kind, match="nothing has changed") as caught:
        ImageFinder.rebuild(home)
    assert "--allow-removal" in str(caught.value)
    told = {**before, "sources": state(home)["sources"]}
    assert state(home) == told and places(home) == {"points", "transforms"}
    report = ImageFinder.rebuild(home, allow_removal=True)
    assert 11 <= report.total < 16
    after = state(home)
    assert after["records"].items() <= before["records"].items()
    assert {uri for _, uri in load_said(home).images} == before["records"].keys(), "those that are left out too"
    assert {one[0] for one in after["sources"]} == {one[0] for one in before["sources"]}


def test_what_was_left_out_comes_back_with_what_was_said(home: Path) -> None:
    before = state(home)
    (home.parent / "album").rename(home.parent / "elsewhere")
    ImageFinder.rebuild(home, allow_removal=True)
    (home.parent / "elsewhere").rename(home.parent / "album")
    with ImageFinder.open(home) as finder:
        assert finder.add().added == 4
        words = {r.uri: (r.tags, r.caption, r.extra["name"]) for r in finder.records()}
    assert words == {uri: (tuple(p["tags"]), p["caption"], p["name"]) for uri, p in before["records"].items()}


def test_damage_to_what_was_said_is_told_and_what_the_index_says_is_kept_again(home: Path) -> None:
    before = state(home)
    with ImageFinder.open(home) as finder:
        gone = finder.records()[0]
        finder.remove(gone.id)
    text = (home / FILE).read_bytes()
    for damaged in (b"", b"{}", text[: len(text) // 2], b"[" * 100_000, text.replace(b"caption", b"captain")):
        (home / FILE).write_bytes(damaged)
        ImageFinder.rebuild(home, allow_removal=True)
        with ImageFinder.open(home) as finder:
            words = {r.uri: (r.tags, r.caption) for r in finder.records() if r.uri != gone.uri}
        assert words == {u: (tuple(p["tags"]), p["caption"]) for u, p in before["records"].items() if u != gone.uri}
        assert not load_said(home).lost


def fails(error: BaseException) -> Callable[..., Any]:
    def fail(*args: Any, **options: Any) -> Any:
        raise error

    return fail


@pytest.mark.parametrize("error", [KeyboardInterrupt(), StorageError("The disk is full."), MemoryError()])
@pytest.mark.parametrize("where", ["start", "middle", "switch"])
def test_whatever_ends_it_before_the_switch_changes_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch, where: str, error: BaseException
) -> None:
    before = state(home)
    with monkeypatch.context() as patch, pytest.raises(type(error)):
        if where == "start":
            patch.setattr(loader.Loader, "read", fails(error))
        if where == "switch":
            patch.setattr(folders.Index, "switch_to", fails(error))
        ImageFinder.rebuild(home, progress=fails(error) if where == "middle" else None)
    assert places(home) == {"points", "transforms"}
    assert state(home) == before


def test_readers_get_answers_meanwhile_and_then_see_the_new_index(
    home: Path, make_image: MakeImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_image(95).save(home.parent / "album" / "95.png")
    seen: list[int] = []
    with ImageFinder.open(home, read_only=True, wait_s=10) as early:
        asked = early.records()[0].id

        def ids(finder: ImageFinder) -> list[str]:
            return [hit.id for hit in finder.similar(asked, 30)]

        first = ids(early)

        def look(progress: Progress) -> None:
            with ImageFinder.open(home, read_only=True, wait_s=10) as late:
                assert ids(early) == ids(late) == first
                seen.append(len(early))

        ImageFinder.rebuild(home, progress=look)
        assert set(seen) == {16}
        assert len(early) == 17 and len(early.similar(asked, 30)) == 16
    with ImageFinder.open(home) as writer, pytest.raises(IndexLockedError):
        assert len(writer) == 17
        ImageFinder.rebuild(home)


@pytest.mark.parametrize("lost", ["index.json", "points"])
def test_an_index_past_opening_is_made_again_with_what_can_still_be_read(home: Path, lost: str) -> None:
    before = state(home)
    sources = [home.parent / name for name in ("album", "paused", "forgotten", "listed")]
    if lost == "points":
        for path in (home / "points" / "segments").rglob("*"):
            if path.is_file():
                path.write_bytes(b"\0" * 10)
    else:
        for name in (lost, "index.bak.json"):
            (home / name).write_text("{")
        with pytest.raises(IndexDamagedError):
            ImageFinder.open(home)
        refused = run_cli("index", "--rebuild", "--index", home)
        assert refused.returncode == 2 and "knows no source" in refused.stderr
    report = ImageFinder.rebuild(home, *sources, model="fast")
    assert report.total == 16
    after = state(home)
    assert after["decisions"] == before["decisions"] and after["feedback"] == before["feedback"]
    assert {u: (p["tags"], p["name"]) for u, p in after["records"].items()} == {
        u: (p["tags"], p["name"]) for u, p in before["records"].items()
    }
    assert after["clusters"] == before["clusters"]
    if lost == "index.json":
        return
    assert not report.skipped and set(after["models"]) == set(before["models"]), "also the one trained on it"
    assert [s[3] for s in after["sources"]] == ["there", "paused", "there", "there", "there"]


def test_the_command_says_how_to_go_on(home: Path) -> None:
    (home.parent / "album").rename(home.parent / "elsewhere")
    refused = run_cli("index", "--rebuild", "--index", home)
    assert refused.returncode == 3 and "--allow-removal" in refused.stderr
    done = run_cli("index", "--rebuild", "--allow-removal", "--index", home, "--json")
    assert done.returncode == 1, "a source is missing"
    assert json.loads(done.stdout)["total"] == 12


@pytest.fixture(autouse=True)
def _models_of_one_test() -> Iterator[None]:
    from imagefinder.models import registry

    before = dict(registry._registered)
    yield
    registry._registered.clear()
    registry._registered.update(before)
