"""Models by name."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from imagefinder.models.spec import SPEC_FILE, ModelSpec

if TYPE_CHECKING:
    from imagefinder.models.base import Embedder

BUNDLED = Path(__file__).parent / "bundled"
_loaded: WeakValueDictionary[tuple[Path, str, int | None], Embedder] = WeakValueDictionary()
_loading = threading.RLock()


@lru_cache(maxsize=1)
def list_models() -> tuple[ModelSpec, ...]:
    """The models that come with the package, the default first."""
    specs = (ModelSpec.load(path.parent) for path in sorted(BUNDLED.glob(f"*/{SPEC_FILE}")))
    return tuple(sorted(specs, key=lambda spec: spec.alias != "default"))


def models_in(folder: Path) -> tuple[ModelSpec, ...]:
    """The models kept in a folder, each in a folder of its own, such as the ones trained for an index."""
    return tuple(ModelSpec.load(path.parent) for path in sorted(folder.glob(f"*/{SPEC_FILE}")))


def find_spec(name: str, extra: Sequence[Path] = ()) -> ModelSpec:
    """The model of this name or alias, also among those kept in the folders ``extra``. Raises NotFoundError with the
    names there are."""
    specs = [*(spec for folder in extra for spec in models_in(folder)), *list_models()]
    for spec in specs:
        if name in (spec.alias, spec.name):
            return spec
    from imagefinder._registry import unknown_name

    raise unknown_name("model", name, list(dict.fromkeys(n for spec in specs for n in (spec.alias, spec.name))))


def load_model(name: str = "default", *, threads: int | None = None, extra: Sequence[Path] = ()) -> Embedder:
    """The model of this name, ready to use.

    ``threads`` is how many threads one call uses, all cores by default; give 1 to call it from several threads at
    once. Files are read when first needed: a search by words never loads the image model. Who asks for one that is
    in use already shares it. ``extra`` are folders of further models. Raises NotFoundError and ModelError.
    """
    spec = find_spec(name, extra)
    key = (spec.folder, spec.fingerprint, threads)
    with _loading:
        embedder = _loaded.get(key)
        if embedder is None:
            embedder = _loaded[key] = _load(spec, threads, extra)
    return embedder


def _load(spec: ModelSpec, threads: int | None, extra: Sequence[Path]) -> Embedder:
    if spec.base is not None:
        from imagefinder.models.derived import DerivedEmbedder

        return DerivedEmbedder(spec, load_model(spec.base.model, threads=threads, extra=extra), threads=threads)
    from imagefinder.models.onnx import OnnxEmbedder

    return OnnxEmbedder(spec, threads=threads)
