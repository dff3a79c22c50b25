"""The file of a backup: a tar that other programs read as well, written and read from its beginning to its end.

imagefinder-backup.json      its format, by which version it was made, when, and of which index
1/points/vectors.json        the named vectors
1/points/000001.jsonl.gz     a line for each image: id, payload, and which vectors it has
1/points/000001/NAME.npy     those vectors, a row for each line that has it, in order
1/documents/NAME             index.json and all other documents
uploads/...                  what clients sent
checksums.json               size and SHA-256 of all of these, and which numbered part counts: the last one

Where a model was fitted anew while part 1 was made, part 2 follows, and so on.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import tarfile
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from imagefinder._util.shapes import check_shape
from imagefinder.errors import IndexDamagedError, StorageError
from imagefinder.store.base import Point, VectorParams
from imagefinder.whole.contents import MOST_BYTES, UPLOADS, is_half, is_plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIRST, LAST = "imagefinder-backup.json", "checksums.json"
VECTORS = "vectors.json"
FORMAT = 1
MOST_POINTS_BYTES = 2**29  # of the lines of one batch, unpacked
BLOCK = 1 << 20
BROKEN = (  # what reading damaged content may raise
    *(tarfile.TarError, zlib.error, gzip.BadGzipFile, EOFError),
    *(ValueError, LookupError, TypeError, RecursionError, MemoryError),
)
_PART = re.compile(r"([1-9][0-9]{0,3})/(points|documents)/(.+)")
_BATCH = re.compile(r"([0-9]{6})(?:\.jsonl\.gz|/([\w.-]{1,200})\.npy)")
_HEAD = {"format": int, "app_version": str, "made": str, "index": str}
_SUMS = {
    "part": str,
    "images": int,
    "checksum": re.compile("[0-9a-f]{32}"),
    "files": {str: {"bytes": int, "sha256": re.compile("[0-9a-f]{64}")}},
}
_DTYPES, _METRICS = frozenset({"float16", "float32"}), frozenset({"cosine", "dot"})
_PARAMS = {str: {"dim": int, "dtype": _DTYPES, "metric": _METRICS, "searchable": bool}}


# --- writing ----------------------------------------------------------------------------------------------------------


class _Forward:
    """As much of a stream as a tar needs that is written from its beginning to its end."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._at = stream, 0

    def write(self, content: bytes) -> int:
        self._stream.write(content)
        self._at += len(content)
        return len(content)

    def tell(self) -> int:
        return self._at


class Writer:
    """Writes a backup to a stream, which need not be able to go back."""

    def __init__(self, stream: BinaryIO) -> None:
        forward: Any = _Forward(stream)
        self._tar = tarfile.TarFile(fileobj=forward, mode="w", format=tarfile.PAX_FORMAT)
        self._files: dict[str, dict[str, Any]] = {}
        self.bytes = 0

    def add(self, name: str, content: bytes) -> None:
        """Write one file of it."""
        self._add(name, io.BytesIO(content), len(content), hashlib.sha256(content).hexdigest())

    def add_file(self, name: str, path: Path) -> None:
        """Write one file of it, a copy of another; nothing where that is gone."""
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                size = file.tell()
                file.seek(0)
                self._add(name, file, size, digest)
        except FileNotFoundError:
            return

    def _add(self, name: str, content: BinaryIO, size: int, digest: str) -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mtime, entry.mode = size, int(time.time()), 0o600
        self._tar.addfile(entry, content)
        self._files[name] = {"bytes": size, "sha256": digest}
        self.bytes += size

    def add_points(self, part: int, n: int, points: Sequence[Point], vectors: Mapping[str, VectorParams]) -> None:
        """Write one batch of points."""
        lines = [{"id": p.id, "payload": p.payload, "vectors": sorted(p.vectors)} for p in points]
        self.add(f"{part}/points/{n:06d}.jsonl.gz", _packed(lines))
        for name, params in vectors.items():
            rows = [point.vectors[name] for point in points if name in point.vectors]
            if rows:
                buffer = io.BytesIO()
                np.save(buffer, np.stack(rows).astype(_dtype(params)), allow_pickle=False)
                self.add(f"{part}/points/{n:06d}/{name}.npy", buffer.getvalue())

    def finish(self, part: int, images: int, checksum: str) -> None:
        """Write the checksums, without which it is none."""
        told = {"part": str(part), "images": images, "checksum": checksum, "files": dict(self._files)}
        self.add(LAST, _json(told))
        self._tar.close()


