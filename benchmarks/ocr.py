"""Text in pictures: how many words are read, how well a phrase finds its picture, and what pictures without text cost.

    python benchmarks/ocr.py [--pictures N] [--photos N]

The pictures with text are made here, from the fonts that matplotlib carries: screenshots, receipts, signs in photos,
slides, and photos with words across them; of several sizes, a third of them turned by up to 8 degrees or lying on their
side, noisy, blurred and saved as JPEG of a quality from 35 to 95. The text is sentences of the set ``captions`` with
names and numbers. They are indexed, read and searched as people do it. A phrase is three words in a row that only one
picture has. The photos are those of ``captions``, ``clothing`` and ``vehicles``; a few do have text. ``ways`` are what
was tried to refuse pictures without text: on a tenth of the pictures and a third of the photos.
"""

from __future__ import annotations

import argparse
import csv
import random
import re
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from common import cores, dataset, save
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from imagefinder import ImageFinder
from imagefinder.ocr import reader as reader_module
from imagefinder.ocr.reader import Reader
from imagefinder.ocr.strokes import parts_with_letters
from imagefinder.store.words import numbers_of

FONTS = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif", "DejaVuSerif-Italic", "STIXGeneral", "STIXGeneralBol")
MONO = ("DejaVuSansMono", "DejaVuSansMono-Bold")
SCRATCH = Path(tempfile.gettempdir()) / "imagefinder-benchmarks"
WORD = re.compile(r"[^\W_]+")
WAYS = ('text:"WORDS"', '"WORDS"', "WORDS")  # to search for a phrase


@dataclass(frozen=True)
class Case:
    kind: str
    data: bytes  # a JPEG
    words: list[str]
    changed: str = "as made"
    size: str = ""  # of the long side

    @property
    def picture(self) -> Image.Image:
        return Image.open(BytesIO(self.data)).convert("RGB")


def font(rng: random.Random, size: int, names: tuple[str, ...] = FONTS) -> ImageFont.FreeTypeFont:
    import matplotlib

    return ImageFont.truetype(
        str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{rng.choice(names)}.ttf"), size
    )


class Writer:
    """Sentences, a name or a number in each second one."""

    def __init__(self, rng: random.Random, captions: list[str]) -> None:
        self.rng, self.captions = rng, captions

    def sentence(self, most: int = 12) -> str:
        words = self.rng.choice(self.captions).strip(" .").split()[:most]
        if self.rng.random() < 0.5:
            words.insert(self.rng.randrange(len(words) + 1), self.number())
        return " ".join(words)

    def number(self) -> str:
        rng = self.rng
        return rng.choice([f"{rng.randint(100, 9999)}", f"{rng.choice('ABCDEFGH')}{rng.randint(100, 999)}"])


def lines_of(draw: ImageDraw.ImageDraw, text: str, used: Any, width: float) -> list[str]:
    lines, now = [], ""
    for word in text.split():
        longer = f"{now} {word}".strip()
        if now and draw.textlength(longer, font=used) > width:
            lines.append(now)
            now = word
        else:
            now = longer
    return [*lines, now]


def write(picture: Image.Image, lines: list[str], at: tuple[int, int], used: Any, **how: Any) -> int:
    """Draw lines, and where the next one would stand."""
    x, y = at
    for line in lines:
        ImageDraw.Draw(picture).text((x, y), line, font=used, **how)
        y += round(1.35 * used.size)
    return y


def screenshot(rng: random.Random, say: Writer, photos: list[Path]) -> tuple[Image.Image, str]:
    dark = rng.random() < 0.4
    width, height = rng.choice([(1280, 800), (1440, 900), (1080, 1920), (800, 600)])
    picture = Image.new("RGB", (width, height), "#1e1f24" if dark else "#ffffff")
    draw, used = ImageDraw.Draw(picture), font(rng, rng.randint(13, 22))
    draw.rectangle((0, 0, width, 44), fill="#30323a" if dark else "#e8e8ee")
    ink, said, y = ("#e4e4e8" if dark else "#202124"), [say.sentence(5)], 70
    write(picture, said[:1], (60, 12), used, fill=ink)
    for _ in range(rng.randint(4, 9)):
        text = say.sentence()
        said.append(text)
        y = write(picture, lines_of(draw, text, used, width - 120), (60, y), used, fill=ink) + 14
    return picture, " ".join(said)


