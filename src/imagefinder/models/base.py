"""The protocol of all models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

    from imagefinder.models.spec import ModelSpec


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words, their ``vectors``, float32 (words, dim), and for each word the positions of the more general words
    ``above`` it: "shirt" has "garment" and "clothing"."""

    words: Sequence[str]
    vectors: np.ndarray
    above: Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True)
class Reading:
    """How a model reads a text: the ``unknown`` words, in their order and as they were written, and whether any other
    says something to it (``understood``; a text without any unknown word is). ``meant`` has for some of the unknown
    words a known one that they are probably a slip of. ``language`` is what the model reads, as "English", where that
    is one language."""

    unknown: tuple[str, ...] = ()
    understood: bool = True
    meant: tuple[tuple[str, str], ...] = ()
    language: str = ""


@dataclass(frozen=True, slots=True)
class Mixture:
    """Pictures as mixtures of classes: how much of each they show, ``shares``, float32 (n, classes), rows of sum 1; and
    the ``vectors`` of the classes in the space of the pictures, float32 (classes, dim)."""

    shares: np.ndarray
    vectors: np.ndarray


@dataclass(frozen=True, slots=True)
class WithoutParts:
    """What a model makes of one picture with a part of it hidden, ``rows`` x ``columns`` parts in turn. ``down`` and
    ``across`` say where they lie: the middle of the first, and the step to the next, as fractions of the height and
    width that the model sees. ``box`` is what it sees of the whole picture: left, top, right, bottom as fractions of
    its sides; beyond 0 to 1 is padding. ``vectors`` are float32 (1 + rows * columns, dim) for each space: of the whole
    picture, then of each with a part hidden, row by row. Where these are mixtures of the vectors of classes, they are
    in ``mixtures`` too."""

    rows: int
    columns: int
    down: tuple[float, float]
    across: tuple[float, float]
    box: tuple[float, float, float, float]
    vectors: Mapping[str, np.ndarray]
    mixtures: Mapping[str, Mixture] = field(default_factory=dict)


class Embedder(Protocol):
    """Turns pictures and text into vectors.

    A model gives one vector per image in each of its *spaces* (``spec.spaces``): the default model has ``image`` (how
    an image looks) and ``words`` (what it shows, comparable with text); a CLIP model has one space for both. Methods
    may be called from several threads at once.
    """

    spec: ModelSpec

    @property
    def short_side(self) -> int:
        """The length of the short side, in pixels, at which a picture should at least be decoded."""

    @property
    def provider(self) -> str:
        """What runs it, such as CPUExecutionProvider."""

    def preprocess(self, image: Image) -> np.ndarray:
        """One upright RGB picture as the model needs it: the dtype and shape of one row of its input."""

    def embed_images(self, batch: np.ndarray) -> Mapping[str, np.ndarray]:
        """Preprocessed pictures, stacked on axis 0, to float32 (n, dim) for each space, by the name of the space."""

    def embed_without_parts(self, image: Image) -> WithoutParts | None:
        """One upright RGB picture with parts of it hidden, from one run of the model. None for a model that can't do
        it. An embedder may lack this method."""

    def classify_images(self, batch: np.ndarray) -> np.ndarray:
        """Preprocessed pictures to the probabilities of ``spec.classes``, float32 (n, classes). Raises ModelError for a
        model that has no classes."""

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Texts to float32 (n, dim) in ``spec.text_space``, rows of unit length, centred if the model needs it."""

    def count_tokens(self, texts: Sequence[str]) -> int:
        """How many tokens the model reads of these texts; those that it cuts off do not count."""

    def read_texts(self, texts: Sequence[str]) -> Sequence[Reading]:
        """Which words of each text the model knows. An embedder without this method is taken to know all."""

    def vocabulary(self) -> Vocabulary:
        """Common words for the names of clusters, with vectors as ``embed_texts`` gives them."""
