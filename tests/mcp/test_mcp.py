"""The tools for agents, asked over stdio by the protocol's own client, as an agent's program would."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imagefinder import ImageFinder
from imagefinder._util.local_servers import LocalServer, written_down
from imagefinder.client import Client
from imagefinder.errors import IndexFolderError, NotFoundError, UnreachableError
from imagefinder.mcp.access import Access, open_library
from imagefinder.types import Limits

SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "images"
PICTURES = sorted((SAMPLES / "food").glob("*.jpg")) + sorted((SAMPLES / "vehicles").glob("*.jpg"))
READING = ["info", "search", "similar", "clusters", "cluster_images", "show"]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("mcp") / "index"
    with ImageFinder.open(home, model="fast") as finder:
        finder.add(SAMPLES / "food", SAMPLES / "vehicles")
        finder.cluster(2, method="kmeans")
    return home


@asynccontextmanager
async def agent(*arguments: object) -> AsyncIterator[Any]:
    """A session with ``imagefinder mcp`` in a process of its own."""
    from mcp import ClientSession, StdioServerParameters, stdio_client

    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "imagefinder", "mcp", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(SAMPLES.parents[1] / "src")},
    )
    async with stdio_client(command) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        yield session


async def ask(session: Any, tool: str, **arguments: Any) -> tuple[Any, list[Image.Image]]:
    """What a tool tells, and the pictures it shows."""
    result = await session.call_tool(tool, arguments)
    assert not result.is_error, result.content[0].text
    pictures = [c for c in result.content if c.type == "image"]
    assert all(p.mime_type == "image/jpeg" for p in pictures)
    return json.loads(result.content[0].text), [Image.open(BytesIO(base64.b64decode(p.data))) for p in pictures]


async def refusal(session: Any, tool: str, **arguments: Any) -> str:
    result = await session.call_tool(tool, arguments)
    assert result.is_error
    return str(result.content[0].text)


def within(seconds: float, what: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(what(), seconds))


async def everything(session: Any, index: Path) -> None:
    """What holds whether the index is opened or a server is asked."""
    tools = {t.name: t for t in (await session.list_tools()).tools}
    assert all(t.description and t.input_schema["type"] == "object" for t in tools.values())
    assert all("description" in p for t in tools.values() for p in t.input_schema["properties"].values())
    assert all(tools[name].annotations.read_only_hint for name in READING)

    info, _ = await ask(session, "info")
    assert info["images"] == len(PICTURES) and {v["value"] for v in info["values"]["folder"]} == {"food", "vehicles"}
    found, pictures = await ask(session, "search", words="fruit", k=3, thumbnails=True)
    assert [h["folder"] for h in found["hits"]] == ["food"] * 3 and found["total"] == len(PICTURES)
    assert len(pictures) == 3 and max(pictures[0].size) == 256
    assert {"id", "uri", "score", "cluster_name"} <= set(found["hits"][0])

    by_path, none = await ask(session, "search", image=str(PICTURES[0]), k=1)
    assert by_path["hits"][0]["uri"] == str(PICTURES[0]) and not none
    id = by_path["hits"][0]["id"]
    by_id, _ = await ask(session, "search", image=id, words="fruit", k=2, filter="folder = food")
    assert id not in [h["id"] for h in by_id["hits"]] and len(by_id["hits"]) == 2
    told, _ = await ask(session, "search", words="strawberry - car", k=1, explain=True)
    assert any(reason.startswith("-car ") for reason in told["hits"][0]["why"])
    unknown, _ = await ask(session, "search", words="\u72d7")
    assert (unknown["hits"], unknown["unknown_words"]) == ([], ["\u72d7"])
    assert unknown["notice"] == "No word was understood: \u72d7. The model reads English."
    alike, _ = await ask(session, "similar", id=id, k=2, offset=1)
    both, _ = await ask(session, "similar", id=id, k=3)
    assert alike["hits"] == both["hits"][1:]

    groups, _ = await ask(session, "clusters")
    assert len(groups["clusters"]) == 2 and sum(c["images"] for c in groups["clusters"]) == len(PICTURES)
    group = groups["clusters"][0]
    inside, pictures = await ask(session, "cluster_images", cluster=group["name"], k=2, thumbnails=True)
    assert inside["total"] == group["images"] and len(inside["images"]) == len(pictures) == 2
    assert (await ask(session, "cluster_images", cluster=group["label"], offset=2, k=50))[0]["total"] == group["images"]
    record, (picture,) = await ask(session, "show", id=id, size=128)
    assert record["uri"] == str(PICTURES[0]) and max(picture.size) == 128

    assert "index has no image" in await refusal(session, "show", id="/nowhere.jpg")
    assert "unicorns" in await refusal(session, "cluster_images", cluster="unicorns")
    assert "no file" in await refusal(session, "search", image="/nowhere.jpg")
    assert "Give words, an image, or both" in await refusal(session, "search")
    assert "width" in await refusal(session, "search", words="x", filter="width >")
    assert "less than or equal to 50" in await refusal(session, "search", words="x", k=1000)


def test_an_agent_uses_the_index_itself(index: Path) -> None:
    async def talk() -> None:
        async with agent("--index", index) as session:
            assert [t.name for t in (await session.list_tools()).tools] == READING
            await everything(session, index)
            assert "Unknown tool" in await refusal(session, "tag", ids=["x"], add=["y"])

    within(120, talk)
    with ImageFinder.open(index, wait_s=10) as finder:  # it has let go of it
        assert len(finder) == len(PICTURES)


def test_an_agent_asks_the_server_that_holds_the_index(index: Path) -> None:
    serving = [sys.executable, "-m", "imagefinder", "serve", "--index", str(index), "--no-browser", "--port", "0"]
    server = subprocess.Popen(serving, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr
        url = server.stderr.readline().split(" at ")[1].split()[0]

        async def talk() -> None:
            async with agent("--index", index, "--write") as session:
                assert [t.name for t in (await session.list_tools()).tools] == [*READING, "tag"]
                await everything(session, index)
                id = (await ask(session, "search", words="fruit"))[0]["hits"][0]["id"]
                assert (await ask(session, "tag", ids=[id], add=["seen"]))[0] == {"changed": 1}
                assert (await ask(session, "search", words="x", filter="tags = seen"))[0]["hits"][0]["id"] == id
                assert (await ask(session, "tag", ids=[id], remove=["seen"]))[0] == {"changed": 1}
            async with agent("--url", url) as session:
                assert (await ask(session, "info"))[0]["images"] == len(PICTURES)

        within(120, talk)
    finally:
        server.terminate()
        server.communicate(timeout=30)


def test_what_cannot_be_opened_is_told_to_the_agent(tmp_path: Path) -> None:
    async def talk() -> None:
        async with agent("--index", tmp_path / "none") as session:
            assert "Make one with: imagefinder index" in await refusal(session, "info")
        async with agent("--url", "http://127.0.0.1:9") as session:
            assert "Start it with: imagefinder serve" in await refusal(session, "info")

    within(60, talk)


# --- who holds the index, and for how long ------------------------------------------------------------------------


class Shelf:
    """Stands for a library: counts how often it was opened and closed."""

    def __init__(self) -> None:
        self.opened = self.closed = 0

    def open(self) -> Any:
        self.opened += 1
        return self

    def close(self) -> None:
        self.closed += 1


def test_the_index_is_let_go_of_when_nobody_asks() -> None:
    shelf = Shelf()
    access = Access(shelf.open, idle_s=0.05)
    with access.use() as one, access.use() as other:
        assert one is other
        time.sleep(0.1)
        assert (shelf.opened, shelf.closed) == (1, 0)
    with access.use():
        pass
    end = time.monotonic() + 60
    while not shelf.closed:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert (shelf.opened, shelf.closed) == (1, 1)
    with access.use():
        pass
    access.close()
    access.close()
    assert (shelf.opened, shelf.closed) == (2, 2)


def test_many_threads_share_one() -> None:
    shelf = Shelf()
    access = Access(shelf.open, idle_s=0.001)

    def ask_often() -> None:
        for _ in range(200):
            with access.use():
                assert shelf.opened - shelf.closed == 1

    threads = [threading.Thread(target=ask_often) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    access.close()
    assert shelf.opened == shelf.closed >= 1


def test_a_server_that_has_ended_is_forgotten() -> None:
    shelf = Shelf()
    access = Access(shelf.open)
    with pytest.raises(UnreachableError), access.use():
        raise UnreachableError("It has ended.")
    with access.use():
        assert shelf.opened == 2
    access.close()


def test_the_holder_says_where_it_serves(index: Path) -> None:
    with ImageFinder.open(index) as finder:
        with open_library(index, None, None, Limits()) as library:  # held, and not served: it can still be read
            assert len(library.records()) == len(finder)
            with pytest.raises(IndexFolderError, match="reading"):
                library.tag(filter="width > 0", add=["x"])
        finder.serve_at("http://127.0.0.1:1/")
        assert json.loads((index / ".lock.json").read_text("utf-8"))["url"] == "http://127.0.0.1:1/"
        with open_library(index, None, None, Limits(), write=True) as library:  # nobody listens there
            assert isinstance(library, ImageFinder)
        listening = socket.create_server(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finder.serve_at(url)
        told = written_down(LocalServer(url, pid=os.getpid()))
        with listening, told, open_library(index, None, None, Limits()) as library:
            assert isinstance(library, Client)
    with open_library(index, None, None, Limits()) as library, ImageFinder.open(index) as writer:
        assert len(library.records()) == len(writer)  # it does not keep a writer out
    with open_library(index, None, None, Limits(), write=True) as library:
        assert library.tag(filter="width > 0", add=["x"])
    with pytest.raises(NotFoundError):
        open_library(index.parent / "none", None, None, Limits())
    with open_library(index, "http://127.0.0.1:1", None, Limits()) as library:
        assert isinstance(library, Client)
