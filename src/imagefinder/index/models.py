"""Views (where a search looks), and the models of the spaces of an index."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from imagefinder.errors import InvalidQueryError, ModelMismatchError, NotFoundError
from imagefinder.index.folder import REBUILD
from imagefinder.index.spaces import check_model, models_of, roles_of

if TYPE_CHECKING:
    from imagefinder.index.folder import Index
    from imagefinder.models.base import Embedder
    from imagefinder.models.spec import ModelSpec

TRAINED = "models"  # the folder of an index where the models trained on it are kept


class Models:
    """The models of an index, including those trained on it. Each is loaded when it is first needed.

    ``threads`` is how many threads one call of a model uses. Safe to use from several threads.
    """

    def __init__(self, index: Index, threads: int | None = None) -> None:
        self._index = index
        self._threads = threads
        self._loaded: dict[str, Embedder] = {}
        self._lock = threading.Lock()

    @property
    def folder(self) -> Path:
        """The folder of the models trained on this index."""
        return self._index.home / TRAINED

    def spec(self, name: str) -> ModelSpec:
        """The facts of a model by its name. Raises NotFoundError and ModelError."""
        from imagefinder.models.registry import find_spec

        return find_spec(name, [self.folder])

    def named(self, name: str) -> Embedder:
        """A model by its name. Raises NotFoundError, ModelError or ModelMismatchError."""
        from imagefinder.models.registry import load_model

        with self._lock:
            if name not in self._loaded:
                spec = self.spec(name)
                check_model(self._index, spec)
                self._loaded[name] = load_model(name, threads=self._threads, extra=[self.folder])
            return self._loaded[name]

    def of_space(self, space: str) -> Embedder:
        """The model that made the vectors of a space. Raises like ``named``."""
        entry = self._index.space(space)
        embedder = self.named(entry.model)
        if embedder.spec.fingerprint != entry.model_fingerprint:
            raise ModelMismatchError(
                f"The vectors of {space!r} were made with another version of {entry.model!r}.", remedy=REBUILD
            )
        return embedder

    def forget(self, name: str) -> None:
        """Load the model again at its next use, because it was trained again or removed."""
        with self._lock:
            self._loaded.pop(name, None)


@dataclass(frozen=True)
class View:
    """Where a search looks: the space ``image`` for images, ``words`` for text (None: its model understands no
    text)."""

    index: Index
    models: Models
    image: str
    words: str | None

    @property
    def image_model(self) -> Embedder:
        return self.models.of_space(self.image)

    @property
    def words_model(self) -> Embedder:
        if self.words is None:
            raise InvalidQueryError(
                f"The model {self.index.space(self.image).model!r} doesn't understand words.",
                remedy="Search by an image, a URL or an id, or add a model that does: imagefinder models list",
            )
        return self.models.of_space(self.words)

    @classmethod
    def current(cls, index: Index, models: Models) -> View:
        """The view of searches that name no space. Raises NotFoundError if nothing is indexed yet."""
        roles = index.manifest.current
        if "image" not in roles:
            raise NotFoundError("The index holds no images yet.", remedy="Add some with: imagefinder index FOLDER")
        return cls(index, models, roles["image"], roles.get("words"))

    @classmethod
    def named(cls, index: Index, models: Models, name: str) -> View:
        """The view for the name of a space or a model. For images or text that it has no space for, the space in use is
        taken. Raises NotFoundError."""
        spaces = index.manifest.spaces
        model = spaces[name].model if name in spaces else models.spec(name).name
        if model not in models_of(index):
            raise NotFoundError(
                f"The index has no vectors of {model!r}; it has those of: {', '.join(models_of(index))}.",
                remedy=f"Add them with: imagefinder index --model {name}",
            )
        roles = roles_of(models.spec(model))
        wanted = {**index.manifest.current, **roles}
        return cls(index, models, wanted["image"], wanted.get("words"))
