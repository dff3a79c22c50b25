"""Nothing is opened for a client but what lies in the folders that it was allowed, whatever leads elsewhere."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from imagefinder import ImageFinder
from imagefinder.errors import InvalidInputError
from imagefinder.images import files
from imagefinder.images.files import OutsideError, open_file
from imagefinder.images.sources import FolderSource
from imagefinder.server.settings import ServerSettings
from imagefinder.types import ImageRef, Skipped

Serve = Callable[..., TestClient]
LINKS = pytest.mark.skipif(os.name != "posix", reason="links are those of POSIX")


def picture(seed: int = 0) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((80, 60), 40 + seed).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """``allowed`` with a picture and a folder ``deep/er`` in it, and ``secret`` beside it with others."""
    for name in ("allowed/deep/er", "secret/more", "allowed-not"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "allowed/a.png").write_bytes(picture(1))
    for i, name in enumerate(("secret/s.png", "secret/more/t.png", "allowed-not/n.png")):
        (tmp_path / name).write_bytes(picture(2 + i))
    return tmp_path


@pytest.fixture
def client(serve: Serve, place: Path) -> TestClient:
    return serve(empty=True, folders=(str(place / "allowed"),))


def index(client: TestClient, *sources: object, **options: Any) -> dict[str, Any]:
    """Run a job of the kind ``index`` to its end; its answer where it is refused."""
    body = {"kind": "index", "options": {"sources": [str(s) for s in sources], **options}}
    answer = client.post("/v1/jobs", json=body)
    if answer.status_code != 202:
        return {"status": answer.status_code, **answer.json()}
    client.app.state.serving.jobs.quickly(lambda: None).result(60)  # type: ignore[attr-defined]
    job: dict[str, Any] = client.get(f"/v1/jobs/{answer.json()['id']}").json()
    while not job["finished"]:
        job = client.get(f"/v1/jobs/{job['id']}").json()
    return job


def opened(client: TestClient) -> set[str]:
    """The names of the files that are images of the index, which is all that a client can see of them."""
    return {os.path.basename(one["uri"]) for one in client.get("/v1/images?k=1000").json()["images"]}


def ways_out(place: Path) -> list[str]:
    """Spellings of ``secret`` that begin in ``allowed``, or look as if they did."""
    allowed, secret = place / "allowed", place / "secret"
    (allowed / "link").symlink_to(secret)
    (allowed / "down").symlink_to(allowed / "deep/er")
    (allowed / "hop").symlink_to("link")
    (allowed / "up").symlink_to("..")
    home = os.path.relpath(secret, Path.home())
    return [
        str(secret),
        f"{secret}/.",
        f"{secret}/",
        f"//{str(secret).lstrip('/')}",
        f"{allowed}/../secret",
        f"{allowed}/./../secret",
        f"{allowed}/link",
        f"{allowed}/link/",
        f"{allowed}/link/more",
        f"{allowed}/hop",
        f"{allowed}/up/secret",
        f"{allowed}/up/allowed/../secret",
        f"{allowed}/down/../../../secret",  # struck out first it is secret, followed first it is allowed/secret
        f"{allowed}/down/../../../secret/more",
        f"{allowed}/deep/../../secret",
        f"{allowed}/nowhere/../../secret",
        f"{allowed}-not",
        f"{secret}/s.png",
        f"{allowed}/link/s.png",
        f"~/{home}",
        f"~/{home}/s.png",
        f"~{os.environ.get('USER', 'root')}",
        "~",
        "/",
        ".",
        "..",
        str(place),
    ]


@LINKS
def test_no_spelling_of_another_folder_is_taken(client: TestClient, place: Path) -> None:
    ways = ways_out(place)
    for way in ways:
        answer = index(client, way)
        assert answer.get("status") == 403, way
        assert client.get("/v1/folders", params={"path": way}).status_code in (403, 404), way
        for kind, options in (("duplicates", {"references": [way]}), ("duplicates", {"prefer": [way]})):
            assert client.post("/v1/jobs", json={"kind": kind, "options": options}).status_code == 403, way
    assert opened(client) == set() and len(ways) == len(set(ways)) == 27


@LINKS
def test_a_path_is_used_as_it_was_checked(client: TestClient, place: Path) -> None:
    """``allowed/down/../x`` is allowed/x where ``..`` is struck out first, as it is when it is opened, and
    allowed/deep/x where the link is followed first."""
    (place / "allowed/down").symlink_to(place / "allowed/deep/er")
    (place / "allowed/x").mkdir()
    (place / "allowed/x/x.png").write_bytes(picture(7))
    (place / "allowed/link").symlink_to(place / "secret")
    assert index(client, f"{place}/allowed/link/../secret")["state"] == "failed"  # allowed/secret, which is not there
    assert index(client, f"{place}/allowed/down/../x")["state"] == "done"
    assert opened(client) == {"x.png"}
    assert client.get("/v1/sources").json()["sources"][0]["uri"] == str(place / "allowed/x")


@LINKS
def test_links_in_an_allowed_folder_lead_nowhere_else(client: TestClient, place: Path) -> None:
    allowed = place / "allowed"
    ways_out(place)
    (allowed / "linked.png").symlink_to(place / "secret/s.png")
    (allowed / "again.png").symlink_to(allowed / "a.png")  # one that stays inside
    (allowed / "gone.png").symlink_to(place / "secret/gone.png")
    job = index(client, allowed)
    assert job["state"] == "done" and opened(client) == {"a.png", "again.png"}
    left = client.get(f"/v1/jobs/{job['id']}/skipped").json()["skipped"]
    about = {os.path.basename(one["uri"]): one for one in left}
    assert about["linked.png"]["reason"] == about["gone.png"]["reason"] == about["link"]["reason"]  # nothing is told
    assert about["linked.png"]["code"] == "permission" and "outside" in about["linked.png"]["reason"]
    again = index(client)  # a run over all sources keeps to it
    assert again["state"] == "done" and opened(client) == {"a.png", "again.png"}
    with_options = index(client, allowed, include=["**"], force=True)
    assert with_options["state"] == "done" and opened(client) == {"a.png", "again.png"}


@LINKS
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_tables_in_an_allowed_folder_name_nothing_else(client: TestClient, place: Path, ending: str) -> None:
    allowed = place / "allowed"
    rows = [*(way for way in ways_out(place) if way.endswith(".png")), "../secret/s.png", "link/s.png", "a.png"]
    rows += [
        f"file://{place}/secret/s.png",
        "file:../secret/more/t.png",
        r"..\secret\s.png",
        "~/s.png",
        "~nobody1/x.png",
    ]
    table = allowed / f"table.{ending}"
    if ending == "csv":
        table.write_text("other,path\n" + "".join(f"{row},a.png\n" for row in rows))
    else:
        arrow = pytest.importorskip("pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet")
        parquet.write_table(arrow.table({"other": rows, "path": ["a.png"] * len(rows)}), table)
    assert index(client, table, column="other")["state"] == "done"
    assert opened(client) == {"a.png"}
    assert index(client)["state"] == "done" and opened(client) == {"a.png"}
    os.replace(table, place / "secret" / table.name)  # the table itself becomes a link
    table.symlink_to(place / "secret" / table.name)
    assert index(client, table).get("status") != 403  # known it is, but
    job = index(client, table, column="path", force=True)
    assert job["state"] == "failed" and opened(client) <= {"a.png"}


@LINKS
def test_an_uploaded_table_names_nothing_else_in_any_of_its_columns(client: TestClient, place: Path) -> None:
    (place / "allowed/link").symlink_to(place / "secret")
    content = (
        f"path,other\n{place}/allowed/a.png,{place}/secret/s.png\n{place}/allowed/a.png,{place}/allowed/link/s.png\n"
    )
    table = client.post("/v1/tables", files={"file": ("t.csv", content)}).json()["source"]
    assert index(client, table, column="other")["state"] == "done" and opened(client) == set()
    assert index(client, table)["state"] == "done" and opened(client) == {"a.png"}
    for row in (
        f"{place}/secret/s.png",
        f"{place}/allowed/link/s.png",
        "../../../secret/s.png",
        "~/x.png",
        "~root/x.png",
    ):
        answer = client.post("/v1/tables", files={"file": ("t.csv", f"path\n{row}\n")})
        assert answer.status_code == 403, row


@pytest.mark.parametrize("beyond", [{}, {"host": "0.0.0.0", "key": "a key that is long enough"}])
def test_where_no_folder_is_allowed_a_table_names_none(serve: Serve, place: Path, beyond: dict[str, str]) -> None:
    client = serve(empty=True, **(beyond or {"folders": ()}))
    client.headers["authorization"] = "Bearer a key that is long enough"
    content = f"path,other\nhttps://example.invalid/a.png,{place}/secret/s.png\n"
    table = client.post("/v1/tables", files={"file": ("t.csv", content)}).json()["source"]
    assert index(client, table, column="other")["state"] == "done" and opened(client) == set()
    assert index(client, place / "secret").get("status") == 403
    for way in ("..", "../..", "../images", "../../index.json", "x.csv/../.."):
        assert index(client, f"{os.path.dirname(table)}/{way}").get("status") == 403, way


@LINKS
def test_a_source_that_its_owner_added_stays_as_it_was(serve: Serve, place: Path, sample_index: Path) -> None:
    """What is not bound when it is added by the person at the machine is not bound by a client's run."""
    (place / "allowed/link.png").symlink_to(place / "secret/s.png")
    with ImageFinder.open(place / "index") as finder:
        finder.add(place / "allowed")
        assert len(finder) == 2
    client = serve(empty=True, folders=(str(place / "allowed"),))
    finder = client.app.state.serving.finder  # type: ignore[attr-defined]
    finder.add(place / "allowed")
    assert opened(client) == {"a.png", "link.png"}
    for sources in ((), (place / "allowed",)):
        assert index(client, *sources)["state"] == "done" and opened(client) == {"a.png", "link.png"}


