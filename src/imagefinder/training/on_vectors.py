"""What ``ImageFinder`` learns: spaces from labels, feedback and captions, and classes for pictures."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from imagefinder.errors import ModelError, NotFoundError
from imagefinder.index.collection import cores

if TYPE_CHECKING:
    from PIL.Image import Image

    from imagefinder.catalog.feedback import Feedback
    from imagefinder.index.folder import Index
    from imagefinder.index.models import Models, View
    from imagefinder.results import BackfillReport, Records
    from imagefinder.store.filters.parse import FilterLike
    from imagefinder.training.labels import Labels
    from imagefinder.training.make import Tell, TrainingBase
    from imagefinder.training.predict import Classified, Classifying, Prediction
    from imagefinder.training.report import Training
    from imagefinder.types import ImageRef, Limits, Record, Skipped


def _silent(stage: str, done: int, total: int) -> None:
    return


class Teaching(ABC):
    """The methods of ``ImageFinder`` that make models out of what people say of images.

    A trained model is kept in the index's folder ``models`` and gives a space of its own, which ``use`` makes the one
    searched. ``progress`` is told the stage, and how much of it is done, of how much (0 of 0 where that is not known).
    """

    _index: Index
    _models: Models
    _limits: Limits

    @abstractmethod
    def records(self, filter: FilterLike = None) -> Records: ...
    @abstractmethod
    def view(self, name: str | None = None) -> View: ...
    @abstractmethod
    def add_model(
        self, name: str, *, use: bool = False, progress: Callable[[int, int], None] | None = None
    ) -> BackfillReport: ...
    @property
    @abstractmethod
    def feedback(self) -> Feedback: ...
    @abstractmethod
    def _ready(self) -> None: ...

    def train_adapter(
        self,
        labels: Labels | None = None,
        *,
        by: str | None = None,
        feedback: bool = False,
        methods: Sequence[str] = (),
        space: str | None = None,
        name: str | None = None,
        use: bool = False,
        seed: int = 0,
        progress: Tell | None = None,
    ) -> Training:
        """A space fitted to a few labels per class, on the stored vectors: seconds on a CPU.

        ``labels`` is a CSV with the columns ``filename`` and ``label``, or labels by id; ``by`` takes the values of a
        field for labels, such as ``folder``, ``tags`` (of images with one tag) or a table's column; with ``feedback``,
        what was liked for one query is a class too. Of one image the label counts that comes first in this order.

        ``methods`` limits what is tried (``training.recipes.RECIPES``); the best by cross-validation is kept if it is
        better than the space as it is, otherwise there is no model and the result's ``name`` is None. ``space`` names
        the space or model to start from, by default the one in use. Raises InvalidInputError, NotFoundError, ModelError
        or StorageError.
        """
        from imagefinder.training.labels import gather
        from imagefinder.training.make import make_adapter

        tell = progress or _silent
        with self._index.indexing, _one_thread():
            origin = self._origin(space)
            judgements = self.feedback.list() if feedback else None
            examples = gather(self._known(origin), labels, by=by, judgements=judgements)
            made = make_adapter(origin, examples, name=name, methods=methods, seed=seed, tell=tell)
            return self._added(made, use, tell)

    def train_classifier(
        self,
        labels: Labels | None = None,
        *,
        by: str | None = None,
        hidden: int = 64,
        held_out: float = 0.25,
        space: str | None = None,
        name: str | None = None,
        use: bool = False,
        seed: int = 0,
        progress: Tell | None = None,
    ) -> Training:
        """A classifier with a hidden layer on the stored vectors; the layer's activation is a space, ``hidden`` wide,
        and ``predict`` tells classes by it. Its measures are of a share ``held_out`` of each class; the model kept is
        then trained on all. For the rest see ``train_adapter``."""
        from imagefinder.training.labels import gather
        from imagefinder.training.make import make_classifier

        tell = progress or _silent
        with self._index.indexing, _one_thread():
            origin = self._origin(space)
            examples = gather(self._known(origin), labels, by=by)
            made = make_classifier(origin, examples, name=name, hidden=hidden, share=held_out, seed=seed, tell=tell)
            return self._added(made, use, tell)

    def train_words(
        self,
        captions: str | os.PathLike[str] | None = None,
        *,
        space: str | None = None,
        name: str | None = None,
        use: bool = False,
        seed: int = 0,
        progress: Tell | None = None,
    ) -> Training:
        """The words of this collection: a map from how images look to what is said of them, beside what the model says
        already. ``captions`` is a CSV with the columns ``filename`` and ``caption``, where an image may have several;
        None: the captions that the images have in the index. For the rest see ``train_adapter``."""
        from imagefinder.training.labels import Table, captions_of, read_table
        from imagefinder.training.make import make_words

        tell = progress or _silent
        with self._index.indexing, _one_thread():
            origin = self._origin(space, words=True)
            records = self.records()
            table = captions_of(records) if captions is None else read_table(Path(captions).expanduser(), records)
            held = set(origin.ids)
            table = Table({}, [pair for pair in table.captions if pair[0] in held], table.missing)
            tell("reading captions", 0, 0)
            texts = self._models.named(origin.base.name).embed_texts([text for _, text in table.captions])
            return self._added(make_words(origin, table, texts, name=name, seed=seed, tell=tell), use, tell)

    def predict(
        self, *images: str | os.PathLike[str] | Record | bytes | Image, model: str | None = None
    ) -> tuple[list[Prediction], list[Skipped]]:
        """The classes of pictures (files, folders, tables, URLs, records of the index, bytes of image files, Pillow
        images), by a classifier or by the one trained last; and what could not be read. Raises NotFoundError and
        ModelError."""
        from imagefinder.training.predict import predict, predict_pictures
        from imagefinder.types import ImageRef, Record

        embedder = self._classifier(model)
        given = [i for i in images if not isinstance(i, str | os.PathLike | Record)]
        refs = _scan([os.fspath(i) for i in images if isinstance(i, str | os.PathLike)])
        refs += [ImageRef(i.uri) for i in images if isinstance(i, Record)]
        found, skipped = predict(embedder, refs, self._limits, workers=cores())
        return found + predict_pictures(embedder, [_picture(i, self._limits) for i in given]), skipped

    def classify(self, *, model: str | None = None, progress: Callable[[int, int], None] | None = None) -> Classified:
        """Write the class of every image on its record, as ``class`` and ``class_confidence`` (0 to 1), for filters.
        Raises NotFoundError and ModelError."""
        from imagefinder.training.predict import classify_index

        self._ready()
        tell = progress or (lambda done, total: None)
        return classify_index(self._index, self._classifier(model), self._limits, workers=cores(), progress=tell)

    # --- inside ---------------------------------------------------------------------------------------------------

    def _origin(self, space: str | None, *, words: bool = False) -> TrainingBase:
        """What to start from. A model made on top of another is not built on again: its base is."""
        import numpy as np

        from imagefinder.training.make import TrainingBase

        self._ready()
        view, index = self.view(space), self._index
        start = view.words if words and space is None and view.words else view.image
        spec = self._models.spec(index.space(start).model)
        if spec.base:
            spec = self._models.spec(spec.base.model)
        if words and spec.text_space is None:
            raise NotFoundError(f"The model {spec.name} doesn't understand words.", remedy="Name another with --space.")
        names = index.spaces_of(spec)
        wanted = {"image": names["image"]} | ({spec.text_space or "": names[spec.text_space or ""]} if words else {})
        ids, raw = _stored(index, list(wanted.values()))
        transforms = {own: index.transform(name) for own, name in wanted.items()}
        return TrainingBase(
            folder=index.path,
            base=spec,
            ids=ids,
            raw={own: np.stack(raw[name]).astype(np.float32) for own, name in wanted.items()},
            transforms={own: found for own, found in transforms.items() if found is not None},
            taken=[*index.manifest.spaces, *index.models],
        )

    def _known(self, origin: TrainingBase) -> list[Record]:
        """The images whose vectors there are."""
        held = set(origin.ids)
        return [record for record in self.records() if record.id in held]

    def _added(self, made: Training, use: bool, tell: Tell) -> Training:
        if made.name:
            self.add_model(made.name, use=use, progress=lambda done, total: tell("filling the space", done, total))
        return made

    @property
    def classifier(self) -> str | None:
        """The classifier that was trained last on this index; None where there is none."""
        trained = None
        for model in self._index.models:
            with suppress(NotFoundError, ModelError):  # of a model that is not on this machine
                spec = self._models.spec(model)
                if spec.classes and spec.folder.parent == self._models.folder:
                    trained = spec.name
        return trained

    def _classifier(self, name: str | None) -> Classifying:
        name = name or self.classifier
        if name is None:
            raise NotFoundError(
                "The index has no classifier.", remedy="Make one with: imagefinder train classifier --labels FILE"
            )
        spec = self._models.spec(name)
        if not spec.classes:
            raise NotFoundError(f"The model {name!r} tells no classes apart.", remedy="Name a classifier.")
        return cast("Classifying", self._models.named(spec.name))


def _one_thread() -> AbstractContextManager[Any]:
    """Matrices here are small, and are used in turn: threads that wait for each other cost more than they bring, up
    to twenty times on a busy machine."""
    from threadpoolctl import threadpool_limits

    return cast("AbstractContextManager[Any]", threadpool_limits(limits=1))


def _stored(index: Index, names: Sequence[str]) -> tuple[list[str], dict[str, list[Any]]]:
    """The ids of images that have raw vectors in all of these spaces, ascending, and the vectors by space."""
    ids: list[str] = []
    found: dict[str, list[Any]] = {name: [] for name in names}
    vectors = {name: index.space(name).vector for name in names}
    for points in index.store.scroll(fields=(), vectors=tuple(vectors.values()), batch=1000):
        for point in points:
            if all(vector in point.vectors for vector in vectors.values()):
                ids.append(point.id)
                for name, vector in vectors.items():
                    found[name].append(point.vectors[vector])
    return ids, found


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
