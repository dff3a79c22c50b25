"""``imagefinder read``."""

from __future__ import annotations

from pathlib import Path

import click

from imagefinder.cli.bar import ProgressBar
from imagefinder.cli.common import (
    INTERRUPTED,
    NOTHING_FOUND,
    OK,
    index_option,
    json_option,
    open_finder,
    plural,
    print_json,
    say,
    say_skipped,
    tell,
)


@click.command()
@click.option("--again", is_flag=True, help="Read every image again, not only new ones.")
@click.option("--workers", type=click.IntRange(1, 256), metavar="N", help="Cores to take.  [default: half of them]")
@index_option
@json_option
def read(again: bool, workers: int | None, index_dir: Path | str | None, as_json: bool) -> int:
    """Read the text in pictures: signs, screenshots, receipts, slides.

    What is read is kept in the record as `text`, and where each word stands: imagefinder search ... --filter "text ~
    invoice". Only images that are new since the last time are read. Ctrl-C stops it cleanly, and the next run continues
    from there. Most pictures without text are told apart quickly.

    It needs RapidOCR: pip install 'imagefinder[ocr]'. Nothing is fetched and nothing leaves the machine.
    """
    with open_finder(index_dir) as finder, ProgressBar() as bar:
        try:
            report = finder.read(again=again, workers=workers, progress=bar.show)
        except KeyboardInterrupt:
            bar.close()
            say(f"Stopped; what is read stays.{'' if again else ' Run the same command to go on.'}")
            raise click.exceptions.Exit(INTERRUPTED) from None
    if as_json:
        print_json(report.to_dict())
    else:
        if report.read:
            tell(f"{plural(report.read, 'image')} read, text found in {report.found:,} of them.")
        elif not report.skipped:
            tell("Nothing new to read.")
        if report.total > report.read:
            tell(f"{plural(report.total, 'image')} read by now; {report.text:,} have text.")
        if report.skipped:
            say(f"{plural(len(report.skipped), 'image')} could not be read:")
            say_skipped(report.skipped)
    return OK if report.total else NOTHING_FOUND
