"""Makes examples/images from the photographs of Debian's tuxpaint-stamps-default (GPL-2).

    pip install pillow numpy
    apt-get download tuxpaint-stamps-default
    python tools/make_sample_images.py tuxpaint-stamps-default_2022.06.04-1_all.deb

Takes the pictures with an English description that look like photographs, puts them on white, at most 320 pixels a
side, and writes captions.csv (filename, label, caption). Letters, signs, flags and drawings are left out: folders of
them by name, the rest by their few colours, and what slips through by DRAWINGS, made by looking.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

TARGET = Path(__file__).resolve().parents[1] / "examples" / "images"
STAMPS = Path("usr/share/tuxpaint/stamps")
LONGEST, QUALITY = 320, 92
LEFT_OUT = ("symbols", "cartoon", "roadsigns", "flags", "dinosaur", "military", "space", "people")
COLOURS = 300  # of 32,768: a photograph has more, a drawing fewer
SMALLEST = 150  # pixels, longest side
DRAWINGS = {
    *("button", "feathered_hat", "propeller_hat", "pizza", "Santa", "bunny-egg", "bunny", "chick-hatched"),
    *("chick-in-egg", "easter/daffodil", "jackolantern_mean", "sedan", "sportscar2", "truck", "firetruck"),
    *("sedan_police", "747"),
}


def on_white(path: Path) -> Image.Image:
    with Image.open(path) as image:
        rgba = image.convert("RGBA")
    picture = Image.new("RGB", rgba.size, "white")
    picture.paste(rgba, mask=rgba.getchannel("A"))
    return picture


def is_photograph(picture: Image.Image) -> bool:
    small = np.asarray(picture.resize((128, 128))) // 8
    return len(np.unique(small.reshape(-1, 3), axis=0)) >= COLOURS and max(picture.size) >= SMALLEST


def description(path: Path) -> str:
    """The first line of the text beside a stamp, which is its English description; the others are translations."""
    text = path.with_suffix(".txt")
    lines = text.read_text("utf-8").splitlines() if text.is_file() else []
    return lines[0].strip() if lines else ""


def is_wanted(path: Path, below: Path) -> bool:
    names = {path.stem, f"{path.parent.name}/{path.stem}"}
    return not (set(below.parts) & set(LEFT_OUT) or "_mirror" in path.stem or names & DRAWINGS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("deb", type=Path, help="the Debian package")
    args = parser.parse_args()
    for folder in TARGET.iterdir() if TARGET.is_dir() else ():
        if folder.is_dir():
            shutil.rmtree(folder)
    rows = []
    with tempfile.TemporaryDirectory() as unpacked:
        subprocess.run(["dpkg-deb", "-x", str(args.deb), unpacked], check=True)
        root = Path(unpacked) / STAMPS
        for path in sorted(root.rglob("*.png")):
            below = path.relative_to(root)
            caption = description(path)
            if not caption or not is_wanted(path, below) or not is_photograph(picture := on_white(path)):
                continue
            name = f"{below.parts[0]}/{path.stem.lower().replace('_', '-')}.jpg"
            picture.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
            (TARGET / name).parent.mkdir(parents=True, exist_ok=True)
            picture.save(TARGET / name, quality=QUALITY, optimize=True)
            rows.append({"filename": name, "label": below.parts[0], "caption": caption})
    with (TARGET / "captions.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["filename", "label", "caption"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    total = sum(p.stat().st_size for p in TARGET.rglob("*.jpg"))
    print(f"{len(rows)} images, {total / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
