"""Views (where a search looks), and the models of the spaces of an index."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from imagefinder.errors import ImageFinderError, InvalidQueryError, ModelError, ModelMismatchError, NotFoundError
from imagefinder.index.own_files import REBUILD
from imagefinder.index.spaces import check_model, is_fitted, models_of, roles_of

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
        self._broken: dict[str, ImageFinderError | None] = {}
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

    def broken(self, name: str) -> ImageFinderError | None:
        """Why a model of the index can't be used: it, or the one that it is made on top of, is not on this machine, or
        one trained on the index is damaged. None if it can. Files are looked at once."""
        if name not in self._broken or isinstance(self._broken[name], NotFoundError):
            from imagefinder.models.spec import TRAIN_AGAIN

            self._broken[name] = None
            try:
                spec = self.spec(name)
                if spec.folder.parent == self.folder:
                    spec.verify(TRAIN_AGAIN)
                self._broken[name] = self.broken(spec.base.model) if spec.base else None
            except (ModelError, NotFoundError) as error:
                self._broken[name] = error
                self._index.notice(
                    f"The model {name} can't be used: {error.message} Another takes its place where there is one. "
                    f"Fetch it or train it again, or remove it with `imagefinder spaces drop {name}`, after "
                    "`imagefinder spaces use` of another if it is in use."
                )
        return self._broken[name]

    def forget(self, name: str) -> None:
        """Load the model again at its next use, because it was trained again or removed."""
        with self._lock:
            self._loaded.pop(name, None)
            self._broken.pop(name, None)


def usable_roles(index: Index, models: Models) -> dict[str, str]:
    """The spaces in use; in place of those whose model can't be used, those of the first other model that can. Where
    there is no other, a space stays in use: what needs its vectors alone is still answered, and all else says what is
    wrong with its model."""
    roles = dict(index.manifest.current)
    for role, space in index.manifest.current.items():
        if models.broken(index.space(space).model) is None:
            continue
        others = [name for name in models_of(index) if models.broken(name) is None]
        found = [wanted[role] for name in others if role in (wanted := roles_of(models.spec(name)))]
        found = [name for name in found if name in index.manifest.spaces and is_fitted(index, name)]
        if found:
            roles[role] = found[0]
    return roles


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
        roles = usable_roles(index, models)
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
