"""What the command line does for containers: options from variables, secrets from files, whether a server is ready."""

from __future__ import annotations

import json
import os
import signal
import sys
import types
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import click
import pytest
from command import run_cli

from imagefinder import ImageFinder
from imagefinder.cli import cli, main, serve
from imagefinder.errors import InvalidInputError
from imagefinder.models import providers
from imagefinder.settings import SERVE, store_key
from imagefinder.store.postgres.address import Address

VALUES = {  # of every option of serve: the variable's text, and what it means
    "places": ("a=/tmp/a b=postgresql://me@db/shop/x", (("a", Path("/tmp/a")), ("b", "postgresql://me@db/shop/x"))),
    "host": ("0.0.0.0", "0.0.0.0"),
    "port": ("8000", 8000),
    "auto_port": ("1", True),
    "browser": ("0", False),
    "read_only": ("true", True),
    "no_key": ("yes", True),
    "cors": ("https://a.example https://b.example", ("https://a.example", "https://b.example")),
    "allow_host": ("a.example b.example", ("a.example", "b.example")),
    "root_path": ("/pictures", "/pictures"),
    "trusted_proxy": ("10.0.0.7 10.1.0.0/16", ("10.0.0.7", "10.1.0.0/16")),
    "trust_proxy_user": ("X-Remote-User", "X-Remote-User"),
    "proxy_scope": ("write", "write"),
    "proxy_admin": ("anna ben", ("anna", "ben")),
    "requests_per_minute": ("600", 600),
    "upload_per_day": ("2GB", 2_000_000_000),
    "log_format": ("json", "json"),
    "traces": ("1", True),
    "allow_folder": ("/srv/a s3://shop/new", ("/srv/a", "s3://shop/new")),
    "uploads": ("s3://shop/sent", "s3://shop/sent"),
    "workers": ("3", 3),
    "drain": ("7.5", 7.5),
}


def parsed(*arguments: str) -> dict[str, Any]:
    with click.Context(cli) as parent:
        return serve.serve.make_context("serve", list(arguments), parent=parent).params


def test_each_option_of_serve_can_be_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    options = [option.name for option in serve.serve.params if isinstance(option, click.Option)]
    assert VALUES.keys() == set(options)
    before = parsed()
    for name, (text, _) in VALUES.items():
        monkeypatch.setenv(f"{SERVE}_{'INDEX' if name == 'places' else name.upper()}", text)
    found = parsed()
    assert {name: found[name] for name in VALUES} == {name: value for name, (_, value) in VALUES.items()}
    assert all(found[name] != before[name] for name in VALUES)
    assert parsed("--port", "9000")["port"] == 9000, "what is typed wins"


def test_a_wrong_variable_is_named() -> None:
    done = run_cli("serve", IMAGEFINDER_SERVE_PORT="tcp://10.0.0.1:80")
    assert done.returncode == 2 and "--port" in done.stderr and "tcp://" in done.stderr


def test_whether_a_server_is_ready(
    serving: Callable[..., AbstractContextManager[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")  # never by a proxy
    with ImageFinder.open(tmp_path / "index") as finder, serving(finder) as url:
        port = url.rstrip("/").rpartition(":")[2]
        for words, env in (((url,), {}), ((), {f"{SERVE}_PORT": port, f"{SERVE}_HOST": "0.0.0.0"})):
            done = run_cli("doctor", "--server", *words, "--json", **env)
            (check,) = json.loads(done.stdout)["checks"]
            # The model may still be loading: then it says so.
            assert done.returncode == (0 if check["ok"] else 3)
            assert check["found"].startswith(
                f"{url.rstrip('/')} is {'ready, 0 images' if check['ok'] else 'not ready'}"
            )


@pytest.mark.parametrize(
    ("url", "code", "said"),
    [
        ("http://127.0.0.1:1", 3, "can't be asked"),
        ("ftp://127.0.0.1", 2, "no URL"),
        ("127.0.0.1:8642", 2, "no URL"),
        ("http://[", 3, "can't be asked"),
    ],
)
def test_a_server_that_is_not_there(url: str, code: int, said: str) -> None:
    done = run_cli("doctor", "--server", url)
    assert done.returncode == code and said in done.stdout + done.stderr


def test_a_key_of_the_store_comes_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert store_key("") is None
    monkeypatch.setenv("QDRANT_API_KEY", "of the variable")
    (tmp_path / "key").write_text("of the file\n")
    monkeypatch.setenv("IMAGEFINDER_STORE_KEY_FILE", str(tmp_path / "key"))
    assert (store_key("QDRANT_API_KEY"), store_key("")) == ("of the variable", "of the file")
    read = Address.read("postgresql://me@db/shop/x", "of the file")
    assert read.settings["password"] == "of the file" and "of the file" not in f"{read} {read.shown}"
    assert read.hide("wrong: of the file") == "wrong: ***"
    for given in ("postgresql://me:own@db/shop/x", "postgresql://me@db/shop/x?password=own"):
        assert Address.read(given, "of the file").settings["password"] == "own"
    monkeypatch.setenv("IMAGEFINDER_STORE_KEY_FILE", str(tmp_path / "nothing"))
    with pytest.raises(InvalidInputError, match="IMAGEFINDER_STORE_KEY_FILE"):
        store_key("")


@pytest.mark.parametrize("pid", [1, 7])
def test_the_first_process_of_a_container_heeds_sigterm(pid: int, monkeypatch: pytest.MonkeyPatch) -> None:
    set_: list[tuple[object, object]] = []
    monkeypatch.setattr(os, "getpid", lambda: pid)
    monkeypatch.setattr(signal, "signal", lambda *given: set_.append(given))
    monkeypatch.setattr(sys, "argv", ["imagefinder", "--version"])
    with pytest.raises(SystemExit):
        main()
    assert set_ == ([(signal.SIGTERM, signal.default_int_handler)] if pid == 1 else [])


def test_cuda_comes_from_wheels_where_they_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    there = [False]
    monkeypatch.setitem(sys.modules, "onnxruntime", types.SimpleNamespace(preload_dlls=lambda: print("loaded")))
    monkeypatch.setattr(providers, "find_spec", lambda name: "nvidia" if there[0] else None)
    for there[0], said in ((False, ""), (True, "loaded\n")):
        providers.load_cuda.cache_clear()
        providers.load_cuda()
        out = capsys.readouterr()
        assert (out.out, out.err) == ("", said), "stdout is for answers"
    providers.load_cuda.cache_clear()
    assert {name for name, row in providers.PROVIDERS.items() if row.cuda} == {"cuda", "tensorrt"}
