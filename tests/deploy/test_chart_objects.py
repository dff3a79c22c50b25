"""What the chart makes: objects that Kubernetes takes, that fit each other, and that fit the program which they run."""

from __future__ import annotations

import json
import os
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import chart
import click
import pytest
from chart import ALL, LEAST, VERSIONS, Object, changed, objects, pods, the

from imagefinder.cli import cli
from imagefinder.images.remote.environment import _CLOUDS
from imagefinder.server.access import AccessTable
from imagefinder.server.jobs.mirror import AWAY_S
from imagefinder.server.run import TERM_S
from imagefinder.settings import SETTINGS

BUSY = {
    **ALL,
    "fullnameOverride": "pictures",
    "env": {"AWS_REGION": "eu-central-1", "PGSSLMODE": "require"},
    "server": {
        "allowHosts": ["pictures.example"],
        "trustedProxies": ["10.0.0.0/8"],
        "rootPath": "/pictures",
        "cors": ["https://shop.example"],
        "allowFolders": ["s3://shop/new"],
        "uploads": "s3://shop/sent",
        "requestsPerMinute": 1_000_000,
        "uploadPerDay": "2GB",
        "rate": 7.5,
        "readOnly": True,
        "traces": True,
        "provider": "cpu",
        "extraArgs": ["--proxy-scope=write"],
        "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
        "nodeSelector": {"disk": "ssd"},
        "priorityClassName": "high",
    },
    "indexing": {**ALL["indexing"], "shards": 1, "extraArgs": ["--exclude=*.gif"], "timeZone": "Europe/Berlin"},
}
MANY: dict[str, dict[str, Any]] = {
    "least": LEAST,
    "a secret of one's own": {"secret": {"existing": "mine"}},
    "all": ALL,
    "busy": BUSY,
}
ALERTS = Path(__file__).resolve().parents[2] / "deploy" / "monitoring" / "alerts.yml"
CRDS = ("monitoring.coreos.com/v1",)  # of the Prometheus operator: their schemas are in no package that is installed


@cache
def made(name: str) -> list[Object]:
    return objects(MANY[name])


def container(among: list[Object], kind: str = "Deployment") -> Object:
    (template,) = (template for made_by, template in pods(among) if made_by == kind)
    (found,) = template["spec"]["containers"]
    return dict(found)


@pytest.mark.parametrize("name", MANY)
@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_takes_each_object(name: str, version: str) -> None:
    for one in made(name):
        if one["apiVersion"] not in CRDS:
            chart.check(one, version)


def test_the_schemas_refuse_what_is_wrong() -> None:
    import jsonschema

    server = the("Deployment", made("least"))
    for wrong in (changed(server, "spec.replicas", "2"), changed(server, "spec.template.spec.container", [])):
        with pytest.raises(jsonschema.ValidationError):
            chart.check(wrong, VERSIONS[1])


def test_what_the_chart_makes() -> None:
    assert sorted(one["kind"] for one in made("least")) == [
        "Deployment", "NetworkPolicy", "PodDisruptionBudget", "Secret", "Service", "ServiceAccount"
    ]  # fmt: skip
    more = {one["kind"] for one in made("all")} - {one["kind"] for one in made("least")}
    assert more == {
        "CronJob", "HorizontalPodAutoscaler", "Ingress", "Job", "PersistentVolumeClaim", "PrometheusRule",
        "ServiceMonitor"
    }  # fmt: skip


@pytest.mark.parametrize("name", MANY)
def test_pods_are_restricted_as_the_pod_security_standard_wants(name: str) -> None:
    for _, template in pods(made(name)):
        spec = template["spec"]
        assert not spec.keys() & {"hostNetwork", "hostPID", "hostIPC"} and not spec["automountServiceAccountToken"]
        assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["runAsUser"] == 10001
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for volume in spec["volumes"]:
            assert volume.keys() - {"name"} <= {"emptyDir", "persistentVolumeClaim"}
        for one in (*spec["containers"], *spec.get("initContainers", ())):
            assert one["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
            }
            assert "memory" in one["resources"]["limits"] and "cpu" not in one["resources"]["limits"]
            assert not any("hostPort" in port for port in one.get("ports", ()))


def selects(selector: Object, labels: Object) -> bool:
    return bool(selector) and selector.items() <= labels.items()


