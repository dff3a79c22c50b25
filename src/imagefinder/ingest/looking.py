"""Looks into files of several pictures in a run: which pages or frames are to be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from imagefinder._util.threads import cores, ordered_map
from imagefinder.errors import ImageError
from imagefinder.images.parts import Contents, look_inside
from imagefinder.types import ImageRef, Limits, SkipCode, Skipped

if TYPE_CHECKING:
    from imagefinder.index.folder import Index
    from imagefinder.ingest.plan import Plan


def parts_to_read(
    index: Index, plan: Plan, limits: Limits, force: bool, skipped: list[Skipped], counts: dict[str, int]
) -> Iterator[ImageRef]:
    """The pages and frames that are new or may have changed, file by file. One that can't be opened is ``skipped``, and
    what the index has of it stays."""

    def look(file: ImageRef) -> Contents | Skipped:
        try:
            return look_inside(file, limits)
        except ImageError as error:
            return Skipped(file.uri, error.code, error.message, error.remedy)

    workers = cores()
    found = ordered_map(look, plan.files, workers=workers, window=2 * workers)
    for file, contents in zip(plan.files, found, strict=True):
        if isinstance(contents, Skipped):
            skipped.append(contents)
            continue
        if contents.left_out:
            remedy = "In Python, Limits may allow more."
            skipped.append(Skipped(file.uri, SkipCode.TOO_COSTLY, contents.left_out, remedy))
        note_parts(index)
        wanted = plan.take_in(file, contents.parts, force)
        counts["unchanged"] += len(contents.parts) - len(wanted)
        plan.todo += wanted
        yield from wanted


def note_parts(index: Index) -> None:
    """Note in the manifest that there are pages or frames, so that searches look for hits of one file."""
    if not index.manifest.parts:
        with index.writing:
            index.save_manifest(replace(index.manifest, parts=True))
