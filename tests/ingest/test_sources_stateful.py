"""Whatever happens to sources, in whatever order: what was said of an image is found again with its content until it is
purged, and no image of another source is touched."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from PIL import Image

from imagefinder import FunctionEmbedder, ImageFinder
from imagefinder.errors import ImageFinderError, InvalidInputError, NotFoundError
from imagefinder.types import Record

CONTENTS = range(8)
SOURCES = ("a", "b", "listed")  # two folders, and one whose images a table lists
TABLE = "table.csv"
model = FunctionEmbedder(
    "mean", lambda rows: rows.reshape(len(rows), -1, 3).mean(axis=1) / 255, dim=3, size=8, transform="none"
)


def picture(n: int) -> bytes:
    file = io.BytesIO()
    noise = np.random.default_rng(n).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(noise).save(file, "PNG")
    return file.getvalue()


PICTURES = [picture(n) for n in CONTENTS]


class Sources(RuleBasedStateMachine):
    """Each content is in one place at most. ``said`` is what a person would expect to find with it."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(prefix="sources-"))
        self.clock = 0
        self.place: dict[int, Path] = {}  # of those on the disk
        self.root = {name: self.home / name for name in SOURCES}
        self.away: set[str] = set()
        self.said: dict[str, set[str]] = {}  # by content hash
        for name in SOURCES:
            self.root[name].mkdir()
        self.open()
        for n in CONTENTS[:6]:
            self.put(n, SOURCES[n % 3], n)
        self.finder.add(*self.known_places())

    def open(self) -> None:
        self.finder = ImageFinder.open(self.home / "index", model=model)

    def teardown(self) -> None:
        self.finder.close()
        shutil.rmtree(self.home)

    # --- the disk ---------------------------------------------------------------------------------------------------

    def put(self, n: int, source: str, name: int) -> None:
        if source in self.away or n in self.place:
            return
        path = self.root[source] / f"{name}.png"
        if path in self.place.values():
            return
        path.write_bytes(PICTURES[n])
        self.place[n] = path
        self.clock += 1
        os.utime(path, (self.clock, self.clock))
        self.write_table()

    def write_table(self) -> None:
        rows = [f"{path}\n" for path in self.place.values() if path.parent == self.root["listed"]]
        (self.home / TABLE).write_text("path\n" + "".join(rows))

    def known_places(self) -> list[Path]:
        return [self.root["a"], self.root["b"], self.home / TABLE]

    @rule(n=st.sampled_from(CONTENTS), source=st.sampled_from(SOURCES), name=st.integers(0, 9))
    def a_picture_appears(self, n: int, source: str, name: int) -> None:
        self.put(n, source, name)

    @rule(n=st.sampled_from(CONTENTS))
    def a_picture_is_deleted(self, n: int) -> None:
        if n in self.place and self.place[n].exists():
            self.place.pop(n).unlink()
            self.write_table()

    @rule(n=st.sampled_from(CONTENTS), source=st.sampled_from(SOURCES), name=st.integers(0, 9))
    def a_picture_moves(self, n: int, source: str, name: int) -> None:
        self.a_picture_is_deleted(n)
        self.put(n, source, name)

    @rule(source=st.sampled_from(("a", "b")))
    def a_folder_goes_away_or_comes_back(self, source: str) -> None:
        hidden = self.home / f"away-{source}"
        here, there = (hidden, self.root[source]) if source in self.away else (self.root[source], hidden)
        here.rename(there)
        self.away ^= {source}

    @rule(source=st.sampled_from(("a", "b")), named=st.booleans())
    def a_folder_is_renamed(self, source: str, named: bool) -> None:
        old = self.root[source]
        if source in self.away:
            return
        self.clock += 1
        new = self.home / f"{source}-{self.clock}"
        old.rename(new)
        self.root[source] = new
        self.place = {n: new / path.name if path.parent == old else path for n, path in self.place.items()}
        if named:
            others = self.of_others(old, new)
            try:
                self.finder.move_source(old, new)
            except NotFoundError:  # it was forgotten
                return
            assert self.of_others(old, new) == others

    # --- what a person does -----------------------------------------------------------------------------------------

    @rule(n=st.integers(0, 20), tag=st.sampled_from("xyz"))
    def tag(self, n: int, tag: str) -> None:
        if records := self.finder.records():
            content = records[n % len(records)].content_hash
            self.finder.tag([r.id for r in records if r.content_hash == content], add=[tag])
            self.said.setdefault(content, set()).add(tag)

    @rule(allow=st.booleans())
    def go_over_all(self, allow: bool) -> None:
        if self.finder.sources:
            self.finder.add(allow_removal=allow)

    @rule(which=st.integers(0, 2), allow=st.booleans())
    def go_over_one(self, which: int, allow: bool) -> None:
        source = self.known_places()[which]
        others = self.of_others(source)
        try:
            self.finder.add(source, allow_removal=allow)
        except ImageFinderError:
            assert not source.exists() or source.suffix
        assert self.of_others(source) == others

    @rule(n=st.integers(0, 5), how=st.sampled_from(("pause", "resume", "keep", "remove")))
    def handle(self, n: int, how: str) -> None:
        if not self.finder.sources:
            return
        source = self.finder.sources[n % len(self.finder.sources)]
        others, before = self.of_others(Path(source)), self.finder.records()
        if how == "pause":
            self.finder.pause_source(source)
        elif how == "resume":
            self.finder.resume_source(source)
        else:
            self.finder.forget_source(source, remove_images=how == "remove")
        assert self.of_others(Path(source)) == others
        if how != "remove":
            assert {r.uri for r in before} == {r.uri for r in self.finder.records()}

    @rule()
    def purge(self) -> None:
        self.finder.purge()
        there = {record.content_hash for record in self.finder.records()}
        self.said = {content: tags for content, tags in self.said.items() if content in there}

    @precondition(lambda self: self.finder.sources)
    @rule(allow=st.booleans())
    def rebuild(self, allow: bool) -> None:
        before = self.payloads()
        self.finder.close()
        try:
            ImageFinder.rebuild(self.home / "index", allow_removal=allow)
            made = True
        except (NotFoundError, InvalidInputError, OSError):
            made = False
        self.open()
        if not made:
            assert self.payloads() == before

    # --- what holds -------------------------------------------------------------------------------------------------

    def payloads(self) -> dict[str, dict[str, object]]:
        return {record.uri: record.to_payload() for record in self.finder.records()}

    def of_others(self, *sources: Path) -> dict[str, dict[str, object]]:
        """The records of images that neither lie in these sources nor came from them, but for the mark of those that
        are away."""

        def concerns(record: Record) -> bool:
            return any(str(source) == record.source or source in Path(record.uri).parents for source in sources)

        rows = {record.uri: record.to_payload() for record in self.finder.records() if not concerns(record)}
        return {uri: {**row, "missing": None} for uri, row in rows.items()}

    @invariant()
    def what_was_said_is_with_its_content(self) -> None:
        found = {record.uri: (record.content_hash, set(record.tags)) for record in self.finder.records()}
        assert found == {uri: (content, self.said.get(content, set())) for uri, (content, _) in found.items()}

    @invariant()
    def searches_find_every_image(self) -> None:
        records = self.finder.records()
        if records:
            hits = self.finder.search(f"id:{records[0].id}", k=50)
            assert Counter(hit.id for hit in hits) == Counter(record.id for record in records[1:])


TestSources = Sources.TestCase
TestSources.settings = settings(
    max_examples=12, stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck)
)
