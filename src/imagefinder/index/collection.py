"""What ``ImageFinder`` does with models: their spaces side by side, and vectors in and out."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from imagefinder.errors import InvalidInputError, ModelError, ModelMismatchError, NotFoundError
from imagefinder.images.loader import Loader
from imagefinder.index.models import Models, View
from imagefinder.ingest.fill import fill
from imagefinder.results import BackfillReport, SpaceInfo
from imagefinder.search.embed import embed_pictures

if TYPE_CHECKING:
    from PIL.Image import Image

    from imagefinder.index.folder import Index
    from imagefinder.models.base import Embedder
    from imagefinder.models.spec import ModelSpec
    from imagefinder.types import Float32, Limits

DEFAULT_MODEL = "default"


class Modelling(ABC):
    """The methods of ``ImageFinder`` about models and spaces."""

    _index: Index
    _models: Models
    _indexers: Models
    _limits: Limits
    _model_name: str | None

    @abstractmethod
    def _ready(self) -> None: ...

    # --- spaces ---------------------------------------------------------------------------------------------------

    def spaces(self) -> list[SpaceInfo]:
        """The spaces of the index, in the order they came."""
        manifest, total = self._index.manifest, self._index.store.count()
        return [
            SpaceInfo(
                name=name,
                model=entry.model,
                dim=entry.dim,
                images=total - len(self._index.store.without_vector(entry.vector)),
                current=tuple(role for role, space in manifest.current.items() if space == name),
            )
            for name, entry in manifest.spaces.items()
        ]

    @property
    def models(self) -> list[str]:
        """The names of the models whose vectors are here, in the order they came."""
        return self._index.models

    def model_spec(self, name: str) -> ModelSpec:
        """The facts of a model that this index could use: one on this machine, or trained here. Raises NotFoundError
        and ModelError."""
        return self._models.spec(name)

    @property
    def provider(self) -> str:
        """What runs the model in use, such as CPUExecutionProvider."""
        return self._indexers.of_space(self._view.image).provider

    def add_model(
        self, name: str, *, use: bool = False, progress: Callable[[int, int], None] | None = None
    ) -> BackfillReport:
        """Give the images of the index the vectors of a further model; called again, those that lack them.

        The spaces in use stay so, and searches go on meanwhile, unless ``use`` says to take the new ones at the end.
        ``progress`` is told how many images are done, of how many; what it raises stops the run, and what is stored
        stays. Raises NotFoundError, ModelError or ModelMismatchError.
        """
        name = known_name(name)
        spec = self._models.spec(name)
        self._models.forget(name)
        self._indexers.forget(name)
        with self._index.indexing:
            embedder = self._indexers.named(name)
            with self._index.writing:
                self._index.add_spaces(spec)
            done = fill(self._index, embedder, limits=self._limits, workers=cores(), progress=progress)
        if use:
            self.use_space(spec.name)
        return done

    def use_space(self, name: str) -> None:
        """Search in all spaces of this model from now on where none is named, for pictures and for words as far as it
        knows them; by the name of a space that is not a model's, in that one only. Clusters and maps stay as they are
        until they are made again. Raises NotFoundError.
        """
        spaces = self._index.manifest.spaces
        roles = self._index.roles(self._models.spec(spaces[name].model if name in spaces else name))
        if name in spaces and name != spaces[name].model:
            roles = {role: space for role, space in roles.items() if space == name}
        self._index.use(roles)

    def drop_space(self, name: str) -> None:
        """Remove the vectors of a model, named by itself or one of its spaces, and the model itself if it was trained
        on this index. Raises NotFoundError, and InvalidInputError for one that is in use."""
        with self._index.indexing:  # nothing is trained on top of it, nor anything called the same, meanwhile
            spaces = self._index.manifest.spaces
            spec = self._models.spec(spaces[name].model if name in spaces else name)
            for other in self._index.models:
                base = self._models.spec(other).base
                if base and base.fingerprint == spec.fingerprint:
                    raise InvalidInputError(
                        f"{other} is made on top of {spec.name}.", remedy=f"First: imagefinder spaces drop {other}"
                    )
            self._index.drop(spec)
            self._models.forget(spec.name)
            self._indexers.forget(spec.name)
            if spec.folder.parent == self._models.folder:
                import shutil

                shutil.rmtree(spec.folder)

    # --- vectors --------------------------------------------------------------------------------------------------

    def vectors(self, space: str | None = None, *, raw: bool = False) -> tuple[list[str], Float32]:
        """Ids and vectors, float32 (n, dim), by ascending id: those searched (rows of unit length), or ``raw`` as
        the model gave them (to float16 precision). ``space`` is by default the image space."""
        import numpy as np

        self._ready()
        name = space or self._view.image
        if not raw:
            self._index.check_fitted(name)
        ids: list[str] = []
        arrays: list[Float32] = []
        for part, rows in self._index.raw_batches(name) if raw else self._index.searched_batches(name):
            ids += part
            arrays.append(rows)
        return ids, np.concatenate(arrays) if arrays else np.zeros((0, self._index.space(name).dim), np.float32)

    def embed_words(self, texts: Sequence[str], space: str | None = None) -> Float32:
        """Texts as vectors that compare with those of a space for words, by default ``vectors(finder.text_space)``:
        float32 (n, dim), rows of unit length."""
        self._ready()
        view = self.view(space)
        vectors = view.words_model.embed_texts(texts)
        with self._index.steady.shared():
            return self._index.texts_to_search(view.words or "", vectors)

    def embed_images(self, images: Sequence[str | Path | bytes | Image], space: str | None = None) -> Float32:
        """Pictures (paths, URLs, bytes of image files, or Pillow images) as vectors that compare with
        ``vectors(space)``, by default of the image space; ``finder.text_space`` is for comparing them with words.

        Float32 (n, dim), rows of unit length. Raises ImageError for a picture that can't be used.
        """
        self._ready()
        space = space or self._view.image
        embedder = self._models.of_space(space)
        loader = Loader(self._limits, embedder.short_side)
        pictures = [str(i.expanduser()) if isinstance(i, Path) else i for i in images]
        try:
            return embed_pictures(self._index, embedder, pictures, space, loader)
        finally:
            loader.close()

    @property
    def text_space(self) -> str:
        """The space that words are compared in. Raises NotFoundError where no model understands words."""
        words = self._view.words
        if words is None:
            raise NotFoundError(f"The model {self._index.space(self._view.image).model} doesn't understand words.")
        return words

    @property
    def embedder(self) -> Embedder:
        """The model that pictures are compared by, loaded when first needed; one call uses all cores."""
        return self._view.image_model

    # --- inside ---------------------------------------------------------------------------------------------------

    @property
    def _view(self) -> View:
        """Where searches look that name no space."""
        if self._model_name and self._index.models:
            return View.named(self._index, self._models, self._model_name)
        return View.current(self._index, self._models)

    def view(self, name: str | None = None) -> View:
        """Where a search looks that names this space or model, or none: a space for pictures and one for words. Raises
        NotFoundError, and InvalidInputError for one whose vectors are still to come."""
        if name is None:
            return self._view
        view = View.named(self._index, self._models, name)
        for space in filter(None, (view.image, view.words)):
            self._index.check_fitted(space)
        return view

    def _views(self, names: Sequence[str]) -> list[View]:
        if isinstance(names, str):
            raise InvalidInputError(f"spaces is a list of names, not the text {names!r}.")
        views = [self.view(name) for name in dict.fromkeys(names)] or [self._view]
        return list(dict.fromkeys(views))

    def _understands_words(self, space: str) -> bool:
        """Whether words can be compared with what is in a space. False where its model is not on this machine."""
        entry = self._index.space(space)
        try:
            return self._models.spec(entry.model).text_space == entry.model_space
        except (NotFoundError, ModelError):
            return False

    def _check_model(self, name: str) -> None:
        """Refuse a model that an index with others lacks."""
        spec = self._models.spec(name)
        self._index.check_model(spec)
        if self._index.models and spec.name not in self._index.models:
            raise ModelMismatchError(
                f"The index {self._index.path} has vectors of {', '.join(self._index.models)}, not of {spec.name}.",
                remedy=f"Add them with: imagefinder index --model {name}",
            )

    def _models_in_order(self) -> list[str]:
        """The models that every image is embedded by: first the one that reads the pictures for the space in use, and
        each base before what is made on top of it."""
        if not self._index.models:
            return [self._models.spec(self._model_name or DEFAULT_MODEL).name]
        names = [self._index.space(self._index.manifest.current["image"]).model, *self._index.models]
        ordered: list[str] = []
        for name in names:
            base = self._models.spec(name).base
            ordered += [base.model, name] if base else [name]
        return list(dict.fromkeys(ordered))


def cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def known_name(name: str) -> str:
    """The name an index knows a model by. One given as ``onnx:PATH`` is taken in: the index has to find it later."""
    if not name.startswith("onnx:"):
        return name
    from imagefinder.models.names import pull_model

    return pull_model(name).name
