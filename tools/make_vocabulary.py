"""The words that groups of images are named with: ImageNet's classes and the everyday words above them in WordNet.

    apt-get download wordnet-base && dpkg-deb -x wordnet-base_*.deb wn
    pip download --no-deps timm && unzip timm-*.whl 'timm/data/_info/imagenet_synsets.txt'
    python tools/make_vocabulary.py --wordnet wn/usr/share/wordnet --synsets timm/data/_info/imagenet_synsets.txt \
        --tower src/imagefinder/models/bundled/minilm-l6-v2

A word above the classes counts when it is concrete (at least four steps below "entity") and occurs in SemCor, a corpus
of ordinary English, in that sense: that leaves "bird" in and "diapsid" out. Writes vocabulary.txt, on each line a word
and, after a tab, the words above it; and vocabulary.npy beside it: float16 (words, 384), the mean of the embeddings of
"WORD" and "a photo of a WORD", unit length.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from wordnet import Synset, read_nouns

from imagefinder.models.text import TextTower

STEPS = 4  # below "entity"; nearer to it stand "object" and "matter"
VAGUE = {"artifact", "article", "attire", "commodity", "covering", "establishment", "implement", "instrumentality"}
VAGUE |= {"living thing", "natural object", "organism", "place of business", "vertebrate"}


def read_occurring(path: Path) -> set[str]:
    """The keys of the senses that occur in SemCor."""
    return {line.split()[0] for line in path.read_text("utf-8").splitlines()}


def all_above(nouns: dict[str, Synset], offset: str) -> set[str]:
    return {offset}.union(*(all_above(nouns, higher) for higher in nouns[offset].above))


def steps(nouns: dict[str, Synset], offset: str) -> int:
    above = nouns[offset].above
    return 1 + steps(nouns, above[0]) if above else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wordnet", type=Path, required=True, help="folder of data.noun and cntlist.rev")
    parser.add_argument("--synsets", type=Path, required=True, help="ids of the 1,000 classes, one a line")
    parser.add_argument("--tower", type=Path, required=True, help="folder of the text tower; the results go there too")
    args = parser.parse_args()
    nouns = read_nouns(args.wordnet / "data.noun")
    occurring = read_occurring(args.wordnet / "cntlist.rev")
    classes = [line.removeprefix("n") for line in args.synsets.read_text("utf-8").split()]
    higher = set().union(*(all_above(nouns, c) for c in classes)) - set(classes)
    common = {o for o in higher if steps(nouns, o) >= STEPS and nouns[o].key in occurring}
    words = sorted({nouns[offset].name for offset in common.union(classes)} - VAGUE)
    above: dict[str, set[str]] = {word: set() for word in words}
    for offset in common.union(classes):
        if nouns[offset].name in above:
            above[nouns[offset].name] |= {nouns[higher].name for higher in all_above(nouns, offset) & common}
    tower = TextTower(args.tower, threads=2)
    rows = tower.embed(words) + tower.embed([f"a photo of a {word}" for word in words])
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    np.save(args.tower / "vocabulary.npy", rows.astype(np.float16))
    lines = [f"{word}\t{'|'.join(sorted(above[word] & set(words) - {word}))}" for word in words]
    (args.tower / "vocabulary.txt").write_text("\n".join(lines) + "\n", "utf-8")
    print(f"{len(words)} words, {len(words) - len(classes)} of them above the classes")


if __name__ == "__main__":
    main()
