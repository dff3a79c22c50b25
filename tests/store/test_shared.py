"""The reading half of a store, asked of the process that holds it: the same answers as from the store itself."""

from __future__ import annotations

import contextlib
import os
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from addressed import place_for

from imagefinder.errors import ImageFinderError, IndexFolderError, InvalidInputError, NotFoundError
from imagefinder.store.base import Point, Store, VectorParams
from imagefinder.store.filters.parse import parse
from imagefinder.store.shared import line
from imagefinder.store.shared.answer import Answering
from imagefinder.store.shared.ask import AskingStore
from imagefinder.store.shared.line import HolderGoneError
from imagefinder.store.stores import STORES, find_store

RAW = VectorParams(8, dtype="float16", metric="dot", searchable=False)
SPACE = VectorParams(4)
N = 25


def id_of(n: int) -> str:
    return str(uuid.UUID(int=n))


def point(n: int) -> Point:
    rng = np.random.default_rng(n)
    vectors = {"space": rng.standard_normal(4)} if n % 5 == 0 else {"raw": rng.random(8), "space": rng.random(4)}
    return Point(id_of(n), {"uri": f"/p/ä {n}.jpg", "width": n, "tags": ["x", "\n"] if n % 2 else []}, vectors)


@pytest.fixture(params=list(STORES))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made = find_store(request.param).create(place_for(request.param, request, tmp_path))
    made.create_vector("raw", RAW)
    made.create_vector("space", SPACE)
    made.upsert([point(n) for n in range(N)])
    yield made
    made.close()


@pytest.fixture(params=["name", "port"])
def answering(request: pytest.FixtureRequest, store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Answering]:
    """On Linux by a name without a file, elsewhere by a port of this machine."""
    if request.param == "port":
        monkeypatch.setattr(line.sys, "platform", "other")
    elif line.sys.platform != "linux":
        pytest.skip("sockets have names without a file on Linux only")
    made = Answering()
    made.begin(lambda: store, {"hand_over": lambda: False})
    yield made
    made.close()


@pytest.fixture
def asking(answering: Answering) -> Iterator[AskingStore]:
    made = AskingStore(answering.door)
    yield made
    made.close()


def same(found: list[Point], wanted: list[Point]) -> None:
    assert [(p.id, p.payload, sorted(p.vectors)) for p in found] == [
        (p.id, p.payload, sorted(p.vectors)) for p in wanted
    ]
    for a, b in zip(found, wanted, strict=True):
        for name, vector in b.vectors.items():
            assert np.array_equal(a.vectors[name], vector) and a.vectors[name].dtype == vector.dtype


def test_all_answers_are_those_of_the_store(store: Store, asking: AskingStore) -> None:
    wanted = parse('width >= 5 and not uri ~ "19"')
    vector = np.array([1.0, -2, 0.5, 0])
    assert asking.vectors() == store.vectors() and asking.writes == store.writes
    for options in ({}, {"filter": wanted}, {"offset": 3}, {"exclude": [id_of(3)]}, {"min_score": 0.2}):
        assert asking.query("space", vector, 6, **options) == store.query("space", vector, 6, **options)
    ids = [id_of(7), id_of(99), "no id", id_of(2)]
    assert asking.score("space", vector, ids) == store.score("space", vector, ids)
    same(asking.retrieve(ids, vectors=("raw", "space")), store.retrieve(ids, vectors=("raw", "space")))
    for options in ({"batch": 4}, {"fields": (), "vectors": ("raw",)}, {"filter": wanted, "fields": ("width",)}):
        same(
            [p for page in asking.scroll(**options) for p in page],
            [p for page in store.scroll(**options) for p in page],
        )
    assert asking.columns(("id", "width", "none"), filter=wanted) == store.columns(
        ("id", "width", "none"), filter=wanted
    )
    assert asking.without_vector("raw") == store.without_vector("raw") == [id_of(n) for n in range(0, N, 5)]
    assert asking.count() == N and asking.count(wanted) == store.count(wanted)
    store.delete([id_of(1)])
    assert asking.count() == N - 1 and asking.writes == store.writes


@pytest.mark.parametrize("batch", [1, 2, 10, 100])
@pytest.mark.parametrize("after", [0, 3, N - 1, N])
def test_a_scroll_begins_after_an_id(store: Store, batch: int, after: int) -> None:
    pages = list(store.scroll(batch=batch, after=id_of(after)))
    assert [p.id for page in pages for p in page] == [id_of(n) for n in range(after + 1, N)]
    assert all(1 <= len(page) <= batch for page in pages)


def test_errors_are_those_of_the_store(asking: AskingStore) -> None:
    with pytest.raises(NotFoundError, match="never"):
        asking.query("never", np.ones(4), 5)
    with pytest.raises(InvalidInputError, match="shape"):
        asking.query("space", np.ones(5), 5)
    with pytest.raises(InvalidInputError, match="real numbers"):
        asking.query("space", np.array(["a"] * 4), 5)
    with pytest.raises(InvalidInputError, match="k is 1"):
        asking.query("space", np.ones(4), 0)
    with pytest.raises(InvalidInputError):
        asking.scroll(batch=0)
    with pytest.raises(NotFoundError):
        asking.scroll(vectors=("never",))
    assert asking.count() == N, "and it goes on answering"


def test_writing_is_refused(asking: AskingStore) -> None:
    for write in (lambda: asking.delete([id_of(1)]), lambda: asking.upsert([point(1)]), asking.optimize):
        with pytest.raises(IndexFolderError, match="reading"):
            write()
    assert asking.count() == N


def test_who_lacks_the_secret_learns_nothing(answering: Answering, asking: AskingStore) -> None:
    with pytest.raises(HolderGoneError):
        AskingStore({**answering.door, "secret": os.urandom(32).hex()})
    for garbage in (b"", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 5, os.urandom(4096)):
        address: Any = answering.door["address"]
        said = b""
        with socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET) as stranger:
            stranger.connect(address if isinstance(address, str) else ("127.0.0.1", address))
            with contextlib.suppress(OSError):  # it may be turned away before all is said
                stranger.sendall(garbage)
                stranger.shutdown(socket.SHUT_WR)
                while part := stranger.recv(4096):
                    said += part
        assert len(said) <= line.NONCE, "nothing but the riddle"
    assert asking.count() == N


def test_garbage_after_the_secret_does_no_harm(answering: Answering, asking: AskingStore) -> None:
    rude = AskingStore(answering.door)
    rude._line._socket.sendall(os.urandom(4096))
    with pytest.raises((HolderGoneError, ImageFinderError)):
        rude.count()
    rude.close()
    odd = AskingStore(answering.door)
    with pytest.raises(ImageFinderError, match="failed"):
        odd.ask("close")
    odd.close()
    assert asking.count() == N


def test_an_end_of_the_holder_is_seen_at_once(answering: Answering, asking: AskingStore) -> None:
    assert asking.count() == N
    answering.close()
    with pytest.raises(HolderGoneError):
        asking.count()
    with pytest.raises(HolderGoneError):
        AskingStore(answering.door)
