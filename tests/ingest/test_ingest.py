"""What an indexing run does to the index, seen from outside."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagefinder.errors import InvalidInputError, NotFoundError
from imagefinder.finder import ImageFinder
from imagefinder.images.fetch import Fetcher
from imagefinder.models.onnx import OnnxEmbedder
from imagefinder.results import IngestReport
from imagefinder.types import Progress

MakeImage = Callable[..., Image.Image]


@pytest.fixture
def album(tmp_path: Path, make_image: MakeImage) -> Path:
    folder = tmp_path / "album"
    for i, name in enumerate(("a.png", "shoes/b.png", "shoes/c.png", "hats/d.png")):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        make_image(i).save(path)
    return folder


@pytest.fixture
def finder(tmp_path: Path) -> Iterator[ImageFinder]:
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        yield finder


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pictures each call of the model got."""
    sizes: list[int] = []
    real = OnnxEmbedder.embed_images

    def counting(self: OnnxEmbedder, batch: np.ndarray) -> object:
        sizes.append(len(batch))
        return real(self, batch)

    monkeypatch.setattr(OnnxEmbedder, "embed_images", counting)
    return sizes


def counts(report: IngestReport) -> dict[str, int]:
    names = ("added", "updated", "unchanged", "moved", "removed")
    assert report.seen == sum(getattr(report, n) for n in names[:4]) + len(report.skipped)
    return {n: getattr(report, n) for n in names if getattr(report, n)}


def rewrite(path: Path, image: Image.Image) -> None:
    image.save(path)
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000_000))


def test_a_first_run_adds_everything_and_a_second_one_touches_nothing(
    finder: ImageFinder, album: Path, embedded: list[int]
) -> None:
    assert counts(finder.add(album)) == {"added": 4}
    done = sum(embedded)
    assert counts(finder.add(album)) == {"unchanged": 4}
    assert sum(embedded) == done == 4
    record = finder.get(album / "shoes/b.png")
    assert (record.folder, record.width, record.height, record.format) == ("shoes", 96, 64, "PNG")
    assert record.bytes == (album / "shoes/b.png").stat().st_size


def test_a_changed_file_is_embedded_anew(finder: ImageFinder, album: Path, make_image: MakeImage) -> None:
    finder.add(album)
    before = finder.get(album / "a.png")
    rewrite(album / "a.png", make_image(50, (80, 80)))
    assert counts(finder.add(album)) == {"updated": 1, "unchanged": 3}
    after = finder.get(album / "a.png")
    assert after.content_hash != before.content_hash
    assert (after.width, after.height) == (80, 80)
    assert finder.search(make_image(50, (80, 80)), k=1)[0].uri == str(album / "a.png")


def test_a_touched_file_with_the_same_content_is_not_embedded(
    finder: ImageFinder, album: Path, embedded: list[int]
) -> None:
    finder.add(album)
    embedded.clear()
    os.utime(album / "a.png", ns=(1, 1_600_000_000_000_000_000))
    assert counts(finder.add(album)) == {"unchanged": 4}
    assert not embedded
    assert finder.get(album / "a.png").mtime == "2020-09-13T12:26:40+00:00"


def test_a_moved_file_keeps_its_vector_and_what_was_said_of_it(
    finder: ImageFinder, tmp_path: Path, album: Path, embedded: list[int]
) -> None:
    table = tmp_path / "table.csv"
    table.write_text(f"path,caption,tags,price\n{album}/a.png,a tree,x;y,9.5\n")
    finder.add(album, table)
    ids, vectors = finder.vectors(raw=True)
    old = vectors[ids.index(finder.get(album / "a.png").id)]
    embedded.clear()
    shutil.move(album / "a.png", album / "hats/renamed.png")
    assert counts(finder.add(album)) == {"moved": 1, "unchanged": 3}
    assert not embedded
    record = finder.get(album / "hats/renamed.png")
    assert (record.caption, record.tags, record.extra, record.folder) == ("a tree", ("x", "y"), {"price": 9.5}, "hats")
    ids, vectors = finder.vectors(raw=True)
    np.testing.assert_array_equal(vectors[ids.index(record.id)], old)
    with pytest.raises(NotFoundError):
        finder.get(album / "a.png")


