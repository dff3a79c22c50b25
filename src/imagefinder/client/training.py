"""What is trained on the server's index: spaces, and classes for pictures."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefinder._util.files import expanded
from imagefinder.client.catalog import Catalog
from imagefinder.client.evaluating import asked_for, captions_by_id
from imagefinder.client.jobs import JobProgress
from imagefinder.client.queries import parts_of
from imagefinder.client.responses import assessment_of, classified_of, prediction_of, training_of
from imagefinder.errors import ImageError
from imagefinder.types import Record, Skipped

if TYPE_CHECKING:
    from PIL.Image import Image

    from imagefinder.catalog.label_table import LabelTable
    from imagefinder.evaluation.of_index import Assessment
    from imagefinder.training.labels import Captions, Labels
    from imagefinder.training.predict import Classified, Prediction
    from imagefinder.training.report import Training

    Picture = str | os.PathLike[str] | Record | bytes | Image


class Trainer(Catalog):
    """As the methods of ``ImageFinder`` of the same names; a table is a file of this machine. ``labels`` and
    ``captions`` may also be by id, path or URL; ``by`` names a field of the index that has the labels."""

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
        progress: JobProgress | None = None,
    ) -> Training:
        """A space fitted to a few labels per class, on the stored vectors."""
        options = {"by": by, "feedback": feedback or None, "methods": [*methods] or None}
        return self._train("adapter", labels, progress, **options, space=space, name=name, use=use, seed=seed)

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
        progress: JobProgress | None = None,
    ) -> Training:
        """A classifier with a hidden layer, ``hidden`` wide, whose activation is a space."""
        options = {"by": by, "hidden": hidden, "held_out": held_out}
        return self._train("classifier", labels, progress, **options, space=space, name=name, use=use, seed=seed)

    def train_words(
        self,
        captions: Captions | None = None,
        *,
        space: str | None = None,
        name: str | None = None,
        use: bool = False,
        seed: int = 0,
        progress: JobProgress | None = None,
    ) -> Training:
        """A space for texts that knows the words of this collection, learnt from captions; None: those that the images
        have in the index."""
        given: dict[str, list[str]] | None = None
        missing: tuple[str, ...] = ()
        if isinstance(captions, Mapping):
            given = {self._id(image): [*texts] for image, texts in captions.items()}
        elif captions is not None:
            table = self._table(captions)
            given, missing = captions_by_id(table), table.missing
        options = {"captions": given, "space": space, "name": name, "use": use, "seed": seed}
        return replace(self._train("words", None, progress, **options), missing=missing)

    def _train(self, what: str, labels: Labels | None, progress: JobProgress | None, **options: Any) -> Training:
        missing: tuple[str, ...] = ()
        by_id: Mapping[str, str] | None = None
        if isinstance(labels, Mapping):
            by_id = {self._id(image): label for image, label in labels.items()}
        elif labels is not None:
            table = self._table(labels)
            by_id, missing = table.labels, table.missing
        made = training_of(self._jobs.run("train", {"what": what, "labels": by_id, **options}, progress).result)
        return replace(made, missing=missing) if missing else made

    def predict(self, *images: Picture, model: str | None = None) -> tuple[list[Prediction], list[Skipped]]:
        """The classes of pictures (files, folders, tables, URLs, records or ``id:`` with an id, bytes of image files,
        Pillow images), by a classifier or by the one trained last; and what could not be read."""
        found: list[Prediction] = []
        skipped: list[Skipped] = []
        for uri, body in self._pictures(images, skipped):
            try:
                row = self._transport.json("POST", "/v1/predict", json={**body, "model": model})
                found.append(prediction_of(uri, row))
            except ImageError as error:
                skipped.append(Skipped(uri, error.code, error.message, error.remedy))
        return found, skipped

    def _pictures(self, images: Sequence[Picture], skipped: list[Skipped]) -> Iterator[tuple[str, dict[str, Any]]]:
        """The name of each picture and the request for it: files first, then records, then pictures, as the library
        does it."""
        for name in [os.fspath(i) for i in images if isinstance(i, str | os.PathLike)]:
            if name.startswith("id:"):
                yield name, {"id": self._id(name)}
            else:
                yield from self._scanned(name, skipped)
        for image in images:
            if isinstance(image, Record):
                yield image.uri, {"id": image.id}
        for image in images:
            if not isinstance(image, str | os.PathLike | Record):
                yield "<bytes>" if isinstance(image, bytes) else "<picture>", self._picture(image)

    def _scanned(self, source: str, skipped: list[Skipped]) -> Iterator[tuple[str, dict[str, Any]]]:
        from imagefinder.images.loader import is_url
        from imagefinder.images.sources import open_source

        for item in open_source(source).scan():
            if isinstance(item, Skipped):
                skipped.append(item)
            else:
                yield item.uri, {"url": item.uri} if is_url(item.uri) else self._picture(Path(item.uri))

    def _picture(self, image: Path | bytes | Image) -> dict[str, Any]:
        (body,) = parts_of(image, self._transport)
        return {name: value for name, value in body.items() if name != "weight"}

    def classify(self, *, model: str | None = None, progress: JobProgress | None = None) -> Classified:
        """Write the class of every image on its record, as ``class`` and ``class_confidence``, for filters."""
        job = self._jobs.run("classify", {"model": model}, progress)
        return classified_of(job.result, self._jobs.skipped(job))

    @property
    def classifier(self) -> str | None:
        """The classifier that was trained last on the index; None where there is none."""
        name: str | None = self.about()["classifier"]
        return name

    def evaluate(
        self, table: str | os.PathLike[str] | LabelTable | None = None, space: str | None = None, **options: Any
    ) -> Assessment:
        """Measure how well the index finds things, on a CSV of this machine with the columns ``filename`` and
        ``label``, ``caption`` or both, and by the options of the library's ``evaluate``. Raises InvalidTableError or
        NotFoundError."""
        progress = options.pop("progress", None)
        asked, missing = asked_for(self.records(), table, options)
        return assessment_of(self._jobs.run("evaluate", {**asked, "space": space}, progress).result, missing)

    def _table(self, table: str | os.PathLike[str] | LabelTable) -> LabelTable:
        from imagefinder.catalog.label_table import LabelTable, read_table

        return table if isinstance(table, LabelTable) else read_table(expanded(table), self.records())
