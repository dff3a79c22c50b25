"""Indexes sources that are named by text: folders, image files, tables and URLs, or all sources already known."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from imagefinder._util.threads import cores
from imagefinder.errors import InvalidInputError
from imagefinder.images.sources import open_source
from imagefinder.ingest.run import ingest

if TYPE_CHECKING:
    from imagefinder.index.collection import Collection
    from imagefinder.results import IngestReport
    from imagefinder.types import OnProgress


def add_sources(
    collection: Collection,
    sources: Sequence[str | os.PathLike[str]],
    options: Mapping[str, Any],
    *,
    force: bool = False,
    allow_empty: bool = False,
    workers: int | None = None,
    progress: OnProgress | None = None,
) -> IngestReport:
    """Index these sources with these ``options`` (see ``images.sources.open_source``). Without sources, index those
    already known, each with the options it was last given. For the rest see ``ingest``. Raises InvalidInputError,
    NotFoundError, ModelError or StorageError."""
    index = collection.index
    wanted = [(os.fspath(s), options) for s in sources] or [(s.uri, dict(s.options)) for s in index.manifest.sources]
    if not wanted:
        raise InvalidInputError("No source was given.", remedy="Give a folder, an image, a table or a URL.")
    with index.indexing:
        main, *others = (collection.indexers.named(name) for name in collection.model_order())
        return ingest(
            index,
            main,
            [open_source(text, **how) for text, how in wanted],
            limits=collection.limits,
            force=force,
            allow_empty=allow_empty,
            progress=progress,
            workers=workers or cores(),
            others=others,
        )
