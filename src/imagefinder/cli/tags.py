"""``imagefinder tags``: all tags of the index, and their names."""

from __future__ import annotations

from pathlib import Path

import click

from imagefinder.cli.common import (
    NOTHING_FOUND,
    OK,
    index_option,
    json_option,
    open_finder,
    plural,
    print_json,
    say,
    tell,
)


@click.group()
def tags() -> None:
    """List, rename, merge and remove tags over the whole index.

    \b
      imagefinder tags list
      imagefinder tags rename sumer summer      where there is a tag summer already, the two become one
      imagefinder tags remove unsorted
    """


@tags.command("list")
@click.option("--filter", "where", metavar="EXPR", help="Count those of the images that match.")
@index_option
@json_option
def list_(where: str | None, index_dir: Path | str | None, as_json: bool) -> int:
    """List the tags, and how many images have each."""
    with open_finder(index_dir, read_only=True) as finder:
        found = finder.browse.tags(filter=where)
    if as_json:
        print_json({"tags": found})
    for row in [] if as_json else found:
        tell(f"{row['value']:<28} {plural(row['count'], 'image'):>14}")
    return OK if found else NOTHING_FOUND


@tags.command()
@click.argument("tag")
@click.argument("new")
@index_option
@json_option
def rename(tag: str, new: str, index_dir: Path | str | None, as_json: bool) -> int:
    """Give a TAG another name; where there is a tag of that name, the two become one."""
    return _renamed(tag, new, index_dir, as_json)


@tags.command()
@click.argument("tag")
@index_option
@json_option
def remove(tag: str, index_dir: Path | str | None, as_json: bool) -> int:
    """Take a TAG away from all images that have it."""
    return _renamed(tag, None, index_dir, as_json)


def _renamed(tag: str, to: str | None, index_dir: Path | str | None, as_json: bool) -> int:
    with open_finder(index_dir) as finder:
        changed = finder.browse.rename_tag(tag, to)
    if as_json:
        print_json({"changed": changed})
    say(f"{plural(changed, 'image')} changed.")
    return OK if changed else NOTHING_FOUND
