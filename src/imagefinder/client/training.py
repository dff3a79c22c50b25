"""What ``Client`` teaches the index of a server."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefinder.client.jobs import JobProgress, Jobs
from imagefinder.client.queries import parts_of
from imagefinder.client.responses import classified_of, prediction_of, training_of
from imagefinder.errors import InvalidInputError

if TYPE_CHECKING:
    from PIL.Image import Image

    from imagefinder.client.transport import Transport
    from imagefinder.training.predict import Classified, Prediction
    from imagefinder.training.report import Training


class Teaching(ABC):
    """As the methods of ``ImageFinder`` of the same names. ``labels`` are by id, path or URL; ``by`` names a field of
    the index that has them."""

    _transport: Transport
    _jobs: Jobs

    @abstractmethod
    def _id(self, image: str) -> str: ...

    def train_adapter(
        self,
        labels: Mapping[str, str] | None = None,
        *,
        by: str | None = None,
        feedback: bool = False,
        progress: JobProgress | None = None,
        **options: Any,
    ) -> Training:
        """A space fitted to a few labels per class. The options: ``space``, ``name``, ``use``."""
        return self._train("adapter", labels, progress, by=by, feedback=feedback or None, **options)

    def train_classifier(
        self,
        labels: Mapping[str, str] | None = None,
        *,
        by: str | None = None,
        hidden: int = 64,
        progress: JobProgress | None = None,
        **options: Any,
    ) -> Training:
        """A classifier whose hidden layer is a space. The options: ``space``, ``name``, ``use``."""
        return self._train("classifier", labels, progress, by=by, hidden=hidden, **options)

    def train_words(self, *, progress: JobProgress | None = None, **options: Any) -> Training:
        """The words of this collection, from the captions that its images have. The options: ``space``, ``name``,
        ``use``."""
        return self._train("words", None, progress, **options)

    def _train(
        self, what: str, labels: Mapping[str, str] | None, progress: JobProgress | None, **options: Any
    ) -> Training:
        named = None if labels is None else {self._id(image): label for image, label in labels.items()}
        return training_of(self._jobs.run("train", {"what": what, "labels": named, **options}, progress).result)

    def predict(self, image: str | Path | bytes | Image, *, model: str | None = None) -> Prediction:
        """The class of a picture (a path, a URL, ``id:`` with an id, bytes of an image file, or a Pillow image), by a
        classifier or by the one trained last. Raises what is wrong with it."""
        (body, *more) = parts_of(image, self._transport)
        if more or "words" in body:
            raise InvalidInputError(
                f"{image!r:.200} is not one picture.", remedy="Give a path, a URL or id: and an id."
            )
        del body["weight"]
        row = self._transport.json("POST", "/v1/predict", json={**body, "model": model})
        return prediction_of(image if isinstance(image, str) else "<picture>", row)

    def classify(self, *, model: str | None = None, progress: JobProgress | None = None) -> Classified:
        """Write the class of every image on its record, as ``class`` and ``class_confidence``, for filters."""
        job = self._jobs.run("classify", {"model": model}, progress)
        return classified_of(job.result, self._jobs.skipped(job))
