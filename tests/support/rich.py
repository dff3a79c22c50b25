"""An index that has all kinds of files in it."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

from files import copy_with_holes
from PIL import Image

from imagefinder import ImageFinder
from imagefinder.duplicates.plan import make_plan

JOB = "20260101-000000-abcdabcd"


def make(home: Path) -> None:
    """``home/whole``, an index of pictures that were in ``home/a`` and ``home/b``, and these in ``home/pictures``."""
    for n in range(36):
        folder = home / "pictures" / "ab"[n % 2]
        folder.mkdir(parents=True, exist_ok=True)
        dice = random.Random(n)
        noise = Image.frombytes("RGB", (6, 6), bytes(dice.randrange(256) for _ in range(108)))
        noise.resize((64, 64), Image.Resampling.BICUBIC).save(folder / f"{n:03}.png")
    shutil.copy(home / "pictures" / "a" / "000.png", home / "pictures" / "a" / "000 copy.png")
    for folder in "ab":
        shutil.copytree(home / "pictures" / folder, home / folder)
    with ImageFinder.open(home / "index", model="fast") as finder:
        finder.add(home / "a", home / "b")
        for n, record in enumerate(finder.records()):
            finder.update(record.id, tags=[f"tag {n}"], caption=f"said of {n}", name=f"name {n}")
        finder.cluster(3)
        finder.clusters.rename(0, "mine")
        finder.clusters.rename(1, "locked")
        finder.clusters.lock("locked")
        finder.clusters.move(finder.records()[0].id, 2)
        finder.feedback.add({"text": "x"}, [finder.records()[0].id])
        finder.concepts.save("mine", f"id:{finder.records()[0].id}", liked=[finder.records()[1].id])
        first, second = finder.records()[:2]
        finder.copies.decide("not-duplicate", first.id, second.id)
        finder.map("pca")
        finder.train_classifier(by="folder", hidden=4, held_out=0, name="three")
        found = finder.duplicates()
        finder.copies.apply(make_plan(found))
        finder.duplicates()
    for folder in "ab":  # as they are now
        shutil.rmtree(home / "pictures" / folder)
        shutil.copytree(home / folder, home / "pictures" / folder)
    (home / "index" / "jobs").mkdir()
    job = {
        "id": JOB,
        "kind": "index",
        "options": {},
        "state": "done",
        "created": "2026-01-01",
        "finished": "2026-01-01",
    }
    (home / "index" / "jobs" / f"{JOB}.json").write_text(json.dumps(job))
    shutil.copytree(home / "index", home / "whole", copy_function=copy_with_holes)
