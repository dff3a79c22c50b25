"""The table that links ImageNet's classes to words: 1,000 classes x the MiniLM embedding of what WordNet says of them.

    apt-get download wordnet-base && dpkg-deb -x wordnet-base_*.deb wn
    pip download --no-deps timm && unzip timm-*.whl 'timm/data/_info/imagenet_synsets.txt'
    python tools/make_class_words.py --wordnet wn/usr/share/wordnet --synsets timm/data/_info/imagenet_synsets.txt \
        --tower src/imagefinder/models/bundled/minilm-l6-v2

Each class is the mean, at unit length, of the embeddings of five texts: its first name, all its synonyms, synonyms and
definition, the definition, and "a photo of a NAME". Writes imagenet-1k.npy, float16 (1000, 384), and imagenet-1k.json,
the synonyms of each class, beside the tower's model.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from wordnet import read_nouns

from imagefinder.models.text import TextTower


def texts_of(names: list[str], definition: str) -> list[str]:
    synonyms = ", ".join(names)
    return [names[0], synonyms, f"{synonyms}: {definition}", definition, f"a photo of a {names[0]}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wordnet", type=Path, required=True, help="folder of data.noun")
    parser.add_argument("--synsets", type=Path, required=True, help="ids of the 1,000 classes, one a line, in order")
    parser.add_argument("--tower", type=Path, required=True, help="folder of the text tower; the results go there too")
    args = parser.parse_args()
    nouns = read_nouns(args.wordnet / "data.noun")
    classes = [nouns[synset.removeprefix("n")] for synset in args.synsets.read_text("utf-8").split()]
    tower = TextTower(args.tower, threads=2)
    rows = np.stack([tower.embed(texts_of(c.names, c.definition)).mean(axis=0) for c in classes])
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    np.save(args.tower / "imagenet-1k.npy", rows.astype(np.float16))
    names = json.dumps([c.names for c in classes], ensure_ascii=False, indent=0)
    (args.tower / "imagenet-1k.json").write_text(names + "\n", "utf-8")


if __name__ == "__main__":
    main()
