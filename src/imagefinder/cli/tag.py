"""``imagefinder tag``."""

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
    there,
)


@click.command()
@click.argument("images", nargs=-1, type=PLACE, callback=there, metavar="[IMAGE]...")
@click.option("--filter", "where", metavar="EXPR", help="Tag all that match, e.g. 'folder=shoes'.")
@click.option("--add", multiple=True, metavar="TAG", help="A tag to add; several may be given.")
@click.option("--remove", multiple=True, metavar="TAG", help="A tag to remove; several may be given.")
@click.option("--favorite/--no-favorite", default=None, help="Make the images favourites, or not any more.")
@click.option("--rating", type=int, help="Stars for the images, 1 to 5; 0 takes the rating away.")
@click.option("--album", metavar="NAME", help="An album to put the images into.")
@click.option("--no-album", metavar="NAME", help="An album to take the images out of.")
@click.option("--caption", metavar="TEXT", help="The caption of one image; an empty one removes it.")
@index_option
@json_option
def tag(  # noqa: PLR0913 - one for each option
    *,
    images: tuple[str, ...],
    where: str | None,
    add: tuple[str, ...],
    remove: tuple[str, ...],
    favorite: bool | None,
    rating: int | None,
    album: str | None,
    no_album: str | None,
    caption: str | None,
    index_dir: Path | str | None,
    as_json: bool,
) -> int:
    """Tag images, named by path, URL, id:ID or filter, mark them, put them into albums, or give one a caption.

    \b
      imagefinder tag ./beach.jpg --add summer --add "Lake Garda"
      imagefinder tag --filter "cluster = 3" --add shoes --remove unsorted
      imagefinder tag --filter "tags = summer" --favorite --album "Lake Garda"
      imagefinder search dog --filter "tags = summer and rating >= 4"
    """
    if not images and where is None:
        raise click.UsageError("Name images, or give --filter.")
    if not (add or remove or album or no_album) and favorite is None and rating is None and caption is None:
        raise click.UsageError("Give --add, --remove, --favorite, --rating, --album, --no-album or --caption.")
    if caption is not None and (len(images) != 1 or where is not None):
        raise click.UsageError("--caption is for one image.")
    with open_finder(index_dir) as finder:
        before = [finder.get(image).to_dict() for image in images] if caption is not None else []
        counts = [finder.tag(images, add, remove, filter=where)] if add or remove else []
        counts += [] if favorite is None else [finder.mark(images, favorite=favorite, filter=where)]
        counts += [] if rating is None else [finder.mark(images, rating=rating, filter=where)]
        counts += [finder.albums.add(album, images, filter=where)] if album else []
        counts += [finder.albums.remove(no_album, images, filter=where)] if no_album else []
        changed = max(counts, default=0)
        if caption is not None:
            finder.update(images[0], caption=caption)
            changed = max(changed, int(finder.get(images[0]).to_dict() != before[0]))
    if as_json:
        print_json({"changed": changed})
    say(f"{plural(changed, 'image')} changed.")
    return OK if changed else NOTHING_FOUND
