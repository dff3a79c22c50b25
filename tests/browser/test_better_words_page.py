"""The offer of a model that is better at words, on the library page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import published
import pytest
from browsing import Server, message
from hub_server import HubServer

from imagefinder.models.catalogue import in_catalogue

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_it_says_what_it_costs_and_fetches_when_asked(
    serve: Callable[..., Server], open_page: Callable[..., Page], grouped_index: Path, tmp_path: Path
) -> None:
    known = in_catalogue("clip-b32-int8")
    assert known is not None
    with HubServer() as hub:
        hub.add(known.address.repo, published.clip_b32(), str(known.address.revision))
        page = open_page(serve(grouped_index, **hub.environment(tmp_path)), "/library?part=tools")
        offer = page.get_by_test_id("better-words")
        expect(offer).to_contain_text("CLIP ViT-B/32 (OpenAI) in 8 bits (MIT licence)")
        expect(offer).to_contain_text("a second here; searches go on meanwhile")
        assert not hub.requests, "nothing is asked of anybody before"
        offer.get_by_role("button", name="Fetch and use it").click()
        message(page, "is not the file this model was described with")
        assert hub.asked_for("config.json"), "the hub's files are others than those that were chosen: refused, and said"
        expect(offer.get_by_role("button", name="Fetch and use it")).to_be_enabled()


def test_it_is_not_there_without_a_network(
    serve: Callable[..., Server], open_page: Callable[..., Page], grouped_index: Path
) -> None:
    page = open_page(serve(grouped_index, HF_HUB_OFFLINE="1"), "/library?part=tools")
    expect(page.get_by_role("heading", name="Organise")).to_be_visible()
    expect(page.get_by_test_id("better-words")).to_have_count(0)