def head(app_version: str, made: str, index: str) -> bytes:
    return _json({"format": FORMAT, "app_version": app_version, "made": made, "index": index})


def vectors_text(vectors: Mapping[str, VectorParams]) -> bytes:
    return _json({name: asdict(params) for name, params in vectors.items()})


def _json(row: Mapping[str, Any]) -> bytes:
    return (json.dumps(row, indent=1, ensure_ascii=False) + "\n").encode()


def _packed(lines: Sequence[Mapping[str, Any]]) -> bytes:
    import orjson

    return gzip.compress(b"".join(orjson.dumps(line) + b"\n" for line in lines), 6, mtime=0)


def _dtype(params: VectorParams) -> str:
    return "<f2" if is_half(params) else "<f4"


# --- reading ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sums:
    """What the end of a backup says: which part counts, its number of images, and their checksum."""

    part: int
    images: int
    checksum: str


@dataclass(slots=True)
class _Batch:
    """Points whose vectors are still being read."""

    number: str = ""
    lines: list[dict[str, Any]] = field(default_factory=list)
    rows: dict[str, NDArray[Any]] = field(default_factory=dict)


class Reader:
    """Reads a backup from a stream. All errors are IndexDamagedError, but for those of ``restore``."""

    def __init__(self, stream: BinaryIO, shown: str) -> None:
        self._stream, self._shown = stream, shown
        self.head: dict[str, Any] = {}
        self.sums: Sums | None = None  # at the end
        self._files: dict[str, dict[str, Any]] = {}

    def damaged(self, what: object) -> IndexDamagedError:
        return IndexDamagedError(
            f"{self._shown} can't be restored: {what}. Nothing was changed.",
            remedy="It is cut short or damaged; take another backup.",
        )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except BROKEN as error:
            raise self.damaged(error) from error
        except OSError as error:
            if isinstance(error, StorageError):
                raise
            raise self.damaged(error.strerror or error) from error

    def files(self) -> Iterator[tuple[str, bytes]]:
        """All files by name, each as it was written as far as the tar tells; ``sums`` is known at the end. Uploads come
        in pieces: of them each piece has the name."""
        with self._errors():
            tar = tarfile.TarFile.open(fileobj=self._stream, mode="r|")
        while True:
            with self._errors():
                entry = tar.next()
            if entry is None:
                break
            if self.sums is not None:
                raise self.damaged(f"{entry.name!r:.200} comes after the end")
            with self._errors():
                self._check_entry(entry)
                content = tar.extractfile(entry)
                assert content is not None
            yield from self._content(entry, content)
        if self.sums is None:
            raise self.damaged("its end is missing")

    def _check_entry(self, entry: tarfile.TarInfo) -> None:
        """Raises ValueError."""
        parts = entry.name.split("/")
        if not entry.isreg() or not all(map(is_plain, parts)) or ".." in parts:
            raise ValueError(f"{entry.name!r:.200} is no file of a backup")
        if entry.name in self._files:
            raise ValueError(f"{entry.name} is there twice")
        if (entry.name == FIRST) == bool(self._files):
            raise ValueError("it is no backup of an index")
        if parts[0] != UPLOADS and entry.size > MOST_BYTES:
            raise ValueError(f"{entry.name} has {entry.size:,} bytes")

    def _content(self, entry: tarfile.TarInfo, content: Any) -> Iterator[tuple[str, bytes]]:
        sha, size, whole = hashlib.sha256(), 0, []
        large = entry.name.startswith(f"{UPLOADS}/")
        while True:
            with self._errors():
                piece = content.read(BLOCK)
            if not piece:
                break
            sha.update(piece)
            size += len(piece)
            if large:
                yield entry.name, piece
            else:
                whole.append(piece)
        if size != entry.size:
            raise self.damaged(f"{entry.name} is cut short")
        self._files[entry.name] = {"bytes": size, "sha256": sha.hexdigest()}
        if not large:
            with self._errors():
                self._take(entry.name, b"".join(whole))
            yield entry.name, b"".join(whole)

    def _take(self, name: str, content: bytes) -> None:
        if name == FIRST:
            self.head = _checked(content, _HEAD)
            if self.head["format"] > FORMAT:
                raise ValueError(f"it was made by ImageFinder {self.head['app_version']:.40}, which is newer")
        elif name == LAST:
            row = _checked(content, _SUMS)
            del self._files[LAST]
            for file in sorted({*row["files"], *self._files}):
                if row["files"].get(file) != self._files.get(file):
                    raise ValueError(f"{file:.200} is missing or has another checksum")
            self.sums = Sums(int(row["part"]), row["images"], row["checksum"])


