"""An autoencoder on a collection: its encoder becomes a model like any other."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from imagefinder.errors import InvalidInputError
from imagefinder.images.thumbnails import contact_sheet
from imagefinder.plots.training import plot_losses
from imagefinder.training.export import MODEL_FILE, keep_model, work_folder
from imagefinder.training.torch.bench import Bench, EncoderOptions, digest, open_bench
from imagefinder.training.torch.checkpoint import forget_checkpoint
from imagefinder.training.torch.export import check_cosines, spec_of, to_onnx
from imagefinder.training.torch.loop import Fit, Fitted, Schedule
from imagefinder.training.torch.networks import Autoencoder
from imagefinder.types import Limits, OnProgress, Skipped

KIND = "autoencoder"
LEAST = 10  # images: fewer can't be split into any to learn from and any to judge by
HELD = 0.1
SHOWN = 8  # pictures with their reconstructions
CURVES, RECONSTRUCTIONS = "curves.png", "reconstructions.png"


@dataclass(frozen=True)
class AutoencoderOptions:
    """``latent`` numbers describe a picture. ``pixels`` and ``features`` weigh the two losses, see
    ``networks.Autoencoder``. ``output`` is what is searched: the ``latent``, or the encoder's ``pooled`` features."""

    encoder: EncoderOptions = field(default_factory=EncoderOptions)
    schedule: Schedule = field(default_factory=Schedule)
    latent: int = 256
    pixels: float = 1.0
    features: float = 1.0
    output: str = "latent"

    def __post_init__(self) -> None:
        if self.output not in ("latent", "pooled"):
            raise InvalidInputError(f"The output must be latent or pooled; got {self.output!r}.")
        if min(self.pixels, self.features) < 0 or self.pixels + self.features == 0:
            raise InvalidInputError(
                f"The weights of the losses must be 0 or more, and not both 0; got {self.pixels} and {self.features}."
            )


@dataclass(frozen=True)
class Made:
    """A model that was trained and stored: its ``name`` and ``folder``, the progress of the training, the images that
    could not be read, how many were ``trained`` on and ``held`` out, and the smallest ``cosine`` between ONNX and
    PyTorch."""

    name: str
    folder: Path
    fitted: Fitted
    skipped: tuple[Skipped, ...]
    trained: int
    held: int
    cosine: float
    files: tuple[str, ...] = ()


def train_autoencoder(
    folder: Path,
    uris: Sequence[str],
    options: AutoencoderOptions,
    *,
    name: str,
    restart: bool = False,
    limits: Limits | None = None,
    progress: OnProgress | None = None,
) -> Made:
    """Train on the images at ``uris``, and store the encoder as a model of the index in ``folder``.

    An interrupted training of the same name continues after its last complete epoch. Raises InvalidInputError for fewer
    than ten images, or if the interrupted training was another one; ModelError if the loss is not a number;
    MissingExtraError and StorageError.
    """
    uris = sorted(set(uris))
    _check_count(len(uris), 0)
    schedule = options.schedule
    bench = open_bench(
        uris, options.encoder, hidden=options.latent, seed=schedule.seed, batch=schedule.batch, limits=limits,
        progress=progress,
    )  # fmt: skip
    _check_count(len(bench.rows), len(bench.skipped))
    train, held = _split(len(bench.rows), schedule.seed)
    network = _network(bench, options, train)
    fit = Fit(network, bench.pictures, bench.normalise, _targets(bench))
    facts = {"kind": KIND, "images": digest(uris), **_flat(options)}
    place = work_folder(folder, name)
    if restart:
        forget_checkpoint(place)
    rows = np.array(bench.rows)
    fitted = fit.run(rows[train].tolist(), rows[held].tolist(), schedule, place, facts=facts, progress=progress)
    return _keep(folder, name, bench, network, fitted, options, (rows[train].tolist(), rows[held].tolist()))


def _check_count(there: int, skipped: int) -> None:
    if there < LEAST:
        also = f" ({skipped} could not be read)" if skipped else ""
        raise InvalidInputError(
            f"An autoencoder needs {LEAST} images at least; there are {there}{also}.",
            remedy="Name a folder with more, or index some first.",
        )


def _split(count: int, seed: int) -> tuple[list[int], list[int]]:
    """Positions of the images to train on, and of those held out, a tenth."""
    order = np.random.default_rng(seed).permutation(count)
    cut = max(1, round(HELD * count))
    return sorted(order[cut:].tolist()), sorted(order[:cut].tolist())


def _network(bench: Bench, options: AutoencoderOptions, train: Sequence[int]) -> Autoencoder:
    device = bench.encoder.latent.weight.device
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.schedule.seed)
        network = Autoencoder(bench.encoder, options.encoder.size, pixels=options.pixels, features=options.features).to(
            device
        )
    network.start(bench.pooled[train].to(device))
    return network


def _targets(bench: Bench) -> Any:
    """What the untrained encoder gave for a row, for ``Autoencoder.losses``."""
    centred = bench.encoder.centred(bench.pooled.to(bench.encoder.centre.device)).cpu()
    place = {row: i for i, row in enumerate(bench.rows)}
    return lambda rows: {"features": centred[[place[row] for row in rows]]}


def _keep(
    folder: Path,
    name: str,
    bench: Bench,
    network: Autoencoder,
    fitted: Fitted,
    options: AutoencoderOptions,
    parts: tuple[list[int], list[int]],
) -> Made:
    encoder, size = network.encoder, options.encoder.size
    sample = bench.sample(parts[1], SHOWN)
    drawings = {CURVES: plot_losses(fitted.history, fitted.best), RECONSTRUCTIONS: _sheet(bench, network, sample)}
    names = ("latent", "pooled")
    model = to_onnx(encoder, names, size)
    cosine = check_cosines(model, encoder, names, bench.normalise(sample))
    dim = options.latent if options.output == "latent" else encoder.backbone.channels
    spec = spec_of(
        name, encoder, size=size, space=(options.output, dim),
        title=f"{encoder.backbone.name}, trained as an autoencoder on {len(parts[0]):,} images",
        source=f"imagefinder train autoencoder --encoder {options.encoder.encoder}",
        report={**_flat(options), **asdict(options.schedule), **fitted.to_dict(), "cosine": cosine},
    )  # fmt: skip
    kept = keep_model(folder, spec, {MODEL_FILE: model, **drawings})
    return Made(name, kept, fitted, bench.skipped, len(parts[0]), len(parts[1]), cosine, tuple(drawings))


def _sheet(bench: Bench, network: Autoencoder, sample: Tensor) -> bytes:
    """Pictures that were held out, above their reconstructions, as PNG."""
    device = network.encoder.centre.device
    with torch.no_grad():
        painted = network(bench.normalise(sample.to(device))).cpu()
    items: list[tuple[Image.Image | None, str]] = [(_picture(p), "") for p in sample]
    items += [(_picture(p), "reconstructed") for p in painted]
    buffer = io.BytesIO()
    contact_sheet(items, columns=len(sample), size=160, title="Images held out, and their reconstructions").save(
        buffer, "PNG"
    )
    return buffer.getvalue()


def _picture(values: Tensor) -> Image.Image:
    return Image.fromarray((values * 255).round().clamp(0, 255).byte().permute(1, 2, 0).contiguous().numpy())


def _flat(options: AutoencoderOptions) -> dict[str, Any]:
    """The options as JSON, but for the schedule."""
    facts = asdict(options)
    facts.pop("schedule")
    return {**facts.pop("encoder"), **facts}
