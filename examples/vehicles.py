"""Vehicles that look like this one: teach the classes, index, ask with a file or a URL, add and remove images.

    python examples/vehicles.py FOLDER --labels labels.csv [--query FILE_OR_URL] [--add IMAGE] [--remove IMAGE]
        [--out OUT] [--unfreeze N]

The labels (columns filename and label) train a classifier with a hidden layer of 64; what that layer says of an image
is what is compared from then on. On stored vectors this takes seconds; --unfreeze N trains the last N stages of the
encoder too, which wants imagefinder[train] and patience. Shows what was found in OUT/similar.png.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from imagefinder import ImageFinder
from imagefinder.plots import search_sheet


def teach(finder: ImageFinder, labels: Path, unfreeze: int) -> None:
    """A space in which the classes lie apart; it is the one in use from now on."""
    if unfreeze:
        from imagefinder.training.torch.bench import EncoderOptions
        from imagefinder.training.torch.classifier import FinetuneOptions

        options = FinetuneOptions(EncoderOptions(unfreeze=unfreeze))
        result = finder.finetune_classifier(labels, options=options, use=True)
    else:
        result = finder.train_classifier(labels, use=True)
    if result.before and result.after:
        before, after = (scores.to_dict()["map_at_r"] for scores in (result.before, result.after))
        print(f"MAP@R of {result.held_out} images held out: {before:.3f} -> {after:.3f}")


def ask(finder: ImageFinder, query: str, out: Path) -> None:
    (told,), _ = finder.predict(query)
    print(f"{query} is a {told.label} ({told.confidence:.0%})")
    hits = finder.search(query, k=8)
    for hit in hits:
        print(f"{hit.rank:>4}  {hit.score:.3f}  {hit.uri}")
    search_sheet([(f"Like {Path(query).name}", hits)]).save(out / "similar.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--query", help="path or URL of an image; by default one of the folder")
    parser.add_argument("--add", help="path or URL of an image to take in")
    parser.add_argument("--remove", help="path or URL of an image to take out")
    parser.add_argument("--out", type=Path, default=Path("vehicles"))
    parser.add_argument("--unfreeze", type=int, default=0, metavar="N")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)

    with ImageFinder.open(options.out / "index") as finder:
        print(f"{finder.add(options.folder).total:,} images indexed")
        teach(finder, options.labels, options.unfreeze)
        if options.add:
            finder.add(options.add)
            print(f"Added {options.add}: {len(finder):,} images")
        if options.remove:
            finder.remove(options.remove)
            print(f"Removed {options.remove}: {len(finder):,} images")
        ask(finder, options.query or finder.records()[0].uri, options.out)


if __name__ == "__main__":
    main()
