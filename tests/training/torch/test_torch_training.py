"""An autoencoder and a classifier trained on small pictures: what comes of it, and what goes wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from eight_threads import THREADS, at_once
from PIL import Image
from torch_models import SIZE, striped_images, tiny_resnet

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from imagefinder import ImageFinder  # noqa: E402
from imagefinder.errors import InvalidInputError, ModelError  # noqa: E402
from imagefinder.models.spec import ModelSpec  # noqa: E402
from imagefinder.training.torch.autoencoder import AutoencoderOptions  # noqa: E402
from imagefinder.training.torch.bench import EncoderOptions  # noqa: E402
from imagefinder.training.torch.classifier import FinetuneOptions  # noqa: E402
from imagefinder.training.torch.loop import Schedule  # noqa: E402
from imagefinder.types import Progress  # noqa: E402

COUNT = 24


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> object:
    """The same sums in the same order, whatever machine this is."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``resnet``, ``images`` and an ``index`` of them."""
    home = tmp_path_factory.mktemp("training")
    tiny_resnet(home / "resnet")
    striped_images(home / "images", COUNT)
    with ImageFinder.open(home / "index", model="fast") as finder:
        finder.add(home / "images")
    return home


@pytest.fixture
def index(home: Path, tmp_path: Path, copy_index: Callable[[Path, Path], Path]) -> Path:
    return copy_index(home / "index", tmp_path / "index")


@pytest.fixture
def options(home: Path) -> AutoencoderOptions:
    encoder = EncoderOptions(str(home / "resnet"), SIZE)
    return AutoencoderOptions(encoder, Schedule(epochs=3, batch=8, lr=3e-3), latent=12)


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(axis=1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))


def test_an_autoencoder_becomes_a_space(index: Path, home: Path, options: AutoencoderOptions) -> None:
    steps: list[Progress] = []
    with ImageFinder.open(index) as finder:
        result = finder.train_autoencoder(
            options=options, labels=home / "images" / "labels.csv", use=True, progress=steps.append
        )
        assert result.name == "autoencoder" and result.before and result.after
        assert (result.images, result.held_out) == (22, 2) and result.facts["epochs"] == 3
        assert (
            result.facts["losses"]["train"]["loss"]
            < ModelSpec.load(index / "models" / "autoencoder").report["history"][0]["train"]["loss"]
        )
        assert result.facts["parity_cosine"] > 0.9999 and json.dumps(result.to_dict())
        for path in map(Path, result.facts["drawings"]):
            with Image.open(path) as picture:
                assert min(picture.size) > 200
        stages = list(dict.fromkeys(step.stage for step in steps))
        assert stages == ["reading pictures", *(f"epoch {i} of 3" for i in (1, 2, 3)), "filling the space"]
        assert steps[-1] == Progress("filling the space", COUNT, COUNT)
        _, vectors = finder.vectors()
        assert vectors.shape == (COUNT, 12)
        first = finder.records()[0]
        assert finder.search(Path(first.uri), k=1)[0].id == first.id
        assert not (index / "training" / "autoencoder").exists()


def test_the_space_holds_what_the_trained_encoder_gives(index: Path, options: AutoencoderOptions) -> None:
    """ONNX and our preprocessing against the network in PyTorch and ``transformers``' own normalisation."""
    from imagefinder.models.preprocess import half_squash
    from imagefinder.training.torch import autoencoder

    seen: dict[str, Any] = {}
    keep = autoencoder._keep

    def watching(*arguments: Any) -> Any:
        seen["network"] = arguments[3]
        return keep(*arguments)

    with pytest.MonkeyPatch.context() as patch, ImageFinder.open(index) as finder:
        patch.setattr(autoencoder, "_keep", watching)
        finder.train_autoencoder(options=options, name="mine")
        ids, raw = finder.vectors("mine", raw=True)
        uris = {record.id: record.uri for record in finder.records()}
    pixels = np.stack([half_squash(Image.open(uris[id]).convert("RGB"), SIZE) for id in ids])
    images = (pixels / 255 - [0.5, 0.4, 0.3]) / [0.2, 0.25, 0.3]
    with torch.no_grad():
        expected = seen["network"].encoder(torch.from_numpy(images).permute(0, 3, 1, 2).float())[0].numpy()
    assert cosines(raw, expected).min() > 0.9999


