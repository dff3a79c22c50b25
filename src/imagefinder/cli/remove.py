"""``imagefinder remove``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from imagefinder.cli.common import (
    NOTHING_FOUND,
    OK,
    PLACE,
    index_option,
    json_option,
    open_finder,
    plural,
    print_json,
    say,
    there,
)

if TYPE_CHECKING:
    from imagefinder.finder import ImageFinder


@click.command()
@click.argument("images", nargs=-1, type=PLACE, callback=there, metavar="[IMAGE]...")
@index_option
@click.option("--filter", "where", metavar="EXPR", help="Remove all that match, e.g. 'folder=old'.")
@json_option
def remove(images: tuple[str, ...], index_dir: Path | str | None, where: str | None, as_json: bool) -> int:
    """Remove images from the index, by path, URL, id:ID, folder or filter. The files themselves are not touched.

    An image that is still in an indexed folder comes back at the next `imagefinder index`; to leave it out for
    good, name it in the folder's .imagefinderignore. A folder or table that is a source is forgotten with its images.
    """
    if not images and where is None:
        raise click.UsageError("Name images, or give --filter.")
    with open_finder(index_dir) as finder:
        forgotten = _sources(finder, images) if where is None else []
        removed = sum(finder.forget_source(uri, remove_images=True) for uri in forgotten)
        rest = [image for image in images if source_of(image) not in forgotten]
        removed += finder.remove(*rest, filter=where) if rest or where is not None else 0
        total = len(finder)
    if as_json:
        print_json({"removed": removed, "total": total})
    for uri in forgotten:
        say(f"The source {uri} is forgotten.")
    say(f"{plural(removed, 'image')} removed; {plural(total, 'image')} left.")
    return OK if removed or forgotten else NOTHING_FOUND


def source_of(image: str) -> str:
    """What a source of this name is known by."""
    from imagefinder.ingest.opening import source_uri

    return source_uri(image)


def _sources(finder: ImageFinder, images: tuple[str, ...]) -> list[str]:
    """Those of the names that are folders or tables known as sources."""
    named = {source_of(image) for image in images}
    return [
        source.uri for source in finder.list_sources() if source.uri in named and source.kind in ("folder", "table")
    ]
