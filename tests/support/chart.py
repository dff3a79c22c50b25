"""The Helm chart as Helm itself renders it, and what Kubernetes would say of the objects by its schemas."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

CHART = Path(__file__).resolve().parents[2] / "deploy" / "helm" / "imagefinder"
VERSIONS = (
    "1.29",
    "1.37",
)  # of Kubernetes: the oldest that the chart takes, and the newest that its schemas are at hand of
KEY = "a key that only tests have"
LEAST = {"index": {"address": "postgresql://me@db/shop/pictures"}, "secret": {"data": {"IMAGEFINDER_KEY": KEY}}}
# All that can be switched on, so that what only then has an effect has one
ALL: dict[str, Any] = {
    **LEAST,
    "autoscaling": {"enabled": True},
    "ingress": {"enabled": True, "hosts": ["photos.example"]},
    "indexing": {
        "sources": ["s3://shop/products"],
        "shards": 4,
        "parallelism": 2,
        "now": True,
        "schedule": "0 3 * * *",
    },
    "images": {"size": "500Gi"},
    "data": {"size": "20Gi"},
    "models": ["clip-b32-int8"],
    "networkPolicy": {"metadataServer": True},
    "metrics": {
        "serviceMonitor": {"enabled": True},
        "prometheusRule": {"enabled": True, "rules": "groups: [{name: one, rules: [{alert: Away, expr: up == 0}]}]"},
    },
}
Values = Mapping[str, Any]
Object = dict[str, Any]


def helm(*arguments: str, values: Values | None = None) -> subprocess.CompletedProcess[str]:
    """Run Helm; ``values`` are those of the file ``-``. Skips the test where there is no Helm."""
    beside = Path(sys.executable).with_name("helm")
    program = str(beside) if beside.is_file() else shutil.which("helm")
    if program is None:
        pytest.skip("helm is not installed; .ci/helm.sh installs it")
    given = None if values is None else json.dumps(values)
    alone = {**os.environ, "KUBECONFIG": os.devnull}  # of no cluster that this machine may know
    return subprocess.run([program, *arguments], input=given, env=alone, capture_output=True, text=True, timeout=60)


def rendered(values: Values = LEAST, release: str = "shop", namespace: str = "photos") -> str:
    """The text that Helm makes of the chart with these values."""
    done = helm("template", release, str(CHART), "--namespace", namespace, "--values", "-", values=values)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(values: Values) -> str:
    """Why Helm refuses these values."""
    done = helm("template", "shop", str(CHART), "--values", "-", values=values)
    assert done.returncode != 0, "these values were taken"
    return done.stderr


def objects(values: Values = LEAST, release: str = "shop", namespace: str = "photos") -> list[Object]:
    yaml = pytest.importorskip("yaml")
    return [one for one in yaml.safe_load_all(rendered(values, release, namespace)) if one]


def the(kind: str, among: list[Object]) -> Object:
    """The one object of this kind."""
    (found,) = (one for one in among if one["kind"] == kind)
    return found


def pods(among: list[Object]) -> Iterator[tuple[str, Object]]:
    """The kind of what makes pods, and the template of these."""
    for one in among:
        if one["kind"] == "CronJob":
            yield "CronJob", one["spec"]["jobTemplate"]["spec"]["template"]
        elif "template" in one.get("spec", {}):
            yield one["kind"], one["spec"]["template"]


def defaults() -> dict[str, Any]:
    yaml = pytest.importorskip("yaml")
    values: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    return values


def leaves(values: Values, above: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """The values that hold no others, by their paths: ``server.port``. An empty map is one."""
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*above, name))
        else:
            yield ".".join((*above, name)), value


def changed(values: Values, path: str, value: Any) -> dict[str, Any]:
    """A copy with another value at this path."""
    first, _, rest = path.partition(".")
    return {**values, first: changed(values.get(first) or {}, rest, value) if rest else value}


@cache
def _definitions(version: str) -> tuple[Path, Any]:
    import importlib.util

    from referencing import Registry, Resource

    found = importlib.util.find_spec("kubernetes_validate")
    assert found is not None and found.origin is not None
    folder = Path(found.origin).parent / "kubernetes-json-schema" / f"v{version}.0-local-strict"
    assert folder.is_dir(), f"kubernetes-validate has no schemas of Kubernetes {version}"
    definitions = json.loads((folder / "_definitions.json").read_text("utf-8"))
    return folder, Resource.from_contents(definitions) @ Registry()


def check(one: Object, version: str) -> None:
    """Raise jsonschema's ValidationError where Kubernetes of this version would refuse the object: for a field that it
    does not know, too."""
    group = one["apiVersion"].replace(".k8s.io", "").replace("/", "-")
    check_as(one, f"{one['kind'].lower()}-{group}", version)


def check_as(one: Object, schema: str, version: str) -> None:
    """The same by the schema of this name, such as ``podtemplatespec-v1``."""
    pytest.importorskip("kubernetes_validate")
    import jsonschema
    from referencing import Resource

    folder, registry = _definitions(version)
    found = json.loads((folder / f"{schema}.json").read_text("utf-8"))
    validator = jsonschema.Draft202012Validator(found, registry=Resource.from_contents(found) @ registry)
    validator.validate(one)