def test_a_removed_file_leaves_the_index(finder: ImageFinder, album: Path) -> None:
    finder.add(album)
    shutil.rmtree(album / "shoes")
    assert counts(finder.add(album)) == {"unchanged": 2, "removed": 2}
    assert len(finder) == 2


def test_the_same_content_twice_is_two_records_and_one_computation(
    finder: ImageFinder, album: Path, embedded: list[int]
) -> None:
    shutil.copy(album / "a.png", album / "hats/copy.png")
    assert counts(finder.add(album)) == {"added": 5}
    assert sum(embedded) == 4
    shutil.copy(album / "a.png", album / "later.png")
    assert counts(finder.add(album)) == {"added": 1, "unchanged": 5}
    assert sum(embedded) == 4
    names = {Path(h.uri).name for h in finder.similar(album / "a.png", k=2)}
    assert names == {"copy.png", "later.png"}


def test_two_copies_of_a_broken_file_are_both_skipped(finder: ImageFinder, album: Path) -> None:
    for name in ("x.jpg", "y.jpg"):
        (album / name).write_bytes(b"\xff\xd8\xff\xe0 not really a picture")
    report = finder.add(album)
    assert counts(report) == {"added": 4}
    assert {Path(s.uri).name for s in report.skipped} == {"x.jpg", "y.jpg"}
    assert all(s.code and s.reason for s in report.skipped)


def test_a_folder_that_is_suddenly_bare_keeps_its_images(finder: ImageFinder, album: Path) -> None:
    """An unmounted drive leaves an empty folder behind."""
    finder.add(album)
    shutil.rmtree(album)
    album.mkdir()
    report = finder.add(album)
    assert len(finder) == 4
    assert [s.code for s in report.skipped] == ["not-found"]
    assert counts(finder.add(album, allow_empty=True)) == {"removed": 4}


def test_a_missing_folder_is_an_error_and_removes_nothing(finder: ImageFinder, album: Path) -> None:
    finder.add(album)
    album.rename(album.with_name("elsewhere"))
    with pytest.raises(NotFoundError):
        finder.add(album)
    assert len(finder) == 4


def test_a_table_describes_its_images_and_a_changed_row_is_taken_over(
    finder: ImageFinder, tmp_path: Path, album: Path, embedded: list[int]
) -> None:
    table = tmp_path / "shop.csv"
    table.write_text("image,price,name\nalbum/a.png,5,one\nalbum/shoes/b.png,7,two\nalbum/none.png,1,three\n")
    report = finder.add(table)
    assert counts(report) == {"added": 2}
    assert [s.code for s in report.skipped] == ["not-found"]
    assert [r.uri for r in finder.records("price > 5")] == [str(album / "shoes/b.png")]
    embedded.clear()
    table.write_text("image,price,name\nalbum/a.png,6,one\n")
    assert counts(finder.add(table)) == {"updated": 1, "removed": 1}
    assert finder.get(album / "a.png").extra == {"price": 6, "name": "one"}
    assert not embedded


def test_sources_overlap_without_harm(finder: ImageFinder, album: Path) -> None:
    finder.add(album)
    assert counts(finder.add(album / "shoes")) == {"unchanged": 2}
    (album / "shoes/b.png").unlink()
    assert counts(finder.add(album / "shoes")) == {"unchanged": 1, "removed": 1}
    assert counts(finder.add(album, album / "shoes")) == {"unchanged": 3}


