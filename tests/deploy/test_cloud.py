"""The Terraform files of deploy/cloud, as far as that goes without an account: they parse, all that they name is there,
each argument is one of the provider's, and what they say to the chart is taken by it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from chart import KEY, VERSIONS, check, helm, objects, the

hcl2 = pytest.importorskip("hcl2")
ROOT = Path(__file__).resolve().parents[2]
CLOUD = ROOT / "deploy" / "cloud" / "google"
FILES = sorted(CLOUD.glob("*.tf"))
TEXT = "\n".join(path.read_text("utf-8") for path in FILES)
PROVIDER: dict[str, Any] = json.loads((Path(__file__).with_name("google_provider.json")).read_text("utf-8"))


def found(kind: str) -> dict[str, Any]:
    """The blocks of a kind by their names."""
    entries = [entry for path in FILES for entry in hcl2.loads(path.read_text("utf-8")).get(kind, [])]
    return {name.strip('"'): made for entry in entries for name, made in entry.items()}


def used() -> list[tuple[str, dict[str, Any]]]:
    from provider_arguments import blocks

    return list(blocks())


def test_each_argument_is_one_of_the_provider() -> None:
    assert len(used()) > 15
    for name, given in used():
        known = PROVIDER["arguments"][name]
        names = {argument.rstrip("*") for argument in known}
        assert given.keys() - names - {"depends_on", "for_each"} == set(), name
        assert {argument[:-1] for argument in known if argument.endswith("*")} - given.keys() == set(), name


def test_no_row_of_the_provider_is_left_over() -> None:
    assert PROVIDER["arguments"].keys() == {name for name, _ in used()}


def test_the_version_that_was_looked_at_is_taken() -> None:
    (wanted,) = re.findall(r'"hashicorp/google"\s+version = "~> ([\d.]+)"', TEXT)
    assert PROVIDER["version"].startswith(f"{wanted}.")


def test_all_that_is_named_is_there() -> None:
    code = re.sub(r"#.*", "", TEXT)
    made = set(re.findall(r'^resource "(\w+)" "(\w+)"', code, re.MULTILINE))
    data = set(re.findall(r'^data "(\w+)" "(\w+)"', code, re.MULTILINE))
    named = set(re.findall(r"(data\.)?\b((?:google|random)_\w+)\.(\w+)", code))
    assert named and {(kind, name) for at, kind, name in named if not at} <= made
    assert {(kind, name) for at, kind, name in named if at} <= data
    assert set(re.findall(r"\bvar\.(\w+)", code)) == found("variable").keys()
    for name, one in found("variable").items():
        assert one["description"] and one["type"], name


def test_what_comes_out_is_what_the_page_uses() -> None:
    page = (ROOT / "docs" / "kubernetes.md").read_text("utf-8")
    assert set(re.findall(r"terraform output -raw (\w+)", page)) == found("output").keys()
    given = set(re.findall(r"-var (\w+)=", page))
    assert given == {name for name, one in found("variable").items() if "default" not in one}


def filled() -> dict[str, Any]:
    yaml = pytest.importorskip("yaml")
    (given,) = re.findall(r"templatefile\(\"\$\{path.module\}/values.yaml.tftpl\", \{(.*?)\}\)", TEXT, re.DOTALL)
    names = re.findall(r"^\s*(\w+)\s*=", given, re.MULTILINE)
    text = (CLOUD / "values.yaml.tftpl").read_text("utf-8")
    assert set(names) == set(re.findall(r"\$\{(\w+)\}", text))
    example = {"database": "10.20.30.40", "bucket": "photos-of-the-shop", "service_account": "shop-imagefinder"}
    values: dict[str, Any] = yaml.safe_load(re.sub(r"\$\{(\w+)\}", lambda name: example[name[1]], text))
    return values


def test_the_chart_takes_the_values() -> None:
    made = objects({**filled(), "indexing": {**filled()["indexing"], "now": True}})
    for one in made:
        check(one, VERSIONS[1])
    (account,) = re.findall(r'variable "service_account".*?default\s+= "([\w-]+)"', TEXT, re.DOTALL)
    assert the("ServiceAccount", made)["metadata"]["name"] == account
    (_, store, _, metadata) = the("NetworkPolicy", made)["spec"]["egress"]
    assert store["to"] == [{"ipBlock": {"cidr": "10.20.30.40/32"}}]
    assert metadata["to"][0]["ipBlock"]["cidr"] == "169.254.169.254/32"


def test_the_secret_has_what_the_program_reads() -> None:
    (value,) = re.findall(r'output "secret".*?value\s+= "(.*?)"\n', TEXT, re.DOTALL)
    names = re.findall(r"(?:^|\\n)(\w+)=", value)
    assert names == ["IMAGEFINDER_KEY", "PGPASSWORD"] and len(KEY) >= 16
    assert int(re.findall(r'"key" \{\s+length\s+= (\d+)', TEXT)[0]) >= 16  # what the server wants of a key


def test_nothing_is_open_to_the_internet() -> None:
    by_name = dict(used())
    assert by_name["google_sql_database_instance.settings.ip_configuration"]["ipv4_enabled"] in (False, "false")
    assert "enforced" in str(by_name["google_storage_bucket"]["public_access_prevention"])
    assert "allUsers" not in TEXT and "authorized_networks" not in TEXT
    assert "objectAdmin" not in TEXT


def test_helm_renders_the_example_with_another_release() -> None:
    done = helm("template", "other", str(ROOT / "deploy" / "helm" / "imagefinder"), "--values", "-", values=filled())
    assert done.returncode == 0 and "serviceAccountName: shop-imagefinder" in done.stdout
