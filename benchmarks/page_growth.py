"""The page with very many images: how soon its gallery, groups and map are there, the largest answer that they ask
for, the time of frames while they are moved, and of a lasso round a third of the map.

python benchmarks/page_growth.py INDEX [INDEX ...] [--code CHECKOUT] [--name page_growth]

Needs Chromium and Playwright; each index needs clusters and a map by PCA, and is served from a checkout's code. A visit
has an empty cache and draws in software. Times of the page and of the server share one machine, so its load is told.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

from common import RESULTS, ROOT, save
from map_frames import MOVE, quantiles
from page import BROWSERS, FLAGS, served

LARGEST_MB = 3.0
PATIENCE_MS = 240_000
MAP = (
    "document.querySelector('[data-testid=map]')?.dataset.resting === 'true'"
    " && +document.querySelector('[data-testid=map]').dataset.points > 0"
)
VIEWS = {  # name: address and what tells that it is there
    "gallery": (
        "/",
        "[...document.querySelectorAll('[data-testid=grid] [data-id] .tile-link')].filter((a) => a.href).length > 8",
    ),
    "groups": ("/groups", "document.querySelectorAll('main a.cover-link').length > 3"),
    "map": ("/map?method=pca", MAP),
    "points": ("/map?method=pca&colour=none&names=0", MAP),  # of a map alone, whose images need not be in the index
}
SCROLL = """async () => {
  const frame = () => new Promise(requestAnimationFrame);
  const times = [];
  let last = await frame();
  for (let i = 0; i < 150; i++) {
    scrollBy(0, i % 30 === 29 ? 40 * innerHeight : 120);
    const now = await frame();
    times.push(now - last);
    last = now;
  }
  return times;
}"""
LASSO = """async () => {
  const front = document.querySelector(".map-front");
  front.setPointerCapture = () => {};
  const at = { bubbles: true, cancelable: true, pointerId: 1, pointerType: "mouse", shiftKey: true };
  const send = (kind, clientX, clientY) => front.dispatchEvent(new PointerEvent(kind, { ...at, clientX, clientY }));
  const round = Array.from({ length: 40 }, (_, i) => [700 + 250 * Math.cos(i / 6.3), 450 + 250 * Math.sin(i / 6.3)]);
  const started = performance.now();
  send("pointerdown", ...round[0]);
  for (const place of round) send("pointermove", ...place);
  send("pointerup", ...round.at(-1));
  while (!document.querySelector("[data-testid=selection]")) await new Promise(requestAnimationFrame);
  const { count } = document.querySelector("[data-testid=selection]").dataset;
  return { selected: +count, ms: performance.now() - started };
}"""


class Answers:
    """The answers of a page, in MB of their bodies, and the largest of them."""

    def __init__(self, session: Any) -> None:
        self.paths: dict[str, str] = {}
        self.sizes: dict[str, float] = {}
        session.send("Network.enable")
        session.on("Network.requestWillBeSent", self._asked)
        session.on("Network.dataReceived", self._came)

    def _asked(self, event: dict[str, Any]) -> None:
        self.paths[event["requestId"]] = "/" + event["request"]["url"].split("/", 3)[-1]

    def _came(self, event: dict[str, Any]) -> None:
        id = event["requestId"]
        self.sizes[id] = self.sizes.get(id, 0) + event["dataLength"] / 1e6

    def told(self) -> dict[str, Any]:
        largest = max(self.sizes, key=lambda id: self.sizes[id])
        over = sorted({self.paths.get(id, id)[:60] for id, mb in self.sizes.items() if mb > LARGEST_MB})
        return {
            "answers_mb": round(sum(self.sizes.values()), 1),
            "largest_mb": round(self.sizes[largest], 2),
            "largest": self.paths.get(largest, largest)[:60],
            "over": over,
        }


def seen(browser: Any, address: str, name: str) -> dict[str, Any]:
    """One visit to a view: once more after the first, which a server that has just begun has to get ready for."""
    path, there = VIEWS[name]
    context = browser.new_context(viewport={"width": 1400, "height": 900}, service_workers="block")
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    answers = Answers(context.new_cdp_session(page))
    started = time.perf_counter()
    page.goto(f"{address}{path}", wait_until="commit")
    page.wait_for_function(f"() => {there}", polling=20)
    found: dict[str, Any] = {"opened_s": round(time.perf_counter() - started, 2)}
    page.wait_for_load_state("networkidle")
    found["quiet_s"] = round(time.perf_counter() - started, 2)
    page.wait_for_timeout(2000)
    found |= quantiles(page.evaluate(MOVE if "/map" in path else SCROLL))
    if "/map" in path:
        found["lasso"] = page.evaluate(LASSO)
    found |= answers.told() | {"load": round(os.getloadavg()[0], 1)}
    context.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path, nargs="+")
    parser.add_argument("--code", type=Path, default=ROOT)
    parser.add_argument("--views", nargs="+", default=["gallery", "groups", "map"], choices=list(VIEWS))
    parser.add_argument("--name", default="page_growth", help="of the file of results")
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    chromium = next(filter(None, map(shutil.which, BROWSERS)), None)
    path = RESULTS / f"{options.name}.json"
    rows: dict[str, Any] = json.loads(path.read_text())["rows"] if path.exists() else {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for index in options.index:
            with served(options.code.resolve(), index) as address:
                for name in options.views:
                    found = {"first": seen(browser, address, name), "again": seen(browser, address, name)}
                    print(index.name, name, json.dumps(found), flush=True)
                    rows.setdefault(index.name.lstrip("p"), {})[name] = found
        browser.close()
    save(options.name, {"rows": rows})


if __name__ == "__main__":
    main()
