"""The common start of both trainings: the encoder, the pictures, and the output of the untrained encoder for them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from imagefinder._util.threads import cores
from imagefinder.errors import InvalidInputError, ModelError
from imagefinder.training.torch.backbones import DEFAULT, Normalisation, load_backbone
from imagefinder.training.torch.export import pooled_features
from imagefinder.training.torch.loop import best_device
from imagefinder.training.torch.networks import Encoder
from imagefinder.training.torch.pictures import Pictures
from imagefinder.types import Limits, OnProgress, Progress, Skipped


@dataclass(frozen=True)
class EncoderOptions:
    """The ``encoder`` to train (``default``, or what ``transformers`` loads), with pictures of ``size`` pixels. The
    last ``unfreeze`` of its stages are trained: None for all, 0 for none."""

    encoder: str = DEFAULT
    size: int = 224
    unfreeze: int | None = None


@dataclass
class Bench:
    """``rows`` are the ``pictures`` that could be read, and ``pooled``, float32 (len(rows), channels), is the output of
    the untrained encoder for them."""

    encoder: Encoder
    pictures: Pictures
    normalise: Normalisation
    rows: list[int]
    pooled: Tensor

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        return tuple(self.pictures.skipped.values())

    def sample(self, rows: Sequence[int], count: int) -> Tensor:
        """Up to ``count`` of the pictures, values from 0 to 1, (n, 3, size, size)."""
        _, pixels = next(self.pictures.batches(rows[:count], count))
        return pixels.float() / 255


def open_bench(
    uris: Sequence[str],
    options: EncoderOptions,
    *,
    hidden: int,
    seed: int,
    batch: int,
    limits: Limits | None = None,
    progress: OnProgress | None = None,
) -> Bench:
    """Load the encoder, with ``hidden`` numbers on top, and pass every picture through it once. Raises
    MissingExtraError, ModelError and InvalidInputError."""
    if not 1 <= hidden <= 4096:
        raise InvalidInputError(f"A feature of {hidden} numbers was asked for; from 1 to 4096 are possible.")
    device = best_device()
    backbone = load_backbone(options.encoder, size=options.size)
    backbone.unfreeze(options.unfreeze)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = Encoder(backbone, hidden).to(device).eval()
    pictures = Pictures(uris, options.size, limits or Limits(), threads=min(16, cores()))
    normalise = backbone.normalisation
    rows: list[int] = []
    parts: list[Tensor] = []
    for there, pixels in pictures.batches(range(len(uris)), batch):
        rows += there
        parts.append(pooled_features(encoder, normalise(pixels.to(device).float() / 255)).cpu())
        if progress is not None:
            progress(Progress("reading pictures", len(rows) + len(pictures.skipped), len(uris)))
    pooled = torch.cat(parts) if parts else torch.zeros(0, backbone.channels)
    if not pooled.isfinite().all():
        raise ModelError(f"{backbone.name} gives values that are no numbers.", remedy="Train another --encoder.")
    return Bench(encoder, pictures, normalise, rows, pooled)


def digest(texts: Sequence[str]) -> str:
    """A text that distinguishes one set of images, or of labels, from another."""
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()[:16]
