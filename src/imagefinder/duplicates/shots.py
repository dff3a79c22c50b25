"""Images as files: names of one file, and files that are one picture together, are no copies of each other.

Names are hard and symbolic links, folders mounted twice, and spellings that a file system takes for one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from imagefinder.duplicates.companions import Companions
from imagefinder.duplicates.matching.shown import Hold
from imagefinder.duplicates.moving import content_hash
from imagefinder.duplicates.report import Beside, Group, Member
from imagefinder.images.inside import is_file, why_no_file


class Shots:
    """Takes out of groups what is no copy, and says it beside the image that it belongs to. ``one_file`` and
    ``one_picture`` gather what was taken out: images that are names of one file, or files of one picture."""

    def __init__(self, companions: Companions) -> None:
        self._companions = companions
        self._names: dict[str, list[str]] = {}  # other names of the file of an image, by the image
        self._together: dict[str, list[str]] = {}
        self._listed: set[str] = set()  # the files that stay or go with a member listed so far

    @property
    def one_file(self) -> tuple[tuple[str, ...], ...]:
        return tuple((first, *others) for first, others in sorted(self._names.items()))

    @property
    def one_picture(self) -> tuple[tuple[str, ...], ...]:
        return tuple((first, *others) for first, others in sorted(self._together.items()))

    def seen(self, group: Group) -> Group | None:
        """The group with one member for each picture and file; None if the image kept is left alone.

        A member is held that is a link or has another name: moving it would free nothing. So is one that is one picture
        with a file which has no copy beside the image kept: a picture moves as a whole.
        """
        files = {number: group.keep.uri} if (number := _file(group.keep.uri)) else {}
        shots = dict.fromkeys(self._companions.of(group.keep.uri), group.keep.uri)
        members: list[Member] = []
        for member in group.members:
            uri = member.record.uri
            number = _file(uri)
            if number is not None and number in files:
                _add(self._names, files[number], uri)
            elif uri in shots:
                _add(self._together, shots[uri], uri)
            elif uri not in self._listed:
                shots |= dict.fromkeys(self._companions.of(uri), uri)
                members.append(member)
                if number is not None:
                    files[number] = uri
        members = [self._with_files(member, group.keep.uri) for member in members]
        return replace(group, members=tuple(members), beside=self._beside(group.keep.uri)) if members else None

    def _with_files(self, member: Member, kept: str) -> Member:
        uri, beside = member.record.uri, self._beside(member.record.uri)
        self._listed.update(path for path, _ in beside.along)
        hold = member.hold
        if member.tier.is_copy:
            lacking = None if hold else next(_without_copy(self._companions.of(uri), self._companions.of(kept)), None)
            if beside.names:
                hold = Hold.NAMES.format(name=os.path.basename(beside.names[0]))
            elif _has_names(uri):
                hold = str(Hold.LINK)
            elif not is_file(uri):
                hold = why_no_file(uri)
            elif lacking:
                hold = Hold.SEVERAL.format(name=os.path.basename(lacking))
        return replace(member, beside=beside, hold=hold)

    def _beside(self, uri: str) -> Beside:
        along = tuple((path, os.path.getsize(path)) for path in self._companions.of(uri) if os.path.isfile(path))
        return Beside(along, tuple(self._names.get(uri, ())))


def _add(to: dict[str, list[str]], first: str, other: str) -> None:
    known = to.setdefault(first, [])
    if other not in known:
        known.append(other)


def _without_copy(files: tuple[str, ...], kept: tuple[str, ...]) -> Iterator[str]:
    """Those of ``files`` of which none of ``kept`` is a copy; they are read only where one has as many bytes."""
    for file in files:
        try:
            rivals = [k for k in kept if os.path.getsize(k) == os.path.getsize(file)]
            if not rivals or content_hash(Path(file)) not in {content_hash(Path(k)) for k in rivals}:
                yield file
        except OSError:
            yield file


def _file(uri: str) -> tuple[int, int] | None:
    """What a file is, whatever it is called; None if that can't be told."""
    if not is_file(uri):
        return None
    try:
        found = os.stat(uri)
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found.st_ino else None


def _has_names(uri: str) -> bool:
    if not is_file(uri):
        return False
    try:
        return os.path.islink(uri) or os.stat(uri).st_nlink > 1
    except OSError:
        return False