def receipt(rng: random.Random, say: Writer, photos: list[Path]) -> tuple[Image.Image, str]:
    used = font(rng, rng.randint(18, 26), MONO)
    lines = [say.sentence(2).upper(), f"No {rng.randint(1000, 99999)}"]
    for _ in range(rng.randint(4, 9)):
        lines.append(f"{say.sentence(2)[:18]:<19}{rng.randint(1, 99)}.{rng.randint(0, 99):02}")
    lines.append(f"TOTAL {rng.randint(10, 500)}.{rng.randint(0, 99):02}")
    width = round(max(used.getlength(line) for line in lines)) + 80
    picture = Image.new("RGB", (width, round(1.35 * used.size * len(lines)) + 100), "#f6f4ee")
    write(picture, lines, (40, 50), used, fill="#333333")
    return picture, " ".join(lines)


def backed(rng: random.Random, photos: list[Path], long_side: int) -> Image.Image:
    picture = Image.open(rng.choice(photos)).convert("RGB")
    scale = long_side / max(picture.size)
    return picture.resize((round(scale * picture.width), round(scale * picture.height)), Image.Resampling.BICUBIC)


def sign(rng: random.Random, say: Writer, photos: list[Path]) -> tuple[Image.Image, str]:
    picture = backed(rng, photos, rng.choice([640, 1024, 1600]))
    text = say.sentence(rng.randint(1, 4)).upper()
    used = font(rng, max(18, round(picture.width * rng.uniform(0.035, 0.075))), FONTS[:3])
    lines = lines_of(ImageDraw.Draw(picture), text, used, 0.55 * picture.width)
    width = round(max(used.getlength(line) for line in lines)) + used.size
    board = Image.new("RGB", (width, round((1.35 * len(lines) + 0.8) * used.size)))
    ground, ink = rng.choice(
        [("#0a4d9c", "#ffffff"), ("#f7f7f2", "#111111"), ("#1f6b3a", "#ffffff"), ("#f2c200", "#111")]
    )
    board.paste(ground, (0, 0, *board.size))
    write(board, lines, (used.size // 2, round(0.3 * used.size)), used, fill=ink)
    board = board.convert("RGBA").rotate(rng.uniform(-6, 6), Image.Resampling.BICUBIC, expand=True)
    at = [rng.randint(0, max(0, big - small)) for big, small in zip(picture.size, board.size, strict=True)]
    picture.paste(board, (at[0], at[1]), board)
    return picture, text


def slide(rng: random.Random, say: Writer, photos: list[Path]) -> tuple[Image.Image, str]:
    ground, ink = rng.choice([("#ffffff", "#1b2a41"), ("#12355b", "#ffffff"), ("#f4efe6", "#40342a")])
    picture = Image.new("RGB", rng.choice([(1280, 720), (960, 720), (1920, 1080)]), ground)
    draw, scale = ImageDraw.Draw(picture), picture.height / 720
    head, body = font(rng, round(48 * scale)), font(rng, round(28 * scale))
    said = [say.sentence(5)]
    y = (
        write(picture, lines_of(draw, said[0], head, 0.85 * picture.width), (round(70 * scale), 50), head, fill=ink)
        + 30
    )
    for _ in range(rng.randint(2, 5)):
        text = say.sentence(9)
        said.append(text)
        lines = lines_of(draw, text, body, 0.8 * picture.width)
        y = write(picture, lines, (round(90 * scale), y), body, fill=ink) + round(12 * scale)
    return picture, " ".join(said)


def across(rng: random.Random, say: Writer, photos: list[Path]) -> tuple[Image.Image, str]:
    picture = backed(rng, photos, rng.choice([500, 800, 1200]))
    text, used = say.sentence(8), font(rng, round(picture.width * rng.uniform(0.04, 0.07)))
    lines = lines_of(ImageDraw.Draw(picture), text, used, 0.9 * picture.width)
    top = rng.choice([0.04, 0.6]) * picture.height
    how = {"fill": "#ffffff", "stroke_width": max(1, used.size // 14), "stroke_fill": "#000000"}
    write(picture, lines, (round(0.05 * picture.width), round(top)), used, **how)
    return picture, text


KINDS: dict[str, Callable[..., tuple[Image.Image, str]]] = {
    "screenshot": screenshot,
    "receipt": receipt,
    "sign": sign,
    "slide": slide,
    "words across": across,
}


def changed(rng: random.Random, picture: Image.Image) -> tuple[bytes, str]:
    """One picture in three is turned, and one in three is noisy or blurred; each is saved as a JPEG."""
    how = "as made"
    chance = rng.random()
    if chance < 0.2:
        picture = picture.rotate(rng.uniform(-8, 8), Image.Resampling.BICUBIC, expand=True, fillcolor="#808080")
        how = "turned"
    elif chance < 0.33:
        picture, how = picture.rotate(rng.choice([90, 180, 270]), expand=True), "on its side"
    elif chance < 0.5:
        noise = np.random.default_rng(rng.randrange(2**32)).normal(0, rng.uniform(8, 20), (*picture.size[::-1], 3))
        picture = Image.fromarray((np.asarray(picture) + noise).clip(0, 255).astype(np.uint8))
        how = "noisy"
    elif chance < 0.66:
        picture, how = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 1.2))), "blurred"
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=rng.randint(35, 95))
    return buffer.getvalue(), how


