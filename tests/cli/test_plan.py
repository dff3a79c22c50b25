"""``imagefinder plan`` as people and programs use it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from command import run_cli

from imagefinder.cli.plan import QUANTIZATIONS as OFFERED
from imagefinder.cli.plan import STORES
from imagefinder.planning import QUANTIZATIONS


def test_a_plan_needs_no_index_and_says_where_numbers_are_from() -> None:
    done = run_cli("plan", "--images", "1e8", "--store", "qdrant", "--quantization", "int8", "--gpu")
    assert done.returncode == 0
    assert done.stdout.startswith("100,000,000 images, qdrant, int8: ")
    for name in ("Memory and disk", "Machines", "Indexing", "Waiting, simulated", "Cost (USD)", "Mind"):
        assert f"\n{name}\n" in done.stdout
    numbers = [line for line in done.stdout.splitlines() if line.startswith("  ") and not line.startswith("  - ")]
    assert {line.split()[-1] for line in numbers} == {"measured", "assumed", "both"}
    assert "no quotes" in done.stderr


@pytest.mark.parametrize("number", ["1e7", "10M", "10000000", "10,000,000", "10_000_000", "0.01B", "10000k"])
def test_a_number_may_be_written_in_many_ways(number: str) -> None:
    done = run_cli("plan", "--images", number, "--store", "postgresql", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["wanted"]["images"] == 1e7


def test_options_reach_the_plan(tmp_path: Path) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text("vcpu_hour = 0.5\n")
    options = ("--dims", "512", "--embed-ms", "40", "--image-bytes", "2M", "--replicas", "3", "--qps", "50")
    done = run_cli(
        "plan", "--images", "1e7", *options, "--p95", "90", "--hours", "12", "--prices", str(prices), "--json"
    )
    made = json.loads(done.stdout)
    wanted, vcpu = made["wanted"], made["assumed"]["values"]["vcpu_hour"]
    assert (wanted["spaces"], wanted["embed_ms"], vcpu) == ([{"raw": 512, "searched": 512}], 40, 0.5)
    assert (wanted["image_bytes"], wanted["replicas"], wanted["queries_per_second"]) == (2e6, 3, 50)
    assert (wanted["p95_ms"], wanted["hours"], wanted["gpu"]) == (90, 12, False)


def test_an_index_says_how_large_its_files_are(
    sample_index: Path, copy_index: Callable[[Path, Path], Path], tmp_path: Path
) -> None:
    index = copy_index(sample_index, tmp_path / "index")
    done = run_cli("plan", "--images", "1e6", "--index", str(index), "--store", "folder", "--json")
    assert done.returncode == 0, done.stderr
    wanted = json.loads(done.stdout)["wanted"]
    assert wanted["model"] == "default" and wanted["spaces"][0] == {"raw": 1280, "searched": 256}
    assert 100 < wanted["image_bytes"] < 200_000
    done = run_cli("plan", "--index", str(index), "--store", "folder", "--json")
    assert 0 < json.loads(done.stdout)["wanted"]["images"] < 1000


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Missing option '--images'"),
        (("--images", "-5"), "not above 0"),
        (("--images", "0"), "not above 0"),
        (("--images", "nan"), "not above 0"),
        (("--images", "many"), "Write 100000000, 1e8 or 100M"),
        (("--images", ""), "no number"),
        (("--images", "1e20"), "A plan can't have 1e+20 as images"),
        (("--images", "1e6", "--store", "milvus"), "is not one of 'folder', 'postgresql', 'qdrant'"),
        (("--images", "1e6", "--store", "postgresql", "--quantization", "int8"), "There: halfvec"),
        (("--images", "1e6", "--model", "clip-b32"), "was not measured"),
        (("--images", "1e9", "--store", "folder"), "don't fit one machine"),
    ],
)
def test_wrong_wishes_are_told(arguments: tuple[str, ...], said: str) -> None:
    done = run_cli("plan", *arguments)
    assert done.returncode in (2, 3)
    assert said in done.stderr and not done.stdout


def test_the_command_offers_what_the_library_knows() -> None:
    assert tuple(QUANTIZATIONS) == STORES
    assert {kind for kinds in QUANTIZATIONS.values() for kind in kinds} == set(OFFERED)