def test_ctrl_c_keeps_what_is_stored_and_the_next_run_goes_on(
    finder: ImageFinder, tmp_path: Path, make_image: MakeImage, embedded: list[int]
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for i in range(80):
        make_image(i, (32, 32)).save(folder / f"{i}.png")

    def stop(progress: Progress) -> None:
        if progress.stored:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finder.add(folder, progress=stop)
    stored = len(finder)
    assert 0 < stored < 80
    assert finder.search(make_image(0, (32, 32)), k=1), "an interrupted first run can be searched"
    embedded.clear()
    assert counts(finder.add(folder)) == {"added": 80 - stored, "unchanged": stored}
    assert sum(embedded) <= 80 - stored


def test_vectors_are_the_same_whether_added_at_once_or_little_by_little(
    tmp_path: Path, album: Path, make_image: MakeImage
) -> None:
    with ImageFinder.open(tmp_path / "one", model="fast") as one:
        one.add(album)
        raw = dict(zip(*one.vectors(raw=True), strict=True))
    with ImageFinder.open(tmp_path / "two", model="fast") as two:
        for part in ("hats", "shoes", "."):
            two.add(album / part)
        again = dict(zip(*two.vectors(raw=True), strict=True))
    assert raw.keys() == again.keys()
    for id, vector in raw.items():
        np.testing.assert_allclose(again[id], vector, atol=2e-3)


def test_force_embeds_everything_anew(finder: ImageFinder, album: Path, embedded: list[int]) -> None:
    finder.add(album)
    embedded.clear()
    assert counts(finder.add(album, force=True)) == {"updated": 4}
    assert sum(embedded) == 4


def test_progress_counts_up_to_the_total(finder: ImageFinder, album: Path) -> None:
    seen: list[tuple[int, int]] = []
    finder.add(album, progress=lambda p: seen.append((p.done, p.total)) if p.total else None)
    assert seen[-1] == (4, 4)
    assert seen == sorted(seen)


def test_no_source_at_all_is_a_wrong_call(finder: ImageFinder) -> None:
    with pytest.raises(InvalidInputError, match="source"):
        finder.add()


def test_include_exclude_and_ignore_file(finder: ImageFinder, album: Path) -> None:
    assert counts(finder.add(album, exclude=["hats/"])) == {"added": 3}
    (album / ".imagefinderignore").write_text("shoes/*\n!shoes/c.png\n")
    assert counts(finder.add(album)) == {"added": 1, "unchanged": 2, "removed": 1}
    assert {Path(r.uri).name for r in finder.records()} == {"a.png", "c.png", "d.png"}


def test_colours_come_with_the_image_and_with_its_copies(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), "red").save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes())
    Image.new("RGB", (64, 64), "blue").save(tmp_path / "c.png")
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        finder.add(tmp_path / "a.png", tmp_path / "b.png", tmp_path / "c.png")
        assert {Path(r.uri).name: r.colours for r in finder.records()} == {
            "a.png": ("red",),
            "b.png": ("red",),
            "c.png": ("blue",),
        }
        assert {Path(r.uri).name for r in finder.records("colours = red")} == {"a.png", "b.png"}
        assert finder.search("anything", filter="colours = blue").total == 1
        assert finder.records()[0].to_dict()["colours"]
        # an index of an earlier version has no colours: measuring quality adds them
        store = finder._collection.index.store
        store.merge_payload([r.id for r in finder.records()], {"colours": None})
        finder.quality()
        store.merge_payload([finder.records()[0].id], {"colours": None})
        assert finder.quality().measured == 1
        assert all(r.colours for r in finder.records())
        Image.new("RGB", (64, 64), "lime").save(tmp_path / "c.png")
        finder.add(tmp_path / "c.png")
        assert finder.get(tmp_path / "c.png").colours == ("green",)


def test_what_came_from_the_web_is_stored_while_the_rest_is_awaited(
    finder: ImageFinder, tmp_path: Path, make_image: MakeImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def get(self: Fetcher, url: str, *_: object, **__: object) -> bytes:
        number = int(url.rpartition("/")[2])
        if number >= 3:
            assert go_on.wait(60)
        buffer = BytesIO()
        make_image(number).save(buffer, "PNG")
        return buffer.getvalue()

    def heard(progress: Progress) -> None:
        if progress.stored >= 3:
            go_on.set()

    monkeypatch.setattr(Fetcher, "get", get)
    (tmp_path / "far.csv").write_text("\n".join(["url", *(f"https://example.com/{n}" for n in range(20))]))
    report = finder.add(tmp_path / "far.csv", progress=heard)
    assert (report.added, report.skipped) == (20, ())
