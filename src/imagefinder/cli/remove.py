"""``imagefinder remove``."""

from __future__ import annotations

from pathlib import Path

import click

from imagefinder.cli.common import NOTHING_FOUND, OK, index_option, json_option, open_finder, plural, print_json, say


@click.command()
@click.argument("images", nargs=-1, metavar="[IMAGE]...")
@index_option
@click.option("--filter", "where", metavar="EXPR", help="Remove all that match, e.g. 'folder=old'.")
@json_option
def remove(images: tuple[str, ...], index_dir: Path | None, where: str | None, as_json: bool) -> int:
    """Remove images from the index, by path, URL, id:ID, folder or filter. The files themselves are not touched.

    An image that is still in an indexed folder comes back at the next `imagefinder index`; to leave it out for
    good, name it in the folder's .imagefinderignore.
    """
    if not images and where is None:
        raise click.UsageError("Name images, or give --filter.")
    with open_finder(index_dir) as finder:
        removed = finder.remove(*images, filter=where)
        total = len(finder)
    if as_json:
        print_json({"removed": removed, "total": total})
    say(f"{plural(removed, 'image')} removed; {plural(total, 'image')} left.")
    return OK if removed else NOTHING_FOUND