def make_cases(n: int) -> list[Case]:
    rng = random.Random(14)
    folder = dataset("captions", SCRATCH)
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        captions = [row["caption"] for row in csv.DictReader(file) if len(row["caption"].split()) > 4]
    photos = sorted(p for p in (folder / "images").rglob("*") if p.is_file())
    say, cases = Writer(rng, captions), []
    for i in range(n):
        kind = [*KINDS][i % len(KINDS)]
        picture, text = KINDS[kind](rng, say, photos)
        data, how = changed(rng, picture)
        long_side = max(picture.size)
        size = next((f"up to {most:,} px" for most in (640, 1024, 1440) if long_side <= most), "more than 1,440 px")
        cases.append(Case(kind, data, words_of(text), how, size))
    return cases


def words_of(text: str) -> list[str]:
    return WORD.findall(text.casefold())


def share_read(true: list[str], found: list[str]) -> float:
    return (Counter(true) & Counter(found)).total() / max(1, len(true))


def phrases_of(cases: list[Case]) -> dict[int, str]:
    """Three words in a row of a picture that no other picture has in a row, two of them no common ones."""
    rng, holds = random.Random(15), Counter(run for case in cases for run in runs_of(case))
    found = {}
    for i, case in enumerate(cases):
        own = [run for run in sorted(runs_of(case)) if holds[run] == 1 and len(numbers_of(" ".join(run))) > 1]
        if own:
            found[i] = " ".join(rng.choice(own))
    return found


def runs_of(case: Case) -> set[tuple[str, ...]]:
    return {tuple(case.words[i : i + 3]) for i in range(len(case.words) - 2)}


def reading(finder: ImageFinder) -> float:
    """Read what is in the index, and the CPU seconds of it for an image."""
    start = time.process_time()
    report = finder.read(workers=cores(), progress=lambda now: print(now.done, end=" ", flush=True))
    assert not report.skipped
    return (time.process_time() - start) / report.read


def measure_text(cases: list[Case], place: Path) -> dict[str, Any]:
    (place / "text").mkdir()
    for i, case in enumerate(cases):
        (place / "text" / f"{i:04}.jpg").write_bytes(case.data)
    with ImageFinder.open(place / "text-index") as finder:
        finder.add(place / "text")
        cpu = reading(finder)
        records = {int(Path(record.uri).stem): record for record in finder.records()}
        texts = [words_of(str(records[i].extra.get("text", ""))) for i in range(len(cases))]
        first = dict.fromkeys(WAYS, 0)
        phrases = phrases_of(cases)
        for i, phrase in phrases.items():
            for way in WAYS:
                hits = finder.search(way.replace("WORDS", phrase), k=1)
                first[way] += bool(hits) and hits[0].id == records[i].id
    shares = [share_read(case.words, text) for case, text in zip(cases, texts, strict=True)]
    wrong = [1 - share_read(text, case.words) for case, text in zip(cases, texts, strict=True) if text]

    def by(name: str) -> dict[str, list[float]]:
        groups = dict.fromkeys(sorted(getattr(case, name) for case in cases))
        rows = {g: [s for s, case in zip(shares, cases, strict=True) if getattr(case, name) == g] for g in groups}
        return {group: [len(row), round(float(np.mean(row)), 4)] for group, row in rows.items()}

    return {
        "pictures": len(cases),
        "words_read": round(float(np.mean(shares)), 4),
        "words_wrong": round(float(np.mean(wrong)), 4),
        "none_found": sum(not text for text in texts),
        "by_kind": by("kind"),
        "by_change": by("changed"),
        "by_long_side": by("size"),
        "phrases": len(phrases),
        "phrase_r_at_1": {way: round(n / len(phrases), 4) for way, n in first.items()},
        "cpu_s": round(cpu, 4),
    }


