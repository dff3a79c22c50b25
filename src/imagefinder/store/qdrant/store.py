"""The store on a Qdrant server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import islice
from typing import Any
from uuid import uuid4

import numpy as np

from imagefinder.errors import IndexDamagedError, InvalidInputError, NotFoundError, StorageError
from imagefinder.store.base import Point, VectorParams
from imagefinder.store.checks import (
    canonical_ids,
    checked_id,
    checked_new_vector,
    checked_payload,
    checked_points,
    checked_rows,
)
from imagefinder.store.qdrant.address import Address
from imagefinder.store.qdrant.filters import both, of_ids
from imagefinder.store.qdrant.payloads import SAID, STATE, given, stored, words_in
from imagefinder.store.qdrant.reader import QdrantReader
from imagefinder.store.qdrant.server import FACTS, Server
from imagefinder.store.qdrant.vectors import add_vector
from imagefinder.store.words import may_say

WRITE_BYTES = 2 * 1024**2  # of vectors in one request: as text ten times as long, and the server takes 32 MB
CHANGED_AT_ONCE = 500  # points whose words change in one request
MERGED_AT_ONCE = 10_000  # points in one request that get the same values
TRIES = 100  # of a change that others were in the way of


class QdrantStore(QdrantReader):
    """Points in a collection of their own. Fulfils ``base.Store``, for any number of threads and processes.

    When a write returns, the server has done it. What is more than ``WRITE_BYTES`` of vectors goes in several requests,
    so others may see a part of it. The server makes HNSW graphs, and merges what was written, by itself.
    """

    def __init__(self, server: Server, *, shared: bool = False) -> None:
        super().__init__(server)
        self._shared = shared  # others close it

    @classmethod
    def create(cls, place: Any) -> QdrantStore:
        """A new, empty store at this address. Raises InvalidInputError if there are points already, and what ``Server``
        raises."""
        store = cls(Server(Address.read(str(place))))
        try:
            store._server.make()
            if store.count() or store.vectors():
                raise InvalidInputError(
                    f"{store._server.address.shown} is not empty.", remedy="Open it, or choose another name."
                )
        except BaseException:
            store.close()
            raise
        return store

    @classmethod
    def open(cls, place: Any) -> QdrantStore:
        """The store at this address. Raises IndexDamagedError where it is missing, and what ``Server`` raises."""
        server = Server(Address.read(str(place)))
        try:
            if not server.exists():
                raise IndexDamagedError(
                    f"The points of {server.address.shown} are missing.", remedy="Restore them from a backup."
                )
            server.make()
        except BaseException:
            server.close()
            raise
        return cls(server)

    # --- vectors ------------------------------------------------------------------------------------------------------

    def start_over(self, vectors: Mapping[str, VectorParams]) -> None:
        from qdrant_client import models

        for name, params in vectors.items():
            checked_new_vector(name, params)
        for name in self.vectors():
            self.drop_vector(name)
        others = models.Filter(must_not=[of_ids([FACTS])])
        self._server.write([models.DeleteOperation(delete=models.FilterSelector(filter=others))])
        for name, params in vectors.items():
            self.create_vector(name, params)

    def create_vector(self, name: str, params: VectorParams) -> None:
        checked_new_vector(name, params)
        there = self.vectors()
        if there.get(name, params) != params:
            raise InvalidInputError(f"There is a vector {name!r} already, with {there[name]}.")
        if name not in there:
            self._server.check()
            add_vector(self._server, name, params, self._facts("options")["options"])
            self._server.write([_set({name: asdict(params)}, [FACTS], key="vectors")])
        self._look()

    def drop_vector(self, name: str) -> None:
        from qdrant_client import models

        def call(params: Mapping[str, VectorParams]) -> None:
            gone = models.DeletePayload(keys=[f'vectors."{name}"'], points=[FACTS])
            self._server.write([models.DeletePayloadOperation(delete_payload=gone)])
            self._server.call("delete_vector_name", self._at, name, wait=True)

        self._with_vectors([name], call)
        self._look()

    # --- points -------------------------------------------------------------------------------------------------------

    def upsert(self, points: Sequence[Point]) -> None:
        from qdrant_client import models

        names = list(dict.fromkeys(name for point in points for name in point.vectors))

        def call(params: Mapping[str, VectorParams]) -> None:
            checked, state = iter(checked_points(points, params)), uuid4().hex
            while chunk := list(islice(checked, _at_once(params.values()))):
                new = [
                    models.PointStruct(
                        id=point.id,
                        vector={name: _kept(v, params[name]).tolist() for name, v in point.vectors.items()},
                        payload=stored(point.payload, state),
                    )
                    for point in chunk
                ]
                self._server.write([models.UpsertOperation(upsert=models.PointsList(points=new))])

        self._with_vectors(names, call) if names else call({})

    def set_vectors(self, name: str, ids: Sequence[str], array: np.ndarray) -> None:
        from qdrant_client import models

        def call(params: Mapping[str, VectorParams]) -> None:
            rows = checked_rows(name, array, params[name], len(ids))
            last = dict(zip([checked_id(id) for id in ids], rows, strict=True))
            self._want([*last])
            pairs = iter(last.items())
            while chunk := list(islice(pairs, _at_once(params.values()))):
                new = [
                    models.PointVectors(id=id, vector={name: _kept(row, params[name]).tolist()}) for id, row in chunk
                ]
                operation = models.UpdateVectorsOperation(update_vectors=models.UpdateVectors(points=new))
                self._server.write([operation])

        self._with_vectors([name], call)

    def _existing(self, keys: Sequence[str]) -> list[str]:
        """Those of these ids that there are, in the order they were given in."""
        found = set()
        for i in range(0, len(keys), MERGED_AT_ONCE):
            some = [*keys[i : i + MERGED_AT_ONCE]]
            records = self._server.call("retrieve", self._at, some, with_payload=False, with_vectors=False)
            found |= {str(record.id) for record in records}
        return [key for key in keys if key in found and key != FACTS]

    def _want(self, keys: Sequence[str]) -> None:
        there = set(self._existing(keys))
        for key in keys:
            if key not in there:
                raise NotFoundError(f"There is no point with the id {key}.")

    def set_payload(self, id: str, payload: Mapping[str, Any]) -> None:
        from qdrant_client import models

        checked_payload(payload)
        key = checked_id(id)
        self._want([key])
        new = models.SetPayload(payload=stored(payload, uuid4().hex), filter=both(of_ids([key])))
        self._server.write([models.OverwritePayloadOperation(overwrite_payload=new)])

    def merge_payload(self, ids: Sequence[str], payload: Mapping[str, Any]) -> None:
        checked_payload(payload)
        keys = iter(self._existing(list(dict.fromkeys(canonical_ids(ids)))))
        words = may_say(payload)
        while chunk := list(islice(keys, CHANGED_AT_ONCE if words else MERGED_AT_ONCE)):
            if words:
                self._merge_words(chunk, payload)
            else:
                self._server.write(_merge(chunk, payload))

    def _merge_words(self, keys: Sequence[str], changes: Mapping[str, Any]) -> None:
        """Set fields that say something. The words of a point follow from all of its fields, so a point is only changed
        if nobody else has changed its words since it was read; else once more."""
        left = [*keys]
        for _ in range(TRIES):
            mine = uuid4().hex
            operations: list[Any] = []
            for record in self._read(left, True):
                new = {**changes, SAID: words_in(given({**record.payload, **changes})), STATE: mine}
                as_read = [of_ids([str(record.id)]), _is_state(record.payload.get(STATE))]
                operations += _merge(None, new, as_read, mine)
            if not operations:
                return
            self._server.write(operations)
            left = [str(r.id) for r in self._read(left, [STATE]) if (r.payload or {}).get(STATE) != mine]
            if not left:
                return
        raise StorageError("Others change the same images all the time. Some were not changed.", remedy="Do it again.")

    def _read(self, keys: Sequence[str], fields: Any) -> list[Any]:
        from qdrant_client import models

        most = models.ReadConsistencyType.MAJORITY
        fields = fields if fields is True else [f'"{field}"' for field in fields]
        found: list[Any] = self._server.call("retrieve", self._at, [*keys], with_payload=fields, consistency=most)
        return found

    def delete(self, ids: Sequence[str]) -> None:
        from qdrant_client import models

        keys = [key for key in canonical_ids(ids) if key != FACTS]
        for i in range(0, len(keys), MERGED_AT_ONCE):
            gone = models.PointIdsList(points=[*keys[i : i + MERGED_AT_ONCE]])
            self._server.write([models.DeleteOperation(delete=gone)])

    def want_room(self, n_bytes: int = 0) -> None:
        """Nothing: a server does not say how much room it has."""

    def optimize(self) -> None:
        """Nothing: the server merges and indexes by itself."""

    def close(self) -> None:
        if not self._shared:
            self._server.close()


def _set(payload: Mapping[str, Any], points: Sequence[str], *, key: str | None = None) -> Any:
    from qdrant_client import models

    new = models.SetPayload(payload=dict(payload), points=[*points], key=key)
    return models.SetPayloadOperation(set_payload=new)


def _is_state(state: str | None) -> Any:
    from qdrant_client import models

    if state is None:
        return models.IsEmptyCondition(is_empty=models.PayloadField(key=f'"{STATE}"'))
    return models.FieldCondition(key=f'"{STATE}"', match=models.MatchValue(value=state))


def _merge(
    keys: Sequence[str] | None, changes: Mapping[str, Any], conditions: Sequence[Any] = (), state: str | None = None
) -> list[Any]:
    """The operations that set fields, and remove those that are None, of these points, or of those that fulfil the
    conditions; they set their ``state``."""
    from qdrant_client import models

    new = {name: value for name, value in changes.items() if value is not None}
    gone = [name for name in changes if name not in new]
    wanted = both(*(conditions if keys is None else [of_ids(keys)]))
    found: list[Any] = []
    if new:
        found.append(models.SetPayloadOperation(set_payload=models.SetPayload(payload=new, filter=wanted)))
    if gone:
        after = wanted if state is None else both(conditions[0], _is_state(state))
        paths = [f'"{name}"' for name in gone]
        found.append(models.DeletePayloadOperation(delete_payload=models.DeletePayload(keys=paths, filter=after)))
    return found


def _kept(row: np.ndarray, params: VectorParams) -> np.ndarray:
    """A vector with the precision that it is stored with."""
    return row.astype(np.float16).astype(np.float32) if params.dtype == "float16" and params.metric == "dot" else row


def _at_once(params: Iterable[VectorParams]) -> int:
    """How many points fit into one request."""
    return max(1, WRITE_BYTES // (4 * sum(one.dim for one in params) + 4096))
