"""The text side of a model: what every kind of text tower can do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from imagefinder.models.conse import ClassWords, load_vocabulary
from imagefinder.models.text import TextTower

if TYPE_CHECKING:
    from imagefinder.models.base import Mixture, Reading, Vocabulary
    from imagefinder.types import Float32


class Words(Protocol):
    """Embeds texts in a model's text space, and has the words for the names of clusters."""

    def embed(self, texts: Sequence[str]) -> Float32:
        """Texts, one or more, to float32 (n, dim), rows of unit length."""

    def count(self, texts: Sequence[str]) -> int:
        """How many tokens the model reads of these texts."""

    def read(self, texts: Sequence[str]) -> list[Reading]:
        """Which words of these texts the model knows."""

    def vocabulary(self) -> Vocabulary:
        """Common words with their vectors."""


class ConseWords:
    """Text for a classifier, by ConSE. ``folder`` contains MiniLM and the class table. Both are loaded when first
    used."""

    def __init__(self, folder: Path, temperature: float, *, threads: int | None = None) -> None:
        self._folder = folder
        self._temperature = temperature
        self._threads = threads

    def embed(self, texts: Sequence[str]) -> Float32:
        return self._centred(self._tower.embed(texts))

    def count(self, texts: Sequence[str]) -> int:
        return self._tower.count(texts)

    def read(self, texts: Sequence[str]) -> list[Reading]:
        return self._tower.read(texts)

    def vocabulary(self) -> Vocabulary:
        found = load_vocabulary(self._folder)
        return replace(found, vectors=self._centred(found.vectors))

    def of_classes(self, logits: Float32) -> Float32:
        """The text-space vectors for the class logits (n, classes) of an image model, float32 (n, dim)."""
        return self._classes.vectors(logits, self._temperature)

    def mixture(self, logits: Float32) -> Mixture:
        """The classes that pictures with parts hidden show, by logits (n, classes)."""
        return self._classes.mixture(logits)

    def _centred(self, texts: Float32) -> Float32:
        vectors = texts - self._classes.mean
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)

    @cached_property
    def _tower(self) -> TextTower:
        return TextTower(self._folder, threads=self._threads)

    @cached_property
    def _classes(self) -> ClassWords:
        return ClassWords.load(self._folder / "imagenet-1k.npy")
