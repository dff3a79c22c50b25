"""The compose files: by their schema, and each name, port, path, variable and command in them by the real programs."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import database
import pytest
from click.testing import CliRunner
from composed import COMPOSE, DEPLOY, Dockerfile, composed
from skips import needs_program

from imagefinder.cli import cli
from imagefinder.server.run import TERM_S
from imagefinder.server.settings import ServerSettings
from imagefinder.settings import SERVE, SETTINGS
from imagefinder.store.postgres.address import Address as PostgresAddress
from imagefinder.store.qdrant.address import Address as QdrantAddress

pytestmark = pytest.mark.skipif(os.name != "posix", reason="what runs here is for Linux")
FILES = {"compose.yaml": "database", "qdrant.yaml": "qdrant"}
GIVEN = {"IMAGEFINDER_PICTURES": "/srv/pictures"}
SECONDS = re.compile(r"(\d+)s")


@pytest.fixture(params=FILES)
def file(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def services(file: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = composed(file, **GIVEN)["services"]
    return found


@pytest.mark.parametrize("name", [*FILES, "common.yaml"])
def test_they_follow_the_specification(name: str, tmp_path: Path) -> None:
    """As they are, and with all variables put in."""
    whole = tmp_path / "whole.json"
    whole.write_text(json.dumps(composed(name, **GIVEN)))
    for path in (COMPOSE / name, whole):
        command = [needs_program("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(path)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_pictures_must_be_named(file: str) -> None:
    with pytest.raises(ValueError, match=r"env\.example"):
        composed(file)


def test_all_that_is_named_is_there(file: str) -> None:
    whole = composed(file, **GIVEN)
    for name, service in whole["services"].items():
        for secret in service.get("secrets", ()):
            assert secret in whole["secrets"], name
        for network in service["networks"]:
            assert network in whole["networks"], name
        for volume in service.get("volumes", ()):
            place = volume.split(":")[0]
            assert place in whole["volumes"] or place == "/srv/pictures" or (COMPOSE / place).is_file(), volume
        for needed, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"} and "test" in whole["services"][needed]["healthcheck"], name
        if "build" in service:
            context = COMPOSE / service["build"]["context"]
            assert (context / service["build"]["dockerfile"]).is_file(), name


def test_each_service_may_do_little(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert service["read_only"] is True and service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert int(service["user"].split(":")[0]) > 0 and any(t.startswith("/tmp:") for t in service["tmpfs"]), name
        assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "proxy" else [])
        assert not service.get("privileged") and service.get("ipc") != "host" and "network_mode" not in service, name
        if name != "tool":
            assert service["restart"] == "unless-stopped" and service["deploy"]["resources"]["limits"]["memory"], name
        assert service["logging"]["options"]["max-size"], name


def test_only_the_proxy_can_be_reached_from_outside(file: str, services: dict[str, dict[str, Any]]) -> None:
    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]
    assert services["proxy"]["networks"] == ["front"] and services[FILES[file]]["networks"] == ["back"]
    whole = composed(file, **GIVEN)
    assert whole["networks"]["back"]["internal"] is True
    (network,) = whole["networks"]["front"]["ipam"]["config"]
    server = services["server-1"]["environment"]
    assert server[f"{SERVE}_TRUSTED_PROXY"] == network["subnet"]
    ServerSettings(trusted_proxies=(network["subnet"],))


def test_no_secret_is_written_down(services: dict[str, dict[str, Any]]) -> None:
    """Secrets are files; no variable holds one, nor an address."""
    for service in services.values():
        for name, value in service.get("environment", {}).items():
            assert not re.search("KEY|PASSWORD|TOKEN", name) or value.startswith("/run/secrets/"), name
            assert not re.search(r"://[^/]*:[^/]*@", value), name
    ignored = (DEPLOY.parent / ".gitignore").read_text().splitlines()
    assert {"/deploy/compose/secrets/", "/deploy/compose/.env"} <= set(ignored)
    assert not [
        line for line in (DEPLOY.parent / ".dockerignore").read_text().splitlines() if "!deploy/compose" in line
    ]


def test_the_variables_and_commands_are_those_of_the_program(services: dict[str, dict[str, Any]]) -> None:
    options = {f"{SERVE}_{p.name.upper()}": p for p in cli.commands["serve"].params if p.name}
    known = {setting.name for setting in SETTINGS} | options.keys()
    image = Dockerfile(DEPLOY / "docker" / "Dockerfile")
    runner = CliRunner()
    for name in ("server-1", "server-2", "tool"):
        service = services[name]
        assert service["environment"].keys() <= known
        assert runner.invoke(cli, [*service["command"], "--help"]).exit_code == 0
        assert service["user"] == image.one("USER")
        assert f"data:{image.env['HOME']}" in service["volumes"]
        for variable, value in service["environment"].items():
            if variable in options:
                options[variable].type.convert(value, options[variable], None)
    server = services["server-1"]
    assert server["healthcheck"]["test"] == ["CMD", *image.health]
    assert f"server-1:{image.env[f'{SERVE}_PORT']}" in services["proxy"]["environment"]["IMAGEFINDER_SERVERS"].split()
    assert [services[name]["hostname"] for name in ("server-1", "server-2")] == ["server-1", "server-2"]
    secrets = {f"/run/secrets/{name}" for name in server["secrets"]}
    assert secrets == {server["environment"][f"IMAGEFINDER_{name}_FILE"] for name in ("KEY", "STORE_KEY")}


def test_a_server_has_time_to_end(services: dict[str, dict[str, Any]]) -> None:
    server = services["server-1"]
    drain = float(server["environment"][f"{SERVE}_DRAIN"])
    grace = SECONDS.fullmatch(server["stop_grace_period"])
    assert grace and int(grace[1]) >= drain + 2 * TERM_S
    caddy = (COMPOSE / "Caddyfile").read_text()
    interval = re.search(r"health_interval (\d+)s", caddy)
    assert interval and drain > 2 * int(interval[1]), "the proxy must notice in time"


def test_the_address_of_the_index_can_be_read(file: str, services: dict[str, dict[str, Any]]) -> None:
    """Its host is the service, and it has no password."""
    address = services["server-1"]["environment"]["IMAGEFINDER_INDEX"]
    assert f"@{FILES[file]}/" in address or f"//{FILES[file]}:" in address
    site = (PostgresAddress if file == "compose.yaml" else QdrantAddress).read(address)
    assert site.name == "main"
    if file == "compose.yaml":
        store = services["database"]
        assert (
            store["environment"]["POSTGRES_USER"] in address and f"/{store['environment']['POSTGRES_DB']}/" in address
        )


def test_postgresql_takes_the_settings(services: dict[str, dict[str, Any]]) -> None:
    """Those of its command, by a real one; and the index can be made there with a password from a file."""
    if "database" not in services:
        return
    words = services["database"]["command"]
    assert words[0] == "postgres"
    settings = dict(word.removeprefix("-c").split("=", 1) for word in words[1:])
    with database.running(**settings | {"shared_buffers": "64MB"}) as server:
        import psycopg

        with psycopg.connect(server.address("x").replace("/x?", "?")) as connection:
            for name in settings:
                row = connection.execute("select source from pg_settings where name = %s", [name]).fetchone()
                assert row == ("command line",)
    health = services["database"]["healthcheck"]["test"]
    assert health[:2] == ["CMD", "pg_isready"]
    done = subprocess.run([server.programs / "pg_isready", *health[2:], "--port=1"], capture_output=True, text=True)
    assert done.returncode == 2, "no answer; 3 would be a wrong option"


@pytest.fixture
def answering() -> Iterator[tuple[int, list[int]]]:
    """A server at a port that answers with the status in the list."""
    status = [200]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status[0] if self.path == "/readyz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port, status
    server.shutdown()
    thread.join()
    server.server_close()


def test_qdrant_is_asked_whether_it_is_ready(answering: tuple[int, list[int]]) -> None:
    """The few words of bash in place of curl, which the image lacks."""
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    port, status = answering
    kind, *words = composed("qdrant.yaml", **GIVEN)["services"]["qdrant"]["healthcheck"]["test"]
    assert kind == "CMD" and "/6333;" in words[-1]
    words[-1] = words[-1].replace("/6333;", f"/{port};")
    assert subprocess.run(words).returncode == 0
    status[0] = 503
    assert subprocess.run(words).returncode != 0
    words[-1] = words[-1].replace(f"/{port};", "/1;")
    assert subprocess.run(words, stderr=subprocess.DEVNULL).returncode != 0


def test_qdrant_gets_its_key_from_the_secret(tmp_path: Path) -> None:
    bash, flag, line = composed("qdrant.yaml", **GIVEN)["services"]["qdrant"]["entrypoint"]
    (tmp_path / "entrypoint.sh").write_text('#!/bin/sh\nprintf %s "$QDRANT__SERVICE__API_KEY"\n')
    (tmp_path / "entrypoint.sh").chmod(0o755)
    (tmp_path / "key").write_text("the key\n")
    assert "/run/secrets/store_key" in line
    line = line.replace("/run/secrets/store_key", shlex.quote(str(tmp_path / "key")))
    done = subprocess.run([bash, flag, line], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "the key"


def test_secrets_are_made_once_and_for_us_only(tmp_path: Path) -> None:
    script = shutil.copy(COMPOSE / "secrets.sh", tmp_path)
    names = set(composed("compose.yaml", **GIVEN)["secrets"])
    assert subprocess.run([script], capture_output=True, text=True).stdout.count("\n") == len(names)
    folder = tmp_path / "secrets"
    made = {path.name: path.read_text() for path in folder.iterdir()}
    assert made.keys() == names and len(set(made.values())) == len(names)
    assert all(re.fullmatch("[0-9a-f]{48}", secret) for secret in made.values())
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o444}
    assert subprocess.run([script], capture_output=True, text=True).stdout == ""
    assert {path.name: path.read_text() for path in folder.iterdir()} == made
    ServerSettings(host="0.0.0.0", key=made["server_key"])


def test_the_example_names_variables_that_there_are() -> None:
    lines = [line for line in (COMPOSE / "env.example").read_text().splitlines() if line and line[0] != "#"]
    used = "".join((COMPOSE / name).read_text() for name in (*FILES, "common.yaml"))
    for line in lines:
        assert "${" + line.split("=")[0] in used
    composed("compose.yaml", **dict(line.split("=", 1) for line in lines))
