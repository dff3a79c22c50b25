"""``~`` is the user's home in every option and argument that takes a path, also where no shell replaces it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from command import run_cli
from fastapi.testclient import TestClient
from PIL import Image

from imagefinder.cli import COMMANDS, cli
from imagefinder.cli.common import NamedPlace, Place, UserPath
from imagefinder.errors import InvalidInputError

TEXTS = {  # arguments and options of text that are no paths, by their names
    "features", "cluster", "clusters", "name", "names", "column", "key", "base_url", "space", "include", "exclude",
    "model", "color_by", "where", "filter", "url", "query", "liked", "disliked", "spaces", "measures", "box", "shape",
    "host", "cors", "allow_host", "trusted_proxy", "add", "remove", "caption", "by", "methods", "encoder", "keep",
    "root_path", "new", "compare", "cut", "action", "expires", "trust_proxy_user", "proxy_admin",
    "ray", "shard", "server", "tag", "album", "no_album",
}  # fmt: skip


def parameters(group: click.Group = cli, path: str = "") -> Iterator[tuple[str, click.Parameter, click.Context]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from parameters(command, f"{path}{name} ")
        inner = click.Context(command)
        yield from ((f"{path}{name}", parameter, inner) for parameter in command.get_params(inner))


def test_home_is_found_in_every_path_of_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    seen = set()
    for command, parameter, context in parameters():
        kind = parameter.type
        assert type(kind) is not click.Path, f"{command} {parameter.name}: use UserPath"
        if isinstance(kind, (UserPath, Place)):
            name = "folder" if isinstance(kind, UserPath) and not kind.file_okay else "file"
            found, plain = (kind.convert(text, parameter, context) for text in (f"~/{name}", name))
            if isinstance(kind, NamedPlace):
                (_, found), (_, plain) = found, plain
                assert kind.convert(f"x=~/{name}", parameter, context) == ("x", tmp_path / name)
            assert str(found) == str(tmp_path / name), (command, parameter.name)
            assert str(plain) == name
            with pytest.raises(InvalidInputError, match="~nobody-of-this-name"):
                kind.convert("~nobody-of-this-name/x", parameter, context)
            seen.add(parameter.name)
        elif isinstance(kind, click.types.StringParamType) and not isinstance(kind, click.Choice):
            assert parameter.name in TEXTS, f"{command} {parameter.name}: PLACE if it may be a path, else name it here"
    assert {"index_dir", "sources", "images", "outs", "trash", "reference", "prefer", "allow_folder", "copy_to"} <= seen
    assert len(COMMANDS) > 20


def test_home_is_found_by_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_image: Callable[..., Image.Image]
) -> None:
    """As it comes from configuration files, services and other programs, which have no shell."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "p").mkdir()
    make_image(1).save(tmp_path / "p" / "a.png")
    (tmp_path / "t.csv").write_text("path,label\n~/p/a.png,x\n")
    report = json.loads(run_cli("index", "--index=~/index", "~/p", "~/t.csv", "--model", "fast", "--json").stdout)
    assert (report["added"], report["total"]) == (1, 1)
    given = {"IMAGEFINDER_INDEX": "~/index"}
    assert run_cli("search", "~/p/a.png", "-f", **given).stdout == f"{tmp_path}/p/a.png\n"
    assert run_cli("tag", "~/p/a.png", "--add", "mine", **given).returncode == 0
    assert run_cli("search", "thing", "--filter", "tags = mine", "--copy-to=~/out", "-f", **given).returncode == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["001_a.png"]
    assert json.loads(run_cli("sources", "list", "--json", **given).stdout)["sources"][0]["uri"] == str(tmp_path / "p")
    assert run_cli("remove", "~/p", **given).returncode == 0
    assert not list((tmp_path).glob("~*")) and not Path("~").exists()


def test_a_user_who_is_not_there_is_no_crash(tmp_path: Path) -> None:
    index = ("--index", tmp_path / "index")
    for command in (
        ("index", *index, "~nobody-of-this-name/p"),
        ("info", "--index", "~nobody-of-this-name/index"),
        ("info", "--index=~nobody-of-this-name"),
        ("serve", *index, "--no-browser", "--port=0", "--allow-folder", "~nobody-of-this-name"),
        ("duplicates", *index, "--reference", "~nobody-of-this-name"),
        ("sources", "forget", *index, "~nobody-of-this-name/p"),
    ):
        done = run_cli(*command)
        assert done.returncode == 2 and "~nobody-of-this-name" in done.stderr and "./~nobody" in done.stderr, command
    for name in ("IMAGEFINDER_INDEX", "IMAGEFINDER_KEY_FILE"):
        done = run_cli("serve", "--no-browser", "--port=0", **{name: "~nobody-of-this-name/x"})
        assert done.returncode == 2 and "bug" not in done.stderr, name


def test_a_file_whose_name_begins_with_the_sign_of_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (40, 30), "teal").save("~draft.png")
    Path("t.csv").write_text("path\n~draft.png\n~nobody-of-this-name/a.png\n")
    for source in ("~draft.png", "t.csv"):
        report = json.loads(run_cli("index", "--index", "index", "--model", "fast", source, "--json").stdout)
        assert report["total"] == 1


def test_home_is_found_by_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_image: Callable[..., Image.Image]
) -> None:
    from imagefinder import ImageFinder
    from imagefinder.server.app import create_app
    from imagefinder.server.settings import ServerSettings

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "p").mkdir()
    make_image(1).save(tmp_path / "p" / "a.png")
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        app = create_app(finder, ServerSettings(folders=("~",)))
        with TestClient(app, base_url="http://localhost:8642", raise_server_exceptions=False) as client:
            assert client.get("/v1/folders", params={"path": "~"}).status_code == 200
            assert client.get("/v1/folders", params={"path": "~nobody-of-this-name"}).status_code == 400
            job = client.post("/v1/jobs", json={"kind": "index", "options": {"sources": ["~/p"]}})
            assert job.status_code == 202, job.text
            wrong = client.post("/v1/jobs", json={"kind": "index", "options": {"sources": ["~nobody-of-this-name/p"]}})
            assert wrong.status_code == 400
            wrong = client.post(
                "/v1/jobs", json={"kind": "duplicates", "options": {"references": ["~nobody-of-this-name"]}}
            )
            assert wrong.status_code == 400
            end = time.monotonic() + 120
            while not client.get(f"/v1/jobs/{job.json()['id']}").json()["finished"]:  # a server that closes stops it
                assert time.monotonic() < end
                time.sleep(0.05)
    with ImageFinder.open(tmp_path / "index") as finder:
        assert list(finder.sources) == [str(tmp_path / "p")]
