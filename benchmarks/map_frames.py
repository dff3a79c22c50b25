"""Frame times of the page's map while it is dragged and zoomed, and while its points go to their places on axes.

    imagefinder serve --no-key --no-browser --port 8001 &
    python benchmarks/map_frames.py http://127.0.0.1:8001 [other servers to compare with, in turns]

Needs Chromium and ``pip install playwright``. Draws in software, as map_renderers.py does: the worst case.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from map_renderers import ARGUMENTS

VIEWS = {"map": "", "axes": "&x=dog&y=building"}
MOVE = """async () => {
  const front = document.querySelector(".map-front");
  front.setPointerCapture = () => {};
  const frame = () => new Promise(requestAnimationFrame);
  const at = { clientX: 700, clientY: 450, bubbles: true, cancelable: true, pointerId: 1, pointerType: "mouse" };
  const wheel = (deltaY) => front.dispatchEvent(new WheelEvent("wheel", { ...at, deltaY }));
  const place = (far) => ({ clientX: 700 + far, clientY: 450 - far / 2 });
  const point = (kind, far = 0) => front.dispatchEvent(new PointerEvent(kind, { ...at, ...place(far) }));
  const steps = [];
  for (const zoom of [-60, -60, -60, 60, 60, 60]) {
    for (let i = 0; i < 20; i++) steps.push(() => wheel(zoom));
    steps.push(() => point("pointerdown"));
    for (let i = 0; i < 40; i++) steps.push(() => point("pointermove", 300 * Math.sin((i / 20) * Math.PI)));
    steps.push(() => point("pointerup", 300));
  }
  const times = [];
  let last = await frame();
  for (const step of steps) {
    step();
    const now = await frame();
    times.push(now - last);
    last = now;
  }
  return times;
}"""
TURN = """async () => {
  const frame = () => new Promise(requestAnimationFrame);
  const stage = document.querySelector("[data-testid=map]");
  if (!document.querySelector("[data-testid=axes]")) return [];  // a version without axes
  const times = [];
  document.querySelector("[data-testid=axes]").click();
  const form = await new Promise((found) => {
    const look = () => document.querySelector("[data-testid=axes-form]") ?? null;
    const again = () => (look() ? found(look()) : setTimeout(again, 20));
    again();
  });
  [...form.querySelectorAll("button")].at(-1).click();  // back to the map
  while (stage.dataset.resting === "true") await frame();
  let last = await frame();
  while (stage.dataset.resting !== "true") {
    const now = await frame();
    times.push(now - last);
    last = now;
  }
  return times;
}"""


def measured(browser: Any, address: str, query: str, script: str) -> list[float]:
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    try:
        page.goto(f"{address}/map?method=pca{query}")
        ready = "document.querySelector('[data-testid=map]')?.dataset"
        page.wait_for_function(f"() => {{ const d = {ready}; return d?.resting === 'true' && d.awaited === '0' }}")
        page.wait_for_timeout(1500)  # values, names and axes come one after the other
        times: list[float] = page.evaluate(script)
        return times
    finally:
        page.close()


def quantiles(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {f"p{q}_ms": round(ordered[min(len(ordered) - 1, len(ordered) * q // 100)], 1) for q in (50, 95, 99)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address", nargs="+")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--chromium")
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    times: dict[str, list[float]] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=ARGUMENTS)
        for _ in range(options.rounds):
            for address in options.address:
                for name, query in VIEWS.items():
                    times.setdefault(f"{address} {name}", []).extend(measured(browser, address, query, MOVE))
                turned = measured(browser, address, VIEWS["axes"], TURN)
                times.setdefault(f"{address} turning", []).extend(turned)
        browser.close()
    print(
        json.dumps({name: {**quantiles(some), "frames": len(some)} for name, some in times.items() if some}, indent=2)
    )


if __name__ == "__main__":
    main()
