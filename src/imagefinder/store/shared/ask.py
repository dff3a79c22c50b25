"""A store that another process holds: each reading call is asked of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from imagefinder._util.processes import is_stopped
from imagefinder.errors import (
    ImageFinderError,
    IndexDamagedError,
    IndexFolderError,
    IndexLockedError,
    InvalidFilterError,
    InvalidInputError,
    NotFoundError,
    StorageError,
)
from imagefinder.store.base import Matches, Point, ScoredPoint, VectorParams
from imagefinder.store.checks import checked_batch
from imagefinder.store.shared.calls import unpacked
from imagefinder.store.shared.line import Message, dial
from imagefinder.store.shared.refusing import RefusesWrites

if TYPE_CHECKING:
    from imagefinder.store.filters.parse import Filter

_RAISED: dict[str, type[ImageFinderError]] = {
    kind.__name__: kind
    for kind in (
        IndexDamagedError,
        IndexFolderError,
        IndexLockedError,
        InvalidFilterError,
        InvalidInputError,
        NotFoundError,
        StorageError,
    )
}
ANSWER_S = 120.0  # the holder may merge what was written, which stops all else
PATIENCE_S = 5.0  # until it is looked whether the holder is alive


class AskingStore(RefusesWrites):
    """The reading half of ``base.Store``, safe to use from several threads.

    ``door`` is what ``Answering.door`` says in the other process. Every method raises HolderGoneError when that process
    has ended or let go of the index, and IndexLockedError when it doesn't answer within ``answer_s`` seconds.
    """

    def __init__(self, door: Mapping[str, Any], answer_s: float = ANSWER_S) -> None:
        self._door, self._answer_s = door, answer_s
        self._line = dial(door["address"], bytes.fromhex(door["secret"]), answer_s)
        self._one_at_a_time = threading.Lock()

    def _wait(self) -> None:
        """Wait for an answer while the holder is at work, and not stopped. Raises TimeoutError."""
        end = time.monotonic() + self._answer_s
        while not self._line.is_answered(min(PATIENCE_S, self._answer_s)):
            if time.monotonic() >= end or is_stopped(self._door.get("pid")):
                raise TimeoutError

    def ask(self, call: str, arrays: Sequence[np.ndarray] = (), **asked: Any) -> Message:
        with self._one_at_a_time:
            try:
                self._line.send({"call": call, **asked}, arrays)
                self._wait()
                said, found = self._line.receive()
            except TimeoutError:
                self._line.close()  # the answer that is still to come is not that of the next call
                raise IndexLockedError(
                    "The process that holds the index does not answer; it may be stopped, as by Ctrl-Z.",
                    remedy="Wait for it to end, let it go on, or end it.",
                ) from None
        if "error" in said:
            name, message, remedy = said["error"]
            raise _RAISED.get(name, ImageFinderError)(message, remedy=remedy)
        return said, found

    @property
    def writes(self) -> int:
        return int(self.ask("writes")[0]["result"])

    def vectors(self) -> Mapping[str, VectorParams]:
        return {name: VectorParams(**params) for name, params in self.ask("vectors")[0]["result"].items()}

    def query(
        self,
        name: str,
        vector: np.ndarray,
        k: int,
        *,
        filter: Filter | None = None,
        offset: int = 0,
        min_score: float | None = None,
        exact: bool = False,
        exclude: Collection[str] = (),
        payload: bool = True,
    ) -> list[ScoredPoint]:
        said, _ = self.ask(
            "query",
            [_numbers(name, vector)],
            name=name,
            k=k,
            filter=_text(filter),
            offset=offset,
            min_score=min_score,
            exact=exact,
            exclude=_ids(exclude),
            payload=payload,
        )
        return [ScoredPoint(id, score, payload) for id, score, payload in said["result"]]

    def approximate(self, name: str) -> bool:
        return bool(self.ask("approximate", name=name)[0]["result"])

    def score(self, name: str, vector: np.ndarray, ids: Sequence[str]) -> dict[str, float]:
        found: dict[str, float] = self.ask("score", [_numbers(name, vector)], name=name, ids=_ids(ids))[0]["result"]
        return found

    def match(self, text: str, k: int, *, filter: Filter | None = None, ids: Sequence[str] | None = None) -> Matches:
        named = None if ids is None else _ids(ids)
        scores, rest, full = self.ask("match", text=text, k=k, filter=_text(filter), ids=named)[0]["result"]
        return Matches(scores, rest, full)

    def retrieve(self, ids: Sequence[str], *, vectors: Sequence[str] = ()) -> list[Point]:
        said, arrays = self.ask("retrieve", ids=_ids(ids), vectors=list(vectors))
        return unpacked(said["result"], arrays)

    def scroll(
        self,
        *,
        filter: Filter | None = None,
        fields: Sequence[str] | None = None,
        vectors: Sequence[str] = (),
        batch: int = 1000,
        after: str | None = None,
    ) -> Iterator[list[Point]]:
        checked_batch(batch)
        asked: dict[str, Any] = {"filter": _text(filter), "vectors": list(vectors), "batch": batch}
        asked["fields"] = None if fields is None else list(fields)

        def page(after: str | None) -> list[Point]:
            said, arrays = self.ask("scroll", after=after, **asked)
            return unpacked(said["result"], arrays)

        return _pages(page, page(after))

    def columns(self, fields: Sequence[str], *, filter: Filter | None = None) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = self.ask("columns", fields=list(fields), filter=_text(filter))[0]["result"]
        return found

    def without_vector(self, name: str) -> list[str]:
        found: list[str] = self.ask("without_vector", name=name)[0]["result"]
        return found

    def count(self, filter: Filter | None = None) -> int:
        return int(self.ask("count", filter=_text(filter))[0]["result"])

    def close(self) -> None:
        self._line.close()


def _pages(page: Any, found: list[Point]) -> Iterator[list[Point]]:
    while found:
        yield found
        found = page(found[-1].id)


def _numbers(name: str, vector: Any) -> np.ndarray:
    array = np.asarray(vector)
    if array.dtype.kind not in "fiu":
        raise InvalidInputError(f"The vector {name!r} holds real numbers, not {array.dtype}.")
    return array


def _text(filter: Filter | None) -> str | None:
    return None if filter is None else str(filter)


def _ids(ids: Collection[str]) -> list[str]:
    return [id for id in ids if isinstance(id, str)]  # nothing else is an id, so no point has it
