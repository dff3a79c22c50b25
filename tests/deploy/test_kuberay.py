"""The example of KubeRay: pods by the schemas of Kubernetes, the command by the command line, and the fields of KubeRay
by what its own types say."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from chart import VERSIONS, Object, check, check_as, defaults, objects, the

from imagefinder import __version__
from imagefinder.cli import cli

PLACE = Path(__file__).resolve().parents[2] / "deploy" / "kuberay" / "index.yaml"
PAGE = PLACE.parents[2] / "docs" / "kubernetes.md"
# The fields of ray.io/v1 that may be used, as they are named and typed in KubeRay's source (apis/ray/v1, of 2025)
JOB = {
    "entrypoint": str,
    "submissionMode": str,
    "backoffLimit": int,
    "activeDeadlineSeconds": int,
    "shutdownAfterJobFinishes": bool,
    "ttlSecondsAfterFinished": int,
    "rayClusterSpec": dict,
}
CLUSTER = {"rayVersion": str, "headGroupSpec": dict, "workerGroupSpecs": list}
HEAD = {"rayStartParams": dict, "template": dict}
WORKERS = {**HEAD, "groupName": str, "replicas": int, "minReplicas": int, "maxReplicas": int}
MODES = ("K8sJobMode", "HTTPMode", "InteractiveMode")


@pytest.fixture(scope="module")
def made() -> list[Object]:
    yaml = pytest.importorskip("yaml")
    return list(yaml.safe_load_all(PLACE.read_text("utf-8")))


@pytest.fixture(scope="module")
def job(made: list[Object]) -> Object:
    return dict(the("RayJob", made)["spec"])


def groups(job: Object) -> list[Object]:
    return [job["rayClusterSpec"]["headGroupSpec"], *job["rayClusterSpec"]["workerGroupSpecs"]]


def test_kuberay_knows_the_fields(made: list[Object], job: Object) -> None:
    assert the("RayJob", made)["apiVersion"] == "ray.io/v1" and job["submissionMode"] in MODES
    head, *workers = groups(job)
    for given, known in ((job, JOB), (job["rayClusterSpec"], CLUSTER), (head, HEAD), *((w, WORKERS) for w in workers)):
        assert {name: type(value) for name, value in given.items()} == {name: known[name] for name in given}
    for group in groups(job):
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
    for group in workers:
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_takes_the_pods_and_the_policy(made: list[Object], job: Object, version: str) -> None:
    for group in groups(job):
        check_as(group["template"], "podtemplatespec-v1", version)
    check(the("NetworkPolicy", made), version)


def test_the_pods_are_restricted_and_guarded(made: list[Object], job: Object) -> None:
    guarded = the("NetworkPolicy", made)["spec"]["podSelector"]["matchLabels"]
    for group in groups(job):
        spec = group["template"]["spec"]
        assert guarded.items() <= group["template"]["metadata"]["labels"].items()
        assert spec["securityContext"]["runAsNonRoot"] and not spec["automountServiceAccountToken"]
        (one,) = spec["containers"]
        assert one["securityContext"]["readOnlyRootFilesystem"]
        assert not one["securityContext"]["allowPrivilegeEscalation"]
        assert {mount["name"] for mount in one["volumeMounts"]} == {volume["name"] for volume in spec["volumes"]}


def test_the_pods_are_those_of_the_chart_with_ray(job: Object) -> None:
    import yaml

    (values,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    release = objects(yaml.safe_load(values), release="shop")
    (server,) = the("Deployment", release)["spec"]["template"]["spec"]["containers"]
    address = next(variable for variable in server["env"] if variable["name"] == "IMAGEFINDER_INDEX")
    for group in groups(job):
        spec = group["template"]["spec"]
        (one,) = spec["containers"]
        assert one["image"] == f"{defaults()['image']['repository']}:{__version__}-ray"
        assert spec["serviceAccountName"] == the("ServiceAccount", release)["metadata"]["name"]
        assert one["envFrom"] == server["envFrom"] and address in one["env"]
        assert spec["securityContext"].items() <= defaults()["podSecurityContext"].items()
        assert one["securityContext"] == defaults()["securityContext"]


def test_the_command_is_one_of_the_command_line(job: Object) -> None:
    program, command, *words = shlex.split(job["entrypoint"])
    assert (program, command) == ("imagefinder", "index")
    options = cli.commands["index"].make_context("index", words).params
    assert options["sources"] == ("s3://shop/products",) and options.get("ray", "auto") == "auto"


@contextmanager
def answering(status: int) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/api/local_raylet_healthz" else 404)
            self.end_headers()

        def log_message(self, *of: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_the_probe_says_what_the_node_says(job: Object, status: int, code: int) -> None:
    for probe in ("readinessProbe", "livenessProbe"):
        (python, flag, program) = groups(job)[0]["template"]["spec"]["containers"][0][probe]["exec"]["command"]
        assert (python, flag) == ("python", "-c") and "localhost:52365" in program
        with answering(status) as port:
            program = program.replace("localhost:52365", f"127.0.0.1:{port}")
            assert subprocess.run([sys.executable, "-c", program], capture_output=True).returncode == code