class Points:
    """Makes points of the files of a part, as they come."""

    def __init__(self) -> None:
        self.vectors: dict[str, VectorParams] = {}
        self._batch = _Batch()

    def begin(self, content: bytes) -> None:
        """Take the file of the named vectors. Raises ValueError."""
        row = json.loads(content)
        check_shape(row, _PARAMS)
        self.vectors = {name: VectorParams(**params) for name, params in row.items()}
        self._batch = _Batch()

    def take(self, name: str, content: bytes) -> list[Point]:
        """Take a further file; the points that are whole by then. Raises ValueError."""
        found = _BATCH.fullmatch(name)
        if not found:
            raise ValueError(f"{name!r:.200} is no file of points")
        whole: list[Point] = []
        if found[2] is None:
            whole = self.rest()
            self._batch = _Batch(found[1], _lines(content))
        elif found[1] != self._batch.number or found[2] not in self.vectors:
            raise ValueError(f"{name} is in the wrong place")
        else:
            self._batch.rows[found[2]] = np.load(io.BytesIO(content), allow_pickle=False)
        return whole

    def rest(self) -> list[Point]:
        """The last points. Raises ValueError."""
        batch, self._batch = self._batch, _Batch()
        held: dict[str, dict[str, Any]] = {line["id"]: {} for line in batch.lines}
        for name, params in self.vectors.items():
            ids = [line["id"] for line in batch.lines if name in line["vectors"]]
            rows = batch.rows.get(name, np.zeros((0, params.dim), _dtype(params)))
            if rows.shape != (len(ids), params.dim) or rows.dtype != np.dtype(_dtype(params)):
                raise ValueError(f"the vectors {name} of batch {batch.number} are {rows.dtype} {rows.shape}")
            for id, row in zip(ids, rows.astype(np.float32), strict=True):
                held[id][name] = row
        return [Point(line["id"], line["payload"], held[line["id"]]) for line in batch.lines]


def part_of(name: str) -> tuple[int, str, str] | None:
    """The number of the part, whether it is of its points or documents, and the rest of a file's name."""
    found = _PART.fullmatch(name)
    return (int(found[1]), found[2], found[3]) if found else None


def _lines(content: bytes) -> list[dict[str, Any]]:
    import orjson

    with gzip.open(io.BytesIO(content)) as file:
        text = file.read(MOST_POINTS_BYTES + 1)
    if len(text) > MOST_POINTS_BYTES:
        raise ValueError(f"the lines of a batch are more than {MOST_POINTS_BYTES:,} bytes")
    rows = [orjson.loads(line) for line in text.splitlines()]
    for row in rows:
        right = isinstance(row, dict) and isinstance(row.get("id"), str) and isinstance(row.get("payload"), dict)
        if not right or not isinstance(row.get("vectors"), list):
            raise ValueError(f"{row!r:.80} is no image")
    return rows


def _checked(content: bytes, shape: Any) -> dict[str, Any]:
    row = json.loads(content)
    check_shape(row, shape)
    found: dict[str, Any] = row
    return found
