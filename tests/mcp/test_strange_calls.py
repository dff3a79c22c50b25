"""Calls of an agent that has understood nothing: each is answered, or refused with a reason that helps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import odd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError

from imagefinder import ImageFinder
from imagefinder.mcp.access import Access
from imagefinder.mcp.tools import Tools
from imagefinder.types import Limits


class Agent:
    """Calls tools as the server of an agent does."""

    def __init__(self, finder: ImageFinder) -> None:
        class Kept(Access):
            def close(self) -> None:
                pass

        self.ids = [r.id for r in finder.records()[:4]]
        self._server = Tools(Kept(lambda: finder, idle_s=3600), Limits()).server(write=True)

    def call(self, tool: str, **arguments: Any) -> str:
        """What the tool tells, or why not."""
        try:
            found = asyncio.run(self._server.call_tool(tool, arguments))
            found.model_dump_json()
            return str(found.content[0].text)
        except ToolError as error:
            assert not isinstance(error, UnexpectedToolError)
            assert "fault of ImageFinder" not in str(error) and len(str(error)) > len(tool) + 15, str(error)
            return str(error)


@pytest.fixture(scope="module")
def agent(
    organised_index: Path, tmp_path_factory: pytest.TempPathFactory, copy_index: Callable[[Path, Path], Path]
) -> Iterator[Agent]:
    with ImageFinder.open(copy_index(organised_index, tmp_path_factory.mktemp("agent") / "index")) as finder:
        yield Agent(finder)


CALLS: dict[str, dict[str, Any]] = {
    "info": {},
    "search": {"words": "red", "image": None, "k": 2, "filter": "width > 1", "liked": [], "thumbnails": False},
    "similar": {"id": "ID", "k": 2, "filter": None, "offset": 0},
    "clusters": {},
    "cluster_images": {"cluster": 0, "k": 2},
    "show": {"id": "ID", "size": 128},
    "tag": {"ids": ["ID"], "add": ["a"], "remove": ["b"]},
}


@pytest.mark.parametrize("tool", CALLS)
def test_an_odd_call_is_answered_or_refused_with_a_reason(
    agent: Agent, tool: str, tried: Callable[[int], settings]
) -> None:
    right = {k: agent.ids[0] if v == "ID" else [agent.ids[0]] if v == ["ID"] else v for k, v in CALLS[tool].items()}

    @tried(15)
    @given(odd.changed(right, odd.values(*agent.ids, "a")).filter(lambda sent: isinstance(sent, dict)), st.just(tool))
    def ask(sent: dict[str, Any], tool: str) -> None:
        agent.call(tool, **{str(k): v for k, v in sent.items()})

    for sent in odd.each_place(right):
        agent.call(tool, **sent)
    ask()


def test_a_refusal_says_what_was_wrong_and_what_to_do(agent: Agent) -> None:
    assert agent.call("search", query="red bike") == "search: There is no argument 'query'; did you mean 'words'?"
    assert "did you mean 'k'" in agent.call("search", words="red", limit=3)
    assert "did you mean 'thumbnails'" in agent.call("similar", id=agent.ids[0], thumbnail=True)
    assert "nothing is taken" in agent.call("clusters", name="x")
    assert agent.call("search", words="red", k=1000) == (
        "search: k: Input should be less than or equal to 50, not 1000."
    )
    assert "search, similar" in agent.call("find", words="x") and "Unknown tool: find" in agent.call("find")
    assert "Did you mean 'search'?" in agent.call("serch")
    assert "id: Field required" in agent.call("show")
    assert "no cluster" in agent.call("cluster_images", cluster="nobody")
