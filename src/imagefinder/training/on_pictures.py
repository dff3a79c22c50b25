"""Training an encoder itself, with PyTorch, on the images of an index: an autoencoder, or a classifier with its
backbone. The result is a model of the index, and its space stands beside the others."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefinder.evaluation.retrieval import LabelScores, score_labels
from imagefinder.images.sources import open_source
from imagefinder.index.spaces import models_of
from imagefinder.ingest.fill import add_model
from imagefinder.training.export import new_name
from imagefinder.training.labels import SHARE, Examples, gather, hold_out, read_examples
from imagefinder.training.report import FILLING, Training
from imagefinder.training.torch import require_torch
from imagefinder.types import Skipped, ignore

if TYPE_CHECKING:
    from imagefinder.index.collection import Collection
    from imagefinder.training.labels import Labels
    from imagefinder.training.torch.autoencoder import AutoencoderOptions, Made
    from imagefinder.training.torch.classifier import FinetuneOptions
    from imagefinder.types import OnProgress


def train_autoencoder(
    collection: Collection,
    source: str | os.PathLike[str] | None = None,
    *,
    options: AutoencoderOptions | None = None,
    labels: Path | None = None,
    name: str | None = None,
    use: bool = False,
    restart: bool = False,
    progress: OnProgress | None = None,
) -> Training:
    """Train an autoencoder on the images of ``source`` (a folder, a table, an image; by default the images of the
    index), and add its encoder's vectors for the images of the index: a space called ``name``.

    ``labels``, a CSV as for ``evaluate``, are only used to measure the space before and after; nothing is learnt from
    them. ``use`` makes it the space in use. An interrupted training continues after its last complete epoch, unless
    ``restart`` is set. ``progress`` is called after each epoch; an exception from it stops the training. Raises
    MissingExtraError, InvalidInputError, NotFoundError, ModelError and StorageError.
    """
    require_torch()
    from imagefinder.training.torch.autoencoder import AutoencoderOptions, train_autoencoder

    started = time.perf_counter()
    records = collection.records()
    uris, skipped = ([r.uri for r in records], []) if source is None else _scan(os.fspath(source))
    examples = read_examples(labels, records) if labels else None
    before = _score(collection, examples, None)
    options = options or AutoencoderOptions()
    with _new_name(collection, name, "autoencoder") as own:
        made = train_autoencoder(
            collection.index.path, uris, options,
            name=own, restart=restart, limits=collection.limits, progress=progress,
        )  # fmt: skip
    chosen = f"{options.encoder.encoder} at {options.encoder.size} px, {options.output}, epoch {made.fitted.best}"
    hint = f"Index images with it: imagefinder index FOLDER --model {made.name}"
    return Training(
        kind="autoencoder",
        name=made.name,
        images=made.trained,
        missing=examples.missing if examples else (),
        held_out=made.held,
        before=before,
        after=_fill(collection, made.name, examples, use, progress) if records else None,
        chosen=chosen,
        seconds=time.perf_counter() - started,
        facts=_facts(made, skipped),
        notes=() if records else (hint,),
    )


def finetune_classifier(
    collection: Collection,
    labels: Labels | Examples | None = None,
    *,
    by: str | None = None,
    options: FinetuneOptions | None = None,
    share: float = SHARE,
    name: str | None = None,
    use: bool = False,
    restart: bool = False,
    progress: OnProgress | None = None,
) -> Training:
    """Train a classifier and the last stages of its backbone on labelled images of the index, and add the activations
    of its hidden layer for all images: a space called ``name``.

    ``labels`` and ``by`` are those of ``train_adapter``, or examples. A ``share`` of each class is held out to measure
    the space before and after. For the rest see ``train_autoencoder``.
    """
    require_torch()
    from imagefinder.training.torch.classifier import FinetuneOptions, finetune_classifier

    started = time.perf_counter()
    examples = labels if isinstance(labels, Examples) else gather(collection.records(), labels, by=by)
    options = options or FinetuneOptions()
    split = hold_out(examples, share=share, seed=options.schedule.seed)
    test = examples.take(split.held)
    before = _score(collection, test, None)
    with _new_name(collection, name, "classifier") as own:
        made = finetune_classifier(
            collection.index.path, examples.take(split.train), options,
            name=own, restart=restart, limits=collection.limits, progress=progress,
        )  # fmt: skip
    stages = "all" if options.encoder.unfreeze is None else f"the last {options.encoder.unfreeze}"
    return Training(
        kind="classifier",
        name=made.name,
        images=made.trained + made.held,
        missing=examples.missing,
        held_out=len(test.ids),
        before=before,
        after=_fill(collection, made.name, test, use, progress),
        chosen=f"{options.encoder.encoder} with {stages} stages trained, epoch {made.fitted.best}",
        seconds=time.perf_counter() - started,
        facts=_facts(made, []),
    )


def _new_name(collection: Collection, name: str | None, usual: str) -> AbstractContextManager[str]:
    taken = [*collection.index.manifest.spaces, *models_of(collection.index)]
    return new_name(collection.index.path, name, usual, taken=taken)


def _score(collection: Collection, examples: Examples | None, space: str | None) -> LabelScores | None:
    """How well a space, by default the one in use, finds labelled images; None where no two have one label."""
    label = dict(zip(examples.ids, examples.labels, strict=True)) if examples else {}
    if len(set(label.values())) == len(label):
        return None
    ids, vectors = collection.vectors(space)
    rows = [row for row, id in enumerate(ids) if id in label]
    return score_labels(vectors[rows], [label[ids[row]] for row in rows])


def _fill(
    collection: Collection,
    name: str,
    examples: Examples | None,
    use: bool,
    progress: OnProgress | None,
) -> LabelScores | None:
    """Give all images their vectors in the new space, and measure it."""
    report = progress or ignore
    add_model(collection, name, use=use, progress=lambda now: report(replace(now, stage=FILLING)))
    return _score(collection, examples, name)


def _scan(source: str) -> tuple[list[str], list[Skipped]]:
    uris: list[str] = []
    skipped: list[Skipped] = []
    for item in open_source(source).scan():
        if isinstance(item, Skipped):
            skipped.append(item)
        else:
            uris.append(item.uri)
    return uris, skipped


def _facts(made: Made, skipped: Sequence[Skipped]) -> Mapping[str, Any]:
    fitted = made.fitted
    last = fitted.history[fitted.best - 1]
    return {
        "epochs": len(fitted.history),
        "best_epoch": fitted.best,
        "resumed_after": fitted.resumed,
        "losses": {part: {name: round(float(loss), 5) for name, loss in last[part].items()} for part in last},
        "device": fitted.device,
        "precision": fitted.precision,
        "parity_cosine": made.cosine,
        "folder": str(made.folder),
        "drawings": [str(made.folder / file) for file in made.files],
        "skipped": [item.to_dict() for item in (*skipped, *made.skipped)],
    }
