"""``imagefinder download``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from imagefinder import settings
from imagefinder.cli.bar import ProgressBar
from imagefinder.cli.common import (
    FILE,
    FOLDER,
    NOTHING_FOUND,
    OK,
    json_option,
    limits,
    plural,
    print_json,
    say,
    say_skipped,
)


@click.command()
@click.argument("folder", type=FOLDER)
@click.option(
    "--urls",
    type=FILE,
    help="CSV or Parquet with a column of URLs; pictures inside are written out.",
)
@click.option("--column", metavar="NAME", help="The column that holds the URLs.")
@click.option("--unsplash", type=click.IntRange(1), metavar="N", help="N photos from Unsplash.")
@click.option("--key", metavar="KEY", help="Unsplash access key.  [default: $UNSPLASH_ACCESS_KEY; none: picsum.photos]")
@click.option("--base-url", metavar="URL", help="Address of the photo service, instead of the public one.")
@click.option("--workers", default=8, show_default=True, type=click.IntRange(1, 64), help="Downloads at once.")
@json_option
def download(folder: Path, urls: Path | None, unsplash: int | None, as_json: bool, **options: Any) -> int:
    """Download images into FOLDER: those of a table of URLs, or photos from Unsplash.

    Run it again to continue where it stopped: files that are there are not fetched again. FOLDER/manifest.csv says
    where each file came from, and `imagefinder index FOLDER/manifest.csv` indexes the images with the table's other
    columns. Exit code 1: an image could not be downloaded.
    """
    if (urls is None) == (unsplash is None):
        raise click.UsageError("Give one of --urls FILE and --unsplash N.")
    from imagefinder.images.download import download_unsplash, download_urls

    shared: dict[str, Any] = {"workers": options["workers"], "limits": limits()}
    with ProgressBar() as bar:
        shared["progress"] = bar.show
        if urls is not None:
            report = download_urls(urls, folder, column=options["column"], **shared)
        else:
            key = options["key"] or settings.UNSPLASH_KEY.value
            report = download_unsplash(unsplash or 0, folder, key=key, base_url=options["base_url"], **shared)
    if as_json:
        print_json(report.to_dict())
    failed = len(report.failed)
    say(f"{plural(report.downloaded, 'image')} downloaded, {report.already:,} there already, {failed:,} failed.")
    say_skipped(report.failed)
    return NOTHING_FOUND if report.failed else OK
