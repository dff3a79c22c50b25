"""The spaces of an index: adding, fitting, choosing and removing them.

An index may have spaces of several models. One space is the *current* one for images and one for text: searches that
name no space use these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from imagefinder._util.places import make_folder
from imagefinder._util.threads import one_blas_thread
from imagefinder.errors import InvalidInputError, ModelMismatchError, NotFoundError
from imagefinder.index.manifest import TRANSFORMS, SpaceEntry
from imagefinder.index.own_files import REBUILD

if TYPE_CHECKING:
    from imagefinder.index.folder import Index
    from imagefinder.models.spec import ModelSpec
    from imagefinder.store.base import VectorParams
    from imagefinder.types import Float32

HELD = 64 * 1024**2  # bytes of vectors kept between being looked at for a fit and being transformed
FITTED_TO = 200_000  # images at most: 150 for each dimension of the default model
REFIT_GROWTH = 2.0  # a transform is fitted again when the collection has doubled since


def spaces_of(spec: ModelSpec) -> dict[str, str]:
    """The name in the index of each space of a model: ``{"image": "efficientnet-lite2", "words": "...-words"}``."""
    if len(spec.spaces) == 1:
        return dict.fromkeys(spec.spaces, spec.name)
    return {name: spec.name if name == "image" else f"{spec.name}-{name}" for name in spec.spaces}


def check_model(index: Index, spec: ModelSpec) -> None:
    """Raise ModelMismatchError for a model whose vectors are here, but from another version of it."""
    for name in spaces_of(spec).values():
        entry = index.manifest.spaces.get(name)
        if entry and entry.model_fingerprint != spec.fingerprint:
            raise ModelMismatchError(
                f"The vectors in {index.documents} were made with another version of {spec.name!r} "
                f"({entry.model_fingerprint}, installed is {spec.fingerprint}).",
                remedy=REBUILD,
            )


def models_of(index: Index) -> list[str]:
    """The names of the models whose vectors are here, in the order in which they were added."""
    return list(dict.fromkeys(entry.model for entry in index.manifest.spaces.values()))


def lacking(index: Index, spec: ModelSpec) -> list[str]:
    """The ids of images that have no vector of a model yet."""
    names = spaces_of(spec).values()
    return sorted({id for name in names for id in index.store.without_vector(index.manifest.space(name).vector)})


def add_spaces(index: Index, spec: ModelSpec) -> None:
    """Create the named vectors for a model; nothing happens if they exist. The spaces of the first model become the
    current ones."""
    from imagefinder.store.base import VectorParams

    check_model(index, spec)
    new = {n: m for m, n in spaces_of(spec).items() if n not in index.manifest.spaces}
    if not new:
        return
    vectors = {
        f"{name}.raw": VectorParams(spec.spaces[model_space].dim, "float16", "dot", searchable=False)
        for name, model_space in new.items()
    }
    _make_vectors(index, vectors)
    manifest = index.manifest
    for name, model_space in new.items():
        entry = SpaceEntry(
            model=spec.name,
            model_fingerprint=spec.fingerprint,
            model_space=model_space,
            dim=spec.spaces[model_space].dim,
            vector=f"{name}.raw",
        )
        manifest = manifest.with_space(name, entry)
    current = {**roles_of(spec), **manifest.current}
    index.save_manifest(replace(manifest, current=current))


def _make_vectors(index: Index, vectors: dict[str, VectorParams]) -> None:
    """A store that is created with its vectors keeps them on disk; vectors added later are read into memory at every
    opening."""
    if not index.manifest.spaces:
        index.store.start_over(vectors)
    for name, params in vectors.items():
        if name not in index.store.vectors():
            index.store.create_vector(name, params)


def roles_of(spec: ModelSpec) -> dict[str, str]:
    """The space of a model for images ("image") and the one for text ("words"), as far as the model has them."""
    names = spaces_of(spec)
    words = {"words": names[spec.text_space]} if spec.text_space else {}
    return {**({"image": names["image"]} if "image" in names else {}), **words}


def use(index: Index, roles: Mapping[str, str]) -> None:
    """Make these the current spaces. A role that is not given keeps its space."""
    with index.writing, index.steady.exclusive():
        for name in roles.values():
            check_fitted(index, name)
        index.save_manifest(replace(index.manifest, current={**index.manifest.current, **roles}))


def is_fitted(index: Index, name: str) -> bool:
    """Whether a space can be searched. The space of a model that was not added completely can't."""
    return index.manifest.space(name).search_vector is not None


