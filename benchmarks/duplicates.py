"""How many copies are found, and how many look-alikes are taken for copies, by kind of edit.

    python benchmarks/duplicates.py [--half odd] [--scratch DIR]

Every second one of the first ``--copied`` photos of ``captions`` and of ``clothing`` is copied with each edit; all
photos of both sets are the look-alikes they hide among. Thresholds were chosen with ``--half even``; what is reported
is ``odd``.
Beside it, at the same precision: one threshold on the vectors, and one on a plain perceptual hash.

``lookalikes.py`` draws pages of one template, packagings and signs, ``lookalike_photos.py`` changes what is in real
photos: of these pairs none shows one picture.
"""

from __future__ import annotations

import argparse
import io
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import dataset, save
from lookalike_photos import KINDS as PHOTO_KINDS
from lookalike_photos import photo_look_alikes
from lookalikes import HELD_OUT, KINDS, LookAlike, look_alikes
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

from imagefinder._util.threads import ordered_map
from imagefinder.duplicates.candidates import candidates
from imagefinder.duplicates.grouping import Edge
from imagefinder.duplicates.judging import Judge, one_thread_each
from imagefinder.duplicates.matching.closer import look_closer
from imagefinder.duplicates.matching.detail import fine_picture
from imagefinder.duplicates.matching.features import features_of
from imagefinder.duplicates.matching.tiers import Tier
from imagefinder.duplicates.matching.verify import Verdict, verify
from imagefinder.duplicates.pictures import Pictures
from imagefinder.finder import ImageFinder
from imagefinder.types import Limits, Record

PRECISION = 0.99
# Photos of clothing that really show one picture twice, found by this benchmark and looked at.
KNOWN_COPIES = [("6075b4a5", "637a56e4"), ("b59e4d4a", "e6a8b33f")]
Edit = Callable[[Image.Image, np.random.Generator], Image.Image]


def reencoded(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=30)
    return Image.open(buffer).convert("RGB")