def test_a_frozen_encoder_stays_and_pooled_features_can_be_searched(index: Path, options: AutoencoderOptions) -> None:
    frozen = replace(options, encoder=replace(options.encoder, unfreeze=0), output="pooled")
    with ImageFinder.open(index) as finder:
        finder.train_autoencoder(options=frozen, name="frozen")
        ids, raw = finder.vectors("frozen", raw=True)
        uris = {record.id: record.uri for record in finder.records()}
    from imagefinder.training.torch.bench import open_bench

    bench = open_bench([uris[id] for id in ids], options.encoder, hidden=3, seed=5, batch=8)
    assert raw.shape == (COUNT, 16) and cosines(raw, bench.pooled.numpy()).min() > 0.9999


def test_a_source_may_be_given_and_what_cannot_be_read_is_listed(tmp_path: Path, options: AutoencoderOptions) -> None:
    folder = striped_images(tmp_path / "pictures", 12)
    (folder / "broken.png").write_bytes((folder / "00.png").read_bytes()[:60])
    (folder / "drawing.svg").write_text("<svg/>", "utf-8")
    with ImageFinder.open(tmp_path / "index") as finder:
        result = finder.train_autoencoder(folder, options=options)
        assert {Path(item["uri"]).name for item in result.facts["skipped"]} == {"broken.png", "drawing.svg"}
        assert (
            result.images + result.held_out == 12 and result.after is None and "--model autoencoder" in result.notes[0]
        )
    with ImageFinder.open(tmp_path / "index", model="autoencoder") as finder:
        finder.add(folder)
        assert len(finder) == 12 and finder.vectors()[1].shape == (12, 12)


@pytest.mark.parametrize("count", [0, 1, 9])
def test_too_few_images_are_refused(tmp_path: Path, options: AutoencoderOptions, count: int) -> None:
    folder = striped_images(tmp_path / "few", count)
    with ImageFinder.open(tmp_path / "index") as finder, pytest.raises(InvalidInputError, match=f"there are {count}"):
        finder.train_autoencoder(folder, options=options)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda o: replace(o, output="pixels"), "latent or pooled"),
        (lambda o: replace(o, pixels=0.0, features=0.0), "not both 0"),
        (lambda o: replace(o, latent=0), "from 1 to 4096"),
        (lambda o: replace(o, schedule=replace(o.schedule, epochs=0)), "epochs must be 1 or more"),
        (lambda o: replace(o, schedule=replace(o.schedule, lr=float("nan"))), "lr must be"),
        (lambda o: replace(o, encoder=replace(o.encoder, unfreeze=9)), "2 stages"),
    ],
)
def test_wrong_options_are_refused(
    index: Path, options: AutoencoderOptions, wrong: Callable[[Any], Any], words: str
) -> None:
    with ImageFinder.open(index) as finder, pytest.raises(InvalidInputError, match=words):
        finder.train_autoencoder(options=wrong(options))


KILLED = """
import sys, time, torch
from imagefinder import ImageFinder
from imagefinder.training.torch.autoencoder import AutoencoderOptions
from imagefinder.training.torch.bench import EncoderOptions
from imagefinder.training.torch.loop import Schedule
torch.set_num_threads(1)
index, resnet, size = sys.argv[1:]
options = AutoencoderOptions(EncoderOptions(resnet, int(size)), Schedule(epochs=3, batch=8, lr=3e-3), latent=12)
with ImageFinder.open(index) as finder:
    finder.train_autoencoder(options=options, progress=lambda now: time.sleep(0.2))
"""