@pytest.mark.parametrize("name", MANY)
def test_selectors_meet_the_pods_that_are_meant(name: str) -> None:
    found = made(name)
    labels = {kind: template["metadata"]["labels"] for kind, template in pods(found)}
    servers = labels.pop("Deployment")
    spread = the("Deployment", found)["spec"]["template"]["spec"]["topologySpreadConstraints"]
    for selector in (
        the("Deployment", found)["spec"]["selector"]["matchLabels"],
        the("Service", found)["spec"]["selector"],
        the("PodDisruptionBudget", found)["spec"]["selector"]["matchLabels"],
        *(one["labelSelector"]["matchLabels"] for one in spread),
    ):
        assert selects(selector, servers) and not any(selects(selector, jobs) for jobs in labels.values())
    guarded = the("NetworkPolicy", found)["spec"]["podSelector"]["matchLabels"]
    assert selects(guarded, servers) and all(selects(guarded, jobs) for jobs in labels.values())


def test_two_releases_in_a_namespace_do_not_meet() -> None:
    one, two = objects(release="one"), objects(release="two")
    assert not {(o["kind"], o["metadata"]["name"]) for o in one} & {(o["kind"], o["metadata"]["name"]) for o in two}
    _, template = next(pods(two))
    assert not selects(the("Service", one)["spec"]["selector"], template["metadata"]["labels"])


@pytest.mark.parametrize("name", MANY)
def test_names_that_lead_to_each_other(name: str) -> None:
    found = made(name)
    names = {kind: {o["metadata"]["name"] for o in found if o["kind"] == kind} for kind in {o["kind"] for o in found}}
    own = names["Service"]
    for _, template in pods(found):
        assert {template["spec"]["serviceAccountName"]} == names["ServiceAccount"]
        claims = {v["persistentVolumeClaim"]["claimName"] for v in template["spec"]["volumes"] if len(v) > 1 and
                  "persistentVolumeClaim" in v}  # fmt: skip
        assert claims == names.get("PersistentVolumeClaim", set())
        for one in (*template["spec"]["containers"], *template["spec"].get("initContainers", ())):
            volumes = {volume["name"] for volume in template["spec"]["volumes"]}
            assert {mount["name"] for mount in one["volumeMounts"]} == volumes
    for one in found:
        if one["kind"] == "Ingress":
            paths = [path for rule in one["spec"]["rules"] for path in rule["http"]["paths"]]
            assert {path["backend"]["service"]["name"] for path in paths} == own
            assert {path["backend"]["service"]["port"]["name"] for path in paths} == {"http"}
        if one["kind"] == "HorizontalPodAutoscaler":
            assert {one["spec"]["scaleTargetRef"]["name"]} == names["Deployment"]
            assert "replicas" not in the("Deployment", found)["spec"]
    assert {port["name"] for port in container(found)["ports"]} == {"http"}


def parsed(words: list[str]) -> click.Context:
    """As the command line reads them; it fails for an option or a value that there is not."""
    command, *arguments = words
    return cli.commands[command].make_context(command, arguments)


@pytest.mark.parametrize("name", MANY)
def test_the_servers_are_called_as_the_command_line_wants(name: str) -> None:
    server = container(made(name))
    assert server["command"] == ["imagefinder"]
    options = parsed(server["args"]).params
    assert options["host"] == "0.0.0.0" and options["port"] == server["ports"][0]["containerPort"]
    assert not options["browser"] and options["log_format"] == "json"


def test_values_become_options_of_the_server() -> None:
    options = parsed(container(made("busy"))["args"]).params
    assert options["allow_host"] == (
        "pictures", "pictures.photos", "pictures.photos.svc", "pictures.example", "photos.example"
    )  # fmt: skip
    assert options["trusted_proxy"] == ("10.0.0.0/8",) and options["cors"] == ("https://shop.example",)
    assert options["root_path"] == "/pictures" and options["read_only"] and options["traces"]
    assert options["requests_per_minute"] == 1_000_000 and options["upload_per_day"] == 2e9
    assert options["uploads"] == "s3://shop/sent" and options["allow_folder"] == ("s3://shop/new",)
    assert options["proxy_scope"] == "write" and (options["workers"], options["drain"]) == (1, 15)
    (path,) = the("Ingress", made("busy"))["spec"]["rules"][0]["http"]["paths"]
    assert path["path"] == options["root_path"]


