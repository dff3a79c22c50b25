"""What a model can do, whatever runs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

    from imagefinder.models.spec import ModelSpec


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words, their ``vectors`` float32 (words, dim), and for each the places of the more general words ``above`` it:
    "shirt" has "garment" and "clothing"."""

    words: Sequence[str]
    vectors: np.ndarray
    above: Sequence[Sequence[int]]


class Embedder(Protocol):
    """Turns pictures and words into vectors.

    A model gives one vector per image in each of its *spaces* (``spec.spaces``): the default model gives ``image``
    (how it looks) and ``words`` (what it says about the picture); a CLIP gives one space for both. Methods may be
    called from several threads at once.
    """

    spec: ModelSpec

    @property
    def short_side(self) -> int:
        """The least short side, in pixels, worth decoding a picture at."""

    @property
    def provider(self) -> str:
        """What runs it, such as CPUExecutionProvider."""

    def preprocess(self, image: Image) -> np.ndarray:
        """One upright RGB picture as the model wants it: the dtype and shape of one row of its input."""

    def embed_images(self, batch: np.ndarray) -> Mapping[str, np.ndarray]:
        """Preprocessed pictures, stacked on axis 0, to float32 (n, dim) for each space, by its name."""

    def classify_images(self, batch: np.ndarray) -> np.ndarray:
        """Preprocessed pictures to the probabilities of ``spec.classes``, float32 (n, classes). Raises ModelError for a
        model that tells none apart."""

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Texts to float32 (n, dim) in ``spec.text_space``, of unit length, centred as the model's texts need it."""

    def count_tokens(self, texts: Sequence[str]) -> int:
        """How many word pieces the model reads of these texts; what it cuts off does not count."""

    def vocabulary(self) -> Vocabulary:
        """Everyday words to name groups of images with, their vectors as ``embed_texts`` gives them."""
