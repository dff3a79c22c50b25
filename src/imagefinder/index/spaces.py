"""The spaces of an index: adding, fitting, choosing and dropping them."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from imagefinder._util.shared_lock import SharedLock
from imagefinder.errors import InvalidInputError, ModelMismatchError, NotFoundError
from imagefinder.index.manifest import Manifest, SpaceEntry

if TYPE_CHECKING:
    from imagefinder.models.spec import ModelSpec
    from imagefinder.store.base import Store, VectorParams
    from imagefinder.types import Float32
    from imagefinder.vectors.transform import LinearTransform

REFIT_GROWTH = 2.0  # a transform is fitted again when the collection has doubled since
TRANSFORMS = "transforms"
REBUILD = "Index it again from its sources with: imagefinder index --rebuild"


class Spaces(ABC):
    """The part of ``Index`` that changes its spaces.

    Several models have their spaces side by side. One space is the *current* one for pictures and one for words: a
    search looks there when it names none.
    """

    path: Path
    manifest: Manifest
    store: Store
    steady: SharedLock
    writing: threading.RLock
    _transforms: dict[str, LinearTransform]
    _samples: dict[str, Float32]

    @abstractmethod
    def save_manifest(self, manifest: Manifest) -> None: ...
    @abstractmethod
    def raw_batches(self, name: str, batch: int = 1000) -> Iterator[tuple[list[str], Float32]]: ...

    # --- which there are ------------------------------------------------------------------------------------------

    def spaces_of(self, spec: ModelSpec) -> dict[str, str]:
        """The name here of each space of a model: ``{"image": "efficientnet-lite2", "words": "...-words"}``."""
        if len(spec.spaces) == 1:
            return dict.fromkeys(spec.spaces, spec.name)
        return {name: spec.name if name == "image" else f"{spec.name}-{name}" for name in spec.spaces}

    def check_model(self, spec: ModelSpec) -> None:
        """Refuse another version of a model than the one the vectors here were made with."""
        for name in self.spaces_of(spec).values():
            entry = self.manifest.spaces.get(name)
            if entry and entry.model_fingerprint != spec.fingerprint:
                raise ModelMismatchError(
                    f"The vectors in {self.path} were made with another version of {spec.name!r} "
                    f"({entry.model_fingerprint}, installed is {spec.fingerprint}).",
                    remedy=REBUILD,
                )

    @property
    def models(self) -> list[str]:
        """The names of the models whose vectors are here, in the order they came."""
        return list(dict.fromkeys(entry.model for entry in self.manifest.spaces.values()))

    def lacking(self, spec: ModelSpec) -> list[str]:
        """The ids of images that have no vector of a model yet."""
        names = self.spaces_of(spec).values()
        return sorted({id for name in names for id in self.store.without_vector(self.manifest.space(name).vector)})

    # --- changing them --------------------------------------------------------------------------------------------

    def add_spaces(self, spec: ModelSpec) -> None:
        """Make room for the vectors of a model; does nothing where there is room already. The first model's spaces
        are the current ones."""
        from imagefinder.store.base import VectorParams

        self.check_model(spec)
        new = {n: m for m, n in self.spaces_of(spec).items() if n not in self.manifest.spaces}
        if not new:
            return
        vectors = {
            f"{name}.raw": VectorParams(spec.spaces[model_space].dim, "float16", "dot", searchable=False)
            for name, model_space in new.items()
        }
        self._make_vectors(vectors)
        manifest = self.manifest
        for name, model_space in new.items():
            entry = SpaceEntry(
                model=spec.name,
                model_fingerprint=spec.fingerprint,
                model_space=model_space,
                dim=spec.spaces[model_space].dim,
                vector=f"{name}.raw",
            )
            manifest = manifest.with_space(name, entry)
        current = {**self.roles(spec), **manifest.current}
        self.save_manifest(replace(manifest, current=current))

    def _make_vectors(self, vectors: dict[str, VectorParams]) -> None:
        """A store made with its vectors keeps them out of memory; ones added later it reads at every opening."""
        from imagefinder.store.edge.store import EdgeStore

        if not self.manifest.spaces and isinstance(self.store, EdgeStore):
            self.store.start_over(vectors)
        for name, params in vectors.items():
            if name not in self.store.vectors():
                self.store.create_vector(name, params)

    def roles(self, spec: ModelSpec) -> dict[str, str]:
        """Which spaces of a model pictures ("image") and words ("words") are compared in, as far as it has them."""
        names = self.spaces_of(spec)
        words = {"words": names[spec.text_space]} if spec.text_space else {}
        return {**({"image": names["image"]} if "image" in names else {}), **words}

    def use(self, roles: Mapping[str, str]) -> None:
        """Make these the current spaces; a role that isn't named keeps the one it has."""
        with self.writing, self.steady.exclusive():
            for name in roles.values():
                self.check_fitted(name)
            self.save_manifest(replace(self.manifest, current={**self.manifest.current, **roles}))

    def is_fitted(self, name: str) -> bool:
        """Whether a space can be searched: that of a model that was never filled to its end can't."""
        return self.manifest.space(name).search_vector is not None

    def check_fitted(self, name: str) -> None:
        """Raises NotFoundError, and InvalidInputError for a space that can't be searched yet."""
        if not self.is_fitted(name):
            model = self.manifest.space(name).model
            raise InvalidInputError(
                f"The space {name!r} has no vectors yet.", remedy=f"Run to its end: imagefinder index --model {model}"
            )

    def drop(self, spec: ModelSpec) -> None:
        """Remove the vectors of a model. Raises InvalidInputError for one whose space is current, NotFoundError for
        one that has none here."""
        with self.writing:
            names = [name for name in self.spaces_of(spec).values() if name in self.manifest.spaces]
            if not names:
                raise NotFoundError(f"The index has no vectors of {spec.name!r}; it has: {', '.join(self.models)}.")
            if used := [name for name in names if name in self.manifest.current.values()]:
                raise InvalidInputError(
                    f"The space {used[0]!r} is the one in use.", remedy="First: imagefinder spaces use ANOTHER"
                )
            entries = [self.manifest.space(name) for name in names]
            manifest = self.manifest
            for name in names:
                manifest = manifest.with_space(name, None)
            with self.steady.exclusive():
                self.save_manifest(manifest)
                for entry in entries:
                    self._forget(entry)

    def _forget(self, entry: SpaceEntry) -> None:
        for vector in (entry.vector, entry.search_vector):
            if vector and vector in self.store.vectors():
                self.store.drop_vector(vector)
        self._samples.pop(entry.search_vector or "", None)
        if entry.transform:
            self._transforms.pop(entry.transform, None)
            (self.path / entry.transform).unlink(missing_ok=True)

    # --- fitting --------------------------------------------------------------------------------------------------

    def refit(self, spec: ModelSpec, *, force: bool = False) -> bool:
        """Fit the transforms of this model's spaces where they are missing or outgrown. True if any was fitted.

        Searches go on meanwhile, by the transform before; none sees a space between the two.
        """
        done = False
        with self.writing:
            for model_space, name in self.spaces_of(spec).items():
                entry, count = self.manifest.space(name), self.store.count()
                if count and (force or count >= REFIT_GROWTH * entry.fitted_count):
                    held = count - len(self.store.without_vector(entry.vector))
                    if held and (force or held >= REFIT_GROWTH * entry.fitted_count):
                        self._refit(name, spec, model_space, held)
                        done = True
        return done

    def _refit(self, name: str, spec: ModelSpec, model_space: str, count: int) -> None:
        from imagefinder.store.base import VectorParams
        from imagefinder.vectors.transform import LinearTransform

        old, facts = self.manifest.space(name), spec.spaces[model_space]
        transform = LinearTransform.fit(
            (vectors for _, vectors in self.raw_batches(name)), kind=facts.transform, prior_mean=spec.prior(model_space)
        )
        version = int(old.search_vector.rpartition(".")[2]) + 1 if old.search_vector else 1
        vector, file = f"{name}.{version}", f"{TRANSFORMS}/{name}.{version}.npz"
        (self.path / TRANSFORMS).mkdir(exist_ok=True)
        transform.save(self.path / file)
        if vector in self.store.vectors():
            self.store.drop_vector(vector)
        self.store.create_vector(vector, VectorParams(transform.dim_out, "float16"))
        for ids, raw in self.raw_batches(name):
            self.store.set_vectors(vector, ids, transform.apply(raw))
        entry = replace(old, search_vector=vector, transform=file, fitted_count=count)
        with self.steady.exclusive():  # searches by the old one have ended, new ones wait a moment
            self.save_manifest(replace(self.manifest, spaces={**self.manifest.spaces, name: entry}))
        if old.search_vector and old.transform:
            self._samples.pop(old.search_vector, None)
            self._transforms.pop(old.transform, None)
            self.store.drop_vector(old.search_vector)
            (self.path / old.transform).unlink(missing_ok=True)


def no_images() -> NotFoundError:
    return NotFoundError("The index holds no images yet.", remedy="Add some with: imagefinder index FOLDER")
