"""How fast the page is in Chromium: collections of 2,500, 22,914 and 200,000 images over three connections.

python benchmarks/page.py [--scratch DIR] [--sizes 2500 22914 200000] [--rounds 3]
    [--code before=CHECKOUT after=CHECKOUT]

With several checkouts each round measures all of them, one after the other, on equal copies of one index. A visit has
an empty browser cache; the server has made the thumbnails before. 2,500 photos of up to 400 pixels are indexed by the
model; the larger collections are records of the same photos, whose vectors have noise. Needs Chromium and Playwright.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from common import ROOT, dataset, save
from scaling_data import again

from imagefinder.finder import ImageFinder
from imagefinder.index.folder import Index

PHOTOS = 2500
SPEEDS = {  # name: megabits a second and milliseconds there and back; none: this machine to itself
    "local": None,
    "10 Mbit/s, 40 ms": (10.0, 40),
    "1.6 Mbit/s, 150 ms": (1.6, 150),
}
WORDS = ("red dress", "people on a beach", "black shoes", "a blue shirt", "boat on water", "dog", "a man")
FLING = 40  # steps
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-dev-shm-usage"]
BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome")
PATIENCE_S = 180
CHUNK = 5000


def photos(scratch: Path) -> Path:
    """2,500 photos of two sets, as many names for the same files."""
    folder = scratch / "page-photos"
    if not folder.is_dir():
        folder.mkdir(parents=True)
        found = [p for name in ("captions", "clothing") for p in sorted((dataset(name, scratch) / "images").iterdir())]
        for i, path in enumerate(found[:PHOTOS]):
            (folder / f"{i:04d}-{path.name}").hardlink_to(path)
    return folder


def indexed(n: int, scratch: Path) -> Path:
    """An index of ``n`` images: the photos, or that many records of them."""
    real = scratch / f"page-{PHOTOS}"
    if not real.is_dir():
        with ImageFinder.open(real) as finder:
            finder.add(photos(scratch))
    if n == PHOTOS:
        return real
    home = scratch / f"page-{n}"
    if not home.is_dir():
        with ImageFinder.open(real, create=False) as finder:
            params = dict(finder._collection.index.store.vectors())
            sample = [p for page in finder._collection.index.store.scroll(vectors=tuple(params)) for p in page]
        shutil.copytree(real, home)
        random = np.random.default_rng(0)
        more = (again(sample, i, random) for i in range(n - len(sample)))
        uris = {p.id: p.payload["uri"] for p in sample}
        with Index(home) as index:
            for start in range(0, n - len(sample), CHUNK):
                points = list(islice(more, CHUNK))
                for i, point in enumerate(points, start):
                    point.payload["uri"] = sample[i % len(sample)].payload["uri"]  # a file that is there
                index.store.upsert(points)
            assert index.store.count() == n and uris
    return home


@contextmanager
def served(checkout: Path, home: Path) -> Iterator[str]:
    """The address of a server of a checkout's code, once it is ready."""
    log = home.with_suffix(".log")
    command = [
        sys.executable,
        "-m",
        "imagefinder",
        "serve",
        "--index",
        str(home),
        "--no-key",
        "--no-browser",
        "--port",
        "0",
    ]
    environment = {**os.environ, "PYTHONPATH": str(checkout / "src")}
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=environment, cwd=checkout)
    try:
        while not (found := re.search(r"http://127\.0\.0\.1:\d+", log.read_text())):
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        ready = ["curl", "-sf", f"{found[0]}/readyz"]
        while subprocess.run(ready, capture_output=True).returncode:
            time.sleep(0.2)
        yield found[0]
    finally:
        process.terminate()
        process.wait()


class Visit:
    """A page with an empty cache on a connection of that speed; what its requests bring is counted."""

    def __init__(self, browser: Any, speed: tuple[float, int] | None) -> None:
        self.context = browser.new_context(viewport={"width": 1440, "height": 900}, service_workers="block")
        self.context.set_default_timeout(PATIENCE_S * 1000)
        self.context.add_init_script(path=Path(__file__).with_suffix(".js"))
        self.page = self.context.new_page()
        self.requests = self.bytes = 0
        session = self.context.new_cdp_session(self.page)
        session.send("Network.enable")
        if speed:
            rate = speed[0] * 1e6 / 8
            how = {"offline": False, "latency": speed[1], "downloadThroughput": rate, "uploadThroughput": rate}
            session.send("Network.emulateNetworkConditions", how)
        session.on("Network.requestWillBeSent", lambda _: self._count(requests=1))
        session.on("Network.dataReceived", lambda event: self._count(bytes=event["encodedDataLength"]))
        session.on("Network.responseReceived", lambda event: self._count(bytes=event["response"]["encodedDataLength"]))

    def _count(self, requests: int = 0, bytes: int = 0) -> None:
        self.requests += requests
        self.bytes += bytes

    def noted(self) -> dict[str, Any]:
        found: dict[str, Any] = self.page.evaluate("() => noted")
        return found


