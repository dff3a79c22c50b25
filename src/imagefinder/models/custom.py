"""A model of functions of your own: a network in any framework, or a service."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from imagefinder.errors import InvalidInputError, ModelError
from imagefinder.models.conse import load_vocabulary
from imagefinder.models.preprocess import prepare
from imagefinder.models.spec import (
    ImageSpec,
    ModelSpec,
    Preprocess,
    Resize,
    SpaceSpec,
    TextSpec,
    TransformKind,
    check_spec,
)

if TYPE_CHECKING:
    from PIL.Image import Image

    from imagefinder.models.base import Reading, Vocabulary
    from imagefinder.types import Float32

SPACE = "image"
BATCH = 256  # texts at once


class FunctionEmbedder:
    """Makes an embedder (``base.Embedder``) of your functions.

    >>> def colours(images):
    ...     return images.reshape(len(images), -1, 3).mean(axis=1)
    >>> embedder = FunctionEmbedder("mean-colour", colours, dim=3, size=32)
    >>> finder = ImageFinder.open("my-index", model=embedder)

    ``images`` takes pictures, uint8 (n, size, size, 3) in RGB, and returns float (n, dim). It is called from several
    threads at once. ``resize`` is how a picture becomes a square: "squash" ignores its shape, "shortest_edge" crops the
    centre, "longest_edge" pads, "half_squash" is halfway between the first two.

    ``texts`` takes a list of strings and returns float (n, dim) that can be compared with the vectors of pictures by
    cosine, like those of CLIP. Without it, the model understands no text. ``transform`` is what an index does with the
    vectors before it searches them: "pca" centres and reduces them, "center" only centres them, "none" keeps them. The
    default is "none" for a model with ``texts``, otherwise "pca".

    ``version`` is part of the fingerprint. Change it when the function gives other vectors than before; then an index
    with the old vectors refuses the model. Raises InvalidInputError for an invalid name, size or dim.
    """

    def __init__(
        self,
        name: str,
        images: Callable[[np.ndarray], np.ndarray],
        *,
        dim: int,
        texts: Callable[[Sequence[str]], np.ndarray] | None = None,
        size: int = 224,
        resize: Resize = "squash",
        transform: TransformKind | None = None,
        version: str = "1",
    ) -> None:
        self._images, self._texts = images, texts
        edge = size if resize == "shortest_edge" else None
        self._preprocess = Preprocess(resize, (size, size), edge=edge)
        self.spec = ModelSpec(
            name=name,
            alias=name,
            title="A function of the program that uses the library",
            licence="",
            source="",
            files={},
            image=ImageSpec(file="", outputs={SPACE: SPACE}),
            spaces={SPACE: SpaceSpec(dim, transform or ("none" if texts else "pca"))},
            folder=Path(),
            preprocess=self._preprocess,
            text=TextSpec("function", SPACE) if texts else None,
            version=version,
        )
        try:
            check_spec(self.spec)
        except (ValueError, TypeError) as error:
            raise InvalidInputError(f"The model {name!r} can't be: {error}.") from error

    @property
    def short_side(self) -> int:
        """Twice ``size``: pictures are decoded at this size or larger, and then reduced by one good filter."""
        return 2 * min(self._preprocess.size)

    @property
    def provider(self) -> str:
        """What runs the model: a function of yours."""
        return "function"

    def preprocess(self, image: Image) -> np.ndarray:
        """An upright RGB picture as uint8 (size, size, 3)."""
        return prepare(image, self._preprocess)

    def embed_images(self, batch: np.ndarray) -> Mapping[str, Float32]:
        """uint8 (n, size, size, 3) to float32 (n, dim). Raises ModelError if the function returns something else."""
        return {SPACE: self._checked(self._images(batch), len(batch))}

    def classify_images(self, batch: np.ndarray) -> Float32:
        """Raises ModelError: the model has no classes."""
        raise ModelError(f"{self.spec.name} tells no classes apart.", remedy="Run: imagefinder train classifier")

    def embed_texts(self, texts: Sequence[str]) -> Float32:
        """Texts to float32 (n, dim), rows of unit length. Raises ModelError for a model without ``texts``."""
        if self._texts is None:
            raise ModelError(f"The model {self.spec.name} doesn't understand words.")
        parts = [texts[i : i + BATCH] for i in range(0, len(texts), BATCH)]
        rows = [self._checked(self._texts(part), len(part)) for part in parts]
        vectors = np.concatenate([np.zeros((0, self.spec.spaces[SPACE].dim), np.float32), *rows])
        return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float32)

    def count_tokens(self, texts: Sequence[str]) -> int:
        """The number of words, separated by spaces, because the tokens of the function are not known."""
        return sum(len(text.split()) for text in texts)

    def read_texts(self, texts: Sequence[str]) -> list[Reading]:
        """All as understood: what the function knows is not known."""
        from imagefinder.models.base import Reading

        return [Reading() for _ in texts]

    def vocabulary(self) -> Vocabulary:
        """The words of the package for the names of clusters, with vectors as ``embed_texts`` gives them."""
        return self._vocabulary

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        from imagefinder.models.joint_text import NAMING, VOCABULARY

        known = load_vocabulary(VOCABULARY)
        return replace(known, vectors=self.embed_texts([NAMING.format(word) for word in known.words]))

    def _checked(self, found: np.ndarray, count: int) -> Float32:
        vectors, dim = np.asarray(found, np.float32), self.spec.spaces[SPACE].dim
        if vectors.shape != (count, dim):
            raise ModelError(f"{self.spec.name} gave {vectors.shape} for {count}; ({count}, {dim}) was to come.")
        if not np.isfinite(vectors).all():
            raise ModelError(f"{self.spec.name} gave a vector that is not finite.")
        return vectors
