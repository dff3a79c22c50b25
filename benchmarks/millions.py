"""Makes indexes of any size that look like people's: from the real vectors and files of an index, without a model.

Each vector is a mix of those of an image and one or two of its nearest, plus noise. Each image has a file (a real one
with its number after the end), in a tree of folders of a year and an event, and a record as indexing writes it: dates,
camera, place, colours, some tags, captions and texts. Some are copies of the one before, some nearly so. The same
number gives the same images, and a larger index begins with those of a smaller one.

python benchmarks/millions.py --from INDEX --to FOLDER [--n 10000 100000 1000000] [--seconds 500]
makes FOLDER/10000 and so on, with their pictures in FOLDER/pictures. With --seconds it stops there, and the next call
goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from imagefinder.images import dates
from imagefinder.index.folder import Index
from imagefinder.index.manifest import SourceEntry
from imagefinder.store.base import Point
from imagefinder.types import Record, image_id

BATCH = 2000
NEAREST = 8  # images that one is mixed with
NOISE = 0.05  # its length, in that of the vector
EVENT = 200  # images in a folder
EQUAL, ALIKE = 0.01, 0.03  # of the images are copies of the one before; are nearly so
FIRST = datetime(2004, 1, 1, tzinfo=UTC)
DAYS = 8000
LAST = "2026-11-01T00:00:00+00:00"
CAMERAS = (
    *(("Canon EOS 80D", "EF-S18-135mm", 6000, 4000), ("NIKON D750", "24-120mm f/4", 6016, 4016)),
    *(("Apple iPhone 13", "iPhone 13 back camera", 4032, 3024), ("Google Pixel 7", "Pixel 7 back camera", 4080, 3072)),
    *(("SONY ILCE-7M3", "FE 35mm F1.8", 6000, 4000), ("FUJIFILM X-T3", "XF18-55mm", 6240, 4160)),
)
PLACES = ((48.14, 11.58), (52.52, 13.4), (41.9, 12.5), (38.72, -9.14), (59.33, 18.07), (40.71, -74.0), (35.68, 139.7))
EVENTS = ("Birthday", "Hike", "Wedding", "Beach", "Garden", "Museum", "Market", "School", "Lake", "Zoo", "City", "Snow")
NAMES = ("Anna", "Ben", "Clara", "David", "Emma", "Felix", "Greta", "Hugo", "Ida", "Jonas", "Karla", "Leo")
THINGS = (
    "dog cat tree house boat bridge car train flower mountain river bicycle cake lamp chair window bird horse tower "
    "street cloud sunset rain lantern picnic kite ball guitar piano castle harbour island forest meadow waterfall"
)


@dataclass(frozen=True, slots=True)
class Origin:
    """The images of a real index: ``raw`` vectors by space, float16 (n, dim), the ``nearest`` others of each, int
    (n, NEAREST), their ``records``, and a copy of each file of a time of its own."""

    raw: dict[str, np.ndarray]
    nearest: np.ndarray
    records: list[Record]
    files: list[Path]
    stats: list[os.stat_result]


def read_origin(index: Index, copies: Path) -> Origin:
    """Read an index, and copy its files."""
    records = [Record.from_payload(p.id, p.payload) for batch in index.store.scroll() for p in batch]
    raw = {
        name: np.concatenate([rows.astype(np.float16) for _, rows in index.raw_batches(name)])
        for name in index.manifest.spaces
    }
    searched = np.concatenate([rows for _, rows in index.searched_batches(next(iter(raw)))])
    nearest = np.empty((len(records), NEAREST), np.int32)
    for start in range(0, len(records), 1000):
        scores = searched[start : start + 1000] @ searched.T
        scores[np.arange(len(scores)), start + np.arange(len(scores))] = -2
        nearest[start : start + 1000] = np.argpartition(-scores, NEAREST, axis=1)[:, :NEAREST]
    files = [_copy(Path(record.uri), copies / f"{i:06}{Path(record.uri).suffix}") for i, record in enumerate(records)]
    return Origin(raw, nearest, records, files, [file.stat() for file in files])


def _copy(source: Path, target: Path) -> Path:
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        days = int(hashlib.blake2b(target.name.encode(), digest_size=4).hexdigest(), 16) % DAYS
        when = (FIRST + timedelta(days=days)).timestamp()
        os.utime(target, (when, when))
    return target


def begin(path: Path, like: Index, source: Path) -> Index:
    """An empty index at ``path``, with the spaces and transforms of another; the one there, where it was begun."""
    index = Index(path)
    if not index.manifest.spaces:
        for entry in like.manifest.spaces.values():
            if entry.transform:
                (path / entry.transform).parent.mkdir(exist_ok=True)
                shutil.copyfile(like.path / entry.transform, path / entry.transform)
        index.store.start_over(dict(like.store.vectors()))
        entry = SourceEntry(str(source), "folder", {"include": (), "exclude": ()}, LAST)
        spaces, current = like.manifest.spaces, like.manifest.current
        index.save_manifest(replace(index.manifest, spaces=spaces, current=current, sources=(entry,)))
    return index


def make(path: Path, n: int, like: Index, origin: Origin, pictures: Path, until: float) -> bool:
    """Fill the index at ``path`` up to ``n`` images, or until this ``time.monotonic``; whether it has all."""
    index = begin(path, like, pictures)
    try:
        for start in range(index.store.count() // BATCH * BATCH, n, BATCH):
            if time.monotonic() > until:
                return False
            add_batch(index, origin, start, min(BATCH, n - start), pictures)
            print(f"\r{path}: {start + BATCH:,}", end="", flush=True)
        spaces = {name: replace(entry, fitted_count=n) for name, entry in index.manifest.spaces.items()}
        index.save_manifest(replace(index.manifest, spaces=spaces))
    finally:
        index.close()
    return True


def add_batch(index: Index, origin: Origin, start: int, n: int, pictures: Path) -> None:
    """Make and store ``n`` images, and their files; ``start`` is a multiple of ``BATCH``."""
    rng = np.random.default_rng([18, start])
    equal, alike, of = copied(rng, len(origin.records))
    vectors = index.search_vectors(mixed(rng, origin, of, equal, alike, n))
    payloads = [_payload(rng, origin, start, i, int(of[i]), bool(equal[i]), pictures) for i in range(n)]
    points = [
        Point(image_id(payload["uri"]), payload, {name: rows[i] for name, rows in vectors.items()})
        for i, payload in enumerate(payloads)
    ]
    index.store.upsert(points)


def copied(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of a batch: which images equal the one before, which are nearly so, and the real image that each is made of."""
    draw, of = rng.random(BATCH), rng.integers(0, n, BATCH)
    draw[0] = 1.0
    equal, alike = draw < EQUAL, (draw >= EQUAL) & (draw < EQUAL + ALIKE)
    for i in np.flatnonzero(equal | alike):
        of[i] = of[i - 1]
    return equal, alike, of


