"""Models by name."""

from __future__ import annotations

import threading
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from imagefinder.models.spec import SPEC_FILE, ModelSpec

if TYPE_CHECKING:
    from imagefinder.models.base import Embedder

BUNDLED = Path(__file__).parent / "bundled"
_loaded: WeakValueDictionary[tuple[str, int | None], Embedder] = WeakValueDictionary()
_loading = threading.Lock()


@lru_cache(maxsize=1)
def list_models() -> tuple[ModelSpec, ...]:
    """The models that come with the package, the default first."""
    specs = (ModelSpec.load(path.parent) for path in sorted(BUNDLED.glob(f"*/{SPEC_FILE}")))
    return tuple(sorted(specs, key=lambda spec: spec.alias != "default"))


def find_spec(name: str) -> ModelSpec:
    """The model of this name or alias. Raises NotFoundError with the names there are."""
    for spec in list_models():
        if name in (spec.alias, spec.name):
            return spec
    from imagefinder._registry import unknown_name

    raise unknown_name("model", name, [n for spec in list_models() for n in (spec.alias, spec.name)])


def load_model(name: str = "default", *, threads: int | None = None) -> Embedder:
    """The model of this name, ready to use.

    ``threads`` is how many threads one call uses, all cores by default; give 1 to call it from several threads at
    once. Files are read when first needed: a search by words never loads the image model. Who asks for one that is
    in use already shares it. Raises NotFoundError and ModelError.
    """
    from imagefinder.models.onnx import OnnxEmbedder

    spec = find_spec(name)
    with _loading:
        embedder = _loaded.get((spec.name, threads))
        if embedder is None:
            embedder = _loaded[spec.name, threads] = OnnxEmbedder(spec, threads=threads)
    return embedder
