"""A model on its way to the machines of a cluster: those of the package are there, all others travel with their
files."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefinder.errors import ModelError
from imagefinder.models.providers import prefer
from imagefinder.models.registry import BUNDLED, load_model, registered

if TYPE_CHECKING:
    from imagefinder.models.base import Embedder

_opened: dict[tuple[str, int | None, str], Embedder] = {}  # in this process, by the desk, threads and provider


@dataclass(frozen=True)
class CarriedModel:
    """A model by its ``name``, with what makes it: an ``own`` embedder of a program, or its ``files``, by
    paths."""

    name: str
    fingerprint: str
    own: Any = None
    files: dict[str, bytes] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, embedder: Embedder) -> CarriedModel:
        """Raises ModelError for a model that is made on top of another."""
        spec = embedder.spec
        if (own := registered(spec.name)) is not None:
            return cls(spec.name, spec.fingerprint, own)
        if spec.folder.parent == BUNDLED:
            return cls(spec.name, spec.fingerprint)
        if spec.base is not None:
            raise ModelError(f"{spec.name} is computed from vectors of {spec.base.model}, not from pictures.")
        folders = {spec.name: spec.folder, **({spec.tower.name: spec.tower} if spec.tower else {})}
        files = {
            f"{name}/{path.relative_to(folder).as_posix()}": path.read_bytes()
            for name, folder in folders.items()
            for path in folder.rglob("*")
            if path.is_file()
        }
        return cls(spec.name, spec.fingerprint, files=files)

    def open(self, threads: int | None) -> Embedder:
        embedder: Embedder = self.own or self._load(threads)
        if embedder.spec.fingerprint != self.fingerprint:
            raise ModelError(
                f"A machine of the cluster has another version of the model {self.name}.",
                remedy="Install the same version of imagefinder on all of them.",
            )
        return embedder

    def _load(self, threads: int | None) -> Embedder:
        if not self.files:
            return load_model(self.name, threads=threads)
        home = Path(tempfile.mkdtemp(prefix="imagefinder-model-"))
        atexit.register(shutil.rmtree, home, ignore_errors=True)
        for name, data in self.files.items():
            path = home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return load_model(self.name, threads=threads, extra=[home])


def opened(desk: Any, *, threads: int | None, provider: str = "") -> Embedder:
    """The model that the actor ``desk`` has, ready to use, once in this process. Raises ModelError for another version
    of it."""
    import ray

    key = (desk._actor_id.hex(), threads, provider)
    if key not in _opened:
        if provider:
            prefer(provider)
        model: CarriedModel = ray.get(desk.model.remote())
        _opened[key] = model.open(threads)
    return _opened[key]
