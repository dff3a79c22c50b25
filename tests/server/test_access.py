"""What routes say of themselves: every one does, and the guard believes it."""

from __future__ import annotations

import re

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute

from imagefinder.server.access import NAME, Access, AccessTable, changes, reads
from imagefinder.server.app import PLACES, ROUTERS

ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
TABLE = AccessTable(ROUTES)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{min(route.methods)} {route.path}")
def test_every_route_says_its_access_and_is_found_by_it(route: APIRoute) -> None:
    stated = vars(route.endpoint)[NAME]
    path = re.sub(r"\{\w+\}", "1", route.path)
    assert [TABLE.of(method, path) for method in route.methods] == [stated] * len(route.methods)
    if route.methods & {"PATCH", "PUT", "DELETE"}:
        assert not stated.reads
    if "GET" in route.methods:
        assert stated.reads


def stating(what: str) -> set[str]:
    return {f"{min(r.methods)} {r.path}" for r in ROUTES if getattr(vars(r.endpoint)[NAME], what)}


def test_no_key_is_needed_for_the_page_its_sign_in_and_a_sign_of_life_only() -> None:
    pages = {f"GET {place}" for place in (*PLACES, "/docs")}
    assert stating("keyless") == {*pages, "GET /healthz", "GET /readyz", "POST /v1/session"}


def test_only_the_events_have_no_end() -> None:
    assert stating("endless") == {"GET /v1/events"}


def test_what_needs_the_model_or_fetches_is_costly() -> None:
    assert {"POST /v1/search", "POST /v1/embeddings", "POST /v1/jobs", "POST /v1/images/urls"} <= stating("costly")
    assert {"POST /v1/session"} <= stating("costly")  # where a key could be guessed


def test_what_no_route_answers_is_told_to_those_with_the_key_only() -> None:
    for path in ("/v1/nothing", "/v1/search/", "/v1/", "/v1/images/1/2/3"):
        assert TABLE.of("GET", path) == Access(reads=True, routed=False)
        assert TABLE.of("POST", path) == Access(reads=False, routed=False)
    assert TABLE.of("PUT", "/v1/search") == Access(reads=False, routed=False)
    assert TABLE.of("GET", "/js/main.js") == Access(reads=True, keyless=True, routed=False)


def test_the_first_route_that_fits_counts_as_in_the_router() -> None:
    router = APIRouter()

    @router.get("/x/{name}")
    @reads()
    def first() -> None: ...

    @router.get("/x/y")
    @reads(keyless=True)
    def second() -> None: ...

    @router.post("/x/y")
    @changes(costly=True)
    def third() -> None: ...

    table = AccessTable(router.routes)
    assert table.of("GET", "/x/y") == Access(reads=True)
    assert table.of("POST", "/x/y") == Access(reads=False, costly=True)


def test_a_route_that_says_nothing_cannot_be_served() -> None:
    router = APIRouter()

    @router.get("/v1/silent")
    def silent() -> None: ...

    with pytest.raises(TypeError, match="/v1/silent"):
        AccessTable(router.routes)
