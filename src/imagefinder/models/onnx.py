"""An image model in ONNX with a text tower beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from imagefinder.errors import InvalidInputError, ModelError
from imagefinder.models.conse import ClassWords, load_vocabulary
from imagefinder.models.preprocess import half_squash
from imagefinder.models.session import Session
from imagefinder.models.text import TextTower

if TYPE_CHECKING:
    from PIL.Image import Image

    from imagefinder.models.base import Vocabulary
    from imagefinder.models.spec import ModelSpec
    from imagefinder.types import Float32


class OnnxEmbedder:
    """Fulfils ``base.Embedder``. The image model, the text tower and its class table are each loaded when needed."""

    def __init__(self, spec: ModelSpec, *, threads: int | None = None) -> None:
        if threads is not None and threads < 1:
            raise InvalidInputError(f"threads must be 1 or more, or None for all cores; got {threads}.")
        self.spec = spec
        self._threads = threads

    @property
    def short_side(self) -> int:
        return self.spec.preprocess.size

    @property
    def provider(self) -> str:
        """What runs the image model, such as CPUExecutionProvider."""
        return self._session.provider

    def preprocess(self, image: Image) -> np.ndarray:
        """An upright RGB picture as uint8 (size, size, 3)."""
        return half_squash(image, self.spec.preprocess.size)

    def embed_images(self, batch: np.ndarray) -> Mapping[str, Float32]:
        """uint8 (n, size, size, 3) to float32 (n, dim) for each space: GeM features and ConSE vectors, as they come."""
        size = self.spec.preprocess.size
        if batch.shape[1:] != (size, size, 3) or batch.dtype != np.uint8:
            raise InvalidInputError(
                f"{self.spec.name} takes uint8 (n, {size}, {size}, 3); got {batch.dtype} {batch.shape}."
            )
        if not len(batch):
            return {name: np.zeros((0, space.dim), np.float32) for name, space in self.spec.spaces.items()}
        outputs = self.spec.outputs
        features, logits = self._session.run([outputs["image"], outputs["classes"]], {"pixels": batch})
        if self.spec.text is None:
            return {"image": features}
        return {"image": features, "words": self._classes.vectors(logits, self.spec.text.temperature)}

    def embed_texts(self, texts: Sequence[str]) -> Float32:
        """Texts to float32 (n, dim) in ``spec.text_space``: unit length, centred on what texts have in common."""
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise InvalidInputError("embed_texts takes a list of strings.", remedy="Wrap a single text in a list.")
        if not len(texts):
            return np.zeros((0, self.spec.spaces[self.spec.text_space or ""].dim), np.float32)
        return self._centred(self._tower.embed(texts))

    def count_tokens(self, texts: Sequence[str]) -> int:
        return self._tower.count(texts)

    def vocabulary(self) -> Vocabulary:
        """The words of WordNet for what the model knows, centred as texts are."""
        found = load_vocabulary(self._tower_folder)
        return replace(found, vectors=self._centred(found.vectors))

    def _centred(self, texts: Float32) -> Float32:
        vectors = texts - self._classes.mean
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)

    @cached_property
    def _session(self) -> Session:
        return Session(self.spec.folder / "model.int8.onnx", threads=self._threads)

    @cached_property
    def _tower(self) -> TextTower:
        return TextTower(self._tower_folder, threads=self._threads)

    @cached_property
    def _classes(self) -> ClassWords:
        return ClassWords.load(self._tower_folder / "imagenet-1k.npy")

    @property
    def _tower_folder(self) -> Path:
        if self.spec.tower is None:
            raise ModelError(f"The model {self.spec.name} doesn't understand words.")
        return self.spec.tower
