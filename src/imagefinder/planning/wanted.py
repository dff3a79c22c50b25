"""What a plan is asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from imagefinder._util.suggest import unknown_name
from imagefinder.errors import InvalidInputError, NotFoundError

# By store, how the vectors that searches go through can be kept; the first is what is taken if nothing is said.
QUANTIZATIONS = {"folder": ("none",), "postgresql": ("halfvec",), "qdrant": ("none", "int8", "binary")}
COPIES = {"folder": 1, "postgresql": 2, "qdrant": 2}  # where nothing is said


@dataclass(frozen=True, slots=True)
class Space:
    """One kind of vector of each image: how many numbers the model gives, and how many are searched."""

    raw: int
    searched: int


# The spaces of the models whose speed was measured.
MODELS = {"default": (Space(1280, 256), Space(384, 384)), "fast": (Space(1280, 256), Space(384, 384))}
ALIASES = {"efficientnet-lite2": "default", "efficientnet-lite0": "fast"}  # their names in an index
BOUNDS: dict[str, tuple[float, float]] = {
    "images": (1, 1e12),
    "image_bytes": (100, 1e10),
    "embed_ms": (0.001, 1e6),
    "replicas": (1, 100),
    "queries_per_second": (0.001, 1e6),
    "p95_ms": (1, 1e6),
    "hours": (0.1, 100_000),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """So many ``images`` of ``image_bytes`` each (bytes of a file) in a ``store``, a key of ``QUANTIZATIONS``, found by
    ``queries_per_second``, 95 of 100 within ``p95_ms`` milliseconds, and indexed in so many ``hours``.

    ``model`` is one of ``MODELS``; another needs ``spaces`` and ``embed_ms``, the processor milliseconds that an image
    takes on one core from file to vector. ``replicas`` are copies of each shard at least; None is the store's usual
    number, as "" is its usual ``quantization``. Raises InvalidInputError, and NotFoundError for a name that is none.
    """

    images: float
    store: str = "qdrant"
    model: str = "default"
    spaces: tuple[Space, ...] = ()
    embed_ms: float | None = None
    image_bytes: float = 200_000
    quantization: str = ""
    replicas: int | None = None
    queries_per_second: float = 20
    p95_ms: float = 200
    hours: float = 8
    gpu: bool = False

    def __post_init__(self) -> None:
        if self.store not in QUANTIZATIONS:
            raise unknown_name("store", self.store, list(QUANTIZATIONS))
        for name, (least, most) in BOUNDS.items():
            value = getattr(self, name)
            if value is not None and not (_is_number(value) and least <= value <= most):
                raise InvalidInputError(
                    f"A plan can't have {value!r} as {name.replace('_', ' ')}.", remedy=f"Give {least:,g} to {most:,g}."
                )
        self._check_model()
        if not self.quantization:
            object.__setattr__(self, "quantization", QUANTIZATIONS[self.store][0])
        if self.quantization not in (there := QUANTIZATIONS[self.store]):
            raise InvalidInputError(
                f"ImageFinder keeps no {self.quantization!r} vectors in {self.store}.",
                remedy=f"There: {', '.join(there)}.",
            )
        if self.replicas is None:
            object.__setattr__(self, "replicas", COPIES[self.store])
        if self.store == "folder" and self.copies > 1:
            raise InvalidInputError(
                "An index in a folder is held by one process, so it has no replicas.",
                remedy="Ask for a plan with a server.",
            )

    def _check_model(self) -> None:
        object.__setattr__(self, "model", ALIASES.get(self.model, self.model))
        if self.model not in MODELS and (not self.spaces or self.embed_ms is None):
            raise NotFoundError(
                f"The speed of the model {self.model!r} was not measured; it was of: {', '.join(MODELS)}.",
                remedy="Say its dimensions and the milliseconds of an image; imagefinder models compare measures them.",
            )
        if not self.spaces:
            object.__setattr__(self, "spaces", MODELS[self.model])
        for space in self.spaces:
            if not (1 <= space.searched <= space.raw <= 65_536):
                raise InvalidInputError(
                    f"A space can't have {space.raw} dimensions of which {space.searched} are searched.",
                    remedy="Give 1 to 65,536 dimensions.",
                )

    @property
    def copies(self) -> int:
        return self.replicas or 1

    def to_dict(self) -> dict[str, object]:
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return values | {"spaces": [{"raw": space.raw, "searched": space.searched} for space in self.spaces]}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
