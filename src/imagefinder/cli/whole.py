"""``imagefinder copy``, ``backup`` and ``restore``: an index as a whole."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from imagefinder import settings
from imagefinder.cli.bar import ProgressBar
from imagefinder.cli.common import (
    INTERRUPTED,
    OK,
    PLACE,
    READING_WAIT_S,
    IndexPlace,
    human_bytes,
    index_option,
    json_option,
    plural,
    print_json,
    say,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagefinder.types import OnProgress

STREAM = "-"
_LEFT = {"uploads": "images and tables that clients sent", "trash": "files in the trash"}


@click.command()
@click.argument("source", type=IndexPlace(file_okay=False), metavar="FROM")
@click.argument("target", type=IndexPlace(file_okay=False), metavar="TO")
@click.option("--allow-changes", is_flag=True, help="Finish also if others never stop writing to FROM.")
@json_option
def copy(source: Path | str, target: Path | str, allow_changes: bool, as_json: bool) -> int:
    """Copy an index to another folder or address, in any direction.

    \b
      imagefinder copy ~/index postgresql://me@db.example/shop/pictures
      imagefinder copy postgresql://me@db.example/shop/pictures ~/index

    FROM stays as it is, and may be used meanwhile: what is written there goes along. TO is empty or not there, and
    nothing opens it until it is whole. Run the same command again after Ctrl-C, a kill or a full disk: it goes on where
    it was. At the end both have the same number of images, and the same checksum over all images and documents.

    If others write to FROM all the time, there is no such moment: the command ends with an error, and goes on when it
    is run again. --allow-changes makes an index of it all the same, with all that was written before the last
    comparison.

    Thumbnails are made again. The images stay where they are; so do those that clients sent and the trash, which lie in
    the folder of FROM.
    """
    from imagefinder.whole.copying import copy_index

    with _shown("Stopped. Run the same command to go on.") as show:
        report = copy_index(source, target, allow_changes=allow_changes, wait_s=READING_WAIT_S, progress=show)
    if as_json:
        print_json(report.to_dict())
    if report.there_before:
        say(f"Went on with a copy that had {plural(report.there_before, 'image')}.")
    what = f"{plural(report.images, 'image')} and {plural(report.documents, 'document')}"
    say(f"{what} copied to {report.target} in {report.seconds:.1f} s.")
    if report.exact:
        say(f"Both have the checksum {report.checksum}.")
    else:
        say(f"{report.source} was changed meanwhile; what was written before the last comparison is in the copy.")
    _say_left(report.source, report.left)
    return OK


def _say_left(folder: str, left: Mapping[str, int]) -> None:
    for name, n in left.items():
        say(f"Not copied, keep that folder: {n:,} {_LEFT[name]} in {Path(folder) / name}.")


@click.command()
@click.argument("target", type=PLACE, metavar="FILE")
@click.option(
    "--keep",
    metavar="N",
    type=click.IntRange(1),
    help="FILE is a folder: write a file there that is named by the time, and keep the latest N of this index.",
)
@index_option
@json_option
def backup(target: str, keep: int | None, index_dir: Path | str | None, as_json: bool) -> int:
    """Write all of an index into FILE, to a bucket (s3://BUCKET/NAME.tar), or to stdout for `-`, also while it is used
    by a server or a run of indexing.

    What was there when it began is in it. What is written meanwhile may be, each image whole. FILE has its name when it
    is whole; it takes the place of a former backup. It is a tar, which holds all but the images of the sources,
    thumbnails and the trash.

    \b
      imagefinder backup /mnt/backups/pictures.tar          one file
      imagefinder backup /mnt/backups --keep 14             one more each time, and the latest 14 stay
    """
    from imagefinder.whole.backup import backup_index

    if target == STREAM and (as_json or keep or sys.stdout.isatty()):
        raise click.UsageError(
            "`-` writes the backup to stdout, so it goes without --json and --keep, and not to a terminal."
        )
    place: str | BinaryIO = sys.stdout.buffer if target == STREAM else target
    with _shown("Stopped. Nothing was written.") as show:
        index = index_dir or settings.default_index()
        report = backup_index(index, place, keep=keep, wait_s=READING_WAIT_S, progress=show)
    if as_json:
        print_json(report.to_dict())
    more = f", {plural(report.uploads, 'uploaded file')}" if report.uploads else ""
    what = f"{plural(report.images, 'image')}, {plural(report.documents, 'document')}{more}"
    say(f"{what}: {human_bytes(report.bytes)} written to {report.target} in {report.seconds:.1f} s.")
    if report.removed:
        say(f"Removed, as only the latest {keep:,} are kept: {', '.join(report.removed)}.")
    return OK


@click.command()
@click.argument("source", type=PLACE, metavar="FILE")
@index_option
@click.option("--replace", is_flag=True, help="Take the place of the index that is there.")
@json_option
def restore(source: str, index_dir: Path | str | None, replace: bool, as_json: bool) -> int:
    """Make an index of a backup FILE, of one in a bucket (s3://BUCKET/NAME.tar), or of what comes on stdin for `-`.

    All of it is checked before it takes its place, so a backup that is damaged or cut short changes nothing. Without
    --replace the folder must be empty or not there; with it, an index that is there stays until the other is whole.
    """
    from imagefinder.whole.restore import restore_index

    place: str | BinaryIO = sys.stdin.buffer if source == STREAM else source
    with _shown("Stopped. Nothing was changed.") as show:
        report = restore_index(place, index_dir or settings.default_index(), replace=replace, progress=show)
    if as_json:
        print_json(report.to_dict())
    what = f"{plural(report.images, 'image')} and {plural(report.documents, 'document')}"
    say(f"{what} of {report.source}, as of {report.made}, restored to {report.index} in {report.seconds:.1f} s.")
    return OK


@contextmanager
def _shown(stopped: str) -> Iterator[OnProgress]:
    """What shows the progress, and says what Ctrl-C has left."""
    with ProgressBar() as bar:
        try:
            yield bar.show
        except KeyboardInterrupt:
            bar.close()
            say(stopped)
            raise click.exceptions.Exit(INTERRUPTED) from None
