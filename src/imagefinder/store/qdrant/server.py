"""The Qdrant server of an index: its client, its collections, and what is tried again."""

from __future__ import annotations

import re
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from imagefinder._util.extras import require
from imagefinder.errors import ImageFinderError, IndexFolderError, IndexVersionError, InvalidInputError
from imagefinder.store.calls import Calls
from imagefinder.store.fields import FIELD_KINDS, INDEXED, Kind
from imagefinder.store.qdrant.address import GRPC_PORT, Address
from imagefinder.store.qdrant.options import kept
from imagefinder.store.qdrant.payloads import PATH
from imagefinder.store.qdrant.trouble import is_lost, ours

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

OLDEST = (1, 20)  # ranks by BM25 over a text index
FORMAT = 1
FACTS = "5d0f7a55-5f39-5d0e-8f3e-7b8f5a0f6f01"  # the id of the point that holds what is known of the points
CATALOGUE = "5d0f7a55-5f39-5d0e-8f3e-7b8f5a0f6f02"  # the id of the point that names all documents
BACK_S = 20.0  # for a server that was away to come back
TIMEOUT_S = 60
INDEXED_FROM_KB = 25_000  # of vectors in a segment, from which on it gets an HNSW graph: 50,000 of 256 float16


def make_client(address: Address) -> QdrantClient:
    """A client of the server at an address."""
    from qdrant_client import QdrantClient

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of a key without TLS, which may be a network of one's own
        return QdrantClient(
            host=address.host,
            port=address.port,
            https=address.tls,
            prefix=address.prefix or None,
            api_key=address.key,
            prefer_grpc=address.options.get("grpc", False),
            grpc_port=address.options.get("grpc_port", GRPC_PORT),
            timeout=TIMEOUT_S,
            check_compatibility=False,
        )


