"""Which images stay in the index although their files are not there: when a drive seems to be away, or a table to be
cut short, and not somebody to have tidied up."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from imagefinder.images.inside import whole_of

LEAST = 10  # images: so many may always go at once, unless the whole source is empty
SHARE = 0.5  # of the images of a source: more than that is not tidying up


@dataclass(frozen=True, slots=True)
class Loss:
    """What a run misses of one source: ``gone`` are the URIs of its images that are not there, of ``total`` in the
    index, which counts the pages or frames of a file as one. ``bare``: the source holds nothing at all. ``unmounted``
    are folders in which a drive was mounted before, and links to a place that is not there."""

    source: str
    gone: Sequence[str]
    total: int
    bare: bool = False
    unmounted: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """Images that stay for one reason: the ``place`` that they are missed in, why, and their URIs."""

    place: str
    why: str
    uris: Sequence[str]


def held_back(loss: Loss) -> list[Held]:
    """The images of a loss that stay in the index.

    - all of a source that is empty now;
    - those in a folder where a drive was mounted, or that is a link, when what was there is not any more;
    - more than 10 that were in a folder which is empty now, as an unmounted drive leaves it;
    - the rest, when it is more than 10 images and more than half of the source.
    """
    if not loss.gone:
        return []
    if loss.bare:
        return [Held(loss.source, "it is empty", loss.gone)]
    held = list(_away(loss)) + list(_emptied(loss))
    known = {uri for one in held for uri in one.uris}
    rest = [uri for uri in loss.gone if uri not in known]
    if (n := _files(rest)) > max(LEAST, SHARE * loss.total):
        held.append(Held(loss.source, f"they are {n} of its {loss.total} images", rest))
    return held


def _files(uris: Iterable[str]) -> int:
    """How many images these are, pages and frames of one file as one."""
    return len({whole_of(uri) for uri in uris})


def _away(loss: Loss) -> Iterator[Held]:
    for folder in loss.unmounted:
        if inside := [uri for uri in loss.gone if uri.startswith(folder.rstrip(os.sep) + os.sep)]:
            yield Held(folder, "what was mounted or linked there is not there now", inside)


def _emptied(loss: Loss) -> Iterator[Held]:
    away = tuple(folder.rstrip(os.sep) + os.sep for folder in loss.unmounted)
    by_folder: defaultdict[str, list[str]] = defaultdict(list)
    nearest: dict[str, str | None] = {}
    for uri in loss.gone:
        above = os.path.dirname(uri)
        if above not in nearest:
            nearest[above] = _empty_folder(above, loss.source)
        if (folder := nearest[above]) and not uri.startswith(away):
            by_folder[folder].append(uri)
    for folder, uris in by_folder.items():
        if _files(uris) > LEAST:
            yield Held(folder, "the folder is empty now", uris)


def _empty_folder(folder: str, root: str) -> str | None:
    """The nearest folder that is still there, at or above this one and below the root of the source; None unless it is
    empty. Hidden entries, such as systems leave everywhere, don't count."""
    while folder.startswith(root.rstrip(os.sep) + os.sep):
        try:
            names: Iterable[str] = os.listdir(folder)
        except FileNotFoundError:
            folder = os.path.dirname(folder)
            continue
        except OSError:
            return folder
        return None if any(not name.startswith(".") for name in names) else folder
    return None


def losses(
    gone: Mapping[str, str], totals: Mapping[str, int], facts: Mapping[str, tuple[bool, Sequence[str]]]
) -> list[Loss]:
    """The loss of each source. ``gone`` has the source of each URI, ``totals`` the images of each source, ``facts``
    whether it is bare and what is not mounted any more."""
    by_source: defaultdict[str, list[str]] = defaultdict(list)
    for uri, source in gone.items():
        by_source[source].append(uri)
    return [
        Loss(source, uris, totals.get(source, _files(uris)), *facts.get(source, (False, ())))
        for source, uris in by_source.items()
    ]
