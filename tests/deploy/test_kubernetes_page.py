"""What docs/kubernetes.md has its readers type: Helm takes the commands and the values, and what comes back is what it
says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from chart import VERSIONS, changed, check, helm, leaves, objects

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "kubernetes.md").read_text("utf-8")
FENCES = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
YAML, TYPED = ([text for kind, text in FENCES if kind == wanted] for wanted in ("yaml", ""))
HELM = [line for block in TYPED for line in block.splitlines() if line.startswith("helm upgrade")]


@pytest.fixture
def values() -> dict[str, Any]:
    yaml = pytest.importorskip("yaml")
    (text,) = YAML
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def test_the_example_is_taken(values: dict[str, Any]) -> None:
    made = objects(values)
    assert {"Deployment", "Ingress", "Job"} <= {one["kind"] for one in made}
    for one in made:
        check(one, VERSIONS[1])


@pytest.mark.parametrize("line", HELM)
def test_helm_knows_the_commands(line: str, values: dict[str, Any], tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(values), "utf-8")
    (tmp_path / "alerts.yml").write_text("groups: []", "utf-8")
    words = shlex.split(line)[2:]
    places = {name: str(tmp_path / "values.yaml") for name in ("values.yaml", "deploy/cloud/google/values.yaml")}
    places["deploy/monitoring/alerts.yml"] = str(tmp_path / "alerts.yml")
    places["deploy/helm/imagefinder"] = str(ROOT / "deploy" / "helm" / "imagefinder")
    for name, place in places.items():
        words = [re.sub(rf"(^|=){re.escape(name)}$", rf"\g<1>{place}", word) for word in words]
    done = helm("template", *(word for word in words if word != "--install"))  # an upgrade wants a cluster
    assert done.returncode == 0 and "kind: Deployment" in done.stdout, done.stderr


def test_what_comes_back_is_what_the_page_says(values: dict[str, Any]) -> None:
    chart = str(ROOT / "deploy" / "helm" / "imagefinder")
    done = helm("install", "shop", chart, "-n", "photos", "--dry-run=client", "--values", "-", values=values)
    notes = done.stdout.partition("NOTES:\n")[2].strip()
    (said,) = (block.strip() for block in TYPED if block.startswith("The page:"))
    assert [line for line in said.splitlines() if line not in notes.splitlines()] == []


def test_values_named_in_the_text_exist() -> None:
    from chart import defaults

    names = [name for name, _ in leaves(defaults())]
    text = re.sub(r"<!-- made.*?<!-- end -->", "", re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL), flags=re.DOTALL)
    tops = "|".join(defaults())
    named = set(re.findall(rf"`((?:{tops})\.[\w.]+)", text))
    assert len(named) > 20
    assert [one for one in sorted(named) if not any(n == one or n.startswith(f"{one}.") for n in names)] == []


def test_an_image_tag_of_the_page_is_this_release(values: dict[str, Any]) -> None:
    from imagefinder import __version__

    assert re.findall(r"image\.tag=(\S+)", PAGE) == [__version__]
    assert objects(changed(values, "image.tag", __version__))
