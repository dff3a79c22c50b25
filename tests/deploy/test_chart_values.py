"""The values of the Helm chart: each has an effect, wrong ones are refused, and the page says what they are."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import chart
import pytest
from chart import ALL, CHART, LEAST, changed, defaults, leaves, objects, refused, rendered

from imagefinder import __version__
from imagefinder.store.stores import STORES

PEER = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "elsewhere"}}}]
TOLERATED = [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}]
RESOURCES = {"requests": {"cpu": "3", "memory": "7Gi"}, "limits": {"memory": "9Gi"}}
# What a value is changed to, and what else must be given for it to count: for those that one can't guess by their type
CHANGES: dict[str, Any] = {
    "fullnameOverride": "pictures",
    "image.repository": "registry.example/imagefinder",
    "image.tag": "9.9.9-cuda",
    "image.digest": f"sha256:{'0' * 64}",
    "image.pullPolicy": "Always",
    "image.pullSecrets": [{"name": "pull"}],
    "index.address": "qdrants://vectors.example:6333/pictures",
    "secret.existing": ("mine", {"secret.existing": "yours", "secret.data": {}}),
    "secret.data": {"IMAGEFINDER_KEY": "another key that only tests have", "PGPASSWORD": "x"},
    "env": {"PGSSLMODE": "verify-full"},
    "server.replicas": (5, {"autoscaling.enabled": False}),
    "server.allowHosts": ["pictures.example"],
    "server.trustedProxies": ["10.0.0.0/8"],
    "server.rootPath": "/pictures",
    "server.cors": ["https://shop.example"],
    "server.allowFolders": ["s3://shop/new"],
    "server.uploads": "s3://shop/sent",
    "server.uploadPerDay": "2GB",
    "server.rate": 7,
    "server.logFormat": "text",
    "server.provider": "cuda",
    "server.extraArgs": ["--proxy-scope=write"],
    "server.resources.requests.cpu": "3",
    "server.resources.requests.memory": "7Gi",
    "server.resources.limits.memory": "9Gi",
    "server.nodeSelector": {"disk": "ssd"},
    "server.tolerations": TOLERATED,
    "server.affinity": {"podAntiAffinity": {}},
    "server.topologySpreadConstraints": [],
    "server.priorityClassName": "high",
    "server.podLabels": {"team": "shop"},
    "server.podAnnotations": {"team": "shop"},
    "probes.startSeconds": 300,
    "probes.liveSeconds": 300,
    "autoscaling.metrics": [{"type": "Resource", "resource": {"name": "memory", "target": {"type": "Utilization"}}}],
    "service.type": "LoadBalancer",
    "service.annotations": {"team": "shop"},
    "ingress.className": "nginx",
    "ingress.annotations": {"team": "shop"},
    "ingress.hosts": ["pictures.example"],
    "ingress.tls": [{"secretName": "tls", "hosts": ["photos.example"]}],
    "networkPolicy.from": PEER,
    "networkPolicy.metricsFrom": PEER,
    "networkPolicy.storePorts": [15432],
    "networkPolicy.storeTo": PEER,
    "networkPolicy.extraEgress": [{"ports": [{"port": 4318}]}],
    "serviceAccount.name": "reader",
    "serviceAccount.annotations": {"iam.gke.io/gcp-service-account": "reader@shop"},
    "images.existingClaim": ("mine", {"images.size": ""}),
    "images.size": "700Gi",
    "images.storageClass": "fast",
    "images.accessModes": ["ReadOnlyMany"],
    "images.mountPath": "/photos",
    "data.existingClaim": ("mine", {"data.size": ""}),
    "data.size": "70Gi",
    "data.storageClass": "fast",
    "data.accessModes": ["ReadWriteOnce"],
    "data.emptyDirLimit": ("70Gi", {"data.size": ""}),
    "models": ["dinov2-s"],
    "tmpLimit": "7Gi",
    "indexing.sources": ["gs://shop/products"],
    "indexing.extraArgs": ["--exclude=*.gif"],
    "indexing.schedule": "0 5 * * *",
    "indexing.timeZone": "Europe/Berlin",
    "indexing.imageTag": "9.9.9-cuda",
    "indexing.provider": "cuda",
    "indexing.resources.requests.cpu": "3",
    "indexing.resources.requests.memory": "7Gi",
    "indexing.resources.limits.memory": "9Gi",
    "indexing.nodeSelector": {"disk": "ssd"},
    "indexing.tolerations": TOLERATED,
    "metrics.serviceMonitor.labels": {"team": "shop"},
    "metrics.serviceMonitor.interval": "7s",
    "metrics.serviceMonitor.secretName": "prometheus",
    "metrics.prometheusRule.labels": {"team": "shop"},
    "metrics.prometheusRule.rules": "groups: [{name: two, rules: []}]",
    "podSecurityContext.fsGroupChangePolicy": "Always",
    "podSecurityContext.seccompProfile.type": "Localhost",
    "securityContext.capabilities.drop": ["NET_RAW"],
}


LEAVES = dict(leaves(defaults()))


@cache
def with_all() -> str:
    return rendered(ALL)


def other(path: str, value: Any) -> Any:
    """Another value of the same type, where the table has none."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    assert isinstance(value, str) and value, f"say in CHANGES what {path} may be changed to"
    return f"{value}x"


