"""The networks that are trained: an autoencoder and a classifier, on any backbone."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from imagefinder.training.torch.backbones import Backbone

Losses = Mapping[str, Tensor]


class Encoder(nn.Module):
    """A backbone, its maps pooled, and a layer on top.

    ``forward`` takes normalised pictures (n, 3, size, size) to ``latent`` (n, latent) and ``pooled`` (n, channels).
    """

    centre: Tensor

    def __init__(self, backbone: Backbone, latent: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.register_buffer("centre", torch.zeros(backbone.channels))
        self.latent = nn.Linear(backbone.channels, latent)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        pooled = gem(self.backbone(images))
        return self.latent(self.centred(pooled)), pooled

    def centred(self, pooled: Tensor) -> Tensor:
        """Pooled features (n, channels) of unit length, minus their mean over the training images, scaled to about 1 in
        each channel."""
        return (functional.normalize(pooled) - self.centre) * self.centre.numel() ** 0.5

    def start(self, pooled: Tensor) -> Tensor:
        """Set the start weights from the untrained features ``pooled`` (images, channels) of the training images:
        centred on their mean, with their principal components as the layer on top, scaled to a mean variance of 1. This
        is the optimum of a linear autoencoder (Baldi and Hornik 1989), so the training need not find it.

        Returns the inverse, (channels, latent).
        """
        self.centre.copy_(functional.normalize(pooled).mean(dim=0))
        rows = self.centred(pooled)
        _, values, axes = torch.linalg.svd(rows.double(), full_matrices=False)
        kept = min(self.latent.out_features, int((values > 1e-6 * values[0]).sum()))
        scale = float((len(rows) * kept / (values[:kept] ** 2).sum().clamp(min=1e-12)) ** 0.5)
        back = torch.zeros(rows.shape[1], self.latent.out_features)
        back[:, :kept] = axes[:kept].T.float()
        with torch.no_grad():
            self.latent.weight[:kept] = back.T[:kept] * scale
            self.latent.bias.zero_()
        return back / scale


def gem(maps: Tensor) -> Tensor:
    """Generalised-mean pooling with p = 3 (Radenovic et al. 2018), (n, c, h, w) to (n, c).

    Here it keeps the sign of a channel, so that it also works for transformers, whose maps have negative values.
    """
    mean = (maps * maps * maps).mean(dim=(2, 3))
    return mean.sign() * (mean.abs() + 1e-12).pow(1 / 3)


class Decoder(nn.Module):
    """From a latent (n, latent) to a picture (n, 3, size, size) of values from 0 to 1: a small map, doubled step by
    step, the last time by shuffling channels into pixels (Shi et al. 2016), which is cheap at full size."""

    WIDTHS = (128, 96, 64, 48)

    def __init__(self, latent: int, size: int) -> None:
        super().__init__()
        self.size = size
        self.start = -(-size // 2 ** (len(self.WIDTHS) + 1))
        self.first = nn.Linear(latent, self.WIDTHS[0] * self.start**2)
        self.steps = nn.ModuleList()
        before = self.WIDTHS[0]
        for width in self.WIDTHS:
            self.steps.append(nn.Sequential(nn.Conv2d(before, width, 3, padding=1), nn.GroupNorm(8, width), nn.GELU()))
            before = width
        self.last = nn.Conv2d(before, 12, 3, padding=1)

    def forward(self, latent: Tensor) -> Tensor:
        maps = self.first(latent).reshape(len(latent), -1, self.start, self.start)
        for step in self.steps:
            maps = step(functional.interpolate(maps, scale_factor=2.0, mode="nearest"))
        picture = functional.pixel_shuffle(self.last(maps), 2)
        return torch.sigmoid(picture[:, :, : self.size, : self.size])


class Autoencoder(nn.Module):
    """An encoder whose ``latent`` numbers must describe a picture.

    The latent of a changed picture (mirrored, darker, with less contrast) has two tasks. From it, the decoder must
    reconstruct the picture before the change, so it keeps colours and shapes, and ignores the lighting. And a linear
    layer must predict from it the features that the untrained encoder gave for the unchanged picture, because pixels
    say little about what the objects are, and an autoencoder trained on pixels alone forgets it. On garments, MAP@R was
    0.333 before, 0.335 after a training on both and 0.255 after one on pixels alone (``benchmarks/autoencoder.py``).
    """

    def __init__(self, encoder: Encoder, size: int, *, pixels: float, features: float) -> None:
        super().__init__()
        latent, channels = encoder.latent.out_features, encoder.latent.in_features
        self.encoder = encoder
        self.decoder = Decoder(latent, size)
        self.recall = nn.Linear(latent, channels)
        self.weights = {"pixels": pixels, "features": features}

    def start(self, pooled: Tensor) -> None:
        """Begin with the principal components of the untrained features, (images, channels); see ``Encoder.start``."""
        back = self.encoder.start(pooled)
        with torch.no_grad():
            self.recall.weight.copy_(back)
            self.recall.bias.zero_()

    def forward(self, images: Tensor) -> Tensor:
        """The reconstruction of normalised pictures, (n, 3, size, size) of values from 0 to 1."""
        return self.decoder(self.encoder(images)[0])

    def losses(self, images: Tensor, batch: Mapping[str, Tensor]) -> Losses:
        """``images`` normalised; ``batch`` has the unchanged pictures as ``clean`` (n, 3, size, size), from 0 to 1,
        and the untrained encoder's ``features``, centred (n, channels)."""
        latent, _ = self.encoder(images)
        found = {"pixels": functional.l1_loss(self.decoder(latent), batch["clean"])}
        found["features"] = 1 - functional.cosine_similarity(self.recall(latent), batch["features"]).mean()
        total = self.weights["pixels"] * found["pixels"] + self.weights["features"] * found["features"]
        return {"loss": total, **found}


class Classifier(nn.Module):
    """A backbone with a hidden layer, whose activation is the feature, and the classes on top.

    The logits are the cosines to one centre per class (Wang et al. 2017, "NormFace"), so that the training improves
    what the search compares: cosines.
    """

    SCALE = 16.0

    def __init__(self, encoder: Encoder, classes: int, *, smoothing: float = 0.1) -> None:
        super().__init__()
        self.encoder = encoder
        self.centres = nn.Parameter(torch.randn(classes, encoder.latent.out_features) * 0.1)
        self.smoothing = smoothing

    def start(self, pooled: Tensor) -> None:
        """Begin about the mean of the untrained features, (images, channels)."""
        self.encoder.centre.copy_(functional.normalize(pooled).mean(dim=0))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised pictures to the ``feature`` (n, hidden) and the ``logits`` (n, classes)."""
        feature = functional.relu(self.encoder(images)[0])
        cosines = functional.normalize(feature, eps=1e-6) @ functional.normalize(self.centres).T
        return feature, self.SCALE * cosines

    def losses(self, images: Tensor, batch: Mapping[str, Tensor]) -> Losses:
        """``batch`` has the class of each picture as ``target``, int64 (n,)."""
        logits = self(images)[1]
        loss = functional.cross_entropy(logits, batch["target"], label_smoothing=self.smoothing)
        return {"loss": loss, "wrong": (logits.argmax(dim=1) != batch["target"]).float().mean()}
