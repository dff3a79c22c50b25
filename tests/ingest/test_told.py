"""What files say of themselves comes into the records, and never over what people said."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imagefinder import ImageFinder
from imagefinder.images.metadata import TAGS
from imagefinder.ingest.told import merged_caption, merged_tags

NAMESPACES = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dc="http://purl.org/dc/elements/1.1/"'


def packet(tags: tuple[str, ...] = (), title: str = "", more: str = "") -> bytes:
    bag = "".join(f"<rdf:li>{tag}</rdf:li>" for tag in tags)
    inside = f"<dc:subject><rdf:Bag>{bag}</rdf:Bag></dc:subject><dc:title>{title}</dc:title>{more}"
    return f"<rdf:RDF {NAMESPACES}><rdf:Description>{inside}</rdf:Description></rdf:RDF>".encode()


class Album:
    """A folder of one picture, whose file says different things at different times; its pixels stay the same."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "album" / "a.jpg"
        self.path.parent.mkdir()
        self.finder = ImageFinder.open(folder / "index", model="fast")
        self._time = 1_600_000_000

    def says(self, *tags: str, title: str = "", **exif: Any) -> Any:
        self._time += 10
        details = Image.Exif()
        details[272] = exif.get("model", "X100")
        xmp = packet(tags, title)
        Image.new("RGB", (64, 48), "teal").save(self.path, xmp=xmp, exif=details.tobytes())
        return self._indexed(self.path)

    def sidecar(self, *tags: str, title: str = "") -> Any:
        self._time += 10
        self.path.with_suffix(".xmp").write_bytes(packet(tags, title))
        return self._indexed(self.path.with_suffix(".xmp"))

    def _indexed(self, path: Path) -> Any:
        os.utime(path, (self._time, self._time))
        self.finder.add(self.path.parent)
        return self.record

    @property
    def record(self) -> Any:
        return self.finder.get(self.path)


@pytest.fixture
def album(tmp_path: Path) -> Any:
    made = Album(tmp_path)
    yield made
    made.finder.close()


def test_a_record_has_what_its_file_says(album: Album) -> None:
    record = album.says("sea", "boat", title="Harbour")
    assert (record.tags, record.caption, record.extra["camera"]) == (("sea", "boat"), "Harbour", "X100")
    assert not [name for name in record.to_dict() if name.startswith(("file_", "own_", "sidecar"))]
    assert album.finder.facets()["camera"] == [{"value": "X100", "count": 1}]
    assert len(album.finder.records("camera = X100 and tags = sea")) == 1


def test_a_changed_file_changes_what_it_brought_and_nothing_else(album: Album) -> None:
    album.says("sea", "boat", title="Harbour")
    album.finder.tag([album.path], add=["mine"])
    record = album.says("sea", "ship", title="Port", model="X200")
    assert (record.tags, record.caption, record.extra["camera"]) == (("sea", "mine", "ship"), "Port", "X200")
    record = album.says()
    assert (record.tags, record.caption) == (("mine",), None)


def test_what_a_person_removed_does_not_come_back(album: Album) -> None:
    album.says("sea", "boat", title="Harbour")
    album.finder.tag([album.path], remove=["sea"])
    album.finder.update(album.path, caption=None)
    record = album.says("sea", "boat", "ship", title="Harbour at night")
    assert (record.tags, record.caption) == (("boat", "ship"), None)
    album.finder.add(album.path.parent, force=True)
    assert (album.record.tags, album.record.caption) == (("boat", "ship"), None)


def test_what_a_person_said_first_stays_when_the_file_says_it_no_more(album: Album) -> None:
    album.says()
    album.finder.update(album.path, tags=["sea"], caption="Harbour")
    assert album.says("sea", "boat", title="Harbour").tags == ("sea", "boat")
    record = album.says()
    assert (record.tags, record.caption) == (("sea",), "Harbour")


def test_what_was_removed_stays_so_for_images_that_come_back_and_in_a_rebuilt_index(
    album: Album, tmp_path: Path
) -> None:
    album.says("sea", "boat", title="Harbour")
    album.finder.update(album.path, tags=[], caption=None)
    for _ in range(2):
        assert album.finder.remove(album.path) == 1
        album.finder.add(album.path.parent)
        assert (album.record.tags, album.record.caption) == ((), None)
    album.finder.close()
    ImageFinder.rebuild(tmp_path / "index")
    with ImageFinder.open(tmp_path / "index") as finder:
        record = finder.get(album.path)
        assert (record.tags, record.caption, record.extra["camera"]) == ((), None, "X100")


