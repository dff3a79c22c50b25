"""Two versions at one index: servers are upgraded one after the other without a failed request, an older one can come
back, and where it can't it says so; and what a backup from before is good for."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import database
import pytest
from balancer import Balancer, ask
from command import run_process
from newer_tables import NEWER
from under_load import Load, Process

from imagefinder import ImageFinder, backup_index, restore_index
from imagefinder._util.lines import read_plain
from imagefinder.errors import IndexVersionError
from imagefinder.index import manifest as manifests
from imagefinder.index.migrations import CURRENT
from imagefinder.index.shared import documents_at
from imagefinder.server.jobs import fitting
from imagefinder.store.postgres import database as connections
from imagefinder.store.postgres.address import Address
from imagefinder.store.postgres.schema import MIGRATIONS, Step

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX has them")


@pytest.fixture
def address(postgres: database.Server) -> str:
    at = postgres.address()
    with ImageFinder.open(at, model="fast") as finder:
        finder.add(ROOT / "examples" / "images" / "food")
    return at


@pytest.fixture
def start(address: str, tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """``start(newer=True)`` is a server of a later version."""
    made = list[Process]()

    def begin(*, newer: bool = False) -> Process:
        program = "newer_server.py" if newer else "one_server.py"
        made.append(Process(address, tmp_path, "--drain", "3", program=program))
        return made[-1]

    yield begin
    for process in made:
        process.kill()


def upgrade(address: str, needs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the first server of a later version does to the tables."""
    with monkeypatch.context() as patched:
        patched.setattr(connections, "MIGRATIONS", (*MIGRATIONS, Step(NEWER, needs)))
        with ImageFinder.open(address) as finder:
            assert len(finder) > 5


def test_servers_are_upgraded_and_taken_back_one_by_one_under_load(start: Callable[..., Process]) -> None:
    asyncio.run(upgraded_and_taken_back(start))


async def upgraded_and_taken_back(start: Callable[..., Process]) -> None:
    old = [start(), start()]
    async with Balancer() as balancer:

        async def comes(server: Process) -> None:
            balancer.ports.add(await server.port())
            await balancer.until_ready(await server.port())

        async def leaves(server: Process) -> None:
            assert await server.end(signal.SIGTERM) == 0
            balancer.ports.discard(await server.port())

        for server in old:
            await comes(server)
        load = Load(balancer.port, clients=8)
        await load.each(1)
        new = start(newer=True)
        await comes(new)  # it has changed the tables by now
        for server in old:
            status, found = await ask(await server.port(), "POST", "/v1/search", {"words": "bread", "k": 3})
            assert status == 200 and len(found["hits"]) == 3
        for server in old:
            await leaves(server)
        await load.each(1)
        back = start()  # the version before is started once more, on the tables of the later one
        await comes(back)
        await leaves(new)
        image = (await ask(balancer.port, "GET", "/v1/images?k=1"))[1]["images"][0]["id"]
        status, _ = await ask(balancer.port, "POST", "/v1/images/tags", {"ids": [image], "add": ["written"]})
        assert status == 200
        await load.each(1)
        await load.stop()
        assert balancer.failed == [] and load.statuses == {200}


def test_a_server_that_is_too_old_by_now_leaves_the_balancer(
    start: Callable[..., Process], address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look() -> None:
        port = await start().port()
        await ready(port)
        upgrade(address, 2, monkeypatch)
        status, found = await until_status(port, 503)
        assert status == 503 and "newer version" in found["error"]["message"]
        assert (await ask(port, "GET", "/healthz"))[0] == 200

    asyncio.run(look())
    done = run_process("search", "bread", "--index", address)
    assert done.returncode == 3 and "schema 2" in done.stderr and "schemas up to 1" in done.stderr
    assert "pip install --upgrade imagefinder; or restore a backup" in done.stderr


async def ready(port: int) -> None:
    await until_status(port, 200)


async def until_status(port: int, wanted: int) -> tuple[int, dict[str, dict[str, str]]]:
    for _ in range(2000):
        status, found = await ask(port, "GET", "/readyz")
        if status == wanted:
            return status, found
        await asyncio.sleep(0.05)
    raise AssertionError(f"{status} {found}")


def test_it_serves_again_once_the_index_is_one_it_knows() -> None:
    newer = True

    def check() -> None:
        if newer:
            raise IndexVersionError("It is newer.")

    one = fitting.Fitting(check)
    one.look()  # it has been looked at a moment ago
    assert one.why_not == ""
    one._at -= fitting.CHECK_S
    with pytest.raises(IndexVersionError):
        one.look()
    assert one.why_not == "It is newer."
    newer = False
    one.look()
    assert one.why_not == ""


def test_a_step_waits_for_nobody_so_long_that_others_wait_for_it(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MIGRATIONS", (*MIGRATIONS, Step(NEWER, 1)))
    monkeypatch.setattr(connections, "WAIT_S", "0.05")
    monkeypatch.setattr(connections, "TRIES", 3)
    reads, writes = connections.Database(Address.read(address)), connections.Database(Address.read(address))
    try:
        with reads.transaction():
            reads.rows("select count(*) from points")
            with pytest.raises(Exception, match="lock timeout"):
                writes.make()
            assert reads.rows("select max(n) from migrations") == [(1,)]
        writes.make()  # once nobody is in the way
        assert reads.rows("select n, needs from migrations order by n") == [(1, 1), (2, 1)]
    finally:
        reads.close()
        writes.close()


def test_tables_from_before_needs_was_noted(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = connections.Database(Address.read(address))
    first.do("alter table migrations drop column needs")
    assert first.exists()
    first.make()  # nothing to do
    upgrade(address, 1, monkeypatch)
    assert first.rows("select n, needs from migrations order by n") == [(1, None), (2, 1)]
    assert first.exists()
    first.do("insert into migrations (n) values (3)")  # by one that doesn't know of it
    with pytest.raises(IndexVersionError):
        first.exists()
    first.close()


def test_documents_of_a_newer_version_are_refused_and_left_alone(start: Callable[..., Process], address: str) -> None:
    async def look() -> None:
        port = await start().port()
        await ready(port)
        with documents_at(address) as documents:
            place = documents / manifests.NAME
            kept = read_plain(place, 2**20)
            row = {name: value for name, value in json.loads(kept).items() if name != "sum"}
            newer = json.dumps({**row, "version": CURRENT + 1, "app_version": "9.9"}).encode()
            place.write(newer)
            status, found = await ask(port, "POST", "/v1/search", {"words": "bread"})
            assert status == 503 and found["error"]["code"] == "index-version"
            assert "made by ImageFinder 9.9" in found["error"]["message"]
            assert "9.9" in (await until_status(port, 503))[1]["error"]["message"]
            assert read_plain(place, 2**20) == newer
            place.write(kept)  # as a restored database would be
        await ready(port)

    asyncio.run(look())


def test_a_backup_from_before_brings_the_older_version_back(
    address: str, postgres: database.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = backup_index(address, tmp_path / "before.tar")
    upgrade(address, 2, monkeypatch)
    with pytest.raises(IndexVersionError):
        ImageFinder.open(address)
    restored = restore_index(tmp_path / "before.tar", tmp_path / "index")
    assert restored.images == before.images
    again = postgres.address()
    done = run_process("copy", tmp_path / "index", again)
    assert done.returncode == 0, done.stderr
    assert backup_index(again, tmp_path / "after.tar").checksum == before.checksum
    with ImageFinder.open(again) as finder:
        assert len(finder) == before.images and len(finder.search("bread", k=3)) == 3
