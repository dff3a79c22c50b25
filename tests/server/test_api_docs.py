"""The examples of docs/api.md, run as they stand against a server."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from imagefinder import ImageFinder
from imagefinder.cli import cli
from imagefinder.client import Client

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "api.md").read_text("utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
PICTURES = sorted((ROOT / "examples" / "images").rglob("*.jpg"))


@pytest.fixture
def url(
    sample_index: Path,
    copy_index: Callable[[Path, Path], object],
    serving: Callable[..., AbstractContextManager[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    """A server on the sample images, asked from a folder that holds the pictures that the examples name."""
    copy_index(sample_index, tmp_path / "index")
    for name, picture in zip(("beach.jpg", "cat.jpg"), PICTURES, strict=False):
        shutil.copy(picture, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    with ImageFinder.open(tmp_path / "index") as finder, serving(finder) as at:
        yield at.rstrip("/")


@pytest.mark.parametrize("code", PYTHON, ids=lambda code: code.split("\n")[0])
def test_an_example_runs(code: str, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    if "openai" in code:
        pytest.importorskip("openai")
    exec(compile(code.replace("http://127.0.0.1:8642", url), "docs/api.md", "exec"), {"Client": Client})
    assert capsys.readouterr().out


def test_every_method_of_the_client_is_named() -> None:
    public = {name for name in dir(Client) if not name.startswith("_")} - {"close"}
    section = TEXT.partition("## Python client")[2].partition("\n## ")[0]
    assert public == {name for name in public if re.search(rf"`{name}\b|[, ]`?{name}`|\.{name}\b", section)}


def test_the_settings_of_an_agent_start_a_command_there_is() -> None:
    (text,) = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    (server,) = json.loads(text)["mcpServers"].values()
    assert server["command"] == "imagefinder"
    assert CliRunner().invoke(cli, [*server["args"], "--help"]).exit_code == 0