def mixed(
    rng: np.random.Generator, origin: Origin, of: np.ndarray, equal: np.ndarray, alike: np.ndarray, n: int
) -> dict[str, np.ndarray]:
    """The raw vectors, float32 (n, dim) by space."""
    others = np.take_along_axis(origin.nearest[of], rng.integers(0, NEAREST, (BATCH, 2)), axis=1)
    weights = rng.dirichlet((2.0, 1.0, 0.5), BATCH).astype(np.float32)
    weights[rng.random(BATCH) < 0.5, 2] = 0  # two images rather than three
    weights /= weights.sum(axis=1, keepdims=True)
    found = {}
    for name, real in origin.raw.items():
        rows = sum(weights[:, i, None] * real[which].astype(np.float32) for i, which in enumerate((of, *others.T)))
        length = np.linalg.norm(real[of].astype(np.float32), axis=1, keepdims=True)
        noise = rng.standard_normal(rows.shape, dtype=np.float32) / np.sqrt(rows.shape[1])
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True) + NOISE * noise
        for i in np.flatnonzero(equal | alike):
            rows[i] = rows[i - 1] + (0.2 * NOISE * noise[i] if alike[i] else 0)
        found[name] = (rows / np.linalg.norm(rows, axis=1, keepdims=True) * length)[:n]
    return found


