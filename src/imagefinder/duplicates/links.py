"""Names of one file: hard and symbolic links, folders mounted twice, spellings that a file system takes for one."""

from __future__ import annotations

import os
from dataclasses import replace

from imagefinder.duplicates.report import Group, Member
from imagefinder.images.inside import is_file, why_no_file


def without_names(group: Group) -> Group | None:
    """The group without members that are the image kept, or a member before, by another name; None if none is left.

    A member that is a link, or has another name elsewhere, is held: moving it would free nothing. So is one that is no
    file of its own.
    """
    seen = {_file(group.keep.uri)}
    members: list[Member] = []
    for member in group.members:
        file = _file(member.record.uri)
        if file is not None and file in seen:
            continue
        seen.add(file)
        hold = NAMES if _has_names(member.record.uri) else why_no_file(member.record.uri) or member.hold
        members.append(replace(member, hold=hold))
    return replace(group, members=tuple(members)) if members else None


NAMES = "It is a link, or has another name on the disk: moving it would free nothing."


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
