"""A plan is made from columns, a batch at a time, and of unchanged images only a flag is kept: it decides the same as
one with a record of each image, whatever the sources hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.plain_plan import PlainPlan, plain_plan

from imagefinder._util.uuids import unpacked
from imagefinder.errors import ImageError
from imagefinder.images.source import Source
from imagefinder.index.manifest import SourceEntry
from imagefinder.ingest import known as known_module
from imagefinder.ingest import listing
from imagefinder.ingest.known import Known, KnownImages, known_images
from imagefinder.ingest.plan import Plan, make_plan
from imagefinder.store.base import Point
from imagefinder.store.exact import ExactStore
from imagefinder.types import ImageRef, Skipped, image_id

URIS = (
    *(f"/a/{name}.jpg" for name in ("1", "2", "é", "s/3", "s/4", "ours/5")),
    *("/a/d.pdf#page=1", "/a/d.pdf#page=2", "/a/v.mp4#t=0", "/a/z.zip#m.jpg", "/a/z.zip#n.jpg", "/a/y.tar#m.jpg"),
    *("/a/t.parquet#c/0/x", "/a/t.parquet#c/1", "/b/1.jpg", "/b/2.jpg", "https://host.example/1.jpg", "s3://b/1.jpg"),
)
FILES = (*URIS, "/a/d.pdf", "/a/v.mp4", "/a/z.zip", "/a/y.tar", "/a/new.jpg", "/b/new.jpg", "/b/z.zip#m.jpg")
SOURCES = ("/a", "/b", "/list.csv", "/a/s", "https://host.example/page")
SAME = (1, 5, None)  # size, time of the file and of its sidecar, of most of them
OTHERS = ((1, 6, None), (2, 5, None), (1, 5, 5), (None, 5, None), (None, None, None))
LIMITS = ((1, -(2**63), None), (1, 2**63 - 1, None), (1, 5, -(2**63)), (1, 0, 0))
facts = st.sampled_from((*[SAME] * 12, *OTHERS, *LIMITS))
versions = st.sampled_from((*[""] * 6, "v", "w"))


class Made(Source):
    """A source that holds what the test says."""

    def __init__(self, uri: str, items: Sequence[ImageRef | Skipped], hidden: Sequence[str], fails: bool) -> None:
        super().__init__(uri)
        self.kind = "table" if uri.endswith(".csv") else "page" if "page" in uri else "folder"
        self.items, self.hidden, self.fails = items, tuple(hidden), fails

    def scan(self) -> Iterator[ImageRef | Skipped]:
        self.ours = ["/a/ours/"]
        yield from self.items
        if self.fails:
            raise ImageError("It can't be read to its end.", code="corrupt")

    def covers(self, uri: str) -> bool:
        return uri.startswith(f"{self.uri}/")

    def is_hidden(self, uri: str) -> bool:
        return uri.startswith(self.hidden)


@st.composite
def payloads(draw: st.DrawFn) -> dict[str, object]:
    size, mtime_ns, sidecar_ns = draw(facts)
    payload = {
        "bytes": size,
        "mtime_ns": mtime_ns,
        "content_hash": draw(st.sampled_from(["0" * 32, "1" * 32, "2" * 32])),
        "source": draw(st.sampled_from((*SOURCES, *SOURCES, "/forgotten"))),
        "sidecar_ns": sidecar_ns,
        "parts": draw(st.sampled_from([None, 1, 2, "a column"])),
        "remote_version": draw(versions) or None,
    }
    return {name: value for name, value in payload.items() if value is not None}


@st.composite
def refs(draw: st.DrawFn, source: str) -> ImageRef | Skipped:
    uri = draw(st.sampled_from(FILES))
    if draw(st.integers(0, 9)) == 0:
        return Skipped(uri, "corrupt", "It is damaged.")
    said = draw(st.sampled_from([{}, {}, {}, {}, {"caption": "a"}, {"place": "b"}]))
    size, mtime_ns, sidecar_ns = draw(facts)
    return ImageRef(uri, size, mtime_ns, "", source, said, sidecar_ns=sidecar_ns, version=draw(versions))


@st.composite
def made_sources(draw: st.DrawFn) -> list[Source]:
    found: list[Source] = []
    for uri in draw(st.lists(st.sampled_from(SOURCES), max_size=3, unique=True)):
        items = draw(st.lists(refs(uri), max_size=20))
        hidden = draw(st.sampled_from([(), (), ("/a/s/",), ("/b/",)]))
        found.append(Made(uri, items, hidden, draw(st.integers(0, 5)) == 0))
    return found


def entries_of(uris: Sequence[str]) -> list[SourceEntry]:
    """The first that is no folder here is away."""
    return [SourceEntry(uri, "table" if uri.endswith(".csv") else "url", paused=uri == "/b") for uri in uris]


def store_of(known: dict[str, dict[str, object]]) -> ExactStore:
    store = ExactStore()
    store.upsert([Point(image_id(uri), {"uri": uri, **payload}, {}) for uri, payload in known.items()])
    return store


def check(plan: Plan, plain: PlainPlan) -> None:
    for name in ("todo", "files", "archives"):
        assert getattr(plan, name) == getattr(plain, name), name
    assert {ref.uri for ref in plan.listed} == plain.listed
    assert (plan.gone, plan.missed_by, plan.unchanged) == (plain.gone, plain.missed_by, plain.unchanged)
    assert {file: set(uris) for file, uris in plan.parts.items()} == {f: set(uris) for f, uris in plain.parts.items()}
    assert plan.totals == {name: plain.totals[name] for name in set(plain.missed_by.values())}
    assert {uri for uri in FILES if uri in plan.found} == plain.found
    assert plan.found.ids({image_id(uri) for uri in FILES}) == {image_id(u) for u in plain.found & plain.known.keys()}
    reusable = plain.reusable()
    assert {h: {id} for h, id in plan.reusable().items()} == {
        h: {id} for h, id in plan.reusable().items() if id in reusable[h]
    }
    assert plan.reusable().keys() == reusable.keys()
    for content_hash in ("0" * 32, "1" * 32, "2" * 32, "3" * 32):
        id = plan.point_of(content_hash)
        assert id in reusable[content_hash] if content_hash in reusable else id is None


@settings(max_examples=400)
@given(
    st.dictionaries(st.sampled_from(URIS), payloads(), min_size=5),
    made_sources(),
    st.sampled_from([SOURCES, SOURCES, SOURCES[1:], SOURCES[:3], ()]),
    st.lists(st.sampled_from(SOURCES), max_size=1),
    st.dictionaries(st.sampled_from(["/a/z.zip", "/a/y.tar"]), st.tuples(versions, st.integers(0, 2))),
    st.sampled_from([False, False, False, True]),
    st.sampled_from([0, 2000]),
    st.sampled_from([1, 2, 1000]),
)
def test_a_plan_is_that_of_dicts(
    known: dict[str, dict[str, object]],
    sources: list[Source],
    entries: Sequence[str],
    replaced: list[str],
    gone_through: dict[str, tuple[str, int]],
    force: bool,
    few: int,
    batch: int,
) -> None:
    store, rows, former = store_of(known), entries_of(entries), entries_of(replaced)
    plain = plain_plan(store, sources, rows, former, gone_through, force)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(known_module, "FEW", few)
        patch.setattr(listing, "BATCH", batch)
        plan = make_plan(store, sources, entries=rows, replaced=former, gone_through=gone_through, force=force)
        check(plan, plain)


@given(st.dictionaries(st.sampled_from(URIS), payloads()), st.sampled_from([0, 2000]))
def test_what_is_known_is_found_by_its_uri(known: dict[str, dict[str, object]], few: int) -> None:
    store = store_of(known)
    fields = ("bytes", "mtime_ns", "content_hash", "source", "sidecar_ns", "parts", "remote_version")
    wanted = {uri: Known(image_id(uri), *(facts.get(name) for name in fields)) for uri, facts in known.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(known_module, "FEW", few)
        for found in (known_images(store), KnownImages.of(store, wanted.values())):
            assert dict(found.each()) == dict(found) == wanted and len(found) == len(wanted)
            assert {uri: found.get(uri) for uri in FILES} == {uri: wanted.get(uri) for uri in FILES}
            assert list(found) == sorted(wanted, key=image_id) and found.ids() == sorted(map(image_id, wanted))
            assert {uri for uri in FILES if uri in found} == wanted.keys()


def test_the_digests_are_the_ids() -> None:
    uris = ["/a", "/é", "https://host.example/\N{SNOWMAN}", "/\udcff", ""]
    assert unpacked(known_module._digests(uris).view(np.uint8).reshape(-1, 16)) == list(map(image_id, uris))
    assert len(known_module._digests([])) == 0


def test_what_has_left_the_index_meanwhile_is_passed_over() -> None:
    store = store_of({uri: {"source": "/a"} for uri in URIS[:6]})
    found = known_images(store)
    store.delete([image_id(URIS[2])])
    with pytest.MonkeyPatch.context() as patch:
        for few in (0, 2000):
            patch.setattr(known_module, "FEW", few)
            assert {uri for _, uri in found.uris(np.arange(6))} == set(URIS[:6]) - {URIS[2]}
    assert found.contents_of([URIS[2], URIS[3]]) == {URIS[2]: "", URIS[3]: ""}


@pytest.mark.parametrize("says", [(0,), (1,), (2,), (0, 2), (1, 2)])
def test_an_image_in_several_sources_is_counted_once(says: tuple[int, ...]) -> None:
    uri, facts = "/a/1.jpg", {"bytes": 1, "mtime_ns": 5, "content_hash": "0" * 32, "source": "/a"}
    store, entries = store_of({uri: facts}), entries_of(("/a", "/list.csv", "/a/s"))
    sources = [
        Made(entry.uri, [ImageRef(uri, 1, 5, "", entry.uri, {f"said{i}": "a"} if i in says else {})], (), False)
        for i, entry in enumerate(entries)
    ]
    plan = make_plan(store, sources, entries=entries)
    check(plan, plain_plan(store, sources, entries, [], {}, False))
    assert [dict(ref.metadata) for ref in plan.listed] == [{f"said{i}": "a" for i in says}] and plan.unchanged == 0


def test_one_that_a_later_source_finds_changed_is_as_it_was_found_first() -> None:
    uri, facts = "/a/1.jpg", {"bytes": 1, "mtime_ns": 5, "content_hash": "0" * 32, "source": "/a"}
    store, entries = store_of({uri: facts}), entries_of(("/a", "/list.csv"))
    first = Made("/a", [ImageRef(uri, 1, 5, "", "/a")], (), False)
    later = Made("/list.csv", [ImageRef(uri, 1, 6, "", "/list.csv", {"said": "a"})], (), False)
    for sources in ([first, later], [later, first]):
        plan = make_plan(store, sources, entries=entries)
        check(plan, plain_plan(store, sources, entries, [], {}, False))
        assert len(plan.todo) == (sources[0] is later) and len(plan.listed) == (sources[0] is first)
