"""How well texts fit images, on the scale that a joint model was trained with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imagefinder.errors import ModelError

if TYPE_CHECKING:
    from imagefinder.models.spec import ModelSpec
    from imagefinder.types import Float32


def logits_per_image(spec: ModelSpec, images: Float32, texts: Float32) -> Float32:
    """Cosines times the model's scale, plus its bias, float32 (images, texts); ``transformers`` uses the same name.

    ``images`` (n, dim) and ``texts`` (m, dim) are in ``spec.text_space``, of any length. Raises ModelError for a model
    without a scale.
    """
    text = spec.text
    if text is None or text.logit_scale is None:
        raise ModelError(
            f"{spec.name} has no scale that turns likeness into probabilities.",
            remedy="Take a CLIP or SigLIP whose spec.json gives text.logit_scale.",
        )
    cosines = _unit(images) @ _unit(texts).T
    return np.asarray(cosines * np.float32(text.logit_scale) + np.float32(text.logit_bias or 0), np.float32)


def probabilities(spec: ModelSpec, images: Float32, texts: Float32) -> Float32:
    """Probabilities, float32 (images, texts). A model with a bias, such as SigLIP (Zhai et al. 2023), decides for each
    text separately whether it fits. One without, such as CLIP (Radford et al. 2021), gives probabilities that add up to
    1 over the texts. Raises ModelError."""
    logits = logits_per_image(spec, images, texts)
    if spec.text is not None and spec.text.logit_bias is not None:
        return np.asarray(0.5 * (1 + np.tanh(0.5 * logits)), np.float32)  # the sigmoid, without overflow
    odds = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True), np.float32)


def _unit(vectors: Float32) -> Float32:
    rows = np.asarray(vectors, np.float32)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), np.float32)