def held(values: dict[str, Any], path: str, default: Any) -> Any:
    for name in path.split("."):
        if not isinstance(values, dict) or name not in values:
            return default
        values = values[name]
    return values


@pytest.mark.parametrize(("path", "default"), LEAVES.items(), ids=LEAVES)
def test_each_value_has_an_effect(path: str, default: Any) -> None:
    found = CHANGES.get(path)
    new, also = found if isinstance(found, tuple) else (found, {})
    before = ALL
    for name, value in also.items():
        before = changed(before, name, value)
    now = held(before, path, default)
    new = other(path, now) if new is None else new
    assert new != now
    assert rendered(changed(before, path, new)) != (rendered(before) if also else with_all())


def test_the_table_of_changes_knows_no_others() -> None:
    assert CHANGES.keys() - LEAVES.keys() == set()


def at(schema: dict[str, Any], path: str) -> dict[str, Any]:
    for name in path.split("."):
        schema = schema.get("properties", {}).get(name) or {}
    return schema


def test_the_schema_knows_each_value_and_no_other() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    free = ("podSecurityContext", "securityContext", "server.resources", "indexing.resources")  # Kubernetes' own
    known = [path for path in LEAVES if not path.startswith(free)]
    assert [path for path in known if not at(schema, path)] == []

    def named(part: dict[str, Any], above: str = "") -> set[str]:
        return {
            name
            for key, value in part.get("properties", {}).items()
            for name in (named(value, f"{above}{key}.") or {f"{above}{key}"})
        }

    assert named(schema) - set(known) - {"global", *free[:2]} <= {
        f"{place}.resources.{kind}" for place in ("server", "indexing") for kind in ("requests", "limits")
    }


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("server.replica", 3),
        ("fullnameOverride", "x" * 47),
        ("server.replicas", "3"),
        ("server.replicas", -1),
        ("server.port", 80),
        ("server.workers", 65),
        ("server.drainSeconds", 601),
        ("server.logFormat", "xml"),
        ("server.rootPath", "pictures"),
        ("server.rate", -1),
        ("server.provider", "gpu"),
        ("image.digest", "latest"),
        ("image.pullPolicy", "Sometimes"),
        ("index.address", "/srv/index"),
        ("secret.data", {"IMAGEFINDER KEY": "x" * 20}),
        ("secret.data", {"IMAGEFINDER_KEY": 12345678901234567890}),
        ("indexing.shards", 0),
        ("indexing.schedule", "daily"),
        ("indexing.sources", "s3://shop"),
        ("images.size", "much"),
        ("images.accessModes", []),
        ("networkPolicy.storePorts", []),
        ("ingress.hosts", ["https://photos.example"]),
        ("server.topologySpreadConstraints", [{"maxSkew": 1}]),
    ],
)
def test_a_wrong_value_is_refused(path: str, value: Any) -> None:
    said = refused(changed(LEAST, path, value))
    assert "don't meet the specifications" in said
    assert ("additional properties" in said) == (path not in LEAVES)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "no index: set index.address"),
        ({"index.address": "postgresql://me@db/shop/pictures", "secret.data": {}}, "no key: secret.data"),
        ({"secret.data": {"IMAGEFINDER_KEY": "short"}}, "16 characters or more"),
        ({"secret.existing": "mine"}, "not both"),
        ({"index.address": "postgresql://me:secret@db/shop/pictures"}, "index.address holds a password"),
        ({"index.address": "qdrants://:secret@vectors/pictures"}, "index.address holds a password"),
        ({"images.size": "5Gi", "images.existingClaim": "mine"}, "images.existingClaim or images.size"),
        ({"data.size": "5Gi", "data.existingClaim": "mine"}, "data.existingClaim or data.size"),
        ({"ingress.enabled": True}, "needs ingress.hosts"),
        ({"metrics.prometheusRule.enabled": True}, "needs the rules"),
        ({"autoscaling.enabled": True, "autoscaling.minReplicas": 9}, "is above maxReplicas"),
        ({"server.maxSurge": 0}, "no server could ever be replaced"),
    ],
)
def test_what_does_not_go_together_is_refused_with_what_to_do(values: dict[str, Any], said: str) -> None:
    given: dict[str, Any] = LEAST if values else {}
    for path, value in values.items():
        given = changed(given, path, value)
    assert said in refused(given)