def _payload(
    rng: np.random.Generator, origin: Origin, start: int, i: int, of: int, equal: bool, pictures: Path
) -> dict[str, Any]:
    words = THINGS.split()
    number, event = start + i, (start + i) // EVENT
    own = np.random.default_rng([19, event])  # what the images of an event have in common
    when = FIRST + timedelta(days=int(own.integers(DAYS)), minutes=int(540 + 3 * (number % EVENT)))
    camera, lens, width, height = CAMERAS[own.integers(len(CAMERAS))]
    kind, lat_lon = EVENTS[own.integers(len(EVENTS))], PLACES[own.integers(len(PLACES))]
    file, mtime_ns = origin.files[of], origin.stats[of].st_mtime_ns
    data = file.read_bytes() + b"%d" % (number - equal)
    uri = str(pictures / f"{when:%Y}" / f"{when:%Y-%m-%d} {kind} {event}" / f"IMG_{number:07}{file.suffix}")
    draw = rng.random(6).tolist()
    turned = draw[0] < 0.3
    tags = [kind.lower(), *(NAMES[k] for k in rng.integers(0, len(NAMES), 2))] if draw[1] < 0.2 else []
    said = " ".join(words[k] for k in rng.integers(0, len(words), 4))
    caption = f"{NAMES[number % len(NAMES)]} and the {said}" if draw[2] < 0.08 else None
    write(Path(uri), data, mtime_ns)
    extra = {
        **{"camera": camera, "lens": lens, "file_tags": tags or None, "file_caption": caption},
        **({"text": said.upper(), "text_by": "pdf"} if draw[3] < 0.03 else {}),
        **({"lat": round(lat_lon[0] + draw[4] / 9, 6), "lon": round(lat_lon[1] + draw[4] / 9, 6)} if event % 2 else {}),
    }
    dated = draw[5] < 0.85
    return Record(
        id="",
        uri=uri,
        folder=Path(uri).parent.name,
        source=str(pictures),
        content_hash=hashlib.blake2b(data, digest_size=16).hexdigest(),
        bytes=len(data),
        width=height if turned else width,
        height=width if turned else height,
        format="JPEG",
        mtime=dates.of_file(mtime_ns),
        mtime_ns=mtime_ns,
        taken_at=when.replace(tzinfo=None).isoformat() if dated else None,
        taken_from="exif" if dated else dates.FILE,
        taken_guess=None if dated else dates.guess(dates.of_file(mtime_ns)),
        caption=caption,
        tags=tuple(dict.fromkeys(tags)),
        colours=origin.records[of].colours,
        extra={name: value for name, value in extra.items() if value is not None},
    ).to_payload()


def write(file: Path, data: bytes, mtime_ns: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    os.utime(file, ns=(mtime_ns, mtime_ns))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="origin", type=Path, required=True, help="an index whose files are there")
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--n", type=int, nargs="+", default=[1000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--seconds", type=float, default=float("inf"))
    options = parser.parse_args()
    until = time.monotonic() + options.seconds
    like = Index(options.origin, create=False, read_only=True)
    origin = read_origin(like, options.to / "pictures" / "real")
    for n in options.n:
        whole = make(options.to / str(n), n, like, origin, options.to / "pictures" / str(n), until)
        print(f"\r{n:,}: {'all made' if whole else 'to be continued: call it again'}")
    like.close()


if __name__ == "__main__":
    main()
