"""What people do while an answer is still on its way: nothing of it is lost, and nothing former comes back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browsing import Server, message, settled, shown_ids, wait_for

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect

if TYPE_CHECKING:
    from playwright.sync_api import APIResponse, Page, Route

PAUSE_MS = 1200  # of the page, before it keeps what thumbs say


@pytest.fixture(scope="module")
def server(serve: Callable[..., Server], grouped_index: Path) -> Server:
    return serve(grouped_index)


class Held:
    """Keeps back the requests to an address, of one method, until they are let go."""

    def __init__(self, page: Page, address: str, method: str) -> None:
        self._page, self._method, self._address = page, method, address
        self._kept: list[Route] = []
        page.route(address, self._hold)

    def _hold(self, route: Route) -> None:
        if route.request.method == self._method:
            self._kept.append(route)
        else:
            route.continue_()

    def come(self) -> None:
        """Wait until there is one."""
        wait_for(lambda: self._page.evaluate("1") and self._kept, f"a request to {self._address}")

    def let_go(self) -> None:
        """All that are here; those to come are not kept back."""
        for route in self._kept:
            route.continue_()
        self._page.unroute(self._address)


def test_what_happens_before_the_page_listens_is_shown(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/groups")
    held = Held(page, "**/v1/events", "GET")
    page.goto(f"{server.url}/groups")
    settled(page)
    held.come()
    first = server.get("/clusters")["clusters"][0]["label"]
    assert server.client.patch(f"/clusters/{first}", json={"name": "Renamed elsewhere"}).is_success
    held.let_go()
    cover = page.get_by_test_id("group").and_(page.locator(f'[data-label="{first}"]'))
    expect(cover).to_contain_text("Renamed elsewhere")


def test_the_end_of_a_job_is_told_after_the_connection_was_lost(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/library?part=tools")
    held = Held(page, "**/v1/events", "GET")  # as if lost: nothing is heard of the job
    page.goto(f"{server.url}/library?part=tools")
    held.come()
    page.get_by_test_id("teach-classifier").get_by_label("Recognise categories: learn from").select_option("folder")
    with page.expect_response(lambda one: one.request.method == "POST" and one.url.endswith("/v1/jobs")):
        page.get_by_test_id("teach-classifier").get_by_role("button", name="Train").click()
    server.latest_job("train")
    expect(page.get_by_test_id("toast").filter(has_text="Teaching classes: done")).to_have_count(0)
    held.let_go()
    message(page, "Teaching classes: done")


def test_a_list_of_jobs_that_comes_late_takes_none_away(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/library?part=tools")
    kept: list[tuple[Route, APIResponse]] = []  # the lists as they were before the job
    page.route(
        "**/v1/jobs*", lambda route: kept.append((route, route.fetch())) if listing(route) else route.continue_()
    )
    page.goto(f"{server.url}/library?part=tools")
    wait_for(lambda: page.evaluate("1") and kept, "the list of jobs to be asked for")
    page.get_by_test_id("teach-classifier").get_by_label("Recognise categories: learn from").select_option("folder")
    page.get_by_test_id("teach-classifier").get_by_role("button", name="Train").click()
    message(page, "Teaching classes: done")
    for route, answer in kept:
        route.fulfill(response=answer)
    page.unroute("**/v1/jobs*")
    with page.expect_response("**/v1/jobs*"):
        page.evaluate("fetch('/v1/jobs').then((answer) => answer.json())")
    page.get_by_role("tab", name="Activity").click()
    details = page.get_by_role("button", name="Details of Teaching classes")
    expect(details).to_have_count(len(server.get("/jobs", kind="train")["jobs"]))
    expect(page.get_by_test_id("toast").filter(has_text="Teaching classes: done")).to_have_count(1)


def listing(route: Route) -> bool:
    return route.request.method == "GET"


def test_thumbs_in_a_row_are_one_judgement(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/?q=boat")
    settled(page)
    liked, disliked = shown_ids(page.get_by_test_id("grid"))[:2]
    held = Held(page, "**/v1/feedback", "POST")

    def judge(id: str, name: str) -> None:
        tile = page.get_by_test_id("grid").locator(f'[data-id="{id}"]')
        tile.hover()
        tile.get_by_label(name).click()
        settled(page)

    judge(liked, "More like this one")
    held.come()
    judge(disliked, "Less like this one")
    page.evaluate("(ms) => new Promise((done) => setTimeout(done, ms))", PAUSE_MS + 100)  # the second one is due by now
    held.let_go()

    def kept() -> list[tuple[list[str], list[str]]]:
        found = [one for one in server.get("/feedback")["feedback"] if one["query"]["words"] == "boat"]
        return [([i["id"] for i in one["liked"]], [i["id"] for i in one["disliked"]]) for one in found]

    wait_for(lambda: kept() == [([liked], [disliked])], "one judgement with both thumbs")
