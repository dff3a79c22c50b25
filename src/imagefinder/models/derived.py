"""A model made on top of another: it takes the vectors of its base instead of pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from imagefinder.errors import ModelError, ModelMismatchError
from imagefinder.models.onnx import check_dims
from imagefinder.models.session import Session

if TYPE_CHECKING:
    from PIL.Image import Image

    from imagefinder.models.base import Embedder, Reading, Vocabulary, WithoutParts
    from imagefinder.models.spec import ModelSpec
    from imagefinder.types import Float32

CLASSES = "classes"
TAUGHT = "words.txt"  # the words that a map of words was trained with, one a line, as ``reading.folded`` gives them


class DerivedEmbedder:
    """Fulfils ``base.Embedder`` for an adapter, a classifier or a map of words, which is computed from the output of
    its base.

    ``derive`` is the model itself: if the vectors of the base are stored, no picture has to be read again. Raises
    ModelMismatchError if the base is not the one it was trained on.
    """

    def __init__(self, spec: ModelSpec, base: Embedder, *, threads: int | None = None) -> None:
        if spec.base is None:
            raise ModelError(f"{spec.name} is not made on top of another model.")
        if base.spec.fingerprint != spec.base.fingerprint:
            raise ModelMismatchError(
                f"{spec.name} was trained on another version of {base.spec.name} ({spec.base.fingerprint}, this is "
                f"{base.spec.fingerprint}).",
                remedy="Train it again.",
            )
        self.spec = spec
        self.base = base
        self.inputs = spec.base.inputs
        self._threads = threads

    @property
    def short_side(self) -> int:
        return self.base.short_side

    @property
    def provider(self) -> str:
        return self.base.provider

    def preprocess(self, image: Image) -> np.ndarray:
        return self.base.preprocess(image)

    def embed_images(self, batch: np.ndarray) -> Mapping[str, Float32]:
        return self.derive(self.base.embed_images(batch))

    def embed_without_parts(self, image: Image) -> WithoutParts | None:
        """One upright RGB picture with parts of it hidden; None where the base can't do it."""
        of_base = getattr(self.base, "embed_without_parts", None)
        parts = of_base(image) if of_base else None
        return replace(parts, vectors=self.derive(parts.vectors), mixtures={}) if parts else None

    def classify_images(self, batch: np.ndarray) -> Float32:
        """Preprocessed pictures to probabilities of ``spec.classes``, float32 (n, classes). Raises ModelError."""
        return self.classify(self.base.embed_images(batch))

    def derive(self, vectors: Mapping[str, Float32]) -> dict[str, Float32]:
        """The raw vectors of the base, float32 (n, dim) by its spaces, to those of this model by its own spaces. Raises
        ModelError."""
        found = self._run(vectors)
        found.pop(CLASSES, None)
        check_dims(self.spec, found)
        return found

    def classify(self, vectors: Mapping[str, Float32]) -> Float32:
        """The raw vectors of the base to probabilities of ``spec.classes``, float32 (n, classes). Raises ModelError."""
        if not self.spec.classes:
            raise ModelError(f"{self.spec.name} tells no classes apart.", remedy="Run: imagefinder train classifier")
        return self._run(vectors)[CLASSES]

    def _run(self, vectors: Mapping[str, Float32]) -> dict[str, Float32]:
        inputs = {name: np.asarray(vectors[space], np.float32) for name, space in self.inputs.items()}
        outputs = self.spec.image.outputs
        if not len(next(iter(inputs.values()))):
            dims = {name: space.dim for name, space in self.spec.spaces.items()}
            dims |= {CLASSES: len(self.spec.classes or ())}
            return {name: np.zeros((0, dims[name]), np.float32) for name in outputs}
        return dict(zip(outputs, self._session.run(list(outputs.values()), inputs), strict=True))

    def embed_texts(self, texts: Sequence[str]) -> Float32:
        self._check_words()
        return self.base.embed_texts(texts)

    def count_tokens(self, texts: Sequence[str]) -> int:
        self._check_words()
        return self.base.count_tokens(texts)

    def read_texts(self, texts: Sequence[str]) -> list[Reading]:
        """Which words of each text are known: to the base, or from the captions this model was trained with. A model of
        a version that kept no list of these may know any word."""
        from imagefinder.models.base import Reading
        from imagefinder.models.reading import known_besides

        self._check_words()
        if self._taught is None:
            return [Reading() for _ in texts]
        read = getattr(self.base, "read_texts", None)
        return [known_besides(found, self._taught) for found in read(texts)] if read else [Reading() for _ in texts]

    def vocabulary(self) -> Vocabulary:
        self._check_words()
        return self.base.vocabulary()

    def _check_words(self) -> None:
        if self.spec.text is None:
            raise ModelError(f"The model {self.spec.name} doesn't understand words.")

    @cached_property
    def _taught(self) -> frozenset[str] | None:
        try:
            return frozenset((self.spec.folder / TAUGHT).read_text("utf-8").split("\n"))
        except OSError:
            return None

    @cached_property
    def _session(self) -> Session:
        return Session(self.spec.folder / self.spec.image.file, threads=self._threads)
