"""``imagefinder sources``: where the images come from."""

from __future__ import annotations

from pathlib import Path

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
    tell,
)


@click.group()
def sources() -> None:
    """List, rename, forget, move, pause and resume the sources of an index.

    \b
      imagefinder sources list
      imagefinder sources move /mnt/usb /media/usb    it was renamed: tags and all else go along
      imagefinder sources forget /mnt/usb             its images stay; --remove-images takes them out
    """


@sources.command("list")
@index_option
@json_option
def list_(index_dir: Path | str | None, as_json: bool) -> int:
    """List the sources: their state, kind, number of images, and last run.

    States: there; missing (its images stay, and are found); paused; interrupted (run `imagefinder index` to go on).
    """
    with open_finder(index_dir) as finder:
        found = finder.list_sources()
    if as_json:
        print_json({"sources": [source.to_dict() for source in found]})
        return OK
    for one in found:
        when = f"indexed {one.last_indexed}" if one.last_indexed else "not indexed to the end yet"
        gone = f", {one.missing:,} of them not there" if one.missing else ""
        what = f"{one.state:<12} {one.kind:<7} {plural(one.images, 'image'):>14}"
        stopped = f", stopped at {one.images:,} of {one.found:,}" if one.found and one.state == "interrupted" else ""
        name = f"{one.label}: {one.uri}" if one.label else one.uri
        tell(f"{what}  {name}  ({when}{gone}{stopped})")
    if not found:
        say("The index knows no sources yet.")
    return OK


@sources.command()
@click.argument("source", type=PLACE)
@click.option("--remove-images/--keep-images", help="Also take its images out of the index.  [default: keep]")
@index_option
@json_option
def forget(source: str, remove_images: bool, index_dir: Path | str | None, as_json: bool) -> int:
    """Forget a source. Its images stay in the index unless --remove-images is given; files are never touched.

    What was said of images that are taken out (tags, captions) is kept, and comes back with their content.
    """
    with open_finder(index_dir) as finder:
        images = finder.forget_source(source, remove_images=remove_images)
    if as_json:
        print_json({"images": images, "removed": remove_images})
    say(f"Forgotten. {plural(images, 'image')} {'removed' if remove_images else 'stay in the index'}.")
    return OK


@sources.command()
@click.argument("old", type=PLACE)
@click.argument("new", type=PLACE)
@index_option
@json_option
def move(old: str, new: str, index_dir: Path | str | None, as_json: bool) -> int:
    """Say where a source is now that was renamed or moved, from OLD to NEW.

    Images are recognised by their content: tags, captions, decisions and clusters go along, and none is embedded again.
    """
    with open_finder(index_dir) as finder:
        report = finder.move_source(old, new)
    if as_json:
        print_json(report.to_dict())
    say(f"{plural(report.moved + report.unchanged, 'image')} found in the new place, {report.added} new.")
    if report.removed or report.kept:
        say(f"Not found there: {report.removed} removed, {report.kept} kept in the index.")
    return OK if report.moved + report.unchanged + report.added else NOTHING_FOUND


@sources.command()
@click.argument("source", type=PLACE)
@click.argument("name")
@index_option
def rename(source: str, name: str, index_dir: Path | str | None) -> int:
    """Call SOURCE by a NAME of your own; the name "" takes it away. Nothing moves: see `sources move` for that."""
    with open_finder(index_dir) as finder:
        finder.rename_source(source, name)
    say("Renamed." if name.strip() else "It has no name of its own any more.")
    return OK


@sources.command()
@click.argument("source", type=PLACE)
@index_option
def pause(source: str, index_dir: Path | str | None) -> int:
    """Leave a source out when `imagefinder index` goes over all. Its images stay."""
    with open_finder(index_dir) as finder:
        finder.pause_source(source)
    say("Paused.")
    return OK


@sources.command()
@click.argument("source", type=PLACE)
@index_option
def resume(source: str, index_dir: Path | str | None) -> int:
    """Take a paused source in again."""
    with open_finder(index_dir) as finder:
        finder.resume_source(source)
    say("Resumed; run `imagefinder index` to bring it up to date.")
    return OK


@sources.command()
@index_option
@json_option
def purge(index_dir: Path | str | None, as_json: bool) -> int:
    """Forget for good what was said of images that are not in the index any more."""
    with open_finder(index_dir) as finder:
        purged = finder.purge()
    if as_json:
        print_json({"purged": purged})
    say(f"What was said of {plural(purged, 'image')} is forgotten.")
    return OK
