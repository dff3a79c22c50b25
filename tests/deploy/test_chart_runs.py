"""The containers of the chart, run as they are rendered: the same words and variables, against a real PostgreSQL. What
is not here is the kernel's part: another user, a root file system that can't be written."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import chart
import database
import httpx
import pytest
from chart import KEY, Object, objects, pods, the

from imagefinder import ImageFinder

ROOT = Path(__file__).resolve().parents[2]
FOOD = ROOT / "examples" / "images" / "food"
PATIENCE_S = 120.0
pytestmark = pytest.mark.skipif(os.name != "posix", reason="paths and signals are those of the image")


Process = subprocess.Popen[str]


class Cluster:
    """Runs the container of a kind of object. Its volumes are folders; beside them it finds an empty place."""

    def __init__(self, made: list[Object], folder: Path) -> None:
        self.made, self.folder = made, folder
        self.elsewhere = folder / "elsewhere"
        self.elsewhere.mkdir()
        program = folder / "bin" / "imagefinder"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m imagefinder "$@"\n', "utf-8")
        program.chmod(0o755)

    def start(self, kind: str, environment: Mapping[str, str] = MappingProxyType({}), **streams: Any) -> Process:
        (spec,) = (template["spec"] for made_by, template in pods(self.made) if made_by == kind)
        (one,) = spec["containers"]
        mounts = {mount["mountPath"]: self.folder / mount["name"] for mount in one["volumeMounts"]}
        for place in mounts.values():
            place.mkdir(exist_ok=True)

        def inside(value: str) -> str:
            at = next((mount for mount in mounts if value == mount or value.startswith(f"{mount}/")), None)
            return value if at is None else f"{mounts[at]}{value.removeprefix(at)}"

        given = {
            "PATH": f"{self.folder / 'bin'}:/usr/bin:/bin",
            "PYTHONPATH": str(ROOT / "src"),
            "OMP_NUM_THREADS": "1",
            **the("Secret", self.made)["stringData"],
            **{variable["name"]: inside(variable["value"]) for variable in one["env"]},
            **environment,
        }
        command = [shutil.which(one["command"][0], path=given["PATH"]), *one["command"][1:], *one["args"]]
        return subprocess.Popen(command, env=given, cwd=self.elsewhere, text=True, **streams)

    def run(self, kind: str) -> tuple[int, str]:
        """Its exit code, and what it said."""
        return ended(self.start(kind, stdout=subprocess.PIPE, stderr=subprocess.STDOUT))


def ended(process: Process) -> tuple[int, str]:
    with process:
        said, _ = process.communicate(timeout=PATIENCE_S)
    return process.returncode, said


def until(condition: Callable[[], Any], what: str) -> Any:
    end = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < end, f"waited {PATIENCE_S} s for {what}"
        time.sleep(0.05)
    return found


@pytest.fixture
def cluster(postgres: database.Server, tmp_path: Path) -> Cluster:
    values = {
        "index": {"address": postgres.address()},
        "secret": {"data": {"IMAGEFINDER_KEY": KEY}},
        "server": {"drainSeconds": 600, "extraArgs": ["--port=0"]},  # any that is free; it is logged
        "indexing": {"now": True, "sources": [str(FOOD)]},
        "ingress": {"enabled": True, "hosts": ["photos.example"]},
        "metrics": {"serviceMonitor": {"enabled": True}},
    }
    return Cluster(objects(values), tmp_path)


@pytest.fixture
def server(cluster: Cluster) -> Iterator[tuple[Process, Path]]:
    log = cluster.folder / "log"
    with log.open("w") as file, cluster.start("Deployment", stderr=file) as process:
        yield process, log
        process.kill()


def probe(made: list[Object], name: str) -> str:
    (one,) = the("Deployment", made)["spec"]["template"]["spec"]["containers"]
    return str(one[name]["httpGet"]["path"])


def test_the_job_indexes_and_a_server_answers_until_it_is_told_to_go(
    cluster: Cluster, server: tuple[Process, Path]
) -> None:
    process, log = server
    code, said = cluster.run("Job")
    assert code == 0, said

    def url() -> str:
        assert process.poll() is None, log.read_text("utf-8")
        lines = [json.loads(line) for line in log.read_text("utf-8").splitlines(keepends=True) if line.endswith("\n")]
        return next((line["url"] for line in lines if "url" in line), "")

    with httpx.Client(base_url=until(url, "the server to say where it is"), timeout=PATIENCE_S) as web:
        assert web.get(probe(cluster.made, "livenessProbe")).status_code == 200
        ready = probe(cluster.made, "readinessProbe")
        until(lambda: web.get(ready).status_code == 200, "the server to be ready")
        asked = {"words": "an orange", "k": 3}
        assert web.post("/v1/search", json=asked).status_code == 401
        key = {"Authorization": f"Bearer {KEY}"}
        assert len(web.post("/v1/search", json=asked, headers=key).json()["hits"]) == 3
        (endpoint,) = the("ServiceMonitor", cluster.made)["spec"]["endpoints"]
        secret = the("Secret", cluster.made)["stringData"][endpoint["authorization"]["credentials"]["key"]]
        metrics = web.get(endpoint["path"], headers={"Authorization": f"Bearer {secret}"})
        assert metrics.status_code == 200 and "imagefinder_" in metrics.text
        names = {name: web.get("/", headers={"Host": name}).status_code for name in (
            the("Service", cluster.made)["metadata"]["name"], "photos.example", "10.1.2.3:8642", "evil.example"
        )}  # fmt: skip
        assert list(names.values()) == [200, 200, 200, 403], names
        process.send_signal(signal.SIGTERM)
        until(lambda: web.get(ready).status_code == 503, "the server to say that it leaves")
        assert len(web.post("/v1/search", json=asked, headers=key).json()["hits"]) == 3
    assert list(cluster.elsewhere.iterdir()) == []
    assert list((cluster.folder / "data" / "imagefinder" / "shared").iterdir()) != []
    assert list((cluster.folder / "tmp" / "state" / "imagefinder" / "servers").iterdir()) != []


def test_a_job_whose_images_have_gone_is_not_tried_again(postgres: database.Server, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(FOOD, source)
    values = chart.changed(chart.LEAST, "index.address", postgres.address())
    made = objects({**values, "indexing": {"now": True, "sources": [str(source)]}})
    pod = Cluster(made, tmp_path)
    assert pod.run("Job")[0] == 0
    for path in source.iterdir():
        path.unlink()
    _, rule = the("Job", made)["spec"]["podFailurePolicy"]["rules"]
    code, said = pod.run("Job")
    assert code in rule["onExitCodes"]["values"], said


def test_the_pods_of_a_job_make_one_index_together(postgres: database.Server, tmp_path: Path) -> None:
    address = postgres.address()
    values = chart.changed(chart.LEAST, "index.address", address)
    made = objects({**values, "indexing": {"now": True, "sources": [str(FOOD)], "shards": 3, "parallelism": 3}})
    cluster, piped = Cluster(made, tmp_path), {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    at_once = [cluster.start("Job", {"JOB_COMPLETION_INDEX": str(n)}, **piped) for n in range(3)]
    for code, said in map(ended, at_once):
        assert code == 0, said
    with ImageFinder.open(address) as finder:
        assert len(finder) == len(list(FOOD.iterdir()))


def test_a_job_without_a_database_ends_so_that_it_is_tried_again(tmp_path: Path) -> None:
    made = objects(
        chart.changed(
            {**chart.LEAST, "indexing": {"now": True, "sources": [str(FOOD)]}},
            "index.address",
            f"postgresql://me@/db/pictures?host={tmp_path}",
        )
    )
    _, rule = the("Job", made)["spec"]["podFailurePolicy"]["rules"]
    code, said = Cluster(made, tmp_path).run("Job")
    assert code not in (0, *rule["onExitCodes"]["values"]), said
