"""A real server and a real browser, for the tests of the page. The page is looked at as a person sees it, the server's
state is asked over the API."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import httpx
import numpy as np
from PIL import Image

from imagefinder.index.spaces import add_spaces, spaces_of

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Locator, Page, Request, Response

T = TypeVar("T")
SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "images"
PATIENCE_S = 120.0  # for anything that must come: tests wait for conditions, and the machine may be slow
ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/")
# The first has no windows and takes a third less time for a page.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
# No sandbox: containers have none. WebGL is computed, as there may be no graphics card; the page around it is put
# together without it, in a tenth of the time.
FLAGS = [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-gpu-compositing",
    "--disable-dev-shm-usage",
]
FETCHED_BACK = "GPU stall due to ReadPixels"  # what a page without WebGL around it says of each WebGL canvas in it
GRAVE = ("serious", "critical")

# Messages that go away by themselves stay until they are closed: how long they are shown is no behaviour to be tested,
# and a test on a slow machine reads slowly.
PATIENT_READER = """(() => {
  const wait = window.setTimeout;
  window.setTimeout = (work, ms, ...given) => wait(work, ms >= 5000 ? 2 ** 31 - 1 : ms, ...given);
})()"""


def wait_for(found: Callable[[], T], what: str, *, seconds: float = PATIENCE_S) -> T:
    """What ``found`` gives as soon as it is true."""
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.05)
    return value


class Server:
    """``imagefinder serve`` as a process of its own on the index ``home``. It has no key, unless one is in the
    ``environment``, or it is to make its ``--own-key``. With a ``name`` it serves the index at /i/NAME/."""

    def __init__(self, home: Path, *options: str, name: str = "", **environment: str) -> None:
        self.home, self.name = home, name
        self.options = options
        own = {name: value for name, value in os.environ.items() if not name.startswith("IMAGEFINDER_")}
        self.environment = {**own, **environment}
        self.log = home.with_suffix(".log")
        self.port = 0
        key = environment.get("IMAGEFINDER_KEY")
        if not key and "--own-key" not in options:
            self.options = (*options, "--no-key")
        self.options = tuple(one for one in self.options if one != "--own-key")
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.start()

    def start(self) -> None:
        """On the same port as before, if there was one."""
        place = f"{self.name}={self.home}" if self.name else str(self.home)
        command = [sys.executable, "-m", "imagefinder", "serve", "--index", place, "--no-browser"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "--port", str(self.port), *self.options], stdout=log, stderr=log, env=self.environment
            )
        self.port = int(wait_for(self._address, "the server's address").group(1))
        self.url = f"http://127.0.0.1:{self.port}"
        self.client = httpx.Client(
            base_url=f"{self.url}{f'/i/{self.name}' if self.name else ''}/v1", headers=self._headers, timeout=PATIENCE_S
        )

    def _address(self) -> re.Match[str] | None:
        said = self.log.read_text("utf-8")
        assert self.process.poll() is None, f"the server ended: {said}"
        return ADDRESS.search(said)

    def stop(self) -> None:
        """As the system would: it must end by itself, and say nothing of an error."""
        self.client.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE_S)
        finally:
            self.process.kill()
            self.process.wait()
        assert "Traceback" not in self.log.read_text("utf-8"), self.log.read_text("utf-8")

    def restart(self) -> None:
        self.stop()
        self.start()

    def get(self, path: str, **params: Any) -> Any:
        answer = self.client.get(path, params=params)
        assert answer.is_success, answer.text
        return answer.json()

    def post(self, path: str, body: object) -> Any:
        answer = self.client.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def run_job(self, kind: str, **options: Any) -> dict[str, Any]:
        """Start a job and wait until it is done."""
        job = self.post("/jobs", {"kind": kind, "options": options})
        return self.job_done(job["id"])

    def job_done(self, id: str) -> dict[str, Any]:
        def ended() -> dict[str, Any] | None:
            job: dict[str, Any] = self.get(f"/jobs/{id}")
            return job if job["finished"] else None

        job = wait_for(ended, f"job {id}", seconds=3 * PATIENCE_S)
        assert job["state"] == "done", job
        return job

    def at_rest(self) -> None:
        """Wait until no job runs or waits to be run."""
        wait_for(lambda: all(job["finished"] for job in self.get("/jobs")["jobs"]), "all jobs to end")

    def latest_job(self, kind: str) -> dict[str, Any]:
        """The latest job of a kind, once it is done."""
        return self.job_done(self.get("/jobs", kind=kind)["jobs"][0]["id"])

    def ids(self, filter: str = "", sort: str = "uri") -> list[str]:
        """The images that pass the filter. Their ids are made of their paths, so an order by id would be another one in
        each checkout; that by path is the same."""
        columns: list[str] = self.get("/images/columns", fields="id", filter=filter, sort=sort)["columns"]["id"]
        return columns

    def id_of(self, path: Path) -> str:
        """The image of a file."""
        columns = self.get("/images/columns", fields="id,uri")["columns"]
        return dict(zip(columns["uri"], columns["id"], strict=True))[str(path)]


class Watch:
    """Notes what must not happen on a page: errors, warnings, failed requests, requests to another host."""

    def __init__(self, page: Page, server: Server) -> None:
        self.server, self.origin = server, server.url
        self.faults: list[str] = []
        self.expected: list[tuple[int, str]] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"error on the page: {error}"))
        page.on("request", self._request)
        page.on("response", self._response)
        page.on("requestfailed", self._failed)

    def expect(self, status: int, path: str) -> None:
        """A request to an address that holds ``path`` may be answered with ``status``."""
        self.expected.append((status, path))

    def _is_expected(self, text: str, url: str) -> bool:
        return any(str(status) in text and path in url for status, path in self.expected)

    def _console(self, message: ConsoleMessage) -> None:
        url = message.location["url"] if message.location else ""
        if FETCHED_BACK in message.text:
            return
        if message.type in ("error", "warning") and not self._is_expected(message.text, url):
            self.faults.append(f"{message.type} in the console: {message.text} {url}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.origin}/", "blob:", "data:")):
            self.faults.append(f"request to another host: {request.url}")

    def _response(self, response: Response) -> None:
        if response.status >= 400 and not self._is_expected(str(response.status), response.url):
            self.faults.append(f"answer {response.status}: {response.url}")

    def _failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # the page itself gives up what is outdated
            self.faults.append(f"request failed: {request.url}: {request.failure}")


def browser_path() -> str | None:
    """The system's Chromium; None: Playwright's own, if it has one."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def grave_violations(page: Page) -> list[str]:
    """What axe-core finds wrong, of serious or critical impact."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(_axe())
    found = page.evaluate("async () => (await axe.run(document, { resultTypes: ['violations'] })).violations")
    return [
        f"{one['id']} ({one['impact']}): {node['html'][:200]} {node.get('failureSummary', '')[:300]}"
        for one in found
        if one["impact"] in GRAVE
        for node in one["nodes"]
    ]


@functools.cache
def _axe() -> str:
    from axe_playwright_python.sync_playwright import Axe

    return Axe().axe_script


def open_facet(page: Page, name: str) -> None:
    """Open a filter, whether it is shown by itself or among more."""
    page.locator(".filter-bar[aria-busy=false]").wait_for()
    if not page.get_by_test_id(f"facet-{name}").count():
        page.get_by_test_id("facet-more").click()
    page.get_by_test_id(f"facet-{name}").click()


def shown_ids(grid: Locator) -> list[str]:
    """The images of a grid that are drawn, in their order."""
    ids: list[str] = grid.locator("[data-index]").evaluate_all(
        "all => all.sort((a, b) => a.dataset.index - b.dataset.index).map((one) => one.dataset.id)"
    )
    return ids


def visit(page: Page, server: Server, path: str) -> None:
    """Open an address. The page is there when it hears of what happens on the server, so that nothing a test does next
    can escape it."""
    with page.expect_response(_is_events):
        page.goto(server.url + path)
    page.locator("main").wait_for()


def reload(page: Page) -> None:
    """As ``visit``, for the address that is open."""
    with page.expect_response(_is_events):
        page.reload()
    page.locator("main").wait_for()


def _is_events(response: Response) -> bool:
    return urlsplit(response.url).path.endswith("/v1/events")


def message(page: Page, text: str) -> Locator:
    """The message at the bottom of the page that holds ``text``, once it is shown."""
    found = page.get_by_test_id("toast").filter(has_text=text)
    found.wait_for()
    return found


def settled(page: Page) -> None:
    """Wait until the view is there, its answer too, and every picture on the screen."""
    page.wait_for_function(
        """() => {
          const summary = document.querySelector("[data-testid=summary]");
          return document.querySelector("main > *") && !document.querySelector("[aria-busy=true], .late")
            && (!summary || summary.textContent)
            && [...document.querySelectorAll("img.thumb")]
              .every((one) => one.complete && one.naturalWidth > 0 && one.dataset.state);
        }"""
    )
    still(page)


def still(page: Page) -> None:
    """Brings what fades or moves to its end at once."""
    page.evaluate(
        """() => document.getAnimations()
            .filter((one) => one.effect.getComputedTiming().iterations !== Infinity)
            .forEach((one) => one.finish())"""
    )


def place(locator: Locator) -> dict[str, float]:
    """Where the element lies (``x``, ``y``, ``width``, ``height`` in CSS pixels) once it has stayed there for two
    frames."""
    element = locator.element_handle()
    element.wait_for_element_state("stable")
    box = element.bounding_box()
    assert box is not None
    return dict(box)


def places(locator: Locator) -> list[dict[str, float]]:
    """Where all elements lie, looked at in one moment."""
    boxes: list[dict[str, float]] = locator.evaluate_all(
        "all => all.map((one) => one.getBoundingClientRect().toJSON())"
    )
    return boxes


def turn_wheel(page: Page, down: int, moved: Callable[[], object], what: str) -> None:
    """Turn the wheel until the page has moved: Chromium drops a turn that comes before it has drawn all of the page."""

    def turned() -> bool:
        page.mouse.wheel(0, down)
        painted(page)
        return bool(moved())

    wait_for(turned, what)


def painted(page: Page) -> None:
    """Wait until the page has drawn what the events so far have changed."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def index_of_many(home: Path, folder: Path) -> int:
    """An index of all images below ``folder``, quickly: its vectors are made of a few pixels each instead of by the
    model, so that like images still lie together. Returns how many there are."""
    from imagefinder import ImageFinder
    from imagefinder.images.palette import colour_names
    from imagefinder.images.sources import open_source
    from imagefinder.store.base import Point
    from imagefinder.types import ImageRef, Record

    with ImageFinder.open(home) as finder:
        spec, index = finder._collection.models.spec("default"), finder._collection.index
        add_spaces(index, spec)
        spaces = spaces_of(spec)
        random = np.random.default_rng(0)
        mixers = {name: random.standard_normal((192, spec.spaces[s].dim), np.float32) for s, name in spaces.items()}
        refs = [one for one in open_source(str(folder)).scan() if isinstance(one, ImageRef)]
        for start in range(0, len(refs), 2000):
            pixels, records = [], []
            for ref in refs[start : start + 2000]:
                data = Path(ref.uri).read_bytes()
                with Image.open(ref.uri) as image:
                    width, height = image.size
                    image.draft("RGB", (8, 8))  # decodes an eighth of each side only
                    small = image.convert("RGB").resize((8, 8))
                pixels.append(np.asarray(small, np.float32).ravel() / 255)
                records.append(
                    Record(
                        id=ref.id,
                        uri=ref.uri,
                        folder=ref.folder,
                        source=ref.source,
                        content_hash=hashlib.blake2b(data, digest_size=16).hexdigest(),
                        bytes=len(data),
                        width=width,
                        height=height,
                        format="JPEG",
                        colours=colour_names(small),
                        extra={"tint": round(float(pixels[-1].mean()), 3)},
                    )
                )
            named = index.search_vectors({name: np.stack(pixels) @ mixer for name, mixer in mixers.items()})
            index.store.upsert(
                [Point(r.id, r.to_payload(), {n: a[i] for n, a in named.items()}) for i, r in enumerate(records)]
            )
    return len(refs)