def test_a_killed_training_goes_on_to_the_same_end(index: Path, home: Path, options: AutoencoderOptions) -> None:
    arguments = [sys.executable, "-c", KILLED, str(index), options.encoder.encoder, str(SIZE)]
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE)
    checkpoint = index / "training" / "autoencoder" / "checkpoint.pt"
    deadline = time.monotonic() + 120
    while not checkpoint.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    _, errors = process.communicate()
    assert checkpoint.exists() and not (index / "models").exists(), errors.decode()
    with ImageFinder.open(index) as finder:
        resumed = finder.train_autoencoder(options=options)
        whole = finder.train_autoencoder(options=options, name="whole")
        assert 1 <= resumed.facts["resumed_after"] < 3 and whole.facts["resumed_after"] == 0
        reports = [ModelSpec.load(index / "models" / name).report for name in ("autoencoder", "whole")]
        assert reports[0]["history"] == reports[1]["history"]
        np.testing.assert_array_equal(finder.vectors("autoencoder")[1], finder.vectors("whole")[1])


def interrupted(finder: ImageFinder, options: AutoencoderOptions) -> None:
    def stop(now: Progress) -> None:
        if now.stage.startswith("epoch 2"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finder.train_autoencoder(options=options, progress=stop)


def test_a_checkpoint_of_another_training_is_not_mixed_in(index: Path, options: AutoencoderOptions) -> None:
    with ImageFinder.open(index) as finder:
        interrupted(finder, options)
        other = replace(options, latent=7)
        with pytest.raises(InvalidInputError, match="latent 12, now 7") as caught:
            finder.train_autoencoder(options=other)
        assert "--restart" in caught.value.remedy
        result = finder.train_autoencoder(options=other, restart=True)
        assert result.facts["resumed_after"] == 0 and finder.vectors("autoencoder")[1].shape[1] == 7


def test_a_damaged_checkpoint_is_said(index: Path, options: AutoencoderOptions) -> None:
    with ImageFinder.open(index) as finder:
        interrupted(finder, options)
        checkpoint = index / "training" / "autoencoder" / "checkpoint.pt"
        whole = checkpoint.read_bytes()
        for content in (b"", b"not a checkpoint", whole[: len(whole) // 2]):
            checkpoint.write_bytes(content)
            with pytest.raises(ModelError, match="can't be read") as caught:
                finder.train_autoencoder(options=options)
            assert "--restart" in caught.value.remedy and str(checkpoint) in caught.value.remedy
        checkpoint.write_bytes(whole)
        assert finder.train_autoencoder(options=options).facts["resumed_after"] == 1


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_checkpoint(
    index: Path, options: AutoencoderOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    from imagefinder.training.torch.networks import Autoencoder

    usual, calls = Autoencoder.losses, 0

    def failing(self: Any, images: Any, batch: Any) -> Any:
        nonlocal calls
        calls += 1
        found = usual(self, images, batch)
        return {name: loss * float("nan") for name, loss in found.items()} if calls == 6 else found

    with ImageFinder.open(index) as finder:
        monkeypatch.setattr(Autoencoder, "losses", failing)
        with pytest.raises(ModelError, match="loss of epoch 2 is no number") as caught:
            finder.train_autoencoder(options=options)
        assert "--lr" in caught.value.remedy and "up to epoch 1 is kept" in caught.value.message
        assert finder.spaces()[0].name == finder.spaces()[-1].name.removesuffix("-words")
        monkeypatch.setattr(Autoencoder, "losses", usual)
        assert finder.train_autoencoder(options=options).facts["resumed_after"] == 1


def test_one_gradient_that_overflows_is_left_out(
    index: Path, options: AutoencoderOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    from imagefinder.training.torch.networks import Autoencoder

    usual, always = Autoencoder.losses, False
    calls = 0

    def overflowing(self: Any, images: Any, batch: Any) -> Any:
        nonlocal calls
        calls += 1
        found = dict(usual(self, images, batch))
        if self.training and (calls == 1 or always):  # the value stays as it is, its gradient is not a number
            found["loss"].register_hook(lambda gradient: gradient * float("inf"))
        return found

    monkeypatch.setattr(Autoencoder, "losses", overflowing)
    with ImageFinder.open(index) as finder:
        assert finder.train_autoencoder(options=options).facts["epochs"] == options.schedule.epochs
        always = True
        with pytest.raises(ModelError, match="loss of epoch 1 is no number"):
            finder.train_autoencoder(options=options)


def test_an_encoder_that_gives_no_numbers_is_refused(
    index: Path, home: Path, options: AutoencoderOptions, tmp_path: Path
) -> None:
    from transformers import AutoModel

    model = AutoModel.from_pretrained(home / "resnet")
    with torch.no_grad():
        next(model.parameters()).fill_(float("nan"))
    model.save_pretrained(tmp_path / "broken")
    broken = replace(options, encoder=replace(options.encoder, encoder=str(tmp_path / "broken")))
    with ImageFinder.open(index) as finder, pytest.raises(ModelError, match="no numbers"):
        finder.train_autoencoder(options=broken)


def test_training_stops_early_and_the_best_epoch_counts(
    index: Path, options: AutoencoderOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    from imagefinder.training.torch.loop import Fit

    losses = iter([3.0, 1.0, 2.0, 2.5, 0.1, 0.1])
    monkeypatch.setattr(Fit, "_judge", lambda *_: {"loss": next(losses), "pixels": 1.0, "features": 1.0})
    schedule = replace(options.schedule, epochs=6, patience=2)
    with ImageFinder.open(index) as finder:
        result = finder.train_autoencoder(options=replace(options, schedule=schedule))
    assert (result.facts["epochs"], result.facts["best_epoch"]) == (4, 2)


def test_a_backbone_learns_classes(index: Path, home: Path) -> None:
    options = FinetuneOptions(
        EncoderOptions(str(home / "resnet"), SIZE, unfreeze=2),
        Schedule(epochs=15, batch=8, lr=1e-2, patience=15),
        hidden=8,
    )
    with ImageFinder.open(index) as finder:
        result = finder.finetune_classifier(home / "images" / "labels.csv", options=options, name="stripes")
        assert result.kind == "classifier" and result.after and result.held_out == 6
        assert result.facts["losses"]["held"]["wrong"] <= 0.25 and result.facts["parity_cosine"] > 0.9999
        spec = ModelSpec.load(index / "models" / "stripes")
        assert spec.classes == ("blue", "red") and finder.vectors("stripes")[1].shape == (COUNT, 8)
        from imagefinder.models.registry import load_model

        model = load_model("stripes", extra=[index / "models"])
        records = finder.records()
        batch = np.stack([model.preprocess(Image.open(r.uri).convert("RGB")) for r in records])
        told = model.classify_images(batch)
    assert np.allclose(told.sum(axis=1), 1, atol=1e-5)
    right = [int(Path(r.uri).stem) % 2 == 1 for r in records]
    assert np.mean((told[:, 1] > 0.5) == right) > 0.8


def test_one_class_or_one_image_each_is_refused(index: Path, home: Path, tmp_path: Path) -> None:
    options = FinetuneOptions(EncoderOptions(str(home / "resnet"), SIZE, unfreeze=1), Schedule(epochs=1))
    rows = {"one": ["00.png,a", "01.png,a"], "each": ["00.png,a", "01.png,b", "02.png,c"]}
    for name, words in (("one", "Only one class"), ("each", "too few")):
        table = home / "images" / f"{name}.csv"
        table.write_text("\n".join(["filename,label", *rows[name]]) + "\n", "utf-8")
        with ImageFinder.open(index) as finder, pytest.raises(InvalidInputError, match=words):
            finder.finetune_classifier(table, options=options)


def test_trainings_at_once_have_names_of_their_own(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All are under way together; one that asks for a name in use is refused."""
    together, names = threading.Barrier(THREADS), []

    def train(*args: Any, name: str, **options: Any) -> Any:
        names.append(name)
        together.wait()
        raise ModelError("enough")

    monkeypatch.setattr("imagefinder.training.torch.autoencoder.train_autoencoder", train)
    with ImageFinder.open(index) as finder:
        results = at_once(lambda _: finder.train_autoencoder(), range(THREADS))
        assert {type(result) for result in results} == {ModelError}
        assert sorted(names) == sorted(["autoencoder", *(f"autoencoder-{n}" for n in range(2, THREADS + 1))])
        monkeypatch.setattr(
            "imagefinder.training.torch.autoencoder.train_autoencoder",
            lambda *args, name, **options: finder.train_autoencoder(name=name),
        )
        with pytest.raises(InvalidInputError, match="'mine' already"):
            finder.train_autoencoder(name="mine")