class Server:
    """The server of one index. Safe to use from several threads. All errors are those of ``errors.py``.

    Each call may be made twice without harm: it is tried again while the server does not answer, for ``BACK_S``
    seconds.
    """

    def __init__(self, address: Address) -> None:
        """Raises UnreachableError, UnauthorizedError, or IndexFolderError where the server is too old."""
        require("qdrant", what="An index in Qdrant")
        self.address = address
        self.check: Callable[[], None] = lambda: None  # before each write: whether this thread's locks still hold
        self.calls = Calls()
        self._last, self._counting = 0, threading.Lock()
        try:
            self._client = make_client(address)
            version = str(self._client.info().version)
        except Exception as error:
            raise ours(error, address) from None
        numbers = tuple(map(int, re.findall(r"\d+", version)[:2]))
        if numbers < OLDEST:
            raise IndexFolderError(
                f"{address.shown} is Qdrant {version}, which can't rank by words.",
                remedy=f"Use {'.'.join(map(str, OLDEST))} or newer.",
            )

    def call(self, name: str, *values: Any, **named: Any) -> Any:
        """The result of the client's method of this name."""
        with self.calls.timed():
            return self._tried(name, *values, **named)

    def _tried(self, name: str, *values: Any, **named: Any) -> Any:
        end = time.monotonic() + BACK_S
        while True:
            try:
                return getattr(self._client, name)(*values, **named)
            except ImageFinderError:
                raise
            except Exception as error:
                if not is_lost(error) or time.monotonic() > end:
                    self.calls.fails()
                    raise ours(error, self.address) from None
                self.calls.goes_again()
                time.sleep(0.1)

    def point(self, collection: str, id: str, fields: Sequence[str] | None = None) -> dict[str, Any] | None:
        """The payload of a point, as most of its replicas have it; None where there is none."""
        from qdrant_client import models

        wanted = True if fields is None else [*fields]
        most = models.ReadConsistencyType.MAJORITY
        found = self.call("retrieve", collection, [id], with_payload=wanted, consistency=most)
        return dict(found[0].payload or {}) if found else None

    def write(self, operations: Sequence[Any]) -> None:
        """Change points, and count that. Others see the count once all of it is done."""
        from qdrant_client import models

        self.check()
        count = models.SetPayload(payload={"writes": self._next()}, points=[FACTS])
        try:
            self._batch([*operations, models.SetPayloadOperation(set_payload=count)])
        except ImageFinderError:
            with suppress(ImageFinderError):  # some of it may have been done
                self._batch([models.SetPayloadOperation(set_payload=count)])
            raise

    def _batch(self, operations: Sequence[Any]) -> None:
        from qdrant_client import models

        strong = models.WriteOrdering.STRONG
        self.call("batch_update_points", self.address.points, operations, wait=True, ordering=strong)

    def _next(self) -> int:
        """Another number than any before, greater than all of this process."""
        with self._counting:
            self._last = max(time.time_ns(), self._last + 1)
            return self._last

    # --- collections --------------------------------------------------------------------------------------------------

    def exists(self) -> bool:
        """Whether there is such an index. Raises IndexVersionError where a newer ImageFinder has made of it what
        this one can't use, and IndexFolderError where its collection is somebody else's."""
        if not self.call("collection_exists", self.address.documents):
            self._check_ours()
            return False
        found = self.point(self.address.documents, CATALOGUE, ["format", "needs"])
        self._check_format(found)
        return found is not None

    def _check_ours(self) -> dict[str, Any] | None:
        """What is known of the points, where there are any."""
        if not self.call("collection_exists", self.address.points):
            return None
        counted = self.call("get_collection", self.address.points).points_count
        found = self.point(self.address.points, FACTS)  # asked for last: it is there before any other point of ours
        if found is None and counted:
            raise IndexFolderError(
                f"The collection {self.address.points} at {self.address.shown} was not made by ImageFinder.",
                remedy="Choose another NAME.",
            )
        self._check_format(found)
        return found

    def _check_format(self, found: Mapping[str, Any] | None) -> None:
        """``needs`` is what a later format can be used with, where that is an earlier one."""
        if found is not None and int(found.get("needs", found.get("format", 0))) > FORMAT:
            raise IndexVersionError(
                f"{self.address.shown} was made by a newer version of ImageFinder (format {found['format']}); this one "
                f"knows formats up to {FORMAT}.",
                remedy="Upgrade with: pip install --upgrade imagefinder; or restore a backup that was made before.",
            )

    def make(self) -> None:
        """Make the collections of the index, where they are missing. Raises IndexVersionError, and InvalidInputError
        where the settings of the address are others than those it was made with."""
        found = self._check_ours()
        if found is None:
            self._make_points()
            facts = {"format": FORMAT, "writes": self._next(), "vectors": {}, "options": kept(self.address.options)}
            self._insert(self.address.points, FACTS, facts)
            found = self._check_ours() or {}
        self._check_options(found.get("options", {}))
        self._create(self.address.documents, shards=1)
        empty = {"format": FORMAT, "version": "", "recent": [], "docs": {}, "locks": {}}
        self._insert(self.address.documents, CATALOGUE, empty)
        self._check_format(self.point(self.address.documents, CATALOGUE, ["format", "needs"]))

    def _check_options(self, made_with: Mapping[str, Any]) -> None:
        for name, value in kept(self.address.options).items():
            if value != made_with.get(name, value):
                raise InvalidInputError(
                    f"{self.address.shown} was made with {name}={made_with[name]}, not {value}.",
                    remedy="Leave it out of the address, or index under another NAME.",
                )

    def _create(self, collection: str, *, shards: int) -> None:
        from qdrant_client import models

        options = self.address.options
        if self.call("collection_exists", collection):
            return
        replicas = options.get("replicas", 1)
        graph = {name: options[name] for name in ("m", "ef_construct") if name in options}
        try:
            self.call(
                "create_collection",
                collection,
                vectors_config={},
                shard_number=shards,
                replication_factor=replicas,
                write_consistency_factor=replicas // 2 + 1,
                on_disk_payload=True,
                hnsw_config=models.HnswConfigDiff(**graph) if graph else None,
                optimizers_config=models.OptimizersConfigDiff(indexing_threshold=INDEXED_FROM_KB),
            )
        except ImageFinderError:
            if not self.call("collection_exists", collection):  # else another process was as fast
                raise

    def _make_points(self) -> None:
        from qdrant_client import models

        self._create(self.address.points, shards=self.address.options.get("shards", 1))
        types = {
            Kind.TEXT: models.PayloadSchemaType.KEYWORD,
            Kind.NUMBER: models.PayloadSchemaType.INTEGER,
            Kind.DATE: models.PayloadSchemaType.DATETIME,
        }
        words = models.TextIndexParams(
            type=models.TextIndexType.TEXT,
            tokenizer=models.TokenizerType.WORD,
            lowercase=True,
            phrase_matching=True,
            scoring=models.TextScoringParams(type=models.TextScoringType.BM25),
        )
        for path, schema in {**{field: types[FIELD_KINDS[field]] for field in INDEXED}, PATH: words}.items():
            self.call("create_payload_index", self.address.points, path, schema, wait=True)

    def _insert(self, collection: str, id: str, payload: Mapping[str, Any]) -> None:
        """Make a point, if it is not there."""
        from qdrant_client import models

        point = models.PointStruct(id=id, vector={}, payload=dict(payload))
        strong, mode = models.WriteOrdering.STRONG, models.UpdateMode.INSERT_ONLY
        self.call("upsert", collection, [point], wait=True, ordering=strong, update_mode=mode)

    def close(self) -> None:
        """Safe to call twice."""
        self._client.close()
