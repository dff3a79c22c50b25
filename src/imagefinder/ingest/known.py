"""What an index knows of its images, to decide which of them have changed: in columns, some 50 bytes an image."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from imagefinder._util.threads import chunked
from imagefinder._util.uuids import packed, unpacked
from imagefinder.store.coded import Coded, coded_columns

if TYPE_CHECKING:
    from imagefinder.store.base import Store
    from imagefinder.types import ImageRef

KNOWN_FIELDS = ("bytes", "mtime_ns", "content_hash", "source", "sidecar_ns", "parts", "remote_version")
FEW = 2000  # images whose URIs are read from their records; of more, the column of all is read
NOTHING = 1 - 2**63  # stands for a missing number; times that an index can't hold are noted as the one before
_PART = 50_000  # ids that are made at once


class Known(NamedTuple):
    """What the index knows about an image, to decide whether it has changed."""

    id: str
    size: int | None
    mtime_ns: int | None
    content_hash: str
    source: str
    sidecar_ns: int | None = None
    parts: Any = None  # of a page or frame: how many its file has
    version: str | None = None

    def is_current(self, ref: ImageRef) -> bool:
        """Whether the image and its sidecar are unchanged: by the version, where its place has such. A URL has neither
        size nor time here, so it counts as unchanged once it is indexed; a picture inside a table has the table's time.
        """
        if ref.version:
            return self.version == ref.version
        same = self.mtime_ns == ref.mtime_ns and self.sidecar_ns == ref.sidecar_ns
        return ref.mtime_ns is None or (same and ref.size in (None, self.size))


class IdRows:
    """The ids of images, S36 (n) in ascending order, kept in 16 bytes each, to find rows by."""

    def __init__(self, ids: np.ndarray) -> None:
        parts = [packed(ids[i : i + _PART]) for i in range(0, len(ids), _PART)]
        self.packed = _as_text(np.concatenate(parts)) if parts else np.empty(0, "S16")

    def of(self, wanted: np.ndarray) -> np.ndarray:
        """The row of each packed id, int64 (n), -1 for those that are not there."""
        if not len(self.packed):
            return np.full(len(wanted), -1, np.int64)
        at = np.minimum(np.searchsorted(self.packed, wanted), len(self.packed) - 1)
        return np.where(self.packed[at] == wanted, at, -1)

    def texts(self, rows: Sequence[int]) -> list[str]:
        return unpacked(self.packed[list(rows)].view(np.uint8).reshape(-1, 16))


class KnownImages(Mapping[str, Known]):
    """Images of a ``store`` by URI, in rows in ascending order of id. An image is found by its id, which is a digest of
    its URI (``types.image_id``); the URIs themselves, and the content hashes, are read where they are wanted."""

    def __init__(self, store: Store, ids: np.ndarray, columns: Mapping[str, Coded]) -> None:
        """``ids`` are S36 (n) in ascending order, ``columns`` those of ``KNOWN_FIELDS`` but for the content hash."""
        self._store, self._ids = store, IdRows(ids)
        self._size, self._mtime_ns, self._sidecar_ns = (
            _numbers(columns[name]) for name in ("bytes", "mtime_ns", "sidecar_ns")
        )
        self.sources, self._parts, self._versions = (columns[name] for name in ("source", "parts", "remote_version"))

    @classmethod
    def of(cls, store: Store, images: Iterable[Known]) -> KnownImages:
        """Some of the images of a store."""
        found = sorted(images, key=attrgetter("id"))
        rows = zip(*found, strict=True) if found else [()] * len(Known._fields)
        ids, *columns = rows
        coded = {name: Coded.of(column) for name, column in zip(KNOWN_FIELDS, columns, strict=True)}
        return cls(store, np.array(ids, "S36"), coded)

    def __len__(self) -> int:
        return len(self._ids.packed)

    def __iter__(self) -> Iterator[str]:
        return (uri for _, uri in self.uris(np.arange(len(self))))

    def __contains__(self, uri: object) -> bool:
        return isinstance(uri, str) and self.row(uri) >= 0

    def __getitem__(self, uri: str) -> Known:
        if (row := self.row(uri)) < 0:
            raise KeyError(uri)
        return self.at(row)

    def each(self) -> Iterator[tuple[str, Known]]:
        """All of them with their URIs, without looking each up."""
        return ((uri, self.at(row)) for row, uri in self.uris(np.arange(len(self))))

    def sourced(self) -> Iterator[tuple[int, str, str]]:
        """The row, the URI and the source of each."""
        return ((row, uri, self.source_of(row)) for row, uri in self.uris(np.arange(len(self))))

    def ids(self, rows: Sequence[int] | None = None) -> list[str]:
        """The ids of these rows, of all by default."""
        return self._ids.texts(range(len(self)) if rows is None else rows)

    # --- by rows --------------------------------------------------------------------------------------------------

    def row(self, uri: str) -> int:
        """-1 for an image that is not known."""
        return int(self.rows([uri])[0])

    def rows(self, uris: Sequence[str]) -> np.ndarray:
        """The row of each, int64 (n), -1 for those that are not known."""
        return self._ids.of(_digests(uris))

    def rows_of_ids(self, ids: Sequence[str]) -> np.ndarray:
        return self._ids.of(_as_text(packed(ids)))

    def at(self, row: int) -> Known:
        return self.facts(row)._replace(content_hash=_text(self._contents[row]))

    def facts(self, row: int) -> Known:
        """The same without the content hash, which is left empty: whether an image has changed is told without."""
        (id,) = self._ids.texts([row])
        size, mtime_ns, sidecar_ns = (_number(one[row]) for one in (self._size, self._mtime_ns, self._sidecar_ns))
        source, parts, version = (_value(one, row) for one in (self.sources, self._parts, self._versions))
        return Known(id, size, mtime_ns, "", source, sidecar_ns, parts, version)

    def source_of(self, row: int) -> str:
        found: str = _value(self.sources, row)
        return found

    def are_current(self, rows: np.ndarray, refs: Sequence[ImageRef]) -> np.ndarray:
        """Of each of these images, known in these rows, whether it ``Known.is_current``, bool (n)."""
        size, mtime_ns, sidecar_ns = (
            np.array([NOTHING if one is None else one for one in column], np.int64)
            for column in zip(*((ref.size, ref.mtime_ns, ref.sidecar_ns) for ref in refs), strict=True)
        )
        same: np.ndarray = (self._mtime_ns[rows] == mtime_ns) & (self._sidecar_ns[rows] == sidecar_ns)
        same &= (size == NOTHING) | (self._size[rows] == size)
        same |= mtime_ns == NOTHING
        for i, ref in enumerate(refs):
            if ref.version:
                same[i] = _value(self._versions, int(rows[i])) == ref.version
        return same

    # --- what is read from the store ------------------------------------------------------------------------------

    def uris(self, rows: np.ndarray) -> Iterator[tuple[int, str]]:
        """Each of these rows with its URI, but for those that have left the index meanwhile."""
        if len(rows) <= FEW:
            for part in chunked(iter(rows.tolist()), 1000):
                row_of = dict(zip(self._ids.texts(part), part, strict=True))
                for point in self._store.retrieve(list(row_of)):
                    yield row_of[point.id], str(point.payload["uri"])
            return
        codes, values = self._column("uri", rows)
        yield from ((row, values[code]) for row, code in zip(rows.tolist(), codes.tolist(), strict=True) if code >= 0)

    def read_contents(self) -> None:
        """Read the content hashes as they are now."""
        _ = self._contents

    def contents(self) -> Iterator[str]:
        """The content hash of each image."""
        return map(_text, self._contents)

    def contents_of(self, uris: Sequence[str]) -> dict[str, str]:
        """Those of these images, by URI, as far as they are known."""
        rows = zip(uris, self.rows(uris).tolist(), strict=True)
        return {uri: _text(self._contents[row]) for uri, row in rows if row >= 0}

    def with_content(self, content_hash: str) -> list[int]:
        """The rows of this content, in ascending order."""
        text, kind = _bytes(content_hash), self._contents.dtype
        if len(text) > kind.itemsize:
            return []
        wanted = np.array(text, kind)
        start, end = (
            np.searchsorted(self._contents, wanted, side, sorter=self._by_content) for side in ("left", "right")
        )
        found: list[int] = np.sort(self._by_content[start:end]).tolist()
        return found

    @cached_property
    def _contents(self) -> np.ndarray:
        codes, values = self._column("content_hash", np.arange(len(self)))
        found: np.ndarray = np.array([*map(_bytes, values), b""])[codes]
        return found

    @cached_property
    def _by_content(self) -> np.ndarray:
        return np.argsort(self._contents, kind="stable")

    def _column(self, field: str, rows: np.ndarray) -> tuple[np.ndarray, Sequence[Any]]:
        """The codes of these rows, -1 for what has left the index, and the values."""
        ids, columns = coded_columns(self._store, (field,))
        at = IdRows(ids).of(self._ids.packed[rows])
        return np.append(columns[field].codes, np.int32(-1))[at], columns[field].values


def known_images(store: Store) -> KnownImages:
    """Every image of the index."""
    return KnownImages(store, *coded_columns(store, [name for name in KNOWN_FIELDS if name != "content_hash"]))


def each_known(store: Store) -> Iterator[tuple[str, Known]]:
    """The same, one after the other, for whoever keeps few of them."""
    for points in store.scroll(fields=("uri", *KNOWN_FIELDS)):
        for p in points:
            yield p.payload["uri"], Known._make((p.id, *(p.payload.get(name) for name in KNOWN_FIELDS)))


def _digests(uris: Sequence[str]) -> np.ndarray:
    """The ids of these images, see ``types.image_id``, packed: a million in a second and a half."""
    space = uuid.NAMESPACE_URL.bytes
    names = (uri.encode("utf-8", "backslashreplace") for uri in uris)
    digests = [hashlib.sha1(space + name, usedforsecurity=False).digest() for name in names]
    found = np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 20)[:, :16].copy()
    found[:, 6] = found[:, 6] & 0x0F | 0x50
    found[:, 8] = found[:, 8] & 0x3F | 0x80
    return _as_text(found)


def _as_text(ids: np.ndarray) -> np.ndarray:
    """Packed ids, uint8 (n, 16), as texts of bytes, which can be sorted and compared."""
    return np.ascontiguousarray(ids).view("S16").ravel()


def _numbers(column: Coded) -> np.ndarray:
    whole = (value if type(value) is int else NOTHING for value in column.values)
    numbers: np.ndarray = np.append(np.fromiter(whole, np.int64, len(column.values)), NOTHING)[column.codes]
    return numbers


def _number(value: np.int64) -> int | None:
    return None if value == NOTHING else int(value)


def _value(column: Coded, row: int) -> Any:
    code = column.codes[row]
    return column.values[code] if code >= 0 else None


def _bytes(content_hash: Any) -> bytes:
    return content_hash.encode("utf-8", "surrogatepass") if isinstance(content_hash, str) else b""


def _text(content_hash: bytes) -> str:
    return content_hash.decode("utf-8", "surrogatepass")
