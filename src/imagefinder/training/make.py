"""Trains new models of an index from what people said about images: fit, measure, export, check, store."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from imagefinder._version import __version__
from imagefinder.models.derived import TAUGHT
from imagefinder.models.reading import folded, words_of
from imagefinder.training.export import MODEL_FILE, check_parity, free_name, keep_model
from imagefinder.training.report import Training, check_finite
from imagefinder.types import OnProgress, ignore

if TYPE_CHECKING:
    from imagefinder.catalog.label_table import LabelTable
    from imagefinder.models.spec import ModelSpec
    from imagefinder.training.labels import Examples
    from imagefinder.types import Float32
    from imagefinder.vectors.transform import LinearTransform

PARITY_ROWS = 256
IMAGE, WORDS = "base_image", "base_words"  # inputs of the trained graphs


@dataclass(frozen=True, slots=True)
class TrainingBase:
    """What a training starts from: the raw vectors of an index, by the spaces of the model ``base``, float32 (n, dim)
    with one row for each of ``ids``; the transforms with which the index searches them; the ``folder`` of the index;
    and names that are ``taken``."""

    folder: Path
    base: ModelSpec
    ids: Sequence[str]
    raw: Mapping[str, Float32]
    transforms: Mapping[str, LinearTransform]
    taken: Sequence[str] = ()

    def rows(self, ids: Sequence[str]) -> npt.NDArray[np.intp]:
        """The rows of some images, all of which must be there."""
        place = {id: row for row, id in enumerate(self.ids)}
        return np.array([place[id] for id in ids], np.intp)


def make_adapter(
    origin: TrainingBase,
    examples: Examples,
    *,
    name: str | None = None,
    methods: Sequence[str] = (),
    seed: int = 0,
    progress: OnProgress = ignore,
) -> Training:
    """Fit a space to ``examples``, all of them among ``origin.ids``; see ``adapter.fit_adapter``. Without a gain over
    the untouched space no model is kept. Raises InvalidInputError, ModelError or StorageError."""
    from imagefinder.training.adapter import fit_adapter
    from imagefinder.training.recipes import RECIPES

    started = time.monotonic()
    name = free_name(origin.folder, name, "adapter", taken=origin.taken)
    raw, base, rows = origin.raw["image"], origin.transforms["image"], origin.rows(examples.ids)
    check_finite(raw)
    found = fit_adapter(
        raw,
        rows,
        examples,
        base,
        recipes=tuple(methods) or tuple(RECIPES),
        seed=seed,
        progress=progress,
    )
    training = Training(
        kind="adapter",
        name=name if found.adapter else None,
        images=len(examples.ids),
        missing=examples.missing,
        held_out=found.before.images,
        before=found.before,
        after=found.after,
        chosen=f"{found.name}, {found.adapter.share:g} of the similarity" if found.adapter else found.name,
        seconds=time.monotonic() - started,
        candidates=found.candidates,
        facts={"classes": len(examples.classes), "measured_by": "cross-validation"},
        notes=() if found.adapter else ("Nothing tried is surely better than the space as it is: no model was made.",),
    )
    if found.adapter:
        some = raw[:PARITY_ROWS]
        graph = found.adapter.graph()
        check_parity(graph, {IMAGE: some}, {"image": found.adapter.apply(some)})
        _keep(origin, training, graph, {"image": found.adapter.dim}, inputs={IMAGE: "image"})
    return training


def make_classifier(
    origin: TrainingBase,
    examples: Examples,
    *,
    name: str | None = None,
    hidden: int = 64,
    share: float = 0.25,
    seed: int = 0,
    progress: OnProgress = ignore,
) -> Training:
    """Train a classifier on ``examples``, all of them among ``origin.ids``; see ``classifier.fit_classifier``. Raises
    InvalidInputError, ModelError or StorageError."""
    from imagefinder.evaluation.retrieval import score_labels
    from imagefinder.training.classifier import fit_classifier

    started = time.monotonic()
    name = free_name(origin.folder, name, "classifier", taken=origin.taken)
    transform = origin.transforms["image"]
    raw = origin.raw["image"][origin.rows(examples.ids)]
    check_finite(raw)
    model, found = fit_classifier(
        raw, examples, transform.mean, hidden=hidden, share=share, seed=seed, progress=progress
    )
    before = None
    if found:
        held = examples.take(found.held)
        before = score_labels(transform.apply(raw[found.held]), held.labels)
    measured = (
        {"accuracy": found.accuracy, "ece_uncalibrated": found.ece_uncalibrated, "ece": found.ece} if found else {}
    )
    training = Training(
        kind="classifier",
        name=name,
        images=len(examples.ids),
        missing=examples.missing,
        held_out=len(found.held) if found else 0,
        before=before,
        after=found.scores if found else None,
        chosen=f"a hidden layer of {hidden}",
        seconds=time.monotonic() - started,
        facts={"classes": list(model.classes), "temperature": round(model.temperature, 4), **measured},
        notes=_classifier_notes(found is not None, model.temperature),
    )
    graph, some = model.graph(), raw[:PARITY_ROWS]
    check_parity(graph, {IMAGE: some}, {"image": model.features(some), "classes": model.probabilities(some)})
    _keep(origin, training, graph, {"image": hidden}, inputs={IMAGE: "image"}, classes=model.classes)
    return training


def _classifier_notes(measured: bool, temperature: float) -> tuple[str, ...]:
    if not measured:
        return ("Not evaluated: no class has four different images, so none could be held out.",)
    return ("Confidence is not calibrated: the classes are too small to hold more out.",) if temperature == 1 else ()


def make_words(
    origin: TrainingBase,
    table: LabelTable,
    texts: Float32,
    *,
    name: str | None = None,
    seed: int = 0,
    progress: OnProgress = ignore,
) -> Training:
    """Learn the words of a collection from ``table.captions``, all of images among ``origin.ids``; ``texts`` float32
    (m, dim) are their embeddings. See ``words.fit_words``. Raises InvalidInputError, ModelError or StorageError."""
    from imagefinder.training.words import Captions, fit_words

    started = time.monotonic()
    name = free_name(origin.folder, name, "my-words", taken=origin.taken)
    pictured = origin.rows([id for id, _ in table.captions])
    rows, space = np.unique(pictured), origin.base.text_space or ""
    image, words = origin.raw["image"][rows], origin.raw[space][rows]
    for vectors, what in ((image, "image vectors"), (words, "word vectors"), (texts, "captions")):
        check_finite(vectors, what)
    captions = Captions(np.searchsorted(rows, pictured).astype(np.intp), texts)
    transforms = (origin.transforms["image"], origin.transforms[space])
    found = fit_words(image, words, captions, transforms, seed=seed, progress=progress)
    training = Training(
        kind="words",
        name=name if found.map else None,
        images=len(rows),
        missing=table.missing,
        held_out=found.before.images,
        before=found.before,
        after=found.after,
        chosen=f"ridge {found.ridge:g}, {found.map.share:g} of what is said" if found.map else "untouched",
        seconds=time.monotonic() - started,
        candidates=found.candidates,
        facts={"captions": len(texts), "measured_by": "cross-validation"},
        notes=() if found.map else ("The captions make nothing surely better: no model was made.",),
    )
    if found.map:
        graph, some = found.map.graph(), slice(0, PARITY_ROWS)
        inputs = {IMAGE: image[some], WORDS: words[some]}
        check_parity(graph, inputs, {"words": found.map.apply(image[some], words[some])})
        taught = {folded(word) for _, text in table.captions for word in words_of(text)}
        spaces, files = {"words": texts.shape[1]}, {TAUGHT: "\n".join(sorted(taught)).encode()}
        _keep(origin, training, graph, spaces, inputs={IMAGE: "image", WORDS: space}, files=files)
    return training


def _keep(
    origin: TrainingBase,
    training: Training,
    graph: Any,
    spaces: Mapping[str, int],
    *,
    inputs: Mapping[str, str],
    classes: Sequence[str] | None = None,
    files: Mapping[str, bytes] = MappingProxyType({}),
) -> None:
    base, outputs = origin.base, {**{space: space for space in spaces}, **({"classes": "classes"} if classes else {})}
    spec: dict[str, Any] = {
        "name": training.name,
        "alias": training.name,
        "title": f"{training.kind.capitalize()} trained on {base.name}: {training.chosen}",
        "licence": f"as {base.name}: {base.licence}",
        "source": f"ImageFinder {__version__}, from {training.images} images of this index",
        "image": {"file": MODEL_FILE, "outputs": outputs},
        "spaces": {space: {"dim": dim, "transform": "center"} for space, dim in spaces.items()},
        "base": {"model": base.name, "fingerprint": base.fingerprint, "inputs": dict(inputs)},
        "report": replace(training, candidates=training.candidates[:10], missing=()).to_dict(),
    }
    if classes:
        spec["classes"] = list(classes)
    if "words" in spaces:
        spec["text"] = {"kind": "base", "space": "words"}
    keep_model(origin.folder, spec, {MODEL_FILE: graph, **files})
