"""Models by name.

A name is that of a model that comes with the package, was registered by the program, was trained on an index, or was
pulled; a short name of the catalogue; ``hub:ORG/REPO[@REVISION][:FILE]``; or ``onnx:PATH``. Only ``pull_model`` uses
the network.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from imagefinder._util.files import expanded
from imagefinder._util.shapes import check_shape
from imagefinder.errors import InvalidInputError, ModelError, NotFoundError
from imagefinder.models.spec import SPEC_FILE, TRAIN_AGAIN, ModelSpec, check_spec

if TYPE_CHECKING:
    from imagefinder.models.base import Embedder
    from imagefinder.types import OnProgress

_TEXTS: dict[Any, Any] = {str: str}
_SHAPE = {
    **dict.fromkeys(("name", "alias", "title", "licence", "source"), str),
    **{"files": _TEXTS, "image": {"file": str, "outputs": _TEXTS, "input?": (str, None), "pooling?": str}},
    **{"spaces": {str: {"dim": int, "transform": str}}, "preprocess?": ({str: object}, None)},
    **{"text?": ({"kind": str, "space": str, "tower?": str, "file?": str, "tokenizer?": str}, None)},
    **{"base?": ({"model": str, "fingerprint": str, "inputs": _TEXTS}, None), "classes?": ([str], None)},
    **{"report?": {str: object}, "former?": _TEXTS, "version?": (str, None)},
}
BUNDLED = Path(__file__).parent / "bundled"
_loaded: WeakValueDictionary[tuple[Path, str, int | None], Embedder] = WeakValueDictionary()
_loading = threading.RLock()
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_registered: dict[str, Embedder] = {}  # by name: those of the program that uses the library


@lru_cache(maxsize=1)
def list_models() -> tuple[ModelSpec, ...]:
    """The models that come with the package, the default first."""
    specs = (ModelSpec.load(path.parent) for path in sorted(BUNDLED.glob(f"*/{SPEC_FILE}")))
    return tuple(sorted(specs, key=lambda spec: spec.alias != "default"))


def register(embedder: Embedder) -> ModelSpec:
    """Register an embedder of your own by the name in its ``spec``, for all indexes that this process opens.

    It is any object that fulfils ``models.base.Embedder``; ``models.custom.FunctionEmbedder`` makes one of a function.
    If the name is registered already, the new embedder replaces the old one. An index refuses an embedder whose
    fingerprint differs from that of its vectors. Raises InvalidInputError if a model of the package has this name.
    """
    spec = embedder.spec
    check_spec(spec)
    if any(spec.name in (there.name, there.alias) for there in list_models()):
        raise InvalidInputError(f"A model of the package is called {spec.name}.", remedy="Choose another name.")
    with _loading:
        _registered[spec.name] = embedder
    return spec


def registered(name: str) -> Embedder | None:
    """The embedder that is registered by this name or alias, or None."""
    for embedder in list(_registered.values()):
        if name in (embedder.spec.name, embedder.spec.alias):
            return embedder
    return None


def known_name(model: str | Embedder) -> str:
    """The name by which an index knows a model. A model given as ``onnx:PATH`` is copied to where the index finds it
    later, and an embedder is registered."""
    if not isinstance(model, str):
        return register(model).name
    return pull_model(model).name if model.startswith("onnx:") else model


def models_in(folder: Path) -> tuple[ModelSpec, ...]:
    """The models in a folder, each in its own folder of its name, such as those trained on an index. Those that are
    damaged are left out: ``find_spec`` says so."""
    found = []
    for path in sorted(folder.glob(f"*/{SPEC_FILE}")):
        with suppress(ModelError):
            found.append(_load_own(path.parent))
    return tuple(found)


def _load_own(folder: Path) -> ModelSpec:
    """The spec of a model that came with an index, which may be somebody else's. Raises ModelError."""
    try:
        check_shape(json.loads((folder / SPEC_FILE).read_text("utf-8")), _SHAPE)
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{folder / SPEC_FILE} is missing or wrong: {error}.", remedy=TRAIN_AGAIN) from error
    spec = ModelSpec.load(folder)
    if spec.name != folder.name:
        raise ModelError(
            f"{folder / SPEC_FILE} is that of another model, {spec.name}.", remedy=f"Move it to {spec.name}."
        )
    return spec


def find_spec(name: str, extra: Sequence[Path] = ()) -> ModelSpec:
    """The spec of the model with this name or alias, also of those in the folders ``extra``.

    Raises NotFoundError, which names the existing models, or the command that fetches this one, and ModelError for one
    that is damaged.
    """
    if (own := registered(name)) is not None:
        return own.spec
    specs = [*(spec for folder in extra for spec in models_in(folder)), *list_models()]
    for spec in specs:
        if name in (spec.alias, spec.name):
            return spec
    for folder in extra if _NAME.fullmatch(name) else ():
        if (folder / name).is_dir():
            return _load_own(folder / name)
    found = _elsewhere(name)
    if found is not None:
        return found
    from imagefinder._util.suggest import unknown_name
    from imagefinder.models.catalogue import catalogue

    known = [n for spec in specs for n in (spec.alias, spec.name)] + [entry.alias for entry in catalogue()]
    error = unknown_name("model", name, list(dict.fromkeys(known)))
    more = (
        "`imagefinder models list` tells more; `imagefinder models pull hub:ORG/REPO` or onnx:PATH brings in others, "
        "and a model of your own program has to be registered: imagefinder.register(embedder)."
    )
    raise NotFoundError(error.message, remedy=f"{error.remedy} {more}".strip())