def visit(browser: Any, address: str, speed: tuple[float, int] | None) -> dict[str, Any]:
    """One visit: the gallery, a fling through it, and some searches."""
    one = Visit(browser, speed)
    try:
        one.page.goto(address, wait_until="commit")
        one.page.wait_for_function("() => noted.sharp !== null", polling=20)
        requests, sent = one.requests, one.bytes
        first = one.noted()
        found = {
            "first_paint_ms": first["paint"],
            "sharp_ms": first["sharp"],
            "requests": requests,
            "kb": sent / 1000,
        }
        one.page.wait_for_load_state("networkidle")
        seen = one.page.evaluate("steps => fling(steps)", FLING)
        places = sum(sum(moment.values()) for moment in seen)
        found["no_picture"] = sum(moment["colour"] + moment["blank"] for moment in seen) / places
        found["blank"] = sum(moment["blank"] for moment in seen) / places
        one.page.evaluate("() => scrollTo(0, 0)")
        enter = []
        for words in WORDS:
            box = one.page.get_by_role("searchbox").or_(one.page.get_by_role("combobox")).first
            box.fill(words)
            box.press("Enter")
            one.page.wait_for_function("() => noted.found !== null || noted.none", polling=20)
            times = one.noted()
            if times["found"]:  # some words find nothing among noise
                enter.append(times["found"] - times["entered"])
            one.page.wait_for_load_state("networkidle")
        return {**found, "enter": enter, "cls": one.noted()["cls"]}
    finally:
        one.context.close()


def summary(visits: list[dict[str, Any]]) -> dict[str, float]:
    """Medians over the visits; of the searches over all of them."""
    middle = {name: statistics.median(one[name] for one in visits) for name in visits[0] if name != "enter"}
    middle["enter_p50_ms"] = statistics.median(ms for one in visits for ms in one["enter"])
    digits = {"no_picture": 3, "blank": 3, "cls": 4}
    return {name: round(value, digits.get(name, 0)) for name, value in middle.items()}


def measure(browser: Any, n: int, codes: dict[str, Path], rounds: int, scratch: Path) -> list[dict[str, Any]]:
    """The rows of one size: for each speed and each code."""
    home = indexed(n, scratch)
    visits: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for label, checkout in codes.items():
        copy = scratch / f"page-{n}-{label}"
        if not copy.is_dir():
            subprocess.run(["cp", "-r", "--sparse=always", str(home), str(copy)], check=True)
        with served(checkout, copy) as address:
            visit(browser, address, None)  # makes the thumbnails
    for _ in range(rounds):
        for label, checkout in codes.items():
            with served(checkout, scratch / f"page-{n}-{label}") as address:
                for name, speed in SPEEDS.items():
                    visits[name, label].append(visit(browser, address, speed))
                    print(n, name, label, summary(visits[name, label][-1:]), flush=True)
    return [
        {"images": n, "speed": name, "code": label, **summary(visits[name, label])}
        for name in SPEEDS
        for label in codes
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "imagefinder-benchmarks")
    parser.add_argument("--sizes", type=int, nargs="+", default=[PHOTOS, 22_914, 200_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--code", nargs="+", default=[f"now={ROOT}"], help="LABEL=CHECKOUT")
    parser.add_argument("--name", default="page", help="of the file of results")
    options = parser.parse_args()
    codes = {label: Path(path).resolve() for label, path in (one.split("=", 1) for one in options.code)}
    from playwright.sync_api import sync_playwright

    chromium = next(filter(None, map(shutil.which, BROWSERS)), None)
    options.scratch.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for n in options.sizes:
            rows += measure(browser, n, codes, options.rounds, options.scratch)
        browser.close()
    save(options.name, {"rounds": options.rounds, "load": round(os.getloadavg()[0], 1), "visits": rows})


if __name__ == "__main__":
    main()
