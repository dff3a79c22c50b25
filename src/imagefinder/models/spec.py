"""A model's facts, as the JSON that stands beside its weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from imagefinder.errors import ModelError

if TYPE_CHECKING:
    from imagefinder.types import Float32

SPEC_FILE = "spec.json"
TransformKind = Literal["pca", "center"]
_REMEDY = "Install ImageFinder again."


@dataclass(frozen=True)
class SpaceSpec:
    """One kind of vector a model gives: its dimension, and how a collection's vectors are made searchable."""

    dim: int
    transform: TransformKind


@dataclass(frozen=True)
class TextSpec:
    """How words reach a model: the text tower's name, the space its vectors are compared in, ConSE's temperature."""

    tower: str
    space: str
    temperature: float


@dataclass(frozen=True)
class Preprocess:
    """What is done to a picture before the model sees it; the normalisation is in the graph."""

    method: Literal["half_squash"]
    size: int


@dataclass(frozen=True)
class ModelSpec:
    """What is known of a model before it is loaded. ``files`` maps a file's name to its SHA-256."""

    name: str
    alias: str
    title: str
    licence: str
    source: str
    files: Mapping[str, str]
    preprocess: Preprocess
    outputs: Mapping[str, str]
    spaces: Mapping[str, SpaceSpec]
    text: TextSpec | None
    folder: Path

    @classmethod
    def load(cls, folder: Path) -> ModelSpec:
        """Read ``spec.json`` in a folder. Raises ModelError when it, or a key, is missing, unknown or wrong."""
        path = folder / SPEC_FILE
        try:
            data = json.loads(path.read_text("utf-8"))
            spec: ModelSpec = _build(
                cls,
                {
                    **data,
                    "preprocess": _build(Preprocess, data["preprocess"]),
                    "spaces": {name: _build(SpaceSpec, space) for name, space in data["spaces"].items()},
                    "text": data["text"] and _build(TextSpec, data["text"]),
                    "folder": folder,
                },
            )
            _check(spec)
            return spec
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"{path} is missing or wrong: {error}.", remedy=_REMEDY) from error

    @property
    def text_space(self) -> str | None:
        """The space that words are compared in; None for a model that doesn't understand words."""
        return self.text.space if self.text else None

    @property
    def tower(self) -> Path | None:
        """The folder of the text tower."""
        return self.folder.parent / self.text.tower if self.text else None

    @cached_property
    def fingerprint(self) -> str:
        """Tells apart any two models that could give different vectors."""
        facts = (sorted(self.files.items()), self.preprocess, self.outputs, self.text)
        return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]

    def prior(self, space: str) -> Float32:
        """Mean of unit vectors of ordinary photos in a space, float32 (dim,): where tiny collections are centred."""
        import numpy as np

        try:
            with (self.folder / "priors.npz").open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                return np.asarray(file[space], dtype=np.float32)
        except Exception as error:  # zipfile, zlib and NumPy each raise their own
            raise ModelError(f"The prior means of {self.name} can't be read: {error}.", remedy=_REMEDY) from error

    def paths(self) -> dict[Path, str]:
        """Every file the model needs, and its SHA-256."""
        return {self.folder / name: digest for name, digest in self.files.items()}

    def verify(self) -> None:
        """Compare every file with its checksum. Raises ModelError."""
        for path, expected in self.paths().items():
            found = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "nothing"
            if found != expected:
                raise ModelError(f"{path} is not the file it should be (SHA-256 {found[:12]}).", remedy=_REMEDY)

    @property
    def bytes(self) -> int:
        return sum(path.stat().st_size for path in self.paths() if path.is_file())

    def summary(self) -> dict[str, Any]:
        """A row for a list of models."""
        row = {name: getattr(self, name) for name in ("name", "alias", "title", "licence", "bytes")}
        return row | {
            "spaces": {name: space.dim for name, space in self.spaces.items()},
            "words": self.text is not None,
        }

    def details(self) -> dict[str, Any]:
        """What ``summary`` leaves out."""
        return {
            "fingerprint": self.fingerprint,
            "source": self.source,
            "preprocess": vars(self.preprocess),
            "outputs": dict(self.outputs),
            "text": vars(self.text) if self.text else None,
            "files": dict(self.files),
        }


def _build(kind: Any, data: Mapping[str, Any]) -> Any:
    names = {f.name for f in fields(kind)}
    if names != set(data):
        missing, unknown = sorted(names - set(data)), sorted(set(data) - names)
        raise ValueError(f"{kind.__name__} lacks {missing} and does not know {unknown}")
    return kind(**data)


def _check(spec: ModelSpec) -> None:
    """What the types don't say. Raises ValueError."""
    for name, space in spec.spaces.items():
        if space.transform not in get_args(TransformKind):
            raise ValueError(f"the transform of {name!r} is {space.transform!r}, not one of {get_args(TransformKind)}")
        if not isinstance(space.dim, int) or space.dim < 1:
            raise ValueError(f"the dim of {name!r} is {space.dim!r}")
    if spec.text and spec.text.space not in spec.spaces:
        raise ValueError(f"the text space {spec.text.space!r} is not one of {sorted(spec.spaces)}")
    if spec.text and spec.text.temperature <= 0:
        raise ValueError(f"the temperature is {spec.text.temperature!r}")