@LINKS
def test_a_source_moved_by_a_client_is_bound(serve: Serve, place: Path) -> None:
    client = serve(empty=True, folders=(str(place / "allowed"),))
    finder = client.app.state.serving.finder  # type: ignore[attr-defined]
    (place / "old").mkdir()
    (place / "old/a.png").write_bytes((place / "allowed/a.png").read_bytes())
    finder.add(place / "old")
    (place / "allowed/link.png").symlink_to(place / "secret/s.png")
    (place / "old/a.png").unlink()
    (place / "old").rmdir()
    options = {"old": str(place / "old"), "new": str(place / "allowed")}
    job = client.post("/v1/jobs", json={"kind": "move-source", "options": options}).json()
    while not client.get(f"/v1/jobs/{job['id']}").json()["finished"]:
        pass
    assert opened(client) == {"a.png"}
    assert index(client)["state"] == "done" and opened(client) == {"a.png"}


@LINKS
def test_what_is_opened_counts_not_what_was_looked_at(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file becomes a link, and a folder one, between being found and being opened."""
    allowed = str(place / "allowed")
    source = FolderSource(allowed, within=[allowed])
    (ref,) = (one for one in source.scan() if isinstance(one, ImageRef))
    assert ref.within == (allowed,)
    with open_file(ref.uri, ref.within) as file:
        assert file.read()
    (place / "allowed/a.png").unlink()
    (place / "allowed/a.png").symlink_to(place / "secret/s.png")
    with pytest.raises(OutsideError):
        open_file(ref.uri, ref.within)
    monkeypatch.setattr(files, "check_within", lambda *given: None)  # it was no link when it was looked at
    with pytest.raises(OutsideError):
        open_file(ref.uri, ref.within)
    read = os.readlink
    monkeypatch.setattr(files.os, "readlink", lambda path: read(path.replace("/proc/", "/no/")))  # a system without it
    with pytest.raises(OutsideError):
        open_file(ref.uri, ref.within)


def test_what_is_not_there_is_refused_as_what_is(place: Path) -> None:
    allowed = (str(place / "allowed"),)
    told = set()
    for path in (
        place / "secret/s.png",
        place / "secret/no.png",
        place / "no/no.png",
        place / "secret",
        "/dev/zero",
        "\0",
    ):
        with pytest.raises(OutsideError) as error:
            open_file(path, allowed)
        told.add(str(error.value))
    assert len(told) == 1
    with pytest.raises(FileNotFoundError):
        open_file(place / "allowed/no.png", allowed)


def test_bounds_are_kept_with_the_index(place: Path) -> None:
    with ImageFinder.open(place / "index") as finder:
        finder.add(place / "allowed", within=[str(place / "allowed")])
    entry = json.loads((place / "index/index.json").read_text("utf-8"))["sources"][0]
    assert entry["options"]["within"] == [str(place / "allowed")]
    (place / "allowed/deep/b.png").write_bytes(picture(9))
    with ImageFinder.open(place / "index") as finder:
        assert finder.add().total == 2
        source = FolderSource(str(place / "allowed"), within=[str(place / "secret")])
        assert [type(one) for one in source.scan()] == [Skipped] and source.is_hidden(f"{place}/allowed/")


# --- homes of nobody ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["~nosuchuser1", "~nosuchuser1/x", "~nosuchuser1/../x", "~\x01/x", "~nosuchuser1.csv"])
def test_the_home_of_nobody_is_a_wrong_path(serve: Serve, name: str, tmp_path: Path) -> None:
    for client in (serve(empty=True), serve(empty=True, folders=(str(tmp_path),))):
        answers = [
            client.get("/v1/folders", params={"path": name}),
            client.post("/v1/jobs", json={"kind": "index", "options": {"sources": [name]}}),
            client.post("/v1/jobs", json={"kind": "move-source", "options": {"old": str(tmp_path), "new": name}}),
            client.post("/v1/jobs", json={"kind": "duplicates", "options": {"references": [name]}}),
            client.post("/v1/jobs", json={"kind": "duplicates", "options": {"prefer": [name]}}),
            client.post("/v1/sources/pause", json={"source": name}),
            client.post("/v1/sources/forget", json={"source": name}),
        ]
        for answer in answers:
            assert answer.status_code == 400 and "home folder" in answer.json()["error"]["message"]
    with pytest.raises(InvalidInputError, match="home folder"):
        ServerSettings(folders=(name,)).may_add("/x")
