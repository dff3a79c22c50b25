"""Damages one file of an index after the other, in a process of its own, which a store that aborts would end.

    python damaged.py HOME < cases

``HOME`` holds ``whole``, an index with all there is, and the pictures. A case is a line of JSON: the name of a file
below the index, and what is done to it. Each case is answered by a line of JSON before and one after: the outcome, and
what was wrong with it. The index is always looked at in one place, ``HOME/index``, as its sources are paths.
"""

from __future__ import annotations

import json
import logging
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from imagefinder import ImageFinder
from imagefinder.duplicates.journal import entries, journals
from imagefinder.errors import ImageFinderError
from imagefinder.index.check import faults

sys.path.insert(0, str(Path(__file__).parent))
from files import copy_with_holes

told: list[str] = []


class Told(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        told.append(record.getMessage())


def half(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def flip(path: Path) -> None:
    """Flip a bit of a byte in the middle of what is not zero."""
    data = path.read_bytes()
    places = [i for i, byte in enumerate(data) if byte] or [len(data) // 2]
    with path.open("r+b") as file:
        file.seek(places[len(places) // 2])
        file.write(bytes([data[places[len(places) // 2]] ^ 4]))


HARMS: dict[str, Callable[[Path], object]] = {
    "half": half,
    "nothing": lambda path: path.write_bytes(b""),
    "deleted": Path.unlink,
    "flip": flip,
}


def _maps(finder: ImageFinder) -> object:
    from imagefinder.maps.maps import load_map

    found = load_map(finder._collection.index)
    return list(found.ids), found.coordinates.tolist()


def _duplicates(finder: ImageFinder) -> object:
    return finder.copies.latest()["groups"]


LOOKS: dict[str, Callable[[ImageFinder], object]] = {
    "records": lambda f: {r.uri: r.to_payload() for r in f.records()},
    "found": lambda f: [(h.id, round(h.score, 4)) for h in f.search("id:" + f.records()[3].id, k=30)],
    "words": lambda f: [(h.id, round(h.score, 4)) for h in f.search("a red car", k=30)],
    "filtered": lambda f: [h.uri for h in f.list(filter='tags = "tag 3"')[0]],
    "trained": lambda f: [
        (h.id, round(h.score, 4)) for h in f.search("id:" + f.records()[3].id, k=30, spaces=["three"])
    ],
    "clusters": lambda f: (
        [(c.label, c.name, c.locked) for c in f.clusters],
        f.clusters.sizes(),
        list(f.clusters.clustering.ids),
    ),
    "decisions": lambda f: f.copies.decisions().to_dict(),
    "feedback": lambda f: [j.to_dict() for j in f.feedback.list()],
    "concepts": lambda f: [c.to_dict() for c in f.concepts.list()],
    "maps": _maps,
    "duplicates": _duplicates,
    "sources": lambda f: [(s.uri, s.images) for s in f.list_sources()],
    "spaces": lambda f: [(s.name, s.images, s.current) for s in f.spaces()],
    "trash": lambda f: [entries(journal) for journal in journals(f._collection.index.path)],
}
SAID = ("tags", "caption", "name")


def look(index: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """What an index answers, and what it refuses."""
    answers: dict[str, Any] = {}
    refused: dict[str, str] = {}
    with ImageFinder.open(index, create=False) as finder:
        for name, ask in LOOKS.items():
            try:
                answers[name] = json.loads(json.dumps(ask(finder)))
            except ImageFinderError as error:
                refused[name] = str(error)
    return answers, refused


def mended(index: Path, error: str) -> None:
    """Do what the message says."""
    if "--rebuild" in error:
        ImageFinder.rebuild(index, *(index.parent / name for name in "ab"), model="fast")
    commands: dict[str, Callable[[ImageFinder], object]] = {
        "imagefinder cluster": lambda f: f.cluster(3),
        "imagefinder map": lambda f: f.map("pca"),
        "imagefinder duplicates": lambda f: f.duplicates(),
        "spaces drop three": lambda f: f.drop_space("three"),
        "imagefinder index": lambda f: f.add(),
    }
    with ImageFinder.open(index, create=False) as finder:
        for command, run in commands.items():
            if re.search(rf"{command}(?! --rebuild)\b", error):
                run(finder)
    if "or move it away" in error:
        (index / "decisions.json").unlink()


def said(answers: dict[str, Any]) -> dict[str, Any]:
    """What people said, without what any run computes again."""
    records = {uri: {name: row.get(name) for name in SAID} for uri, row in answers["records"].items()}
    names = [c[1] for c in answers["clusters"][0] if c[1] in ("mine", "locked")]
    return {
        "records": records,
        "names": sorted(names),
        "decisions": answers["decisions"],
        "feedback": answers["feedback"],
        "concepts": [{**concept, "images": 0} for concept in answers["concepts"]],
    }


def put_back(home: Path) -> Path:
    """All as it was; the index."""
    for folder in ("a", "b", "index"):
        shutil.rmtree(home / folder, ignore_errors=True)
    for folder in ("a", "b"):
        shutil.copytree(home / "pictures" / folder, home / folder)
    shutil.copytree(home / "whole", home / "index", copy_function=copy_with_holes)
    return home / "index"


def case(home: Path, name: str, harm: str, right: dict[str, Any]) -> tuple[str, str]:
    """The outcome, and what is wrong with it."""
    index = put_back(home)
    HARMS[harm](index / name)
    told.clear()
    doctor = [f"{what} {how}" for what, how in faults(index)]
    try:
        answers, refused = look(index)
    except ImageFinderError as error:
        answers, refused = {}, {"open": str(error)}
    wrong = sorted(part for part in answers if answers[part] != right[part])
    spoken = "\n".join([*told, *refused.values()])
    if wrong and not told and not refused:
        if not doctor:
            return "silent", f"{wrong} differ, and nobody said so, not even doctor"
        spoken = "\n".join(doctor)
    if not wrong and not refused:
        return "told" if told else "right", ""
    if Path(name).name not in spoken and Path(name).parent.name not in spoken and "points" not in spoken:
        return "unnamed", f"{name} is not named in: {spoken}"
    mended(index, spoken)
    return after_mending(index, name, spoken, right)


def after_mending(index: Path, name: str, spoken: str, right: dict[str, Any]) -> tuple[str, str]:
    told.clear()
    try:
        again, left = look(index)
    except ImageFinderError as error:
        return "stuck", f"after: {spoken}\nstill: {error}"
    again_made = ("trash", "trained", "maps", "duplicates")
    if still := {part: why for part, why in left.items() if part not in again_made}:
        return "stuck", f"after: {spoken}\nstill: {still}"
    if said(again) != said(right):
        return (
            "lost",
            f"after: {spoken}\n{[(k, said(again)[k]) for k in said(right) if said(again)[k] != said(right)[k]]}",
        )
    return "mended", ""


def main(home: Path) -> None:
    logging.getLogger("imagefinder").addHandler(Told())
    right, refused = look(put_back(home))
    assert not refused, refused
    for line in sys.stdin:
        name, harm = json.loads(line)
        print(json.dumps(["begin", name, harm]), flush=True)
        try:
            outcome = case(home, name, harm, right)
        except Exception as error:
            import traceback

            outcome = "unexpected", "".join(traceback.format_exception(error)[-3:])
        print(json.dumps(["end", *outcome]), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
