"""Pictures as batches for PyTorch: read ahead over threads, changed at random but the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from imagefinder._util.threads import chunked, ordered_map
from imagefinder.errors import ImageError
from imagefinder.images.loader import Loader
from imagefinder.models.preprocess import half_squash
from imagefinder.types import ImageRef, Limits, Skipped

AHEAD = 4  # batches read ahead of the one in use
BRIGHTNESS, CONTRAST = 0.3, 0.3  # largest change, as a share


@dataclass
class Pictures:
    """The pictures at ``uris``, as squares of ``size`` pixels. What can't be read is left out and noted in
    ``skipped``."""

    uris: Sequence[str]
    size: int
    limits: Limits = field(default_factory=Limits)
    threads: int = 2
    skipped: dict[str, Skipped] = field(default_factory=dict)

    def batches(self, rows: Sequence[int], count: int) -> Iterator[tuple[list[int], Tensor]]:
        """The pictures of these rows in order, ``count`` at a time: the rows that could be read, and their pictures,
        uint8 (n, 3, size, size). A batch of which nothing could be read is left out."""
        loader = Loader(self.limits, self.size)

        def read(row: int) -> np.ndarray | None:
            try:
                return half_squash(loader.decode(loader.read(ImageRef(self.uris[row]))).image, self.size)
            except ImageError as error:
                self.skipped[self.uris[row]] = Skipped(self.uris[row], error.code, error.message, error.remedy)
                return None

        try:
            found = ordered_map(read, rows, workers=self.threads, window=AHEAD * count)
            for pairs in chunked(zip(rows, found, strict=True), count):
                there = [(row, pixels) for row, pixels in pairs if pixels is not None]
                if there:
                    stacked = torch.from_numpy(np.stack([pixels for _, pixels in there]))
                    yield [row for row, _ in there], stacked.permute(0, 3, 1, 2)
        finally:
            loader.close()


def changed(clean: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Pictures (n, 3, h, w) of values from 0 to 1, half of them mirrored, in two versions: as they are, and with a
    changed brightness and contrast."""
    draws = torch.rand(3, len(clean), 1, 1, 1, generator=random).to(clean.device)
    clean = torch.where(draws[0] < 0.5, clean.flip(3), clean)
    brightness = 1 + BRIGHTNESS * (2 * draws[1] - 1)
    contrast = 1 + CONTRAST * (2 * draws[2] - 1)
    grey = clean.mean(dim=(1, 2, 3), keepdim=True)
    return clean, ((clean - grey) * contrast + grey).mul(brightness).clamp(0, 1)


def shuffled(rows: Sequence[int], seed: int, epoch: int) -> list[int]:
    """These rows in the order of an epoch, which is always the same for the same epoch."""
    order = np.random.default_rng((seed, epoch)).permutation(len(rows))
    return [rows[i] for i in order]


def generator(seed: int, epoch: int) -> torch.Generator:
    """The random numbers of an epoch."""
    return torch.Generator().manual_seed(int(np.random.default_rng((seed, epoch, 1)).integers(2**62)))
