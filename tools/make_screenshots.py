"""Takes the pictures of the page that the documentation shows, as docs/images/page-*.webp.

    python tools/make_screenshots.py [FOLDER]

On the sample images, and those of FOLDER besides, if given. It needs Playwright and a Chromium (see tests/browser).
After a change of the page, run it and look at them.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from browsing import FLAGS, PATIENCE_S, SAMPLES, Server, browser_path, settled, wait_for  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

IMAGES = ROOT / "docs" / "images"
MOST_BYTES = 120_000
WIDE = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
QUERY = "flower - tree"


def main() -> None:
    folders = [str(Path(given).resolve()) for given in sys.argv[1:]]
    samples = Path(tempfile.gettempdir()) / "Pictures"  # the path is in the pictures
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        shutil.copytree(SAMPLES, samples)
        add_copies(samples)
        spread(samples)
        server = Server(Path(place) / "index")
        browser = playwright.chromium.launch(executable_path=browser_path(), args=FLAGS)
        try:
            prepare(server, [str(samples), *folders])
            take_all(browser, server)
        finally:
            browser.close()
            server.stop()
            shutil.rmtree(samples)


def add_copies(folder: Path) -> None:
    """Duplicates as they come about: the same file, smaller, cropped, re-encoded."""
    first, second, third, fourth = sorted(folder.rglob("*.jpg"))[10:50:10]
    shutil.copy(first, first.with_stem(f"{first.stem} (1)"))
    with Image.open(second) as image:
        image.resize((image.width * 2 // 3, image.height * 2 // 3)).save(second.with_stem(f"{second.stem}-small"))
    with Image.open(third) as image:
        width, height = image.size
        image.crop((width // 5, height // 5, width - width // 8, height - height // 8)).save(
            third.with_stem(f"{third.stem}-cropped")
        )
    with Image.open(fourth) as image:
        image.save(fourth.with_suffix(".webp"), quality=70)


def spread(folder: Path) -> None:
    """Gives the files dates of three years, so that there are months."""
    for i, path in enumerate(sorted(folder.rglob("*.*"), key=lambda one: (one.stem[::-1], one.suffix))):
        at = (datetime(2026, 6, 28, tzinfo=UTC) - timedelta(days=6 * i)).timestamp()
        os.utime(path, (at, at))


def prepare(server: Server, sources: list[str]) -> None:
    server.run_job("index", sources=sources)
    server.run_job("cluster")
    server.run_job("map", method="tsne")
    server.run_job("duplicates")


def take_all(browser: Browser, server: Server) -> None:
    best = server.post("/search", {"words": "violin", "k": 1})["hits"][0]["id"]
    take = lambda *given, **how: shoot(browser, server, *given, **how)  # noqa: E731 - the same two first arguments
    take("gallery", "/")
    take("search", f"/?q={QUERY}", viewport={"width": 1280, "height": 440})
    take("big-view", f"/?q=violin&image={best}", why)
    take("groups", "/groups")
    take("map", "/map?method=tsne", at_rest)
    take("map-axes", "/map?method=tsne&x=vehicle - animal&y=red", at_rest, color_scheme="dark")
    take("duplicates", "/duplicates")
    take("compare", "/duplicates", compare)
    take("library", "/library?part=tools")
    take("phone", f"/?q={QUERY}", **PHONE)


def shoot(
    browser: Browser, server: Server, name: str, path: str, then: Callable[[Page], object] | None = None, **how: object
) -> None:
    context = browser.new_context(**{**WIDE, "color_scheme": "light", "reduced_motion": "reduce", **how})
    context.set_default_timeout(PATIENCE_S * 1000)
    page = context.new_page()
    page.goto(server.url + path)
    page.locator("main h1").first.wait_for(state="attached")
    settled(page)
    if then:
        then(page)
        settled(page)
    save(page.screenshot(), IMAGES / f"page-{name}.webp")
    context.close()


def save(png: bytes, path: Path) -> None:
    """As good as fits."""
    with Image.open(io.BytesIO(png)) as image:
        for quality in (88, 80, 70, 60, 50):
            image.convert("RGB").save(path, quality=quality, method=6)
            if path.stat().st_size < MOST_BYTES:
                break
    print(f"{path.relative_to(ROOT)}  {path.stat().st_size / 1000:.0f} kB")


def why(page: Page) -> None:
    page.locator(".similar-strip img").first.wait_for()
    page.keyboard.press("w")
    page.get_by_text("stands out").wait_for()


def at_rest(page: Page) -> None:
    stage = page.get_by_test_id("map")
    page.get_by_test_id("legend").wait_for()
    wait_for(lambda: stage.get_attribute("data-resting") == "true", "the map to be at rest")
    wait_for(lambda: int(stage.get_attribute("data-names") or 0) > 2, "the names of groups")
    wait_for(lambda: int(stage.get_attribute("data-pictures") or 0) > 2, "pictures beside them")


def compare(page: Page) -> None:
    crop = page.get_by_test_id("duplicates-group").filter(has_text="-cropped")
    crop.get_by_role("button", name="Compare").click()
    page.wait_for_function(
        "() => [...document.querySelectorAll('[data-testid=compare] img')]"
        ".every((one) => one.complete && one.naturalWidth > 0)"
    )


if __name__ == "__main__":
    main()
