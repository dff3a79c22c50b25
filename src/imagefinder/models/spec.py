"""``ModelSpec``: the facts of a model, stored as JSON beside its weights."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any, Literal, get_args

from imagefinder.errors import ModelError, StorageError

if TYPE_CHECKING:
    from imagefinder.types import Float32

SPEC_FILE = "spec.json"
TransformKind = Literal["pca", "center", "none"]
Resize = Literal["half_squash", "shortest_edge", "squash", "longest_edge"]
Resample = Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]
Pooling = Literal["none", "cls", "mean", "patch_mean", "gem", "max", "eos"]
TextKind = Literal["conse", "joint", "base", "function"]
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_REMEDY = "Install ImageFinder again, or fetch the model again with: imagefinder models pull NAME --force"
TRAIN_AGAIN = "Train it again, or remove it: imagefinder spaces drop NAME"


@dataclass(frozen=True)
class SpaceSpec:
    """One kind of vector that a model gives: its dimension, and the transform that makes it searchable."""

    dim: int
    transform: TransformKind


@dataclass(frozen=True)
class Preprocess:
    """What is done to a picture before the model sees it.

    ``resize``: "half_squash" (see ``preprocess``); "shortest_edge" brings the short side to ``edge`` pixels and crops
    the centre; "squash" resizes to ``size`` whatever the shape, or to a square of ``edge`` pixels of which the centre
    is cropped; "longest_edge" fits the picture in and pads it. ``size`` is (height, width). A crop that can't be in
    the very middle starts half a pixel earlier, or with ``round_crop`` at the even one of the two, as torchvision and
    open_clip do. With ``bgr`` the channels are turned round. Then each value becomes (value * ``scale`` - ``mean``) /
    ``std``, float32; with these None the bytes go in as they are, the normalisation being in the graph.
    """

    resize: Resize
    size: tuple[int, int]
    edge: int | None = None
    resample: Resample = "bicubic"
    scale: float | None = None
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    layout: Literal["NHWC", "NCHW"] = "NHWC"
    bgr: bool = False
    round_crop: bool = False


@dataclass(frozen=True)
class ImageSpec:
    """The graph that turns pictures (or a base's vectors) into vectors.

    ``outputs`` names a tensor for each of the model's spaces, and may name one as ``classes``; any tensor of the graph
    will do, whether an output or inside. ``pooling`` is how an output of more than two axes becomes one vector.
    """

    file: str
    outputs: Mapping[str, str]
    input: str | None = None
    pooling: Pooling = "none"


@dataclass(frozen=True)
class TextSpec:
    """How a model embeds text, and the ``space`` in which texts are compared.

    "conse": by the class probabilities of the image model (``temperature``) and the text ``tower``, a folder beside the
    model's. "joint": by the model's own text graph ``file``, as in CLIP. "base": like its base. "function": by a
    function of the program. ``logit_scale`` and ``logit_bias`` turn a cosine into the logit that the model was trained
    with, see ``similarity``.

    A text is cut at ``length`` tokens and padded with ``pad_token`` (by default the one in the ``tokenizer`` file): to
    the longest text of a batch, or with ``pad`` always to ``length``, for models that were trained to read the padding,
    such as SigLIP. ``lowercase`` and ``clean`` (lower case, no ASCII punctuation, single spaces) are steps that the
    tokenizer file does not contain.
    """

    kind: TextKind
    space: str
    tower: str | None = None
    temperature: float | None = None
    file: str | None = None
    output: str | None = None
    pooling: Pooling = "none"
    tokenizer: str | None = None
    length: int | None = None
    pad: bool = False
    pad_token: str | None = None
    lowercase: bool = False
    clean: bool = False
    logit_scale: float | None = None
    logit_bias: float | None = None


@dataclass(frozen=True)
class BaseSpec:
    """The base of a derived model, whose raw vectors it takes instead of pictures, and which of its spaces is which
    input."""

    model: str
    fingerprint: str
    inputs: Mapping[str, str]


@dataclass(frozen=True)
class ModelSpec:
    """The facts of a model, known before it is loaded.

    ``files`` maps the name of a file to its SHA-256. ``classes`` are the names for the ``classes`` output. ``report``
    has the measures from the training. ``former`` maps the fingerprint of these facts to the one that an older spec
    format gave them, so that older indexes stay valid. ``version`` is for a model without files: whoever makes it
    changes it when the vectors change.
    """

    name: str
    alias: str
    title: str
    licence: str
    source: str
    files: Mapping[str, str]
    image: ImageSpec
    spaces: Mapping[str, SpaceSpec]
    folder: Path
    preprocess: Preprocess | None = None
    text: TextSpec | None = None
    base: BaseSpec | None = None
    classes: tuple[str, ...] | None = None
    report: Mapping[str, Any] = field(default_factory=dict)
    former: Mapping[str, str] = field(default_factory=dict)
    version: str | None = None

    @classmethod
    def load(cls, folder: Path) -> ModelSpec:
        """Read ``spec.json`` in a folder. Raises ModelError when it, or a key, is missing, unknown or wrong."""
        path = folder / SPEC_FILE
        try:
            return cls.from_dict(json.loads(path.read_text("utf-8")), folder)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ModelError(f"{path} is missing or wrong: {error}.", remedy=_REMEDY) from error

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], folder: Path) -> ModelSpec:
        """The spec that ``to_dict`` wrote. Raises ValueError, KeyError, TypeError or AttributeError."""
        parts: dict[str, Any] = {
            "image": _build(ImageSpec, data["image"]),
            "spaces": {name: _build(SpaceSpec, space) for name, space in data["spaces"].items()},
            "preprocess": data.get("preprocess") and _build(Preprocess, _tuples(data["preprocess"])),
            "text": data.get("text") and _build(TextSpec, data["text"]),
            "base": data.get("base") and _build(BaseSpec, data["base"]),
            "classes": tuple(data["classes"]) if data.get("classes") else None,
        }
        spec: ModelSpec = _build(cls, {**data, **parts, "folder": folder})
        check_spec(spec)
        return spec

    def to_dict(self) -> dict[str, Any]:
        """As JSON; what is not set is left out."""
        whole = {name: value for name, value in asdict(self).items() if name != "folder" and value}
        for part in ("image", "text", "preprocess", "base"):
            if part in whole:
                whole[part] = {k: v for k, v in whole[part].items() if v is not None and v is not False}
        return whole

    def save(self, folder: Path) -> None:
        """Write ``spec.json``. Raises StorageError."""
        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"
        try:
            (folder / SPEC_FILE).write_text(text, "utf-8")
        except OSError as error:
            raise StorageError(f"{folder / SPEC_FILE} can't be written: {error.strerror}.") from error

    @property
    def text_space(self) -> str | None:
        """The space in which texts are compared; None for a model that doesn't understand text."""
        return self.text.space if self.text else None

    @property
    def tower(self) -> Path | None:
        """The folder of ConSE's text tower."""
        return self.folder.parent / self.text.tower if self.text and self.text.tower else None

    @cached_property
    def fingerprint(self) -> str:
        """A digest that differs for any two models that could give different vectors."""
        facts = [self.to_dict().get(part) for part in ("preprocess", "image", "spaces", "text", "base")]
        if self.version is not None:
            facts.append({"version": self.version})
        text = json.dumps([sorted(self.files.items()), facts], sort_keys=True)
        found = hashlib.sha256(text.encode()).hexdigest()[:16]
        return self.former.get(found, found)

    def prior(self, space: str) -> Float32:
        """The mean of unit vectors of ordinary photos in a space, float32 (dim,), on which tiny collections are
        centred. Zeros if it was never measured."""
        import numpy as np

        path = self.folder / "priors.npz"
        if path.name not in self.files:
            return np.zeros(self.spaces[space].dim, np.float32)
        try:
            with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                return np.asarray(file[space], dtype=np.float32)
        except Exception as error:  # zipfile, zlib and NumPy each raise their own
            raise ModelError(f"The prior means of {self.name} can't be read: {error}.", remedy=_REMEDY) from error

    def paths(self) -> dict[Path, str]:
        """Every file the model needs, and its SHA-256."""
        return {self.folder / name: digest for name, digest in self.files.items()}

    @property
    def run_files(self) -> set[str]:
        """The files that are run: its graphs, and what splits texts."""
        text = self.text
        return {name for name in (self.image.file, text and text.file, text and text.tokenizer) if name}

    def verify(self, remedy: str = _REMEDY) -> None:
        """Compare every file with its checksum. Raises ModelError, with the remedy, also for one that is run and has
        none."""
        if unknown := sorted(self.run_files - set(self.files)):
            raise ModelError(f"The model {self.name} gives no checksum for {', '.join(unknown)}.", remedy=remedy)
        for path, expected in self.paths().items():
            found = file_sha256(path) if path.is_file() else "nothing"
            if found != expected:
                raise ModelError(f"{path} is not the file it should be (SHA-256 {found[:12]}).", remedy=remedy)

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
        """The facts that ``summary`` leaves out."""
        shown = ("source", "preprocess", "image", "text", "base", "classes", "files", "report")
        whole = self.to_dict()
        return {"fingerprint": self.fingerprint} | {name: whole.get(name) for name in shown}


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _tuples(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in data.items()}


def _build(kind: Any, data: Mapping[str, Any]) -> Any:
    from dataclasses import MISSING

    names = {f.name for f in fields(kind)}
    needed = {f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING}
    missing, unknown = sorted(needed - set(data)), sorted(set(data) - names)
    if missing or unknown:
        raise ValueError(f"{kind.__name__} lacks {missing} and does not know {unknown}")
    return kind(**data)


def check_spec(spec: ModelSpec) -> None:
    """Check what types can't express. Raises ValueError."""
    if not _NAME.fullmatch(spec.name):
        raise ValueError(f"the name {spec.name!r} is not of a-z, 0-9, '.', '_' and '-'")
    if not spec.spaces:
        raise ValueError("there are no spaces")
    tower = (spec.text and spec.text.tower) or ""
    for name in (*spec.files, *spec.run_files, *([tower] if tower else ())):
        if not _is_beside(name.removeprefix(f"../{tower}/") if tower else name) or "/" in tower:
            raise ValueError(f"the file {name!r} is outside its folder")
    for name, space in spec.spaces.items():
        _one_of(f"the transform of {name!r}", space.transform, TransformKind)
        if type(space.dim) is not int or space.dim < 1:
            raise ValueError(f"the dim of {name!r} is {space.dim!r}")
    _one_of("the pooling", spec.image.pooling, Pooling)
    if (spec.preprocess is None) != (spec.base is not None):
        raise ValueError("either a preprocess or a base is needed, and not both")
    if spec.preprocess:
        check_preprocess(spec.preprocess)
    if spec.text:
        _check_text(spec, spec.text)


def _is_beside(name: object) -> bool:
    """Whether a name is that of a file in the model's own folder or below it, on every system."""
    parts = (
        PureWindowsPath(name) if isinstance(name, str) else PureWindowsPath()
    )  # it knows both separators, and drives
    return bool(parts.parts) and not (parts.drive or parts.root or ".." in parts.parts or "\0" in str(parts))


def check_preprocess(wanted: Preprocess) -> None:
    """Check what types can't express. Raises ValueError or TypeError."""
    _one_of("the resize", wanted.resize, Resize)
    _one_of("the resample", wanted.resample, Resample)
    _one_of("the layout", wanted.layout, Literal["NHWC", "NCHW"])
    for side in (*wanted.size, *([wanted.edge] if wanted.edge is not None else [])):
        if type(side) is not int or not 1 <= side <= 4096:
            raise ValueError(f"{side!r} is no number of pixels")
    if len(wanted.size) != 2 or (wanted.resize == "shortest_edge" and wanted.edge is None):
        raise ValueError("the size is (height, width), and shortest_edge needs an edge")
    if wanted.resize == "half_squash" and wanted.size[0] != wanted.size[1]:
        raise ValueError("half_squash makes squares")
    for name, numbers in (("mean", wanted.mean), ("std", wanted.std)):
        if numbers is not None and (len(numbers) != 3 or not all(math.isfinite(number) for number in numbers)):
            raise ValueError(f"the {name} is {numbers!r}, not three numbers")
    if 0 in (wanted.std or ()) or wanted.scale == 0 or not math.isfinite(wanted.scale or 1):
        raise ValueError(f"the scale is {wanted.scale!r} and the std {wanted.std!r}; none may be 0")


def _check_text(spec: ModelSpec, text: TextSpec) -> None:
    _one_of("the kind of text", text.kind, TextKind)
    if text.space not in spec.spaces:
        raise ValueError(f"the text space {text.space!r} is not one of {sorted(spec.spaces)}")
    needed = {"conse": ("tower", "temperature"), "joint": ("file", "tokenizer")}.get(text.kind, ())
    for name in needed:
        if not getattr(text, name):
            raise ValueError(f"a text of the kind {text.kind!r} needs {name!r}")
    if text.length is not None and (type(text.length) is not int or text.length < 2):
        raise ValueError(f"the length of a text is {text.length!r}")
    if text.pad and not text.length:
        raise ValueError("a text that is padded needs a length")
    if text.temperature is not None and text.temperature <= 0:
        raise ValueError(f"the temperature is {text.temperature!r}")


def _one_of(what: str, value: str, kind: Any) -> None:
    if value not in get_args(kind):
        raise ValueError(f"{what} is {value!r}, not one of {get_args(kind)}")
