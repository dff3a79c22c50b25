"""The page in Chromium against a real server. Without Playwright or a Chromium these tests skip."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browsing import FLAGS, PATIENCE_S, PATIENT_READER, Server, Watch, browser_path, index_of_many, visit

from imagefinder import ImageFinder

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TIMEOUT_S = 900  # of one test with the servers it starts: a slow machine must not make it fail


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


@pytest.fixture(scope="package")  # not longer: while Playwright runs, its event loop is in the way of other tests
def browser() -> Iterator[Browser]:
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with api.sync_playwright() as playwright:
        path = browser_path()
        if path is None and not os.path.exists(playwright.chromium.executable_path):
            pytest.skip("there is no Chromium: apt-get install chromium, or playwright install chromium")
        api.expect.set_options(timeout=PATIENCE_S * 1000)
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def grouped_index(
    sample_index: Path, tmp_path_factory: pytest.TempPathFactory, copy_index: Callable[[Path, Path], Path]
) -> Path:
    """The sample images in groups and on a map, never changed: tests copy it. The newest come in the order of their
    paths, in every checkout the same one, and all are of one month."""
    home = copy_index(sample_index, tmp_path_factory.mktemp("grouped") / "index")
    with ImageFinder.open(home) as finder:
        for i, record in enumerate(sorted(finder.records(), key=lambda one: one.uri)):
            taken = datetime(2026, 1, 20, tzinfo=UTC) - timedelta(hours=i)
            at = taken.isoformat(timespec="seconds")
            facts = {"mtime": at, "taken_at": None, "taken_from": "file", "taken_guess": at}
            finder._collection.index.store.merge_payload([record.id], facts)
        finder.cluster()
        finder.map(method="pca")
    return home


@pytest.fixture(scope="session")
def many_index(dataset: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The 22,914 images of Tiny ImageNet, with vectors made of their pixels. Used by one server, so not copied."""
    home = tmp_path_factory.mktemp("many") / "index"
    assert index_of_many(home, dataset("tinyimagenet")) == 22_914
    return home


@pytest.fixture(scope="module")
def serve(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory, copy_index: Callable[[Path, Path], Path]
) -> Iterator[Callable[..., Server]]:
    """``serve(index, *options, **environment)`` is a server on a copy of that index, or on an empty one. It needs
    the browser so that nothing is started where the tests will skip."""
    started: list[Server] = []

    def start(index: Path | None = None, *options: str, name: str = "", **environment: str) -> Server:
        home = tmp_path_factory.mktemp("served") / "index"
        if index is not None:
            copy_index(index, home)
        started.append(Server(home, *options, name=name, **environment))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """``open_page(server, "/map", expected=[(401, "/v1/")], **context)``: a page in a context of its own. No test
    passes whose pages had an error, a warning, a failed request or one to another host."""
    watches: list[Watch] = []
    contexts = []

    def start(server: Server, path: str = "/", *, expected: list[tuple[int, str]] | None = None, **how: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 860}, "reduced_motion": "reduce", **how})
        contexts.append(context)
        context.set_default_timeout(PATIENCE_S * 1000)
        context.add_init_script(PATIENT_READER)
        page = context.new_page()
        watches.append(Watch(page, server))
        watches[-1].expected += expected or []
        visit(page, server, path)
        return page

    yield start
    for context in contexts:
        context.close()
    faults = [fault for watch in watches for fault in watch.faults]
    faults += dict.fromkeys(watch.server.log.read_text("utf-8") for watch in watches if watch.faults)
    assert not faults, "\n".join(faults)
