"""Text in pictures: how many words are read, how well a phrase finds its picture, and what pictures without text cost.

    python benchmarks/ocr.py [--pictures N] [--photos N] [--compare]

The pictures with text are made here, from the fonts that matplotlib carries: screenshots, receipts, signs in photos,
slides, and photos with words across them; of several sizes, a third of them turned by up to 8 degrees or lying on their
side, noisy, blurred and saved as JPEG of a quality from 35 to 95. The text is sentences of the set ``captions`` with
names and numbers. A phrase is three words in a row of a picture; pictures are ranked by the weights (IDF) of its words
that they hold. The photos are those of ``captions``, ``clothing`` and ``vehicles``; a few do have text.
``--compare`` measures other ways to refuse pictures without text.
"""

from __future__ import annotations

import argparse
import csv
import math
import random
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from common import dataset, save
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from imagefinder.ocr import reader as reading
from imagefinder.ocr.reader import Reader
from imagefinder.ocr.strokes import may_hold_text

FONTS = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif", "DejaVuSerif-Italic", "STIXGeneral", "STIXGeneralBol")
MONO = ("DejaVuSansMono", "DejaVuSansMono-Bold")
SCRATCH = Path(tempfile.gettempdir()) / "imagefinder-benchmarks"
WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Case:
    kind: str
    data: bytes  # a JPEG
    words: list[str]
    changed: str = "as made"

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
        cases.append(Case(kind, data, words_of(text), how))
    return cases


def words_of(text: str) -> list[str]:
    return WORD.findall(text.casefold())


def share_read(true: list[str], found: list[str]) -> float:
    return (Counter(true) & Counter(found)).total() / max(1, len(true))


def found_first(cases: list[Case], texts: list[list[str]]) -> float:
    """Of a phrase of each picture, how often that picture comes first (a tie counts for its share)."""
    rng, sets = random.Random(15), [set(text) for text in texts]
    holds = Counter(word for one in sets for word in one)
    right = asked = 0.0
    for i, case in enumerate(cases):
        if len(case.words) < 3:
            continue
        at = rng.randrange(len(case.words) - 2)
        phrase = case.words[at : at + 3]
        weights = {word: math.log(1 + len(cases) / (1 + holds[word])) for word in phrase}
        scores = [sum(weight for word, weight in weights.items() if word in one) for one in sets]
        best = max(scores)
        right += (scores[i] == best > 0) / scores.count(best)
        asked += 1
    return right / asked


def measure_text(reader: Reader, cases: list[Case]) -> dict[str, Any]:
    texts, looked, read, passed = [], 0.0, 0.0, []
    for case in cases:
        picture = case.picture
        start = time.thread_time()
        passed.append(reader.has_text(picture))
        middle = time.thread_time()
        texts.append(words_of(reader.read(picture).text) if passed[-1] else [])
        looked, read = looked + middle - start, read + time.thread_time() - middle
    shares = [share_read(case.words, text) for case, text in zip(cases, texts, strict=True)]
    wrong = [1 - share_read(text, case.words) for case, text in zip(cases, texts, strict=True) if text]

    def by(name: str) -> dict[str, float]:
        groups = dict.fromkeys(getattr(case, name) for case in cases)
        rows = {g: [s for s, case in zip(shares, cases, strict=True) if getattr(case, name) == g] for g in groups}
        return {group: round(float(np.mean(row)), 4) for group, row in rows.items()}

    return {
        "pictures": len(cases),
        "words_read": round(float(np.mean(shares)), 4),
        "words_wrong": round(float(np.mean(wrong)), 4),
        "refused": round(1 - float(np.mean(passed)), 4),
        "phrase_r_at_1": round(found_first(cases, texts), 4),
        "by_kind": by("kind"),
        "by_change": by("changed"),
        "cpu_s_look": round(looked / len(cases), 4),
        "cpu_s_read": round(read / max(1, sum(passed)), 4),
    }


def photos_of(n: int) -> list[tuple[str, Path]]:
    rng, found = random.Random(16), []
    for name in ("captions", "clothing", "vehicles"):
        paths = sorted(
            p for p in (dataset(name, SCRATCH) / "images").rglob("*") if p.suffix.lower() in (".jpg", ".png")
        )
        found += [(name, path) for path in rng.sample(paths, min(n // 3, len(paths)))]
    return found


def measure_photos(reader: Reader, photos: list[tuple[str, Path]]) -> dict[str, Any]:
    counts: dict[str, Counter[str]] = {}
    cpu = 0.0
    for name, path in photos:
        picture = Image.open(path).convert("RGB")
        start = time.thread_time()
        strokes = may_hold_text(reading._reduced(picture, reading.LOOKED_AT))
        seen = strokes and reader.has_text(picture)
        text = bool(seen and reader.read(picture).text)
        cpu += time.thread_time() - start
        counts.setdefault(name, Counter()).update(n=1, strokes=strokes, seen=seen, text=text)
    rows = {name: {key: row[key] for key in ("n", "strokes", "seen", "text")} for name, row in counts.items()}
    return {"cpu_s": round(cpu / len(photos), 4), **rows}


def compare(cases: list[Case], photos: list[tuple[str, Path]]) -> dict[str, Any]:
    """Ways to refuse pictures: by the strokes alone, by the detector at several sizes, by both."""
    pictures = [Image.open(path).convert("RGB") for _, path in photos]
    found = {}
    for size in (320, 480, 640, 960):
        reading.LOOKED_AT = size
        reader = Reader()
        rows = {}
        for what, some in (("text", [case.picture for case in cases]), ("photos", pictures)):
            passed, spent = np.zeros((len(some), 2), bool), np.zeros(2)
            for i, picture in enumerate(some):
                start = time.thread_time()
                small = reading._reduced(picture, size)
                passed[i, 0] = may_hold_text(small)
                middle = time.thread_time()
                passed[i, 1] = reader._finder(small).boxes is not None
                spent += middle - start, time.thread_time() - middle
            rows[what] = {
                "strokes": round(float(passed[:, 0].mean()), 4),
                "detector": round(float(passed[:, 1].mean()), 4),
                "both": round(float(passed.all(axis=1).mean()), 4),
                "cpu_ms_strokes": round(1000 * spent[0] / len(some), 2),
                "cpu_ms_detector": round(1000 * spent[1] / len(some), 2),
            }
        found[str(size)] = rows
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=500)
    parser.add_argument("--photos", type=int, default=600)
    parser.add_argument("--compare", action="store_true", help="other ways to refuse pictures, on a fifth of them")
    options = parser.parse_args()
    cases, photos = make_cases(options.pictures), photos_of(options.photos)
    if options.compare:
        print(compare(cases[::5], photos[::5]))
        return
    reader = Reader()
    result = {"by": reader.name, "text": measure_text(reader, cases), "photos": measure_photos(reader, photos)}
    print(result)
    save("ocr", result)


if __name__ == "__main__":
    main()