def halved(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return image.resize((image.width // 2, image.height // 2), Image.Resampling.BICUBIC)


def cropped(share: float) -> Edit:
    """Takes away ``share`` of the width and of the height, at a random place."""

    def edit(image: Image.Image, rng: np.random.Generator) -> Image.Image:
        w, h = round(image.width * (1 - share)), round(image.height * (1 - share))
        x, y = int(rng.integers(0, image.width - w + 1)), int(rng.integers(0, image.height - h + 1))
        return image.crop((x, y, x + w, y + h))

    return edit


def texted(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A line of text, a seventh of the height, somewhere across the picture."""
    image, size = image.copy(), max(10, image.height // 7)
    place = (image.width // 20, int(rng.integers(0, image.height - size)))
    font = ImageFont.load_default(size)
    draw = ImageDraw.Draw(image)
    draw.text(place, "SAMPLE TEXT 2026", "white", font, stroke_width=2, stroke_fill="black")
    return image


def captioned(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A white bar with two lines of text above the picture, a fifth of its height."""
    bar = image.height // 5
    whole = Image.new("RGB", (image.width, image.height + bar), "white")
    whole.paste(image, (0, bar))
    ImageDraw.Draw(whole).text((5, 2), "when you find\nit at last", "black", ImageFont.load_default(max(8, bar // 3)))
    return whole


def bordered(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    colour = tuple(int(c) for c in rng.integers(0, 256, 3))
    return ImageOps.expand(image, border=max(4, min(image.size) // 10), fill=colour)


EDITS: dict[str, Edit] = {
    "JPEG quality 30": reencoded,
    "half size": halved,
    "10% crop": cropped(0.1),
    "25% crop": cropped(0.25),
    "mirror": lambda image, rng: ImageOps.mirror(image),
    "90 degrees": lambda image, rng: image.transpose(Image.Transpose.ROTATE_90),
    "5 degrees": lambda image, rng: image.rotate(5, Image.Resampling.BICUBIC),
    "brightness x 1.4": lambda image, rng: ImageEnhance.Brightness(image).enhance(1.4),
    "text laid over": texted,
    "border": bordered,
    "caption bar": captioned,
    "mirror + 10% crop + quality 30": lambda image, rng: reencoded(cropped(0.1)(ImageOps.mirror(image), rng), rng),
}


def make_copies(sources: list[Path], target: Path) -> None:
    """``target/<number of the edit>/<name>``, JPEGs of quality 90."""
    for number, edit in enumerate(EDITS.values()):
        (target / str(number)).mkdir(parents=True, exist_ok=True)
        for i, source in enumerate(sources):
            place = target / str(number) / f"{source.stem}.jpg"
            if not place.exists():
                with Image.open(source) as image:
                    edit(image.convert("RGB"), np.random.default_rng(i)).save(place, quality=90)


def is_copy(found: Edge | None) -> bool:
    return found is not None and found.tier.is_copy


class Collection:
    """Photos and their copies in an index, and verdicts on pairs, each made once."""

    def __init__(self, finder: ImageFinder, copies: Path) -> None:
        self.records: list[Record] = list(finder.records())
        _, self.vectors = finder.vectors()
        self.pictures = Pictures(self.records, Limits())
        self.hashes = np.stack([self._hash(i) for i in range(len(self.records))])
        self.edit = [self._edit(r, copies) for r in self.records]
        self.name = [Path(r.uri).stem for r in self.records]
        self.judge = Judge(self.pictures)
        self._verdicts: dict[tuple[int, int], Edge | None] = {}
        self.compared_s = 0.0

    def _hash(self, number: int) -> Any:
        found = self.pictures.hash(number)
        assert found is not None, self.records[number].uri
        return found

    @staticmethod
    def _edit(record: Record, copies: Path) -> int:
        """The number of the edit, -1 for an original."""
        path = Path(record.uri)
        return int(path.parent.name) if path.is_relative_to(copies) else -1

    def verdicts(self, pairs: list[tuple[int, int]]) -> list[Edge | None]:
        new = [p for p in pairs if p not in self._verdicts]
        started = time.perf_counter()
        with one_thread_each():
            for pair, verdict in zip(new, ordered_map(self._verify, new, workers=2, window=16), strict=True):
                self._verdicts[pair] = verdict
        self.compared_s += time.perf_counter() - started
        return [self._verdicts[p] for p in pairs]

    def _verify(self, pair: tuple[int, int]) -> Edge | None:
        return None if self.judge.are_strangers(*pair) else self.judge.verdict(*pair)

    @property
    def pairs(self) -> int:
        return len(self._verdicts)

    def is_true(self, a: int, b: int) -> bool:
        return self.name[a] == self.name[b] or any(
            {self.name[a][:8], self.name[b][:8]} == set(known) for known in KNOWN_COPIES
        )

    def measure(self, number: int) -> dict[str, Any]:
        """Originals and their copies of one edit: what candidates, verdicts and two plain thresholds find."""
        rows = np.array([i for i, edit in enumerate(self.edit) if edit in (-1, number)])
        copies = {self.name[i]: i for i in rows if self.edit[i] == number}
        wanted = {tuple(sorted((copies[self.name[i]], int(i)))) for i in rows if self._is_copied(i, copies)}
        local, _ = candidates(self.vectors[rows], self.hashes[rows])
        pairs = [(int(rows[a]), int(rows[b])) for a, b in local]
        verdicts = self.verdicts(pairs)
        found = {p for p, v in zip(pairs, verdicts, strict=True) if is_copy(v)}
        # A false alarm between two originals is there whatever the edit: it is listed once, beside these figures.
        wrong = [p for p in found if not self.is_true(*p) and {self.edit[i] for i in p} != {-1}]
        hit = len(wanted & found)
        return {
            "copies": len(wanted),
            "candidates' recall": round(len(wanted & set(pairs)) / len(wanted), 4),
            "recall": round(hit / len(wanted), 4),
            "precision": round(hit / max(1, hit + len(wrong)), 4),
            "vectors alone, recall at precision 0.99": self._plain(rows, wanted, self.vectors),
            "pHash alone, recall at precision 0.99": self._plain(rows, wanted, self.hashes.astype(np.float32)),
        }

    def _is_copied(self, i: int, copies: dict[str, int]) -> bool:
        return self.edit[i] == -1 and self.name[i] in copies

    def _plain(self, rows: np.ndarray, wanted: set[Any], values: np.ndarray) -> float:
        """The recall of the best single threshold on the inner product that keeps the precision."""
        chosen = values[rows]
        scores = chosen @ chosen.T
        a, b = np.triu_indices(len(rows), 1)
        flat = scores[a, b]
        top = np.argsort(-flat, kind="stable")[: 20 * len(wanted)]
        right = np.array([tuple(sorted((int(rows[a[i]]), int(rows[b[i]])))) in wanted for i in top])
        known = np.array([self.is_true(int(rows[a[i]]), int(rows[b[i]])) for i in top])
        precision = np.cumsum(known) / np.arange(1, len(top) + 1)
        ends = np.append(np.diff(flat[top]) != 0, True)  # a threshold can't part equal scores
        good = np.flatnonzero((precision >= PRECISION) & ends)
        return round(float(right[: good[-1] + 1].sum() / len(wanted)), 4) if len(good) else 0.0

    def alarms(self) -> list[list[str]]:
        """Pairs of originals that were called the same picture."""
        return [
            [self.name[a], self.name[b], v.evidence]
            for (a, b), v in self._verdicts.items()
            if v is not None and is_copy(v) and self.edit[a] == self.edit[b] == -1
        ]


def search(finder: ImageFinder) -> dict[str, Any]:
    """What a search of the whole set takes. The second finds the verdicts of the first."""
    wall, cpu = time.perf_counter(), time.process_time()
    report = finder.duplicates()
    return {
        "wall s": round(time.perf_counter() - wall, 1),
        "CPU s": round(time.process_time() - cpu, 1),
        "pairs compared": report.compared,
        "pairs known": report.kept,
        "groups": len(report.groups),
    }


def measure_set(name: str, half: str, scratch: Path, copied: int) -> dict[str, Any]:
    photos = sorted((dataset(name, scratch) / "images").iterdir())
    copies = scratch / f"copies-{name}-{half}-{copied}"
    make_copies(photos[:copied][half == "odd" :: 2], copies)
    with tempfile.TemporaryDirectory() as index, ImageFinder.open(index) as finder:
        finder.add(photos[0].parent)
        searches = [search(finder) for _ in range(2)]
        finder.add(copies)
        collection = Collection(finder, copies)
        edits = {edit: collection.measure(number) for number, edit in enumerate(EDITS)}
        result = {
            "photos": len(photos),
            "first search": searches[0],
            "second search": searches[1],
            "edits": edits,
            "originals called the same picture": collection.alarms(),
            "ms per pair": round(1000 * collection.compared_s / collection.pairs, 2),
        }
    return result


def judged(pair: LookAlike) -> Verdict:
    a, b = (features_of(image, *image.size) for image in (pair.first, pair.second))
    return look_closer(verify(a, b), a, fine_picture(pair.first), fine_picture(pair.second))


def measure_look_alikes(templates: int, photos: int, half: str, scratch: Path) -> dict[str, Any]:
    """Of the pairs of each kind, how many were called the same picture."""
    of_sets = [sorted((dataset(name, scratch) / "images").iterdir()) for name in ("captions", "clothing")]
    chosen = [path for paths in of_sets for path in paths[half == "odd" :: 2][:photos]]
    drawn = {kind: lambda kind=kind: iter(look_alikes(kind, templates)) for kind in KINDS}
    made = {kind: lambda kind=kind: photo_look_alikes(kind, chosen) for kind in PHOTO_KINDS}
    result: dict[str, Any] = {"pairs": 0, "called the same picture": 0, "held out": list(HELD_OUT), "kinds": {}}
    for kind, pairs in {**drawn, **made}.items():
        wrong: list[str] = []
        number = 0
        for pair, verdict in ordered_map(lambda p: (p, judged(p)), pairs(), workers=2, window=8):
            number += 1
            if verdict.tier is Tier.SAME_PICTURE:
                wrong.append(f"{pair.variant}: {verdict.evidence}")
        result["kinds"][kind] = {"pairs": number, "called the same picture": wrong}
        result["pairs"] += number
        result["called the same picture"] += len(wrong)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=("even", "odd"), default="odd")
    parser.add_argument("--sets", nargs="+", default=["captions", "clothing"])
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "imagefinder-benchmarks")
    parser.add_argument(
        "--copied", type=int, default=300, help="photos of each set, of which every second one is copied"
    )
    parser.add_argument("--templates", type=int, default=11, help="of each drawn kind; each gives 6 pairs")
    parser.add_argument("--photos", type=int, default=50, help="of each set, for each kind of changed photo")
    options = parser.parse_args()
    options.scratch.mkdir(exist_ok=True)
    alike = measure_look_alikes(options.templates, options.photos, options.half, options.scratch)
    result = {name: measure_set(name, options.half, options.scratch, options.copied) for name in options.sets}
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    name = "duplicates" if options.half == "odd" else "duplicates-even"
    save(name, {"half": options.half, "look-alikes": alike, "sets": result, "peak MB": round(memory)})


if __name__ == "__main__":
    main()