def test_what_only_files_say_is_not_kept_as_said_by_people(album: Album) -> None:
    album.says("sea", title="Harbour")
    report = album.finder.remove(album.path)
    assert report == 1 and album.finder.purge() == 0
    album.finder.add(album.path.parent)
    assert album.record.tags == ("sea",)


def test_a_tables_columns_go_before(album: Album, tmp_path: Path) -> None:
    album.says("sea", title="Harbour")
    (tmp_path / "t.csv").write_text("path,tags,caption,camera\nalbum/a.jpg,red;blue,From the table,mine\n")
    album.finder.add(tmp_path / "t.csv")
    record = album.record
    assert (record.tags, record.caption, record.extra["camera"]) == (("red", "blue"), "From the table", "mine")


def test_a_copy_says_the_same_without_being_decoded(album: Album) -> None:
    album.says("sea", title="Harbour")
    album.finder.tag([album.path], add=["mine"])
    copy = album.path.with_name("b.jpg")
    shutil.copy(album.path, copy)
    album.finder.add(album.path.parent)
    record = album.finder.get(copy)
    assert (record.tags, record.caption, record.extra["camera"]) == (("sea",), "Harbour", "X100")


def test_a_sidecar_goes_before_its_image_and_changes_by_itself(album: Album) -> None:
    album.says("sea", title="Harbour")
    record = album.sidecar("night")
    assert (record.tags, record.caption) == (("night",), "Harbour")
    copy = album.path.with_name("b.jpg")
    shutil.copy(album.path, copy)
    album.finder.add(album.path.parent)
    assert album.finder.get(copy).tags == ("sea",), "the sidecar speaks of the other one"
    album.finder.tag([album.path], remove=["night"])
    assert album.sidecar("night", "fog", title="Port").tags == ("fog",)
    assert album.record.caption == "Port"
    assert album.finder.add(album.path.parent).unchanged == 2
    album.path.with_suffix(".xmp").unlink()
    report = album.finder.add(album.path.parent)
    assert (report.updated, report.unchanged) == (1, 1)
    assert (album.record.tags, album.record.caption) == (("sea",), "Harbour")


TAG = st.sampled_from("abcde")
WORDS = st.lists(TAG, unique=True, max_size=5)


@given(st.lists(st.one_of(st.tuples(st.just("file"), WORDS), st.tuples(st.sampled_from(["add", "remove"]), TAG))))
def test_tags_of_files_and_people(steps: list[tuple[str, Any]]) -> None:
    """Against a record of who said what: a tag is there when a person gave it and none took it away since, or when the
    file has it since it came into the file, and no person has taken it away since then."""
    tags: list[str] = []
    before: list[str] = []
    own: list[str] = []
    given_by_people: set[str] = set()
    taken: set[str] = set()
    for what, value in steps:
        if what == "file":
            tags, own = merged_tags(tags, before, own, value)
            taken &= set(value)  # what leaves the file and comes again is new
            before = value
        elif what == "add":
            if value not in tags:
                tags.append(value)
                taken.discard(value)
                if value not in before or value in own:
                    given_by_people.add(value)
        elif value in tags:
            tags.remove(value)
            given_by_people.discard(value)
            if value in before:
                taken.add(value)
        assert set(tags) == given_by_people | (set(before) - taken), (what, value)
        assert len(set(tags)) == len(tags)


def test_no_image_gets_more_tags_than_it_may_have() -> None:
    mine, its = [f"m{i}" for i in range(60)], [f"f{i}" for i in range(60)]
    tags, _ = merged_tags(mine, [], [], its)
    assert tags == [*mine, *its[: TAGS - 60]]


@given(st.lists(st.tuples(st.sampled_from(["file", "person"]), st.sampled_from([None, "x", "y"])), max_size=8))
def test_captions_of_files_and_people(steps: list[tuple[str, str | None]]) -> None:
    caption: str | None = None
    before: str | None = None
    own = by_person = False
    for what, value in steps:
        if what == "person":
            by_person = by_person or caption != value
            caption = value
        else:
            was, (caption, own) = caption, merged_caption(caption, before, own, value)
            if caption != was:
                assert not by_person or was == before, "a person's words are never replaced but by the file's own"
            before = value
        if not by_person:
            assert caption == before
