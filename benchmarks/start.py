"""What the command line takes from cold: the processor's seconds of whole processes, of this code and of another's.

    python benchmarks/start.py INDEX [--before SRC] [--runs 12]

INDEX is only read; its images must be where they were. SRC is the ``src`` folder of an earlier checkout, run in turn
with this one. The least of the runs counts, which others on the machine disturb least; compiled files of Python are
kept, as where a package is installed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import ROOT, save
from PIL import Image

PLAIN = {
    "python": ["-c", "pass"],
    "--help": ["-m", "imagefinder", "--help"],
    "search --help": ["-m", "imagefinder", "search", "--help"],
}


def searches(index: Path, folder: Path) -> dict[str, list[str]]:
    """The kinds of searches: by words, by what the index has, and by an image that it has not."""
    command = ["-m", "imagefinder", "search", "--index", str(index)]
    found = subprocess.run(
        [sys.executable, *command, "red", "car", "-k", "1", "--json"], capture_output=True, check=True
    ).stdout
    hit = json.loads(found)["hits"][0]
    with Image.open(hit["uri"]) as picture:
        picture.convert("RGB").resize((500, 400)).save(folder / "another.jpg")
    asked = {
        "red car": ["red", "car"],
        "id:ID": [f"id:{hit['id']}"],
        "PATH of an image of the index": [hit["uri"]],
        "PATH of another image": [str(folder / "another.jpg")],
    }
    return {f"search {name}": [*command, *words] for name, words in asked.items()}


def once(words: list[str], source: Path, kept: str) -> tuple[float, float]:
    """Seconds of the processor and of the clock of one process."""
    environment = {**os.environ, "PYTHONPATH": str(source), "PYTHONPYCACHEPREFIX": kept}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, *words], env=environment, stdout=subprocess.DEVNULL, check=True)
    took, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--runs", type=int, default=12)
    options = parser.parse_args()
    sources = {"now": ROOT / "src"} | ({"before": options.before.resolve()} if options.before else {})
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as kept:
        for name, words in (PLAIN | searches(options.index, Path(kept))).items():
            took: dict[str, list[tuple[float, float]]] = {which: [] for which in sources}
            for _ in range(options.runs + 1):
                for which, source in sources.items():
                    took[which].append(once(words, source, kept))
            found[name] = {
                which: {"cpu_s": round(min(cpu for cpu, _ in runs), 3), "wall_s": round(min(s for _, s in runs), 3)}
                for which, runs in took.items()
            }
            print(name, found[name], flush=True)
    load = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
    save("start", {"runs": options.runs, "load": load, "commands": found})


if __name__ == "__main__":
    main()
