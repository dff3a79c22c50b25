"""The image: its build steps make a program in a clean folder, and a server runs from it as in a container."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from composed import DEPLOY, Dockerfile
from hub_server import HubServer
from jailed import USER, Jail, first_of, needs_jail
from skips import needs_program
from tiny_graphs import clip_repository

from imagefinder.cli import cli
from imagefinder.settings import SERVE, SETTINGS

pytestmark = pytest.mark.skipif(os.name != "posix", reason="images are of Linux")
ROOT = DEPLOY.parent
FILE = DEPLOY / "docker" / "Dockerfile"
KEY = "a key that is long enough"
HOME = "/opt/imagefinder"


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder that other users can look into; where it can be, in memory."""
    folder = Path(tempfile.mkdtemp(prefix="imagefinder-image-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def source(place: Path) -> Path:
    """What .dockerignore lets into the build, and nothing else."""
    folder = place / "source"
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*", "all is left out that isn't named"
    for name in (line[1:] for line in lines if line.startswith("!")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.pyc"))
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


def build(source: Path, *arguments: object, **env: str) -> subprocess.CompletedProcess[str]:
    """The step of the Dockerfile, but for the packages we need: those are the ones that the tests run with."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    packages = str(Path(pytest.__file__).parents[1])
    env = {**os.environ, "PATH": path, "PYTHONPATH": packages, "PIP_OPTIONS": "--no-deps", **env}
    words = [str(source / "deploy" / "docker" / "build.sh"), *map(str, arguments)]
    return subprocess.run(words, env=env, capture_output=True, text=True)


@pytest.fixture(scope="module")
def program(place: Path, source: Path) -> Path:
    folder = place / "program"
    with HubServer() as hub:
        hub.add("Xenova/tiny-clip", clip_repository())
        env = hub.environment(place / "hub")
        done = build(source, folder, "cpu", "postgres,qdrant", "hub:Xenova/tiny-clip", **env)
    assert done.returncode == 0, done.stderr
    assert "imagefinder, version " in done.stdout
    return folder


def environment(program: Path, data: Path) -> dict[str, str]:
    """What the Dockerfile sets, with these folders in place of the image's."""
    packages = str(Path(pytest.__file__).parents[1])
    values = {name: value.replace(HOME, str(program)).replace("/data", str(data)) for name, value in _ENV.items()}
    path = values.pop("PATH").replace("$PATH", os.environ["PATH"])
    return {**values, "PATH": path, "PYTHONPATH": packages, "OMP_NUM_THREADS": "1"}


_ENV = Dockerfile(FILE).env if FILE.exists() else {}


def ask(port: int, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
    with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, headers)) as answer:
        return json.loads(answer.read())


def until(condition: Callable[[], bool], process: subprocess.Popen[str], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end
        time.sleep(0.05)


def status(port: int, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_the_build_makes_a_program_without_pip_or_tests(program: Path) -> None:
    (packages,) = program.glob("lib/python3*/site-packages")
    assert not (packages / "pip").exists()
    assert list(packages.glob("imagefinder/models/bundled/*/model.int8.onnx"))
    assert list(packages.glob("imagefinder/__pycache__/finder.*.pyc")), "nothing can be compiled later"
    assert not [path for path in packages.rglob("*.py?") if path.suffix in (".pyi", ".pyx", ".pxd")]
    assert (program / "share" / "imagefinder" / "models").is_dir()


@pytest.mark.parametrize(("arguments", "why"), [(("new", "gpu"), "variant 'gpu'"), (("there",), "there already")])
def test_what_cannot_be_built_is_refused(source: Path, tmp_path: Path, arguments: tuple[str, ...], why: str) -> None:
    (tmp_path / "there").mkdir()
    done = build(source, tmp_path / arguments[0], *arguments[1:])
    assert done.returncode == 2 and why in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["there"]


def test_a_server_runs_from_it_as_in_a_container(program: Path, place: Path) -> None:
    """As the first process, not as root, without capabilities, with nothing to be written but /data and /tmp; it is
    healthy, answers a search, and ends by SIGTERM after its drain."""
    needs_jail()
    data, file, port = place / "data", Dockerfile(FILE), free_port()
    data.mkdir()
    shutil.copytree(ROOT / "examples" / "images" / "food", place / "pictures")
    jail = Jail(program, data, environment(program, data))
    for forbidden in (program / "new", "/new", "/usr/new"):
        done = jail.run("python", "-c", f"open({str(forbidden)!r}, 'w')")
        assert "Read-only file system" in done.stdout, done.stdout
    done = jail.run(*file.entrypoint, "index", place / "pictures")
    assert done.returncode == 0 and "9 images" in done.stdout, done.stdout
    wanted = {"IMAGEFINDER_KEY": KEY, f"{SERVE}_PORT": str(port), f"{SERVE}_DRAIN": "300"}
    process = jail.start(*file.entrypoint, *file.command, **wanted)
    try:
        health = {"IMAGEFINDER_KEY": "", f"{SERVE}_PORT": str(port)}
        until(lambda: status(port, "/readyz") == 200, process)
        assert jail.run(*file.health, **health).returncode == 0
        first = first_of(process)
        lines = Path(f"/proc/{first}/status").read_text().splitlines()
        facts = dict(line.split(":\t") for line in lines if ":\t" in line)
        assert facts["NSpid"].split()[-1] == "1", "a shell in between would keep signals from it"
        assert facts["Uid"].split() == [str(USER)] * 4 and facts["NoNewPrivs"] == "1"
        assert {facts[name] for name in ("CapEff", "CapPrm", "CapBnd")} == {"0" * 16}
        hits = ask(port, "/v1/search", {"words": "an orange", "k": 3})["hits"]
        assert len(hits) == 3 and all(str(place / "pictures") in hit["uri"] for hit in hits)
        os.kill(first, signal.SIGTERM)
        until(lambda: status(port, "/readyz") == 503, process)
        assert jail.run(*file.health, **health).returncode == 3
        assert ask(port, "/v1/search", {"words": "an orange", "k": 3})["hits"] == hits
        os.kill(first, signal.SIGTERM)  # the drain would last five minutes
        said, _ = process.communicate(timeout=100)
        assert process.returncode == 0
        served, *_ = [json.loads(line) for line in said.splitlines()]
        assert served["message"] == "serving" and served["images"] == 9
        assert KEY not in said
    finally:
        process.kill()
        process.wait()


def test_sigterm_ends_the_first_process_of_a_container_at_any_time(program: Path, place: Path) -> None:
    """The kernel gives it no signal that it doesn't handle."""
    needs_jail()
    data = place / "stopped"
    data.mkdir()
    jail = Jail(program, data, environment(program, data))
    process = jail.start("imagefinder", "index", ROOT / "examples" / "images")
    try:
        until(lambda: (data / "imagefinder" / "index" / "index.json").exists(), process)
        os.kill(first_of(process), signal.SIGTERM)
        said, _ = process.communicate(timeout=100)
        assert process.returncode == 130 and "Stopped." in said, said
    finally:
        process.kill()
        process.wait()


def test_what_the_dockerfile_says_is_true_of_the_program() -> None:
    file = Dockerfile(FILE)
    options = {f"{SERVE}_{p.name.upper()}": p for p in cli.commands["serve"].params if p.name}
    known = {setting.name for setting in SETTINGS} | options.keys()
    assert {name for name in file.env if name.startswith("IMAGEFINDER_")} <= known
    assert file.entrypoint == ["imagefinder"] and file.env["PATH"] == f"{HOME}/bin:$PATH"
    runner = CliRunner()
    assert runner.invoke(cli, [*file.command, "--help"]).exit_code == 0
    assert file.health[0] == "imagefinder" and runner.invoke(cli, [*file.health[1:], "--help"]).exit_code == 0
    assert file.one("EXPOSE") == file.env[f"{SERVE}_PORT"]
    assert file.one("USER") == f"{USER}:{USER}" and file.one("VOLUME") == file.env["HOME"] == file.env["XDG_DATA_HOME"]
    assert any(f"--from=build {HOME} {HOME}" in copy for copy in file.all("COPY"))
    (run,) = [value for name, value in file.steps if name == "RUN" and "build.sh" in value]
    assert f"build.sh {HOME} " in run and (ROOT / "deploy" / "docker" / "build.sh").stat().st_mode & 0o111
    labels = " ".join(file.all("LABEL"))
    assert {"title", "licenses", "version", "revision"} <= {part.split("=")[0] for part in labels.split("image.")}


def test_no_secret_is_in_the_image() -> None:
    names = {setting.name for setting in SETTINGS if "KEY" in setting.name}
    said = FILE.read_text() + (DEPLOY / "docker" / "build.sh").read_text()
    assert names and not [name for name in names if name in said]


@pytest.mark.parametrize("path", [FILE, DEPLOY / "compose" / "proxy.Dockerfile"], ids=lambda path: path.name)
def test_the_dockerfiles_have_no_known_faults(path: Path) -> None:
    done = subprocess.run([needs_program("hadolint"), "--no-color", str(path)], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stdout, done.stdout


def test_models_of_the_build_are_found_by_all_users(program: Path, place: Path) -> None:
    """A model that the build puts into the image is there for a user whose own folder is empty, and stays."""
    assert not (program / "share" / "imagefinder" / "model-locks").exists()
    env = environment(program, place / "nobody") | {"HF_HUB_OFFLINE": "1"}
    (place / "nobody").mkdir()

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([program / "bin" / "imagefinder", *words], env=env, capture_output=True, text=True)

    listed = json.loads(run("models", "list", "--json").stdout)["models"]
    assert [row["name"] for row in listed if row["state"] == "here"] == ["xenova.tiny-clip"]
    removed = run("models", "rm", "xenova.tiny-clip")
    assert removed.returncode == 3 and "all users" in removed.stderr
