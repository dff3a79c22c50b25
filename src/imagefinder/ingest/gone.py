"""Which images of the index their source no longer has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from imagefinder.images.inside import whole_of
from imagefinder.index.manifest import LISTS

if TYPE_CHECKING:
    from imagefinder.images.source import Source
    from imagefinder.ingest.known import KnownImages
    from imagefinder.ingest.listing import Found

Belongs: TypeAlias = Callable[[str, str], bool]  # whether an image, by its URI and what its record says, is a source's


def belongs(source: Source, uri: str, taken_from: str) -> bool:
    """Whether the image, which was taken in from a source, would be found in this one if it existed."""
    covered = taken_from == source.uri if source.kind in LISTS else source.covers(uri)
    return (
        covered and not source.is_hidden(uri) and not (uri.startswith(tuple(source.ours)) and taken_from != source.uri)
    )


class Missed(NamedTuple):
    """An image that a source should have, by the name of that and the row of what is known."""

    source: str
    row: int
    uri: str


def not_found(
    known: KnownImages, found: Found, sources: Sequence[tuple[str, Belongs]]
) -> tuple[list[Missed], list[str]]:
    """Of the images that were not found themselves, those of each of these sources; and the URIs of those that may be
    a part of a file."""
    missed: list[Missed] = []
    inside: list[str] = []
    for row, uri in known.uris(np.flatnonzero(~found.flags)):
        if "#" in uri:
            inside.append(uri)
        source = known.source_of(row)
        for name, is_of in sources:
            if is_of(uri, source):
                missed.append(Missed(name, row, uri))
                break
    return missed, inside


def total(known: KnownImages, is_of: Belongs) -> int:
    """How many images of a source the index knows, pages and frames of one file as one."""
    n, files = 0, set[str]()
    for _, uri, source in known.sourced():
        if is_of(uri, source):
            whole = whole_of(uri) if "#" in uri else uri
            if whole == uri:
                n += 1
            else:
                files.add(whole)
    return n + sum(file not in known for file in files)