def _elsewhere(name: str) -> ModelSpec | None:
    """A model that comes neither with the package nor with an index."""
    from imagefinder.models.catalogue import in_catalogue
    from imagefinder.models.hub import PREFIX, Address
    from imagefinder.models.pulled import ONNX, pulled_spec, read_local

    if name.startswith(ONNX):
        return read_local(expanded(name.removeprefix(ONNX)))
    entry = in_catalogue(name)
    word = entry.name if entry else Address.parse(name).slug if name.startswith(PREFIX) else name
    if "/" in word or "\\" in word or word.startswith("."):
        return None
    if (spec := pulled_spec(word)) is not None:
        return spec
    if entry or name.startswith(PREFIX):
        size = f" (about {entry.bytes / 1e6:,.0f} MB)" if entry and entry.bytes else ""
        raise NotFoundError(
            f"The model {name} is not on this machine yet.", remedy=f"Fetch it{size}: imagefinder models pull {name}"
        )
    return None


def pull_model(
    name: str, *, to: Path | None = None, force: bool = False, progress: OnProgress | None = None
) -> ModelSpec:
    """Fetch a model of the catalogue or the hub, or take in one given as ``onnx:PATH``, so that it is found by its
    name from now on; one that is here already is left alone unless ``force`` says to look again.

    ``to`` is a folder to put it in instead: carried to another machine, ``onnx:FOLDER`` names it there. ``progress``
    is told the file, the bytes there and how many there will be. Raises NotFoundError, ModelError, StorageError, and
    InvalidInputError for a folder ``to`` that holds something.
    """
    from imagefinder.models import pulled
    from imagefinder.models.catalogue import in_catalogue
    from imagefinder.models.hub import PREFIX, Address

    entry = in_catalogue(name)
    if entry is None and not name.startswith(PREFIX):
        return _take_in(name, to, force)
    address = entry.address if entry else Address.parse(name)
    facts = entry.facts if entry else {"name": address.slug, "alias": address.slug}
    own = str(facts["name"])
    if to is not None:
        there = None if force else pulled.pulled_spec(own)
        return pulled.take_in(there, to) if there else pulled.pull_hub(address, facts, to, progress=progress)

    def pull() -> ModelSpec:
        return pulled.pull_hub(address, facts, pulled.models_folder() / own, replacing=force, progress=progress)

    return pulled.taken_once(own, pull, again=force)


def _take_in(name: str, to: Path | None, force: bool) -> ModelSpec:
    """A model that is on this machine already, copied to where it is needed."""
    from imagefinder.models import pulled

    spec = find_spec(name)
    if to is not None:
        return pulled.take_in(spec, to)
    if not name.startswith(pulled.ONNX):
        return spec
    folder = pulled.models_folder() / spec.name
    known = pulled.taken_once(spec.name, lambda: pulled.take_in(spec, folder, replacing=force), again=force)
    if known.fingerprint != spec.fingerprint:
        raise InvalidInputError(
            f"Another model is called {spec.name} already: {known.source}.",
            remedy="Give this one another name in its spec.json, or replace that one with: imagefinder models pull "
            f"{name} --force",
        )
    return known


def load_model(name: str = "default", *, threads: int | None = None, extra: Sequence[Path] = ()) -> Embedder:
    """The model of this name, ready to use.

    ``threads`` is the number of threads of one call, by default all cores. Use 1 to call it from several threads at
    once. Files are read when first needed: a text search never loads the image model. Callers of the same model share
    it. ``extra`` are folders of further models. Raises NotFoundError and ModelError.
    """
    if (own := registered(name)) is not None:
        return own
    spec = find_spec(name, extra)
    key = (spec.folder, spec.fingerprint, threads)
    with _loading:
        embedder = _loaded.get(key)
        if embedder is None:
            embedder = _loaded[key] = _load(spec, threads, extra)
    return embedder


def _load(spec: ModelSpec, threads: int | None, extra: Sequence[Path]) -> Embedder:
    _check_files(spec, extra)
    if spec.base is not None:
        from imagefinder.models.derived import DerivedEmbedder

        return DerivedEmbedder(spec, load_model(spec.base.model, threads=threads, extra=extra), threads=threads)
    from imagefinder.models.onnx import OnnxEmbedder

    return OnnxEmbedder(spec, threads=threads)


def _check_files(spec: ModelSpec, extra: Sequence[Path]) -> None:
    """Compare the files with their checksums: of models that were pulled when they look otherwise than the last time,
    of those in an index each time, as an index may come from anybody, with a note that all was well. Those of the
    package are its installer's; `imagefinder doctor` compares them. Raises ModelError."""
    if spec.folder.parent in extra:
        spec.verify(TRAIN_AGAIN)
    elif spec.folder.parent != BUNDLED:
        from imagefinder.models.pulled import check_files

        check_files(spec)
