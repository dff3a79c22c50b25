"""``imagefinder demo``: the whole thing on sample images, in a minute."""

from __future__ import annotations

from pathlib import Path
from textwrap import shorten

import click

from imagefinder import settings
from imagefinder.cli.common import FILE, FOLDER, index_option, plural, say, tell
from imagefinder.errors import NotFoundError

WORDS = ("an animal that lives in the sea", "a musical instrument", "something to eat")
CHECKOUT = Path("examples/images")
HELP = """There are no sample images here.
       A checkout of ImageFinder has them in examples/images; or try your own: imagefinder demo ~/Pictures
       or fetch some photos: imagefinder download --unsplash 100 photos && imagefinder demo photos"""


@click.command()
@click.argument("folder", required=False, type=FOLDER)
@index_option
@click.option("--sheet", default="demo.png", show_default=True, type=FILE)
def demo(folder: Path | None, index_dir: Path | str | None, sheet: Path) -> None:
    """Index sample images (or FOLDER), search them by text and by image, and draw the hits."""
    from imagefinder.finder import ImageFinder
    from imagefinder.images.thumbnails import save_picture
    from imagefinder.plots import search_sheet
    from imagefinder.results import how_sure

    source = folder or CHECKOUT
    if not source.is_dir():
        raise NotFoundError(f"There is no folder {source}." if folder else HELP)
    place = index_dir or settings.data_folder() / "demo"
    captions = source / "captions.csv"
    with ImageFinder.open(place) as finder:
        report = finder.add(source, *([captions] if captions.is_file() else []))
        say(f"{plural(report.total, 'image')} in {report.seconds:.1f} s ({report.images_per_second:.0f} images/s).")
        if not report.total:
            raise NotFoundError(f"There are no images in {source}.")
        by_name = sorted(finder.records(), key=lambda record: record.uri)
        example = by_name[len(by_name) // 2]
        searches = [(f"text: {w}", finder.search(w, k=5)) for w in WORDS]
        searches.append((f"image: {Path(example.uri).name}", finder.search(Path(example.uri), k=5)))
    for title, hits in searches:
        tell()
        tell(f"{title}  ({hits.took_ms:.0f} ms)")
        for hit in hits:
            caption = shorten(hit.record.caption or "", 60, placeholder=" ...")
            tell(f"  {hit.rank}. {how_sure(hit):>6}  {Path(hit.uri).name:<28} {caption}")
    save_picture(search_sheet(searches), sheet)
    tell()
    tell(f"Contact sheet: {sheet}")
    tell(f'Go on with:    imagefinder search --index {place} "a bird on a branch"')
