"""``Collection``: an open index with its models and limits. The functions of all other packages work on it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from imagefinder._util.files import expanded
from imagefinder._util.systems import as_on_disk
from imagefinder.errors import InvalidInputError, ModelError, ModelMismatchError, NotFoundError
from imagefinder.images.inside import is_remote, whole_of
from imagefinder.index.audit import Audit
from imagefinder.index.folder import no_images
from imagefinder.index.models import Models, View, usable_roles
from imagefinder.index.neighbors import kept_graph
from imagefinder.index.shards import load_rounds
from imagefinder.index.spaces import check_fitted, check_model, is_fitted, models_of, refit, roles_of
from imagefinder.models.registry import known_name
from imagefinder.results import IndexInfo, Records, SpaceInfo
from imagefinder.store.filters.parse import FilterLike, as_filter
from imagefinder.types import Limits, Record, ids_of

if TYPE_CHECKING:
    from imagefinder.index.folder import Index
    from imagefinder.models.base import Embedder
    from imagefinder.store.base import Point
    from imagefinder.types import Float32

DEFAULT_MODEL = "default"


class Collection:
    """An open ``index``, the ``models`` of its spaces, and the ``limits`` for reading images.

    ``indexers`` are the same models, but each call uses one thread, because indexing calls them from one thread per
    core. ``model`` is used by calls that name no model: the name of a model, an embedder of your own, or None for the
    model in use. Raises NotFoundError, ModelError, or ModelMismatchError when the index has vectors of other models but
    none of this one.
    """

    def __init__(self, index: Index, *, model: str | Embedder | None = None, limits: Limits | None = None) -> None:
        self.index = index
        self.models = Models(index)
        self.indexers = Models(index, threads=1)
        self.limits = limits or Limits()
        index.fit, index.forget_model = self.ready, self.forget_model
        self._model = known_name(model) if model is not None else None
        if self._model is not None:
            self._check_model(self._model)

    def _check_model(self, name: str) -> None:
        spec = self.models.spec(name)
        check_model(self.index, spec)
        there = models_of(self.index)
        if there and spec.name not in there:
            raise ModelMismatchError(
                f"The index {self.index.documents} has vectors of {', '.join(there)}, not of {spec.name}.",
                remedy=f"Add them with: imagefinder index --model {name}",
            )

    # --- images ---------------------------------------------------------------------------------------------------

    def find(self, image: str | os.PathLike[str]) -> Point:
        """The point of an image, which is named by its id, by ``id:`` and its id, by its path or by its URL. Raises
        NotFoundError."""
        name = os.fspath(image)
        for id in ids_of(name):
            if found := self.index.store.retrieve([id]):
                return found[0]
        path = os.path.abspath(os.path.expanduser(name))
        if not is_remote(name) and (spelt := as_on_disk(path)) != path:
            return self.find(spelt)
        raise NotFoundError(f"The index has no image '{name}'.", remedy="Name it by its id, full path or URL.")

    def resolve(self, image: str | os.PathLike[str]) -> str:
        """The id of an image. It can be named as in ``find``. Raises NotFoundError."""
        return self.find(image).id

    def get(self, image: str | os.PathLike[str]) -> Record:
        """The record of an image. It can be named as in ``find``. Raises NotFoundError."""
        point = self.find(image)
        return Record.from_payload(point.id, point.payload)

    def records(self, filter: FilterLike = None) -> Records:
        """The records that match the filter (all without a filter), in ascending order of id. Raises
        InvalidFilterError."""
        scroll = self.index.store.scroll(filter=as_filter(filter))
        return Records([Record.from_payload(p.id, p.payload) for points in scroll for p in points])

    # --- where searches look --------------------------------------------------------------------------------------

    def ready(self) -> None:
        """Fit the spaces in use that an interrupted first run did not fit. A model that is being added fits its own
        spaces. Raises NotFoundError if nothing was ever indexed."""
        current = self.index.manifest.current.values()
        for name in [name for name in current if not is_fitted(self.index, name)]:
            if self.index.read_only:
                self.index.finish(lambda index: Collection(index).ready())
                current = self.index.manifest.current.values()
                break
            refit(self.index, self.models.spec(self.index.space(name).model))
        if not any(is_fitted(self.index, name) for name in current):
            raise no_images()

    def view(self, name: str | None = None) -> View:
        """The view for the name of a space or model, or the view in use for None. Raises NotFoundError, and
        InvalidInputError for a space without vectors yet."""
        if name is None:
            if self._model and models_of(self.index):
                return View.named(self.index, self.models, self._model)
            return View.current(self.index, self.models)
        view = View.named(self.index, self.models, name)
        for space in filter(None, (view.image, view.words)):
            check_fitted(self.index, space)
        return view

    def views(self, names: Sequence[str]) -> list[View]:
        """The views for these names of spaces or models, each once. No names: the view in use."""
        if isinstance(names, str):
            raise InvalidInputError(f"spaces is a list of names, not the text {names!r}.")
        views = [self.view(name) for name in dict.fromkeys(names)] or [self.view()]
        return list(dict.fromkeys(views))

    @property
    def text_space(self) -> str:
        """The space in which texts are compared. Raises NotFoundError if no model in use understands text."""
        view = self.view()
        if view.words is None:
            raise NotFoundError(
                f"The model {self.index.space(view.image).model} doesn't understand words.",
                remedy="Use or add one that does: imagefinder models list",
            )
        return view.words

    @property
    def provider(self) -> str:
        """What runs the model in use, such as CPUExecutionProvider."""
        return self.indexers.of_space(self.view().image).provider

    def vectors(self, space: str | None = None, *, raw: bool = False) -> tuple[list[str], Float32]:
        """Ids in ascending order, and their vectors, float32 (n, dim): those that are searched (rows of unit
        length), or with ``raw`` those that the model gave (stored as float16). ``space`` is by default the image
        space in use."""
        import numpy as np

        self.ready()
        name = space or self.view().image
        if not raw:
            check_fitted(self.index, name)
        ids: list[str] = []
        arrays: list[Float32] = []
        for part, rows in self.index.raw_batches(name) if raw else self.index.searched_batches(name):
            ids += part
            arrays.append(rows)
        return ids, np.concatenate(arrays) if arrays else np.zeros((0, self.index.space(name).dim), np.float32)

    # --- models and spaces ----------------------------------------------------------------------------------------

    def model_order(self) -> list[str]:
        """The models that embed every image, in this order: first the model of the image space in use, and each base
        before the models made on top of it. Those that can't be used are left out. Raises NotFoundError or ModelError
        where none can."""
        there = models_of(self.index)
        if not there:
            return [self.models.spec(self._model or DEFAULT_MODEL).name]
        names = [self.index.space(usable_roles(self.index, self.models)["image"]).model, *there]
        usable = [name for name in names if self.models.broken(name) is None]
        if not usable and (error := self.models.broken(names[0])):
            raise error
        ordered: list[str] = []
        for name in usable:
            base = self.models.spec(name).base
            ordered += [base.model, name] if base else [name]
        return list(dict.fromkeys(ordered))

    def forget_model(self, name: str) -> None:
        """Load the model again at its next use, because it was trained again or removed."""
        self.models.forget(name)
        self.indexers.forget(name)

    def use_space(self, name: str) -> None:
        """From now on, searches that name no space use all spaces of this model, for images and for text as far as it
        has them. With the name of a single space, only that one. Raises NotFoundError."""
        from imagefinder.index.spaces import use

        spaces = self.index.manifest.spaces
        roles = roles_of(self.models.spec(spaces[name].model if name in spaces else name))
        if name in spaces and name != spaces[name].model:
            roles = {role: space for role, space in roles.items() if space == name}
        use(self.index, roles)

    def drop_space(self, name: str) -> None:
        """Remove the vectors of a model, which is named by its own name or by one of its spaces. A model that was
        trained on this index is deleted too. Raises NotFoundError, and InvalidInputError for a model that is in use."""
        from imagefinder.index.spaces import drop

        with self.index.indexing:  # nothing is trained on top of it, nor anything called the same, meanwhile
            spaces, there = self.index.manifest.spaces, models_of(self.index)
            model = spaces[name].model if name in spaces else name
            model = model if model in there else self.models.spec(model).name
            for other in there:
                if other != model and self._base_of(other) == model:
                    raise InvalidInputError(
                        f"{other} is made on top of {model}.", remedy=f"First: imagefinder spaces drop {other}"
                    )
            Audit(self.index.documents).add("space-dropped", [model])
            drop(self.index, model)
            self.forget_model(model)
            trained = self.models.folder / model
            if trained.is_dir():
                import shutil

                shutil.rmtree(trained)

    def _base_of(self, model: str) -> str | None:
        """The model that another one is made on top of; None for one that is damaged or gone, too."""
        try:
            base = self.models.spec(model).base
        except (ModelError, NotFoundError):
            return None
        return base.model if base else None

    # --- what is there --------------------------------------------------------------------------------------------

    def spaces(self) -> list[SpaceInfo]:
        """The spaces of the index, in the order in which they were added."""
        manifest, total = self.index.manifest, self.index.store.count()
        return [
            SpaceInfo(
                name=name,
                model=entry.model,
                dim=entry.dim,
                images=max(0, total - len(self.index.store.without_vector(entry.vector))),
                current=tuple(role for role, space in manifest.current.items() if space == name),
                broken=error.message if (error := self.models.broken(entry.model)) else "",
            )
            for name, entry in manifest.spaces.items()
        ]

    def info(self) -> IndexInfo:
        """What the index holds."""
        manifest, vectors = self.index.manifest, self.index.store.vectors()
        spaces = {
            name: {
                "model": s.model,
                "dim": s.dim,
                "searched_dim": vectors[s.search_vector].dim if s.search_vector else None,
                "version": s.search_vector,
                "current": [role for role, current in manifest.current.items() if current == name],
                "words": self._understands_texts(name),
                "approximate": self._is_approximate(s.search_vector),
            }
            for name, s in manifest.spaces.items()
        }
        return IndexInfo(
            path=str(self.index.documents),
            images=self.index.store.count(),
            bytes=self.index.bytes,
            model=manifest.spaces[manifest.current["image"]].model if manifest.current else None,
            spaces=spaces,
            sources=[
                {"uri": s.uri, "kind": s.kind, "last_indexed": s.last_indexed, "state": s.state(self.index.indexed_now)}
                for s in manifest.sources
            ],
            created=manifest.created,
            version=manifest.version,
            notices=tuple(self.index.notices),
            shards=tuple(one.told() for one in load_rounds(self.index.documents)),
            neighbors=kept_graph(self.index.documents),
        )

    def _is_approximate(self, vector: str | None) -> bool:
        """Whether a search of these vectors is; not if there are none, as where a fit has just replaced them."""
        with suppress(NotFoundError):
            return vector is not None and self.index.store.approximate(vector)
        return False

    def _understands_texts(self, space: str) -> bool:
        """Whether texts can be compared with the vectors of a space. False if its model is not on this machine."""
        entry = self.index.space(space)
        try:
            return self.models.spec(entry.model).text_space == entry.model_space
        except (NotFoundError, ModelError):
            return False


def under(collection: Collection, image: str) -> list[str]:
    """The id of the image with this name, or the ids of all images in the folder, and all pages or frames of the file,
    with this name. Raises NotFoundError."""
    try:
        return [collection.resolve(image)]
    except NotFoundError:
        inside = as_on_disk(os.path.abspath(expanded(image))).rstrip(os.sep) + os.sep
        scroll = collection.index.store.scroll(fields=("uri",))
        uris = ((p.id, p.payload["uri"]) for points in scroll for p in points)
        ids = [id for id, uri in uris if uri.startswith(inside) or whole_of(uri) == inside.rstrip(os.sep)]
        if not ids:
            raise
        return ids
