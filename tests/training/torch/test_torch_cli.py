"""``imagefinder train autoencoder`` and ``train classifier --unfreeze``, as a person types them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from torch_models import SIZE, striped_images, tiny_resnet

from imagefinder.cli import cli
from imagefinder.errors import MissingExtraError


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., tuple[int, str, str]]:
    def call(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = cli.main([*map(str, arguments), "--index", str(tmp_path / "index")], standalone_mode=False)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_both_trainings(run: Callable[..., Any], tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    images, encoder = striped_images(tmp_path / "images", 16), tiny_resnet(tmp_path / "resnet")
    how = ("--encoder", encoder, "--size", SIZE, "--batch", 8, "--epochs", 1)
    labels = ("--labels", images / "labels.csv")
    run("index", images, "--model", "fast")
    code, out, _ = run("train", "autoencoder", *how, *labels, "--latent", 8, "--freeze-encoder", "--json")
    made = json.loads(out)
    assert code == 0 and (made["kind"], made["name"], made["epochs"]) == ("autoencoder", "autoencoder", 1)
    assert made["before"]["map_at_r"] and made["after"]["map_at_r"] and made["skipped"] == []
    code, out, err = run("train", "classifier", *how, *labels, "--hidden", 8, "--unfreeze", "--name", "mine", "--use")
    assert code == 0 and "the last 2 stages trained" in out and "After" in out and "spaces use" not in err
    assert json.loads(run("search", images / "00.png", "--json")[1])["space"] == "mine"


@pytest.mark.parametrize(
    "arguments",
    [
        ("autoencoder", "--freeze-encoder", "--unfreeze", "1"),
        ("classifier", "--labels", "x.csv", "--unfreeze", "1", "--space", "other"),
    ],
)
def test_what_excludes_each_other_is_refused(run: Callable[..., Any], arguments: tuple[str, ...]) -> None:
    with pytest.raises(click.UsageError, match="exclude each other"):
        run("train", *arguments)


@pytest.mark.parametrize("arguments", [("autoencoder",), ("classifier", "--labels", "x.csv", "--unfreeze")])
def test_without_pytorch_it_says_what_to_install(
    run: Callable[..., Any], arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imagefinder._util.extras.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="needs torch") as caught:
        run("train", *arguments)
    assert "imagefinder[train]" in caught.value.remedy