def check_fitted(index: Index, name: str) -> None:
    """Raises NotFoundError, or InvalidInputError for a space that can't be searched yet."""
    if not is_fitted(index, name):
        model = index.manifest.space(name).model
        raise InvalidInputError(
            f"The space {name!r} has no vectors yet.", remedy=f"Run to its end: imagefinder index --model {model}"
        )


def drop(index: Index, model: str) -> None:
    """Remove the vectors of a model, named by its name. Raises InvalidInputError if one of its spaces is current, and
    NotFoundError if it has no vectors here."""
    with index.writing:
        names = [name for name, entry in index.manifest.spaces.items() if entry.model == model]
        if not names:
            raise NotFoundError(f"The index has no vectors of {model!r}; it has: {', '.join(models_of(index))}.")
        if used := [name for name in names if name in index.manifest.current.values()]:
            raise InvalidInputError(
                f"The space {used[0]!r} is the one in use.", remedy="First: imagefinder spaces use ANOTHER"
            )
        entries = [index.manifest.space(name) for name in names]
        manifest = index.manifest
        for name in names:
            manifest = manifest.with_space(name, None)
        with index.steady.exclusive():
            index.save_manifest(manifest)
            for entry in entries:
                _forget(index, entry)


def _forget(index: Index, entry: SpaceEntry) -> None:
    if entry.vector in index.store.vectors():
        index.store.drop_vector(entry.vector)
    index.forget_fit(entry)


def refit(index: Index, spec: ModelSpec, *, force: bool = False) -> bool:
    """Fit the transforms of this model's spaces, if they are missing or the collection has doubled. True if any was
    fitted.

    Searches continue in the meantime with the former transform, and never see a mixture of both. Two threads of a BLAS
    took over twice the processor's seconds of one for this, and were not done sooner while pictures are read.
    """
    done = False
    with index.writing, one_blas_thread():
        for model_space, name in spaces_of(spec).items():
            entry, count = index.manifest.space(name), index.store.count()
            if count and (force or count >= REFIT_GROWTH * entry.fitted_count):
                held = count - len(index.store.without_vector(entry.vector))
                if held and (force or held >= REFIT_GROWTH * entry.fitted_count):
                    _refit(index, name, spec, model_space, held)
                    done = True
    return done


class _Twice:
    """Batches of ids and vectors that are gone over more than once: up to ``HELD`` bytes are read once."""

    def __init__(self, read: Callable[[], Iterator[tuple[list[str], Float32]]]) -> None:
        self._read = read
        self._held: list[tuple[list[str], Float32]] | None = None

    def __iter__(self) -> Iterator[tuple[list[str], Float32]]:
        if self._held is not None:
            yield from self._held
            return
        held: list[tuple[list[str], Float32]] = []
        size = 0
        for batch in self._read():
            size += batch[1].nbytes
            if size <= HELD:
                held.append(batch)
            else:
                held.clear()
            yield batch
        self._held = held if size <= HELD else None


def _sample(batches: Iterable[tuple[list[str], Float32]]) -> Iterator[Float32]:
    """The raw vectors that a transform is fitted to: of many images those whose ids come first. An id is a digest of a
    URI, so these are random ones."""
    n = 0
    for _, vectors in batches:
        yield vectors[: FITTED_TO - n]
        n += len(vectors)
        if n >= FITTED_TO:
            return


def _refit(index: Index, name: str, spec: ModelSpec, model_space: str, count: int) -> None:
    from imagefinder.store.base import VectorParams
    from imagefinder.vectors.transform import LinearTransform

    old, facts = index.manifest.space(name), spec.spaces[model_space]
    read = _Twice(lambda: index.raw_batches(name))
    transform = LinearTransform.fit(_sample(read), kind=facts.transform, prior_mean=spec.prior(model_space))
    version = int(old.search_vector.rpartition(".")[2]) + 1 if old.search_vector else 1
    vector, folder = f"{name}.{version}", PurePosixPath(index.manifest.made, TRANSFORMS)
    file = str(folder / f"{name}.{version}.npz")
    make_folder(index.documents / str(folder))
    transform.save(index.documents / file)
    if vector in index.store.vectors():
        index.store.drop_vector(vector)
    index.store.create_vector(vector, VectorParams(transform.dim_out, "float16"))
    for ids, raw in read:
        index.store.set_vectors(vector, ids, transform.apply(raw))
    entry = replace(old, search_vector=vector, transform=file, fitted_count=count)
    with index.steady.exclusive():  # searches by the old one have ended, new ones wait a moment
        index.save_manifest(replace(index.manifest, spaces={**index.manifest.spaces, name: entry}))
    index.forget_fit(old)
