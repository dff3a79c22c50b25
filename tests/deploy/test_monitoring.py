"""The board and the alerts ask only for what a server tells, and each alert says what to do."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import database
import promql_parser
import pytest
import yaml
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from imagefinder import ImageFinder
from imagefinder.server.app import create_app

ROOT = Path(__file__).resolve().parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
PAGE = (ROOT / "docs" / "monitoring.md").read_text("utf-8")
OF_PROMETHEUS = {"job", "instance", "worker"}  # the last is that of several processes
PATIENCE_S = 120.0
Figures = dict[str, dict[str, set[str]]]


@pytest.fixture(scope="module")
def figures(postgres: database.Server) -> Figures:
    """What a server of an index at an address tells, by name: the values of each label."""
    with ImageFinder.open(postgres.address(), model="fast") as finder:
        finder.add(ROOT / "examples" / "images" / "food")
        with TestClient(create_app(finder), base_url="http://localhost:8642") as client:
            client.post("/v1/search", json={"words": "bread"})
            job = client.post("/v1/jobs", json={"kind": "quality", "options": {}}).json()
            end = time.monotonic() + PATIENCE_S
            while client.get(f"/v1/jobs/{job['id']}").json()["state"] != "done":
                assert time.monotonic() < end
                time.sleep(0.05)
            text = client.get("/metrics").text
    found: Figures = {"up": {}}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = found.setdefault(sample.name, {})
            for name, value in sample.labels.items():
                labels.setdefault(name, set()).add(value)
    return found


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((MONITORING / "alerts.yml").read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


BOARD = json.loads((MONITORING / "grafana.json").read_text("utf-8"))
QUERIES = {
    **{rule["alert"]: rule["expr"] for rule in rules()},
    **{
        f"{panel['title']} {target['refId']}": target["expr"].replace("$__rate_interval", "5m")
        for panel in BOARD["panels"]
        for target in panel.get("targets", [])
    },
}


def parts(node: Any) -> Iterator[Any]:
    """A query and all within it."""
    yield node
    inner = [getattr(node, name, None) for name in ("lhs", "rhs", "expr", "vector_selector", "param")]
    for one in [*inner, *(getattr(node, "args", None) or [])]:
        if one is not None:
            yield from parts(one)


def selectors(query: str) -> list[promql_parser.VectorSelector]:
    return [part for part in parts(promql_parser.parse(query)) if isinstance(part, promql_parser.VectorSelector)]


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_asks_for_what_there_is(name: str, figures: Figures) -> None:
    query = QUERIES[name]
    found = selectors(query)
    assert found and len(found) == len(re.findall(r"\b(?:imagefinder|process)_\w+|\bup\b", query))
    labels = set(OF_PROMETHEUS)
    for selector in found:
        told = figures.get(selector.name)
        assert told is not None, f"no server tells {selector.name}"
        labels |= set(told)
        for matcher in selector.matchers.matchers:
            assert matcher.name in {*told, *OF_PROMETHEUS}, f"{selector.name} has no label {matcher.name}"
            if matcher.op == promql_parser.MatchOp.Equal and matcher.name in told:
                assert matcher.value in told[matcher.name], f"{matcher.name} is never {matcher.value}"
    for part in parts(promql_parser.parse(query)):
        if isinstance(part, promql_parser.AggregateExpr) and part.modifier is not None:
            assert set(part.modifier.labels) <= labels, query


def test_a_query_that_asks_for_nothing_is_found(figures: Figures, monkeypatch: pytest.MonkeyPatch) -> None:
    for query in (
        "imagefinder_request_total > 1",
        'imagefinder_jobs{status="queued"} > 1',
        'imagefinder_jobs{state="waits"} > 1',
        "sum by (place) (imagefinder_jobs) > 1",
    ):
        monkeypatch.setitem(QUERIES, "wrong", query)
        with pytest.raises(AssertionError):
            test_a_query_asks_for_what_there_is("wrong", figures)


def test_each_alert_has_its_section_and_its_test() -> None:
    names = [rule["alert"] for rule in rules()]
    assert re.findall(r"^### (.+)$", PAGE, re.MULTILINE) == names
    tested = yaml.safe_load((MONITORING / "alerts_test.yml").read_text("utf-8"))["tests"]
    fires = {rule["alertname"] for test in tested for rule in test["alert_rule_test"] if rule["exp_alerts"]}
    assert fires == set(names)


def test_each_figure_is_on_the_page(figures: Figures) -> None:
    ends = r"_(bucket|count|sum)$"
    ours = {re.sub(ends, "", name) for name in figures if name.startswith("imagefinder_")}
    ours = {name for name in ours if not name.endswith("_created")}
    assert set(re.findall(r"`(imagefinder_\w+)`", PAGE)) == ours


def test_the_board_can_be_imported() -> None:
    panels = BOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) > 15
    taken = set()
    for panel in panels:
        at = panel["gridPos"]
        assert at["x"] >= 0 and at["x"] + at["w"] <= 24, panel["title"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, f"{panel['title']} lies on another panel"
        taken |= cells
        if panel["type"] != "row":
            assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"} and panel["targets"]
            assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    variables = {variable["name"] for variable in BOARD["templating"]["list"]}
    assert set(re.findall(r"\$\{?(\w+)", json.dumps(panels))) - {"__rate_interval"} == variables


@pytest.mark.parametrize("what", [("check", "rules", "alerts.yml"), ("test", "rules", "alerts_test.yml")])
def test_promtool_agrees(what: tuple[str, ...]) -> None:
    if not shutil.which("promtool"):
        pytest.skip("promtool, of Debian's package prometheus, is not installed")
    done = subprocess.run(["promtool", *what], cwd=MONITORING, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_is_told_where_to_look(tmp_path: Path) -> None:
    shutil.copytree(MONITORING, tmp_path / "prometheus")
    (tmp_path / "prometheus" / "key").write_text("a key")
    if not shutil.which("promtool"):
        pytest.skip("promtool, of Debian's package prometheus, is not installed")
    done = subprocess.run(
        ["promtool", "check", "config", tmp_path / "prometheus" / "prometheus.yml"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
