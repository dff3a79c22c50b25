"""A model in ONNX: from pictures and text to vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from imagefinder.errors import InvalidInputError, ModelError
from imagefinder.models.image_tower import ImageTower
from imagefinder.models.preprocess import prepare
from imagefinder.models.words import ConseWords

if TYPE_CHECKING:
    from PIL.Image import Image

    from imagefinder.models.base import Reading, Vocabulary, WithoutParts
    from imagefinder.models.parts import PartsTower
    from imagefinder.models.spec import ModelSpec
    from imagefinder.models.words import Words
    from imagefinder.types import Float32


class OnnxEmbedder:
    """Fulfils ``base.Embedder``. The image graph and the text tower are each loaded when they are first needed."""

    def __init__(self, spec: ModelSpec, *, threads: int | None = None) -> None:
        if threads is not None and threads < 1:
            raise InvalidInputError(f"threads must be 1 or more, or None for all cores; got {threads}.")
        if spec.preprocess is None:
            raise ModelError(f"{spec.name} takes no pictures: it is made on top of another model.")
        self.spec = spec
        self._preprocess = spec.preprocess
        self._threads = threads
        self._image = ImageTower(spec, spec.preprocess, threads=threads)

    @property
    def short_side(self) -> int:
        """Others' models were trained on pictures decoded in full and reduced by one good filter. Decoded no finer than
        needed, the vectors of an EfficientNet have a cosine of 0.994 on average with those; at twice that, 0.998."""
        side = self._preprocess.edge or min(self._preprocess.size)
        return side if self._preprocess.resize == "half_squash" else 2 * side

    @property
    def provider(self) -> str:
        """What runs the image model, such as CPUExecutionProvider."""
        return self._image.provider

    def preprocess(self, image: Image) -> np.ndarray:
        """An upright RGB picture as uint8 (height, width, 3)."""
        return prepare(image, self._preprocess)

    def embed_images(self, batch: np.ndarray) -> Mapping[str, Float32]:
        """uint8 (n, height, width, 3) to float32 (n, dim) for each space, as they come from the model."""
        self._check(batch)
        if not len(batch):
            return {name: np.zeros((0, space.dim), np.float32) for name, space in self.spec.spaces.items()}
        return self._vectors(self._image.run(batch))

    def embed_without_parts(self, image: Image) -> WithoutParts | None:
        """One upright RGB picture with parts of it hidden, from one run of the graph. None for a model that can't do
        it: see ``parts``."""
        found = self._parts.of(image)
        if found is None:
            return None
        classes, text = found.vectors.get("classes"), self.spec.text
        mixtures = {}
        if text is not None and text.kind == "conse" and classes is not None:
            mixtures[text.space] = self._conse.mixture(classes)
        return replace(found, vectors=self._vectors(found.vectors), mixtures=mixtures)

    def _vectors(self, outputs: Mapping[str, Float32]) -> Mapping[str, Float32]:
        """The vectors by space, from the outputs of the image graph."""
        found = dict(outputs)
        classes = found.pop("classes", None)
        text = self.spec.text
        if text is not None and text.kind == "conse" and classes is not None:
            found[text.space] = self._conse.of_classes(classes)
        check_dims(self.spec, found)
        return found

    def classify_images(self, batch: np.ndarray) -> Float32:
        """uint8 (n, height, width, 3) to probabilities of ``spec.classes``, float32 (n, classes). Raises ModelError."""
        self._check(batch)
        if not self.spec.classes:
            raise ModelError(f"{self.spec.name} tells no classes apart.", remedy="Run: imagefinder train classifier")
        return self._image.run(batch)["classes"]

    def _check(self, batch: np.ndarray) -> None:
        height, width = self._preprocess.size
        if batch.shape[1:] != (height, width, 3) or batch.dtype != np.uint8:
            raise InvalidInputError(
                f"{self.spec.name} takes uint8 (n, {height}, {width}, 3); got {batch.dtype} {batch.shape}."
            )

    def embed_texts(self, texts: Sequence[str]) -> Float32:
        """Texts to float32 (n, dim) in ``spec.text_space``: unit length, centred on what texts have in common."""
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise InvalidInputError("embed_texts takes a list of strings.", remedy="Wrap a single text in a list.")
        if not len(texts):
            return np.zeros((0, self.spec.spaces[self.spec.text_space or ""].dim), np.float32)
        return self._words.embed(texts)

    def count_tokens(self, texts: Sequence[str]) -> int:
        return self._words.count(texts)

    def read_texts(self, texts: Sequence[str]) -> list[Reading]:
        """Which words of each text the model knows."""
        return self._words.read(texts)

    def vocabulary(self) -> Vocabulary:
        """Words for the names of clusters, with vectors as ``embed_texts`` gives them."""
        return self._vocabulary

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return self._words.vocabulary()

    @cached_property
    def _parts(self) -> PartsTower:
        from imagefinder.models.parts import PartsTower

        return PartsTower(self.spec, self._preprocess, self._image, threads=self._threads)

    @cached_property
    def _words(self) -> Words:
        text = self.spec.text
        if text is not None and text.kind == "joint":
            from imagefinder.models.joint_text import JointWords

            return JointWords(self.spec, text, threads=self._threads)
        return self._conse

    @cached_property
    def _conse(self) -> ConseWords:
        text, tower = self.spec.text, self.spec.tower
        if text is None or text.temperature is None or tower is None:
            raise ModelError(f"The model {self.spec.name} doesn't understand words.")
        return ConseWords(tower, text.temperature, threads=self._threads)


def check_dims(spec: ModelSpec, found: Mapping[str, np.ndarray]) -> None:
    """Raises ModelError where a model gives other vectors than its spec says."""
    for name, space in spec.spaces.items():
        shape = found[name].shape if name in found else "nothing"
        if name not in found or found[name].shape[1:] != (space.dim,):
            raise ModelError(f"{spec.name} gives {shape} for {name!r}; its description says {space.dim} dimensions.")
