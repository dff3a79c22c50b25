"""The catalogue of an index on a Qdrant server: one point that names all documents and holds all locks.

Qdrant has no transactions, but it does one update after the other, and an update may say which points it is for by a
filter. So the catalogue has a version, and each change of it is one update for "this point, if it still has the version
that was read, and if this process still has its lock". What documents hold lies in other points that never change, the
*parts*: they are written before the catalogue names them. Thus all documents of an index change in one step, and others
see all of a change or nothing.
"""

from __future__ import annotations

import base64
import copy
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar
from uuid import uuid4

from imagefinder.errors import NotFoundError, StorageError
from imagefinder.store.documents import Checking
from imagefinder.store.qdrant.locks import Locks
from imagefinder.store.qdrant.server import CATALOGUE, Server

T = TypeVar("T")
PART_BYTES = 4 * 1024**2  # of a document in one point; a request to Qdrant has 32 MB at most
READ_BYTES = 4 * PART_BYTES  # of a document at once
KEPT_VERSIONS = 64  # by which a writer sees that its change was made, though others made more since
TRIES = 200  # of a change that others were in the way of
LEFT_OVER_S = 86_400.0  # from then on a part that no catalogue names is of a process that was killed
Entry: TypeAlias = dict[str, Any]  # a document: its "stamp", "parts", "size", and its size when it was written "whole"
Documents: TypeAlias = dict[str, Entry]


class Catalogue(Checking):
    """All documents of an index. Safe to use from several threads."""

    def __init__(self, server: Server, locks: Locks) -> None:
        super().__init__()
        self._server, self._locks = server, locks
        self._mine = threading.local()
        self._version, self._documents = "", Documents()  # as they were last read; never changed in place
        self._reading = threading.RLock()

    @property
    def shown(self) -> str:
        return self._server.address.shown

    def documents(self) -> Mapping[str, Entry]:
        """All documents as they are now; with what this thread is about to write ``together``."""
        held: Documents | None = getattr(self._mine, "documents", None)
        return self._read()[1] if held is None else held

    def _read(self) -> tuple[str, Documents]:
        with self._reading:
            found = self._server.point(self._server.address.documents, CATALOGUE, ["version"])
            if found is not None and found.get("version") != self._version:
                found = self._server.point(self._server.address.documents, CATALOGUE, ["version", "docs"])
                if found is not None:
                    self._version, self._documents = found["version"], found["docs"]
            if found is None:
                raise NotFoundError(f"The index {self.shown} is not there any more.")
            return self._version, self._documents

    # --- changes ------------------------------------------------------------------------------------------------------

    def change(self, work: Callable[[Documents], T], *, now: bool = False) -> T:
        """Have ``work`` change the documents; what it raises undoes its change. It may be done more than once, if
        others change them meanwhile. Inside ``together`` the change is made at its end, or ``now`` with all before."""
        held: Documents | None = getattr(self._mine, "documents", None)
        result: T
        if held is None:
            result = self._change([work])
            return result
        if not now:
            tried = copy.deepcopy(held)
            result = work(tried)
            self._mine.documents = tried
            self._mine.works.append(work)
            return result
        result = self._change([*self._mine.works, work])
        self._mine.documents, self._mine.works = copy.deepcopy(self._read()[1]), []
        return result

    @contextmanager
    def together(self) -> Iterator[None]:
        """What this thread changes meanwhile is seen by others all at once, or never."""
        if getattr(self._mine, "documents", None) is not None:
            yield
            return
        self._mine.documents, self._mine.works = copy.deepcopy(self._read()[1]), []
        try:
            yield
            works = self._mine.works
        finally:
            self._mine.documents = None
        if works:
            self._change(works)

    def _change(self, works: Sequence[Callable[[Documents], Any]]) -> Any:
        for tries in range(TRIES):
            version, documents = self._read()
            changed, result = copy.deepcopy(documents), None
            for work in works:
                result = work(changed)
            if changed == documents:
                return result
            if self._put(version, changed):
                self._drop(_parts(documents) - _parts(changed))
                return result
            self._locks.look()
            time.sleep(0.002 * min(tries, 25))
        raise StorageError(f"Others change {self.shown} all the time. Nothing was written.", remedy="Do it again.")

    def _put(self, version: str, documents: Documents) -> bool:
        """Have the catalogue name these documents, if it has that version; whether it had."""
        from qdrant_client import models

        mine, at = uuid4().hex, self._server.address.documents
        recent = (self._server.point(at, CATALOGUE, ["recent"]) or {}).get("recent", [])
        payload = {"version": mine, "recent": [*recent, mine][-KEPT_VERSIONS:], "docs": documents}
        same = models.FieldCondition(key="version", match=models.MatchValue(value=version))
        wanted = models.Filter(must=[models.HasIdCondition(has_id=[CATALOGUE]), same, *self._locks.conditions()])
        self._locks.check()
        strong = models.WriteOrdering.STRONG
        self._server.call("set_payload", at, payload, points=wanted, wait=True, ordering=strong)
        found = self._server.point(at, CATALOGUE, ["recent"])
        return found is not None and mine in found["recent"]

    # --- parts --------------------------------------------------------------------------------------------------------

    def keep(self, data: bytes) -> list[str]:
        """Store what a document holds; the ids of its parts."""
        from qdrant_client import models

        ids = []
        for start in range(0, len(data), PART_BYTES):
            text = base64.b64encode(data[start : start + PART_BYTES]).decode()
            point = models.PointStruct(id=str(uuid4()), vector={}, payload={"data": text, "at": time.time()})
            strong = models.WriteOrdering.STRONG
            self._server.call("upsert", self._server.address.documents, [point], wait=True, ordering=strong)
            ids.append(str(point.id))
        return ids

    def held(self, ids: Sequence[str], size: int) -> bytes | None:
        """What the document of this ``size`` with these parts holds; None where another has taken its place."""
        from qdrant_client import models

        most, found = models.ReadConsistencyType.MAJORITY, {}
        at_once = min(1000, max(1, READ_BYTES * len(ids) // max(1, size)))
        for i in range(0, len(ids), at_once):
            some = ids[i : i + at_once]
            records = self._server.call("retrieve", self._server.address.documents, some, consistency=most)
            found.update({str(record.id): base64.b64decode(record.payload["data"]) for record in records})
        return b"".join(found[id] for id in ids) if len(found) == len(ids) else None

    def _drop(self, ids: set[str]) -> None:
        if ids:
            self._server.call("delete", self._server.address.documents, sorted(ids), wait=True)

    def sweep(self) -> None:
        """Remove parts that a process left which was killed."""
        from qdrant_client import models

        at = self._server.address.documents
        old = models.FieldCondition(key="at", range=models.Range(lt=time.time() - LEFT_OVER_S))
        named, after = _parts(self._read()[1]), None
        while True:
            records, after = self._server.call(
                "scroll", at, scroll_filter=models.Filter(must=[old]), limit=1000, offset=after, with_payload=False
            )
            self._drop({str(record.id) for record in records} - named)
            if after is None:
                return


def _parts(documents: Mapping[str, Entry]) -> set[str]:
    return {part for entry in documents.values() for part in entry["parts"]}