def test_a_secret_of_ones_own_is_enough() -> None:
    found = objects({"secret": {"existing": "mine"}})
    assert "Secret" not in [one["kind"] for one in found]
    (server,) = chart.the("Deployment", found)["spec"]["template"]["spec"]["containers"]
    assert server["envFrom"] == [{"secretRef": {"name": "mine"}}]
    assert "IMAGEFINDER_INDEX" not in [one["name"] for one in server["env"]]


def test_large_numbers_stay_numbers() -> None:
    found = objects(changed(ALL, "indexing.deadlineSeconds", 10_000_000))
    assert chart.the("Job", found)["spec"]["activeDeadlineSeconds"] == 10_000_000


def test_addresses_of_all_stores_are_taken() -> None:
    schemes = [scheme for store in STORES.values() for scheme in store.schemes]
    pattern = at(json.loads((CHART / "values.schema.json").read_text("utf-8")), "index.address")["pattern"]
    assert all(re.match(pattern, f"{scheme}://host/db/name") for scheme in schemes)
    assert set(re.findall(r"\w+", pattern)) == set(schemes)


def test_the_chart_runs_this_release() -> None:
    said = chart.helm("show", "chart", str(CHART)).stdout
    assert f"appVersion: {__version__}" in said.replace('"', "") and f"\nversion: {__version__}" in said


def test_the_page_tells_of_each_value() -> None:
    from docs_chart import commented

    told = dict(commented((CHART / "values.yaml").read_text("utf-8")))
    assert [path for path in LEAVES if not any(path == name or path.startswith(f"{name}.") for name in told)] == []
    page = (CHART.parents[2] / "docs" / "kubernetes.md").read_text("utf-8")
    assert all(f"| `{name}` |" in page for name in told)
    with pytest.raises(ValueError, match="above no value: lost"):
        list(commented("# top\n\na:\n  # lost\n\n  b: 1\n"))


def test_lint_finds_nothing() -> None:
    done = chart.helm("lint", str(CHART), "--strict", "--values", "-", values=ALL)
    assert done.returncode == 0, done.stdout + done.stderr
