"""A classifier whose backbone is trained too: the activation of its hidden layer becomes the feature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from imagefinder.errors import InvalidInputError
from imagefinder.plots.training import plot_losses
from imagefinder.training.export import MODEL_FILE, keep_model, work_folder
from imagefinder.training.labels import Examples, hold_out
from imagefinder.training.torch.autoencoder import CURVES, Made
from imagefinder.training.torch.bench import Bench, EncoderOptions, digest, open_bench
from imagefinder.training.torch.checkpoint import forget_checkpoint
from imagefinder.training.torch.export import check_cosines, spec_of, to_onnx
from imagefinder.training.torch.loop import Fit, Schedule
from imagefinder.training.torch.networks import Classifier
from imagefinder.types import Limits, OnProgress

KIND = "classifier"
VALIDATION = 0.15  # of each class, to stop by


@dataclass(frozen=True)
class FinetuneOptions:
    """``hidden`` is the dimension of the feature. By default the last two stages of the encoder are trained."""

    encoder: EncoderOptions = field(default_factory=lambda: EncoderOptions(unfreeze=2))
    schedule: Schedule = field(default_factory=Schedule)
    hidden: int = 64


class Probabilities(nn.Module):
    """A classifier as it is exported: the feature, and the probabilities of the classes."""

    def __init__(self, network: Classifier) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        feature, logits = self.network(images)
        return feature, logits.softmax(dim=1)


def finetune_classifier(
    folder: Path,
    examples: Examples,
    options: FinetuneOptions,
    *,
    name: str,
    restart: bool = False,
    limits: Limits | None = None,
    progress: OnProgress | None = None,
) -> Made:
    """Train on the labelled images ``examples``, and store the result as a model of the index in ``folder``.

    Some images of each class are held out to decide when to stop. An interrupted training of the same name continues
    after its last complete epoch. Raises InvalidInputError (fewer than two classes, or nothing to hold out), ModelError
    if the loss is not a number, MissingExtraError and StorageError.
    """
    schedule = options.schedule
    bench = open_bench(
        examples.uris, options.encoder, hidden=options.hidden, seed=schedule.seed, batch=schedule.batch, limits=limits,
        progress=progress,
    )  # fmt: skip
    readable = examples.take(np.array(bench.rows, np.intp))
    split = hold_out(readable, share=VALIDATION, seed=schedule.seed)
    if not len(split.held) or len(readable.classes) < 2:
        raise InvalidInputError(
            f"{len(bench.rows)} readable images of {len(readable.classes)} classes are too few to train a backbone on.",
            remedy="Label four images of each class at least, or leave out --unfreeze.",
        )
    rows = np.array(bench.rows)
    train, held = rows[split.train].tolist(), rows[split.held].tolist()
    network = _network(bench, len(readable.classes), split.train.tolist(), schedule.seed)
    targets = torch.zeros(len(examples.uris), dtype=torch.long)
    targets[rows] = torch.from_numpy(readable.targets.astype(np.int64))
    fit = Fit(network, bench.pictures, bench.normalise, lambda wanted: {"target": targets[wanted]})
    facts = {"kind": KIND, "images": digest(examples.uris), "labels": digest(examples.labels), **_flat(options)}
    place = work_folder(folder, name)
    if restart:
        forget_checkpoint(place)
    fitted = fit.run(train, held, schedule, place, facts=facts, progress=progress)
    sample = bench.sample(held, 8)
    exported, names = Probabilities(network).eval(), ("feature", "classes")
    model = to_onnx(exported, names, options.encoder.size)
    cosine = check_cosines(model, exported, names, bench.normalise(sample))
    spec = spec_of(
        name, network.encoder, size=options.encoder.size, space=("feature", options.hidden), classes=readable.classes,
        title=f"{network.encoder.backbone.name}, trained to tell {len(readable.classes)} classes apart",
        source=f"imagefinder train classifier --unfreeze {options.encoder.unfreeze}",
        report={**_flat(options), **asdict(schedule), **fitted.to_dict(), "cosine": cosine},
    )  # fmt: skip
    kept = keep_model(folder, spec, {MODEL_FILE: model, CURVES: plot_losses(fitted.history, fitted.best)})
    return Made(name, kept, fitted, bench.skipped, len(train), len(held), cosine, (CURVES,))


def _network(bench: Bench, classes: int, train: Sequence[int], seed: int) -> Classifier:
    device = bench.encoder.centre.device
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed + 1)
        network = Classifier(bench.encoder, classes).to(device)
    network.start(bench.pooled[list(train)].to(device))
    return network


def _flat(options: FinetuneOptions) -> dict[str, Any]:
    """The options as JSON, but for the schedule."""
    return {**asdict(options.encoder), "hidden": options.hidden}