def test_other_commands_exist_too() -> None:
    template = the("Deployment", made("all"))["spec"]["template"]
    (fetch,) = template["spec"]["initContainers"]
    assert fetch["command"] == ["imagefinder"] and fetch["args"] == ["models", "pull", "clip-b32-int8"]
    models = cli.commands["models"]
    assert isinstance(models, click.Group)
    assert models.commands["pull"].make_context("pull", fetch["args"][2:]).params["name"] == "clip-b32-int8"


@pytest.mark.parametrize("name", MANY)
def test_the_program_knows_each_variable(name: str) -> None:
    known = {setting.name for setting in SETTINGS} | {"HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"}
    for _, template in pods(made(name)):
        for one in (*template["spec"]["containers"], *template["spec"].get("initContainers", ())):
            names = [variable["name"] for variable in one["env"]]
            assert len(names) == len(set(names))
            assert set(names) - set(MANY[name].get("env", {})) <= known
    assert "AWS_REGION".startswith(_CLOUDS)  # what `env` and the Secret hand on of a cloud is read


def test_probes_ask_what_the_server_answers_without_a_key() -> None:
    server = container(made("least"))
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert server[probe]["httpGet"]["port"] == "http"
    paths = {server[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe")}
    assert paths == {"/healthz"} and server["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert server["readinessProbe"]["timeoutSeconds"] > AWAY_S  # so that it hears the server's own word


@pytest.mark.parametrize("drain", [0, 15, 600])
def test_a_pod_is_given_the_time_that_its_server_takes_to_end(drain: int) -> None:
    server = the("Deployment", objects(changed(LEAST, "server.drainSeconds", drain)))
    options = parsed(server["spec"]["template"]["spec"]["containers"][0]["args"]).params
    assert options["drain"] == drain
    assert server["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > drain + 2 * TERM_S


@pytest.mark.parametrize(("kind", "path"), [("startupProbe", "startSeconds"), ("livenessProbe", "liveSeconds")])
def test_probes_have_the_patience_that_the_values_say(kind: str, path: str) -> None:
    probe = container(objects(changed(LEAST, f"probes.{path}", 240)))[kind]
    assert probe["periodSeconds"] * probe["failureThreshold"] == 240


def test_the_network_is_closed_but_for_what_is_named() -> None:
    spec = the("NetworkPolicy", made("least"))["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    (way,) = spec["ingress"]
    assert way == {"from": [{"podSelector": {}}], "ports": [{"port": "http"}]}
    ports = [[port["port"] for port in rule["ports"]] for rule in spec["egress"]]
    assert ports == [[53, 53], [5432, 6333, 6334], [80, 443]]
    web = spec["egress"][2]["to"][0]["ipBlock"]
    assert web["cidr"] == "0.0.0.0/0" and {"10.0.0.0/8", "169.254.0.0/16"} <= set(web["except"])


def test_the_defaults_of_the_stores_are_reached() -> None:
    from imagefinder.store.qdrant.address import GRPC_PORT, PORT

    assert chart.defaults()["networkPolicy"]["storePorts"] == [5432, PORT, GRPC_PORT]


@pytest.mark.parametrize("kind", ["Job", "CronJob"])
def test_one_job_goes_over_all_sources(kind: str) -> None:
    one = container(made("busy"), kind)
    assert one["command"] == ["imagefinder"]
    options = parsed(one["args"]).params
    assert options["sources"] == ("s3://shop/products",) and options["exclude"] == ("*.gif",)


@pytest.mark.skipif(os.name != "posix", reason="the image has a shell of POSIX")
@pytest.mark.parametrize("kind", ["Job", "CronJob"])
def test_the_pods_of_a_job_take_a_part_each(kind: str, tmp_path: Path) -> None:
    values = changed(ALL, "indexing.sources", ["s3://shop/a b", "$(id)"])
    spec = the(kind, objects(changed(values, "indexing.extraArgs", ["--exclude=it's *.gif"])))["spec"]
    job = spec["jobTemplate"]["spec"] if kind == "CronJob" else spec
    (one,) = job["template"]["spec"]["containers"]
    assert job["completionMode"] == "Indexed" and (job["completions"], job["parallelism"]) == (4, 2)
    said = tmp_path / "imagefinder"
    said.write_text('#!/bin/sh\nfor one in "$@"; do printf "%s\\n" "$one"; done\n')
    said.chmod(0o755)
    for n in range(job["completions"]):
        environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "JOB_COMPLETION_INDEX": str(n)}
        done = subprocess.run([*one["command"], *one["args"]], env=environment, capture_output=True, text=True)
        words = done.stdout.splitlines()
        assert words == ["index", f"--shard={n + 1}/4", "--exclude=it's *.gif", "--", "s3://shop/a b", "$(id)"]
        assert parsed(words).params["sources"] == ("s3://shop/a b", "$(id)")


def test_a_job_is_tried_again_where_that_helps() -> None:
    for name, action, limit in (("all", "FailIndex", "backoffLimitPerIndex"), ("busy", "FailJob", "backoffLimit")):
        spec = the("Job", made(name))["spec"]
        lost, wrong = spec["podFailurePolicy"]["rules"]
        assert lost == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
        assert wrong["action"] == action and wrong["onExitCodes"]["values"] == [1, 2] and spec[limit] == 3
        (one,) = spec["template"]["spec"]["containers"]
        assert wrong["onExitCodes"]["containerName"] == one["name"]
        assert spec["template"]["spec"]["restartPolicy"] == "Never"  # what a policy of failures wants


def test_another_job_has_another_name() -> None:
    names = [
        the("Job", objects(changed(ALL, path, value)))["metadata"]["name"]
        for path, value in (("indexing.run", "1"), ("indexing.run", "2"), ("image.tag", "9.9.9"), ("tmpLimit", "3Gi"))
    ]
    assert len(set(names)) == 4 and all(len(name) <= 63 for name in names)
    assert names[0] == the("Job", made("all"))["metadata"]["name"]


def test_long_names_stay_short_enough() -> None:
    for values in (ALL, changed(ALL, "fullnameOverride", "x" * 46)):
        for one in objects(values, release="y" * 53):
            assert len(one["metadata"]["name"]) <= (52 if one["kind"] == "CronJob" else 63), one["kind"]


def test_the_monitor_reads_with_a_key() -> None:
    monitor = the("ServiceMonitor", made("all"))
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["authorization"] == {
        "type": "Bearer", "credentials": {"name": "shop-imagefinder", "key": "IMAGEFINDER_KEY"}
    }  # fmt: skip
    assert endpoint["relabelings"] == [{"targetLabel": "job", "replacement": "imagefinder-shop"}]
    labels = the("Service", made("all"))["metadata"]["labels"]
    assert selects(monitor["spec"]["selector"]["matchLabels"], labels)
    assert endpoint["port"] == the("Service", made("all"))["spec"]["ports"][0]["name"]
    (group,) = the("PrometheusRule", made("all"))["spec"]["groups"]
    assert json.dumps(group) == '{"name": "one", "rules": [{"alert": "Away", "expr": "up == 0"}]}'


def test_the_alert_rules_of_the_repository_are_handed_on() -> None:
    import yaml

    text = ALERTS.read_text("utf-8")
    rule = the("PrometheusRule", objects(changed(ALL, "metrics.prometheusRule.rules", text)))
    assert rule["spec"]["groups"] == yaml.safe_load(text)["groups"]
    (job,) = set(re.findall(r'job=~"([^"]+)"', text))
    (endpoint,) = the("ServiceMonitor", made("all"))["spec"]["endpoints"]
    assert re.fullmatch(job, endpoint["relabelings"][0]["replacement"])


def test_metrics_need_a_key_and_probes_none() -> None:
    from imagefinder.server.routes import about

    table = AccessTable(about.router.routes)
    found = {path: table.of("GET", path) for path in ("/healthz", "/readyz", "/metrics")}
    assert all(access.routed for access in found.values())
    assert [path for path, access in found.items() if access.keyless] == ["/healthz", "/readyz"]


def test_notes_say_what_to_do_next() -> None:
    done = chart.helm("install", "shop", str(chart.CHART), "--dry-run=client", "--values", "-", values=LEAST)
    notes = done.stdout.partition("NOTES:")[2]
    assert "port-forward svc/shop-imagefinder 8642:80" in notes and "Nothing is indexed by this release" in notes
    assert "go with it" in notes  # what is uploaded lies in a pod
