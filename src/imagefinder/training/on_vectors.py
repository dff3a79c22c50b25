"""Training on the stored vectors: new spaces from labels, feedback and captions, and a classifier for pictures.

A trained model is stored in the folder ``models`` of the index, and has its own space. ``use`` makes it the space in
use. ``progress`` is called with each stage.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from imagefinder._util.files import expanded
from imagefinder._util.threads import cores, one_blas_thread
from imagefinder.catalog.feedback import Feedback
from imagefinder.errors import ModelError, NotFoundError
from imagefinder.images.refs import ref_of
from imagefinder.index.folder import no_images
from imagefinder.index.spaces import models_of, spaces_of
from imagefinder.ingest.fill import add_model
from imagefinder.training.report import FILLING, with_origin
from imagefinder.types import OnProgress, Progress, ignore

if TYPE_CHECKING:
    from PIL.Image import Image

    from imagefinder.catalog.label_table import LabelTable
    from imagefinder.index.collection import Collection
    from imagefinder.index.folder import Index
    from imagefinder.training.labels import Captions, Labels
    from imagefinder.training.make import TrainingBase
    from imagefinder.training.predict import Classified, Classifying, Prediction
    from imagefinder.training.report import Training
    from imagefinder.types import ImageRef, Limits, Record, Skipped


def train_adapter(  # noqa: PLR0913 - each can be given without the others, and by name only
    collection: Collection,
    labels: Labels | None = None,
    *,
    by: str | None = None,
    feedback: bool = False,
    methods: Sequence[str] = (),
    space: str | None = None,
    name: str | None = None,
    use: bool = False,
    seed: int = 0,
    progress: OnProgress | None = None,
) -> Training:
    """Fit a space to a few labels per class, on the stored vectors. This takes seconds on a CPU.

    ``labels`` is a CSV with the columns ``filename`` and ``label``, or labels by id. ``by`` takes the values of a field
    as labels, such as ``folder``, ``tags`` (of images with one tag) or a column of a table. With ``feedback``, the
    images liked for one query are a class too. If an image has several labels, the first in this order is taken.

    ``methods`` limits what is tried (``training.recipes.RECIPES``). The best by cross-validation is stored if it is
    better than the space as it is. Otherwise no model is made, and the result's ``name`` is None. ``space`` is the name
    of the space or model to start from, by default the one in use. Raises InvalidInputError, NotFoundError, ModelError
    or StorageError.
    """
    from imagefinder.training.labels import gather
    from imagefinder.training.make import make_adapter

    report = progress or ignore
    with collection.index.indexing, one_blas_thread():
        origin = _origin(collection, space)
        judgements = Feedback(collection.index).list() if feedback else None
        examples = gather(_known(collection, origin), labels, by=by, judgements=judgements)
        made = make_adapter(origin, examples, name=name, methods=methods, seed=seed, progress=report)
        return _added(collection, with_origin(made, by), use, report)


def train_classifier(  # noqa: PLR0913 - as above
    collection: Collection,
    labels: Labels | None = None,
    *,
    by: str | None = None,
    hidden: int = 64,
    held_out: float = 0.25,
    space: str | None = None,
    name: str | None = None,
    use: bool = False,
    seed: int = 0,
    progress: OnProgress | None = None,
) -> Training:
    """Train a classifier with one hidden layer on the stored vectors. The activation of this layer is a new space of
    ``hidden`` dimensions, and ``predict`` uses the classifier. It is measured on a share ``held_out`` of each class;
    the model that is stored is then trained on all images. For the rest see ``train_adapter``."""
    from imagefinder.training.labels import gather
    from imagefinder.training.make import make_classifier

    report = progress or ignore
    with collection.index.indexing, one_blas_thread():
        origin = _origin(collection, space)
        examples = gather(_known(collection, origin), labels, by=by)
        made = make_classifier(origin, examples, name=name, hidden=hidden, share=held_out, seed=seed, progress=report)
        return _added(collection, with_origin(made, by), use, report)


def train_words(
    collection: Collection,
    captions: Captions | None = None,
    *,
    space: str | None = None,
    name: str | None = None,
    use: bool = False,
    seed: int = 0,
    progress: OnProgress | None = None,
) -> Training:
    """Learn the words of this collection: a map from the image vectors to those of the captions, added to what the
    model says already. ``captions`` is a CSV with the columns ``filename`` and ``caption``, where an image may have
    several, or the captions of each image by id. None: the captions in the index. For the rest see
    ``train_adapter``."""
    from imagefinder.catalog.label_table import LabelTable
    from imagefinder.training.make import make_words

    report = progress or ignore
    with collection.index.indexing, one_blas_thread():
        origin = _origin(collection, space, words=True)
        records = collection.records()
        table = _captions(captions, records)
        held = set(origin.ids)
        table = LabelTable({}, [pair for pair in table.captions if pair[0] in held], table.missing)
        report(Progress("reading captions"))
        texts = collection.models.named(origin.base.name).embed_texts([text for _, text in table.captions])
        return _added(collection, make_words(origin, table, texts, name=name, seed=seed, progress=report), use, report)


def _captions(given: Captions | None, records: Iterable[Record]) -> LabelTable:
    from imagefinder.catalog.label_table import LabelTable, captions_of, read_table

    if given is None:
        return captions_of(records)
    if isinstance(given, Mapping):
        return LabelTable({}, [(id, text) for id, texts in given.items() for text in texts], ())
    return read_table(expanded(given), records)


def predict(
    collection: Collection, *images: str | os.PathLike[str] | Record | bytes | Image, model: str | None = None
) -> tuple[list[Prediction], list[Skipped]]:
    """The classes of pictures (files, folders, tables, URLs, records of the index, bytes of image files, Pillow
    images), by the given classifier or the one trained last, and the pictures that can't be read. Raises NotFoundError
    and ModelError."""
    from imagefinder.training.predict import predict, predict_pictures
    from imagefinder.types import Record

    embedder = _classifier(collection, model)
    given = [i for i in images if not isinstance(i, str | os.PathLike | Record)]
    refs = _scan([os.fspath(i) for i in images if isinstance(i, str | os.PathLike)])
    refs += [ref_of(i) for i in images if isinstance(i, Record)]
    found, skipped = predict(embedder, refs, collection.limits, workers=cores())
    return found + predict_pictures(embedder, [_picture(i, collection.limits) for i in given]), skipped


def classify(collection: Collection, *, model: str | None = None, progress: OnProgress | None = None) -> Classified:
    """Write the class of every image on its record, as ``class`` and ``class_confidence`` (0 to 1), for filters.
    Raises NotFoundError and ModelError."""
    from imagefinder.training.predict import classify_index

    collection.ready()
    return classify_index(
        collection.index,
        _classifier(collection, model),
        collection.limits,
        workers=cores(),
        progress=progress or ignore,
    )


def _origin(collection: Collection, space: str | None, *, words: bool = False) -> TrainingBase:
    """What the training starts from. For a model made on top of another, this is its base."""
    import numpy as np

    from imagefinder.training.make import TrainingBase

    collection.ready()
    view, index = collection.view(space), collection.index
    start = view.words if words and space is None and view.words else view.image
    spec = collection.models.spec(index.space(start).model)
    if spec.base:
        spec = collection.models.spec(spec.base.model)
    if words and spec.text_space is None:
        raise NotFoundError(f"The model {spec.name} doesn't understand words.", remedy="Name another with --space.")
    names = spaces_of(spec)
    wanted = {"image": names["image"]} | ({spec.text_space or "": names[spec.text_space or ""]} if words else {})
    ids, raw = _stored(index, list(wanted.values()))
    if not ids:
        raise no_images()
    transforms = {own: index.transform(name) for own, name in wanted.items()}
    return TrainingBase(
        folder=index.path,
        base=spec,
        ids=ids,
        raw={own: np.stack(raw[name]).astype(np.float32) for own, name in wanted.items()},
        transforms={own: found for own, found in transforms.items() if found is not None},
        taken=[*index.manifest.spaces, *models_of(index)],
    )


def _known(collection: Collection, origin: TrainingBase) -> list[Record]:
    """The images whose vectors there are."""
    held = set(origin.ids)
    return [record for record in collection.records() if record.id in held]


def _added(collection: Collection, made: Training, use: bool, report: OnProgress) -> Training:
    if made.name:
        add_model(collection, made.name, use=use, progress=lambda now: report(replace(now, stage=FILLING)))
    return made


def last_classifier(collection: Collection) -> str | None:
    """The classifier that was trained last on this index; None where there is none."""
    trained = None
    for model in models_of(collection.index):
        with suppress(NotFoundError, ModelError):  # of a model that is not on this machine
            spec = collection.models.spec(model)
            if spec.classes and spec.folder.parent == collection.models.folder:
                trained = spec.name
    return trained


def _classifier(collection: Collection, name: str | None) -> Classifying:
    name = name or last_classifier(collection)
    if name is None:
        raise NotFoundError(
            "The index has no classifier.", remedy="Make one with: imagefinder train classifier --labels FILE"
        )
    spec = collection.models.spec(name)
    if not spec.classes:
        raise NotFoundError(f"The model {name!r} tells no classes apart.", remedy="Name a classifier.")
    return cast("Classifying", collection.models.named(spec.name))


def _stored(index: Index, names: Sequence[str]) -> tuple[list[str], dict[str, list[Any]]]:
    """The ids of images that have raw vectors in all of these spaces, and the vectors by space. They are in the order
    of their content: the same images give the same model, wherever their files lie."""
    vectors = {name: index.space(name).vector for name in names}
    scroll = index.store.scroll(fields=("content_hash",), vectors=tuple(vectors.values()), batch=1000)
    held = [p for points in scroll for p in points if p.vectors.keys() >= set(vectors.values())]
    held.sort(key=lambda p: (p.payload.get("content_hash") or "", p.id))
    return [p.id for p in held], {name: [p.vectors[vector] for p in held] for name, vector in vectors.items()}


def _scan(sources: Sequence[str]) -> list[ImageRef | Skipped]:
    from imagefinder.images.sources import open_source

    return [item for source in sources for item in open_source(source).scan()]


def _picture(image: bytes | Image | Any, limits: Limits) -> tuple[str, Image]:
    from imagefinder.images.decode import encode_bytes, from_picture
    from imagefinder.images.loader import Loader
    from imagefinder.types import ImageRef

    if not isinstance(image, bytes):
        return "<picture>", from_picture(image)
    loader = Loader(limits)
    try:
        return "<bytes>", loader.decode(encode_bytes(ImageRef("<bytes>"), image)).image
    finally:
        loader.close()
