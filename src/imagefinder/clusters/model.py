"""A clustering that works without its collection: two plain files that assign any image to a cluster."""

from __future__ import annotations

import io
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from imagefinder._util.files import write_named
from imagefinder.clusters.algorithms.scores import to_centres
from imagefinder.clusters.algorithms.strangers import Strangers
from imagefinder.errors import InvalidInputError, ModelMismatchError
from imagefinder.vectors.features import Features

if TYPE_CHECKING:
    from imagefinder.clusters.clustering import Clustering
    from imagefinder.models.base import Embedder
    from imagefinder.models.spec import ModelSpec
    from imagefinder.types import Float32

FACTS, ARRAYS = "clusters.json", "clusters.npz"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class ClusterModel:
    """The centres float32 (k, dim) of a clustering with the labels, names and radii of its clusters, the reduction from
    the model's raw vectors, and the model's name and fingerprint. ``strangers`` tells images that are like none of the
    clustered ones; None where the clusters were made by an older version, or of too few images."""

    labels: tuple[int, ...]
    names: tuple[str, ...]
    radii: Float32
    centres: Float32
    features: Features
    has_noise: bool
    model: str
    fingerprint: str
    strangers: Strangers | None = None

    @classmethod
    def of(cls, clustering: Clustering) -> Self:
        clusters = clustering.clusters
        return cls(
            labels=tuple(c.label for c in clusters),
            names=tuple(c.name for c in clusters),
            radii=np.array([c.radius for c in clusters], np.float32),
            centres=clustering.centres,
            features=clustering.features,
            has_noise=clustering.has_noise,
            model=clustering.parameters["model"],
            fingerprint=clustering.parameters["model_fingerprint"],
            strangers=clustering.strangers,
        )

    def assign(self, raw: Float32) -> tuple[np.ndarray, Float32, np.ndarray]:
        """The cluster of each raw vector float32 (n, dim_in): its label int32 (n,), the distance to the centre float32
        (n,), and whether that is more than 99 % of the members are away, bool (n,). Where the method knows noise, those
        are noise (-1); so are, by every method, images that are like none of the clustered ones."""
        if not len(self.centres):  # the method found nothing but noise
            return np.full(len(raw), -1, np.int32), np.full(len(raw), np.inf, np.float32), np.ones(len(raw), bool)
        away = to_centres(self.features.apply(raw), self.centres)
        best = away.argmin(axis=1)
        distances = away[np.arange(len(away)), best]
        outside = distances > self.radii[best]
        labels = np.array(self.labels, np.int32)[best]
        strange = self.strangers.strange(raw) if self.strangers else np.zeros(len(raw), bool)
        return np.where(outside & self.has_noise | strange, -1, labels).astype(np.int32), distances, outside

    def assign_pictures(self, embedder: Embedder, pictures: list[Any]) -> tuple[np.ndarray, Float32, np.ndarray]:
        """The same of upright RGB pictures. Raises ModelMismatchError for another model than it was made with."""
        self.check(embedder.spec)
        batch = np.stack([embedder.preprocess(picture) for picture in pictures])
        return self.assign(np.asarray(embedder.embed_images(batch)["image"], np.float32))

    def check(self, spec: ModelSpec) -> None:
        if spec.fingerprint != self.fingerprint:
            raise ModelMismatchError(
                f"The clusters were made with the model {self.model} ({self.fingerprint}), not {spec.name} "
                f"({spec.fingerprint}).",
                remedy="Install the ImageFinder they were made with, or cluster and export again.",
            )

    def name_of(self, label: int) -> str | None:
        return dict(zip(self.labels, self.names, strict=True)).get(label)

    def save(self, folder: Path) -> None:
        """Write ``clusters.json`` and ``clusters.npz``: no pickle, readable by anything. Such a model that is there is
        replaced. Raises StorageError, and InvalidInputError where files of these names are something else."""
        check_free(folder)
        buffer = io.BytesIO()
        strangers = self.strangers.arrays() if self.strangers else {}
        arrays = {**self.features.arrays(), **{f"strangers_{name}": array for name, array in strangers.items()}}
        np.savez(buffer, centres=self.centres, radii=self.radii, **arrays)  # type: ignore[arg-type]
        write_named(folder / ARRAYS, buffer.getvalue())
        facts = {
            "format": FORMAT,
            "model": self.model,
            "model_fingerprint": self.fingerprint,
            "has_noise": self.has_noise,
            "clusters": [{"label": n, "name": name} for n, name in zip(self.labels, self.names, strict=True)],
            "steps": "raw vectors to unit length, minus mean, times axes, to unit length, divided by scale (parts that "
            "are missing are left out); then the nearest of centres by Euclidean distance, or none for strangers",
        }
        write_named(folder / FACTS, (json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode())

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote. Raises InvalidInputError."""
        try:
            facts = json.loads((folder / FACTS).read_text("utf-8"))
            with (folder / ARRAYS).open("rb") as file, np.load(file, allow_pickle=False) as found:
                arrays = {name: found[name] for name in found.files}
            if facts["format"] != FORMAT:
                raise ValueError(f"format {facts['format']!r}")
            model = cls(
                labels=tuple(int(c["label"]) for c in facts["clusters"]),
                names=tuple(str(c["name"]) for c in facts["clusters"]),
                radii=arrays["radii"],
                centres=arrays["centres"],
                features=Features.from_arrays(arrays),
                has_noise=bool(facts["has_noise"]),
                model=str(facts["model"]),
                fingerprint=str(facts["model_fingerprint"]),
                strangers=Strangers.from_arrays(_part(arrays, "strangers_")),
            )
            if not len(model.labels) == len(model.radii) == len(model.centres) > 0:
                raise ValueError("its parts are of different lengths")
            return model
        except Exception as error:  # json, zipfile, zlib and NumPy each raise their own on damaged files
            raise InvalidInputError(
                f"{folder} is not an exported clustering: {error!r}.", remedy="Make one with: imagefinder export model"
            ) from error


def check_free(folder: Path) -> None:
    """Raise InvalidInputError where a model would take the place of files that are none."""
    if any(os.path.lexists(folder / name) for name in (FACTS, ARRAYS)):
        try:
            ClusterModel.load(folder)
        except InvalidInputError as error:
            raise InvalidInputError(
                f"{folder} holds {FACTS} or {ARRAYS} already, and they are no such model.", remedy="Name a new folder."
            ) from error


def _part(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
