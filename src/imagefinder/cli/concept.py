"""``imagefinder concept``: queries that are kept under a name."""

from __future__ import annotations

from collections.abc import Sequence
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
    tell,
)

if TYPE_CHECKING:
    from imagefinder.index.concepts import Concept
    from imagefinder.search.query import Part


@click.group()
def concept() -> None:
    """Keep queries under a name, to search, filter and train by.

    \b
      imagefinder concept save "red shoes" red shoe - sandal --like id:ID --min-score 0.3
      imagefinder concept save "shoes of 2025" --filter "folder = shoes and taken_at = 2025"
      imagefinder search concept:red shoes
      imagefinder search "concept:red shoes + blue"
      imagefinder search shoe --filter 'concept = "red shoes"'
      imagefinder train classifier --by concept
      imagefinder concept list

    The images that belong to a concept carry its name in the field `concept`: those that were liked, and the hits above
    its cut, without those that were disliked.
    """


@concept.command()
@click.argument("name")
@click.argument("query", nargs=-1)
@click.option("--like", multiple=True, type=PLACE, metavar="IMAGE", help="An image that is right; may be repeated.")
@click.option("--dislike", multiple=True, type=PLACE, metavar="IMAGE", help="An image that is wrong; may be repeated.")
@click.option(
    "--min-score",
    type=float,
    metavar="X",
    help="Hits that score at least X belong to it.  [default: those that surely fit]",
)
@click.option("--filter", metavar="EXPR", help="Only images that pass belong to it; without a query, all that do.")
@index_option
@json_option
def save(
    name: str,
    query: Sequence[str],
    *,
    like: Sequence[str],
    dislike: Sequence[str],
    min_score: float | None,
    filter: str | None,
    index_dir: Path | str | None,
    as_json: bool,
) -> int:
    """Keep a query, and images that are right and wrong, under a NAME; in the place of a concept of that name.

    The query is in words or of images of the index. Without a query, the images that are right are the query.
    """
    from imagefinder.search.query import parse_arguments

    with open_finder(index_dir) as finder:
        terms: list[Part] = [*parse_arguments(query)]
        made = finder.concepts.save(
            name, terms or None, liked=like, disliked=dislike, min_score=min_score, filter=filter
        )
    return _show([made], as_json, one=True)


@concept.command("list")
@index_option
@json_option
def list_(index_dir: Path | str | None, as_json: bool) -> int:
    """List the concepts, and how many images belong to each."""
    with open_finder(index_dir, read_only=True) as finder:
        found = finder.concepts.list()
    if not found and not as_json:
        say("There are no concepts yet. Keep one: imagefinder concept save NAME QUERY...")
    _show(found, as_json)
    return OK if found else NOTHING_FOUND


@concept.command()
@click.argument("name")
@click.argument("new")
@index_option
@json_option
def rename(name: str, new: str, index_dir: Path | str | None, as_json: bool) -> int:
    """Give a concept another name, also on its images."""
    with open_finder(index_dir) as finder:
        return _show([finder.concepts.rename(name, new)], as_json, one=True)


@concept.command()
@click.argument("name")
@index_option
def remove(name: str, index_dir: Path | str | None) -> int:
    """Forget a concept, also on its images."""
    with open_finder(index_dir) as finder:
        finder.concepts.remove(name)
    say(f"Removed: {name}")
    return OK


@concept.command()
@index_option
@json_option
def refresh(index_dir: Path | str | None, as_json: bool) -> int:
    """Mark again which images belong to each concept, as after images have come."""
    with open_finder(index_dir) as finder:
        return _show(finder.concepts.refresh(), as_json)


def _show(found: Sequence[Concept], as_json: bool, *, one: bool = False) -> int:
    if as_json:
        rows = [concept.to_dict() for concept in found]
        print_json(rows[0] if one else {"concepts": rows})
        return OK
    for row in found:
        what = " + ".join(str(part.get("words") or f"id:{part.get('id')}") for part in row.parts)
        judged = f"{len(row.liked)} liked, {len(row.disliked)} disliked"
        if row.filter:
            what = f"{what} (where {row.filter})".strip()
        tell(f"{row.name:<28} {plural(row.images, 'image'):>14}  {judged:<26} {what}".rstrip())
    return OK
