"""The workflows of CI: what their schema, a security linter and our own rules say, and that what they run is there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
PINNED = re.compile(r"[\w.-]+/[\w./-]+@(?:v\d+\.\d+\.\d+|[0-9a-f]{40})")
# Rights beyond reading, by workflow and job: each is there for a reason that stands beside it.
RIGHTS = {
    ("release", "build"): {"id-token", "attestations"},
    ("release", "publish"): {"id-token"},
    ("release", "image"): {"packages", "id-token", "attestations"},
    ("release", "announce"): {"contents"},
}
named = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def read(path: Path) -> dict[Any, Any]:
    yaml = pytest.importorskip("yaml")
    found = yaml.safe_load(path.read_text("utf-8"))
    return dict(found)


def steps(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, job in read(path)["jobs"].items():
        for step in job["steps"]:
            yield name, step


def commands(path: Path) -> list[str]:
    return [step["run"] for _, step in steps(path) if "run" in step]


def test_there_is_one_for_each_purpose() -> None:
    assert {"test", "release", "released", "qdrant"} <= {path.stem for path in WORKFLOWS}


@named
def test_they_keep_the_schema(path: Path) -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(path)]
    pytest.importorskip("check_jsonschema")
    done = subprocess.run(check, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout


def test_a_linter_of_security_finds_nothing() -> None:
    linter = shutil.which("zizmor", path=f"{Path(sys.executable).parent}") or shutil.which("zizmor")
    if linter is None:
        pytest.skip("zizmor is not installed")
    done = subprocess.run(
        [linter, "--offline", "--no-progress", str(ROOT / ".github")],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@named
def test_each_job_has_the_rights_it_needs_and_ends(path: Path) -> None:
    found = read(path)
    assert found["permissions"] == {}, "what a job may do stands at the job"
    assert found["concurrency"]["group"]
    for name, job in found["jobs"].items():
        writes = {right for right, how in job["permissions"].items() if how == "write"}
        assert writes == RIGHTS.get((path.stem, name), set()), name
        assert 5 <= job["timeout-minutes"] <= 120, name


@named
def test_actions_are_named_by_exact_versions_and_leave_no_password(path: Path) -> None:
    for name, step in steps(path):
        if "uses" in step:
            assert PINNED.fullmatch(step["uses"]), f"{name}: {step['uses']}"
            if step["uses"].startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False, name


@named
def test_nothing_from_outside_is_put_into_a_command(path: Path) -> None:
    for command in commands(path):
        assert "${{" not in command, f"hand it over as a variable: {command}"


def test_secrets_are_only_the_ones_that_the_host_makes() -> None:
    for path in WORKFLOWS:
        assert set(re.findall(r"secrets\.(\w+)", path.read_text("utf-8"))) <= {"GITHUB_TOKEN"}, path.name


@named
def test_commands_are_right_for_the_shell(path: Path) -> None:
    found, bash = read(path), shutil.which("bash")
    systems = {str(job["runs-on"]) for job in found["jobs"].values()}
    if any("matrix" in system for system in systems):
        assert found["defaults"]["run"]["shell"] == "bash", "Windows has another one"
    for command in commands(path):
        if bash:
            done = subprocess.run([bash, "-n", "-c", command], capture_output=True, encoding="utf-8", check=False)
            assert done.returncode == 0, f"{command}: {done.stderr}"


@named
def test_what_they_run_is_there(path: Path) -> None:
    targets = set(re.findall(r"^([a-z]+|\$\(VENV\)/\.dev):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    extras = set(PROJECT["optional-dependencies"])
    for command in commands(path):
        for words in re.findall(r"\bmake ((?:[\w./]+(?:=\S+)? ?)+)", command):
            goals = {word.replace(".venv/", "$(VENV)/") for word in words.split() if "=" not in word}
            assert goals <= targets, command
        for place in re.findall(r"(?<![\w/.-])((?:tools|tests|examples|src|\.ci)/[\w./-]+|\.ci/run)", command):
            assert (ROOT / place).exists(), command
        for tool in re.findall(r"python (tools/\w+\.py)", command):
            help = [sys.executable, str(ROOT / tool), "--help"]
            said = subprocess.run(help, capture_output=True, encoding="utf-8", check=True).stdout
            for option in re.findall(r" (--[\w-]+)", command.partition(tool)[2]):
                assert option in said, f"{tool} has no {option}"
        for extra in re.findall(r"\.\[(\w+)\]", command):
            assert extra in extras, command


@named
def test_what_they_name_is_there(path: Path) -> None:
    """Files that steps name, variables that a matrix gives, and steps whose outcome is used."""
    text, found = path.read_text("utf-8"), read(path)
    for name in re.findall(r"(?:file|cache-dependency-path|sbom-path): (\S+)", text):
        made_or_ours = name.startswith("reports/") or name == "deploy/docker/Dockerfile" or (ROOT / name).exists()
        assert made_or_ours, name
    for folder in ("examples/images", "tools"):
        assert (ROOT / folder).is_dir()
    for job in found["jobs"].values():
        matrix = job.get("strategy", {}).get("matrix", {})
        given = set(matrix) | {key for row in matrix.get("include", []) for key in row}
        assert set(re.findall(r"matrix\.(\w+)", str(job))) <= given
        assert set(re.findall(r"steps\.(\w+)\.", str(job))) <= {step.get("id") for step in job["steps"]}
        needed = job.get("needs", [])
        assert set([needed] if isinstance(needed, str) else needed) <= set(found["jobs"])


@pytest.mark.parametrize(("name", "job"), [("test", "systems"), ("released", "try")])
def test_the_three_systems_and_all_versions_of_python(name: str, job: str) -> None:
    (path,) = (path for path in WORKFLOWS if path.stem == name)
    matrix = read(path)["jobs"][job]["strategy"]["matrix"]
    assert {system.partition("-")[0] for system in matrix["os"]} == {"ubuntu", "macos", "windows"}
    assert matrix["python"] == PYTHONS
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"


def test_what_is_released_is_built_once_and_tried_before_it_is_out() -> None:
    (path,) = (path for path in WORKFLOWS if path.stem == "release")
    jobs = read(path)["jobs"]
    assert [
        name for name, job in jobs.items() if any("build_dist.py" in step.get("run", "") for step in job["steps"])
    ] == ["build"]
    assert jobs["try"]["needs"] == "build" and jobs["publish"]["needs"] == "try" and jobs["image"]["needs"] == "try"
    assert set(jobs["announce"]["needs"]) == {"publish", "image"}
    used = [step["uses"].partition("@")[0] for step in jobs["publish"]["steps"] if "uses" in step]
    assert used[-1] == "pypa/gh-action-pypi-publish" and "actions/checkout" not in used
    image = next(step for step in jobs["image"]["steps"] if step.get("uses", "").startswith("docker/build-push-action"))
    assert image["with"]["sbom"] is True and image["with"]["provenance"] == "mode=max"
    rows = jobs["image"]["strategy"]["matrix"]["include"]
    assert {row["variant"]: row["platforms"] for row in rows} == {
        "cpu": "linux/amd64,linux/arm64",
        "cuda": "linux/amd64",
    }


def test_the_test_command_of_ci_is_that_of_the_workflow() -> None:
    (path,) = (path for path in WORKFLOWS if path.stem == "test")
    everything = [step["run"] for name, step in steps(path) if name == "everything" and "run" in step]
    assert everything == ["sudo --preserve-env=PATH .ci/run"]
    assert (
        shutil.which("bash") is None or not subprocess.run(["bash", "-n", ROOT / ".ci" / "run"], check=False).returncode
    )