def photos_of(n: int) -> list[tuple[str, Path]]:
    rng, found = random.Random(16), []
    for name in ("captions", "clothing", "vehicles"):
        paths = sorted(
            p for p in (dataset(name, SCRATCH) / "images").rglob("*") if p.suffix.lower() in (".jpg", ".png")
        )
        found += [(name, path) for path in rng.sample(paths, min(n // 3, len(paths)))]
    return found


def measure_photos(photos: list[tuple[str, Path]], place: Path) -> dict[str, Any]:
    """Photos as they are, and those of ``captions`` blown up to what a camera makes."""
    sets: dict[str, list[Path]] = {}
    for name, path in photos:
        sets.setdefault(name, []).append(path)
    large = place / "large"
    large.mkdir()
    for path in sets["captions"][:40]:
        picture = Image.open(path).convert("RGB")
        scale = 4000 / max(picture.size)
        size = (round(scale * picture.width), round(scale * picture.height))
        picture.resize(size, Image.Resampling.BICUBIC).save(large / f"{path.stem}.jpg", quality=85)
    sets["captions, blown up to 4,000 px"] = sorted(large.iterdir())
    found = {}
    for n, (name, paths) in enumerate(sets.items()):
        folder = place / f"photos-{n}"
        folder.mkdir()
        for i, path in enumerate(paths):
            shutil.copy(path, folder / f"{i:05}{path.suffix}")
        with ImageFinder.open(place / f"photos-{n}-index", model="fast") as finder:
            finder.add(folder)
            cpu = reading(finder)
            long_side = int(np.median([max(r.width, r.height) for r in finder.records()]))
            text = len(finder.records("has text"))
        found[name] = {"photos": len(paths), "long_side": long_side, "text": text, "cpu_s": round(cpu, 4)}
    return found


def measure_ways(cases: list[Case], photos: list[tuple[str, Path]]) -> dict[str, Any]:
    """Ways to refuse pictures: the share of pictures with text, and of each set of photos, that pass; what it costs."""
    reader = Reader()
    small_detector = reader._engine({"Global.use_cls": False, "Global.use_rec": False, "Det.limit_side_len": 320})
    ways: dict[str, Callable[[np.ndarray], bool]] = {
        "detector at 320 px": lambda small: small_detector(small).boxes is not None,
        "detector at 800 px": lambda small: reader._finder(small).boxes is not None,
        "rows of letters": lambda small: bool(parts_with_letters(small)),
        "rows of letters, then the detector on the picture": lambda small: bool(
            parts_with_letters(small) and reader._finder(small).boxes is not None
        ),
        "rows of letters, then the detector on these": lambda small: reader.has_text(
            Image.fromarray(small[:, :, ::-1])
        ),
    }
    pictures = [("text", case.picture) for case in cases]
    pictures += [(name, Image.open(path).convert("RGB")) for name, path in photos]
    found = {}
    for way, passes in ways.items():
        passed: dict[str, list[bool]] = {}
        spent = dict.fromkeys(("text", "photos"), 0.0)
        for name, picture in pictures:
            small = reader_module._reduced(picture, reader_module.LOOKED_AT)
            start = time.thread_time()
            passed.setdefault(name, []).append(passes(small))
            spent["text" if name == "text" else "photos"] += time.thread_time() - start
        found[way] = {
            **{name: round(float(np.mean(row)), 4) for name, row in passed.items()},
            "cpu_ms_text": round(1000 * spent["text"] / len(cases), 1),
            "cpu_ms_photos": round(1000 * spent["photos"] / len(photos), 1),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=500)
    parser.add_argument("--photos", type=int, default=300)
    options = parser.parse_args()
    cases, photos = make_cases(options.pictures), photos_of(options.photos)
    with tempfile.TemporaryDirectory() as place:
        result: dict[str, Any] = {"by": Reader().name}
        for name, measure in (
            ("text", lambda: measure_text(cases, Path(place))),
            ("photos", lambda: measure_photos(photos, Path(place))),
            ("ways", lambda: measure_ways(cases[::10], photos[::3])),
        ):
            result[name] = measure()
            save("ocr", result)


if __name__ == "__main__":
    main()
