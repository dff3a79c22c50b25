"""``imagefinder search``."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imagefinder._util.csv_cells import write_rows
from imagefinder.cli.common import (
    FAILED,
    FILE,
    FOLDER,
    NOTHING_FOUND,
    OK,
    LateCommand,
    comma_list,
    index_option,
    json_option,
    limits,
    open_finder,
    print_json,
    print_paths,
    say,
    short_life,
    shown,
    styled,
    tell,
)
from imagefinder.errors import ImageError

if TYPE_CHECKING:
    from imagefinder.finder import ImageFinder
    from imagefinder.images.loader import Loader
    from imagefinder.results import Hits
    from imagefinder.search.options import About
    from imagefinder.search.query import QueryInput
    from imagefinder.types import Float32, Hit


FLAGS = {  # where it is not the option's own name
    "k": ("-k", "--top"),
    "liked": ("--like",),
    "disliked": ("--dislike",),
    "spaces": ("--space",),
    "measures": ("--measure",),
    "cut": ("--auto",),
}
METAVARS = {"filter": "EXPR", "liked": "ID", "disliked": "ID", "offset": "N"}
REPEATED = ("liked", "disliked")  # an option for each; others of several values take A,B
SWITCHES = {"cut": "auto"}  # options of one value, which need not be written
MOST = 100_000  # hits
MAPPED = 100  # of them on a sheet that explains; each takes some ten milliseconds


def _search_options() -> list[click.Parameter]:
    """An option of the command line for each of ``SearchOptions``, in their order."""
    from imagefinder.search.options import ABOUT_OPTIONS

    return [
        click.Option(
            [*FLAGS.get(about.name, (f"--{about.name.replace('_', '-')}",)), about.name],
            help=about.help,
            **_value(about),
        )
        for about in ABOUT_OPTIONS.values()
    ]


def _value(about: About) -> dict[str, Any]:
    """What click is told of an option's value."""
    shown: dict[str, Any] = {"metavar": METAVARS.get(about.name), "default": about.default}
    if about.kind is bool:
        return {"is_flag": True}
    if about.name in SWITCHES:
        return {"flag_value": SWITCHES[about.name], "default": None}
    if about.kind is tuple and about.name in REPEATED:
        return {**shown, "multiple": True}
    if about.kind is tuple:
        usual = ",".join(about.default)
        return {"metavar": "A,B", "default": usual, "show_default": bool(usual), "callback": _comma_list}
    if about.choices:
        return {**shown, "type": click.Choice(about.choices), "show_default": True}
    if about.name == "k":
        return {**shown, "type": click.IntRange(1, MOST), "show_default": True}
    if about.kind is int:
        return {**shown, "type": click.IntRange(about.least, about.most)}
    if about.kind is float:
        kind = click.FLOAT if about.least is None else click.FloatRange(about.least, about.most)
        return {**shown, "metavar": "X", "type": kind}
    return shown


def _comma_list(context: click.Context, parameter: click.Parameter, given: str) -> list[str]:
    return comma_list(given)


class _SearchCommand(LateCommand):
    """A command whose argument ``-grass`` is part of the query: no option of one letter goes on with letters."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        options = [p for p in self.get_params(ctx) if isinstance(p, click.Option)]
        take_value = {name for p in options if not (p.is_flag or p.count) for name in p.opts}
        end = args.index("--") if "--" in args else len(args)
        read = [
            f" {arg}" if i < end and _SUBTRACTED.match(arg) and before not in take_value else arg
            for i, (before, arg) in enumerate(zip(["", *args], args, strict=False))
        ]
        return super().parse_args(ctx, read)


_SUBTRACTED = re.compile(r"""-(?:[^\W\d_]{2}|["\u201c\u201e\u00ab./~]|\d+(?:\.\d+)?:|id:)""")


@click.command(
    cls=_SearchCommand,
    late=_search_options,
    at=2,
    context_settings={"ignore_unknown_options": False, "allow_interspersed_args": True},
)
@click.argument("query", nargs=-1, metavar="[QUERY]...")
@index_option
@click.option(
    "--box", metavar="L,T,R,B", help="Only this part of the query image: fractions of its size, from the top left."
)
@json_option
@click.option("--jsonl", "shape", flag_value="jsonl", help="One JSON object per line, one line per hit.")
@click.option("--csv", "shape", flag_value="csv", help="CSV with a header.")
@click.option("-f", "--paths", "shape", flag_value="paths", help="Only the paths (or URLs), one per line.")
@click.option("-0", "--null", is_flag=True, help="With -f: end each path with NUL, for xargs -0.")
@click.option(
    "--copy-to",
    type=FOLDER,
    help="Copy the images found there; exit code 3 if one can't be.",
)
@click.option("--sheet", type=FILE, help="Save a contact sheet of them (PNG); with --explain, what fits stands out.")
@click.option("--preview/--no-preview", default=None, help="Show the pictures in the terminal.  [default: if it can]")
def search(
    query: tuple[str, ...],
    index_dir: Path | str | None,
    as_json: bool,
    shape: str | None,
    copy_to: Path | None,
    sheet: Path | None,
    **options: Any,
) -> int:
    """Find images by text, by an image (a file, a URL, id:ID), or by a weighted sum of these.

    A minus right before a word, or before a phrase in quotation marks, takes away what shows it; + and - between spaces
    add and subtract all up to the next of them. A number and a colon before a part is its weight.

    Words are looked for in what pictures show and in their texts: names of files and folders, captions, tags, names of
    groups, text in pictures, columns of tables. A file that is called like the query comes first, and so do images
    whose texts say a phrase in quotation marks. caption:WORD, name:WORD, tag:WORD or text:WORD find only images where
    this says the word, and -tag:WORD those where it does not.

    Words that neither the model knows nor any text says are named; where there are no others, nothing is found (exit
    code 1). In quotation marks, '"so"', a word is searched by its letters if it is not known.

    Before each image stands how sure it is that it fits: 92 %, maybe, or 8 %. With --auto, those that don't are left
    out, and where none does, nothing is found (exit code 1).

    Pages of one PDF, or frames of one video, are one hit, at the best of them: report.pdf#page=3, film.mp4#t=12.5. With
    --each-part, each of them is a hit.

    \b
      imagefinder search red bike
      imagefinder search dog -grass
      imagefinder search 'dog -"green grass"'
      imagefinder search IMG_2041.JPG
      imagefinder search 'sunset caption:"old town" -tag:done'
      imagefinder search ./beach.jpg -k 20
      imagefinder search "dog + ./beach.jpg - people"
      imagefinder search "2:dog + 0.5:snow" --filter "width >= 800 and taken_at >= 2020"
      imagefinder search ./room.jpg --box 0.5,0.4,0.9,1
      imagefinder search red bike --auto
      imagefinder search red bike --like id:ID --dislike id:ID
      imagefinder search "dog + grass" --explain --sheet why.png
      imagefinder search ./shoe.jpg --space default,clip-b32 --measure cosine,euclidean --fuse vote
    """
    terms = _terms(query, options)
    if as_json and shape:
        raise click.UsageError("Choose one of --json, --jsonl, --csv and -f.")
    short_life()
    from imagefinder.models.text import ask_once
    from imagefinder.search.options import ABOUT_OPTIONS

    ask_once()
    with open_finder(index_dir, read_only=True) as finder:
        hits = finder.search(terms, **{name: options[name] for name in ABOUT_OPTIONS})
        if options["null"]:
            shape = "paths"
        if hits.notice:
            say(hits.notice)
        _print(hits, "json" if as_json else shape, "\0" if options["null"] else "\n", options["preview"])
        failed = _copy(hits, copy_to) if copy_to else 0
        if sheet:
            maps = _maps(finder, hits, terms, options) if options["explain"] else {}
            _save_sheet(hits, sheet, " ".join(query), maps)
    if failed:
        return FAILED
    return OK if hits else NOTHING_FOUND


def _terms(query: Sequence[str], options: dict[str, Any]) -> QueryInput | None:
    """What is asked for, the box put on its image; None when only examples are given."""
    from imagefinder.search.query import Box, Kind, parse_arguments

    if not query and not options["liked"]:
        raise click.UsageError("Give a QUERY, or --like.")
    terms = parse_arguments(query) if query else []
    if options["box"]:
        pictures = [i for i, term in enumerate(terms) if term.kind is not Kind.WORDS]
        if len(pictures) != 1:
            raise click.UsageError("--box is for a query with one image.")
        terms[pictures[0]] = replace(terms[pictures[0]], box=Box.parse(options["box"]))
    return list(terms) or None


def _print(hits: Hits, shape: str | None, end: str, preview: bool | None) -> None:
    if shape == "json":
        print_json(hits.to_dict())
    elif shape == "jsonl":
        for hit in hits:
            print_json(hit.to_dict())
    elif shape == "csv":
        _print_csv([h.to_dict() for h in hits])
    elif shape == "paths":
        print_paths([hit.uri for hit in hits], end)
    else:
        _print_for_people(hits, preview)


def _print_csv(rows: list[dict[str, Any]]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row)) or ["rank", "id", "uri", "score"]
    cell = shown if sys.stdout.isatty() else str
    texts = (
        {k: json.dumps(v, ensure_ascii=False) if isinstance(v, list | dict) else v for k, v in r.items()} for r in rows
    )
    write_rows(sys.stdout, names, ({k: cell(v) if isinstance(v, str) else v for k, v in r.items()} for r in texts))


def _print_for_people(hits: Hits, preview: bool | None) -> None:
    from imagefinder.cli.preview import show_pictures
    from imagefinder.results import how_sure

    if not hits:
        say("Nothing here fits. Without --auto, the nearest are shown." if hits.surely == 0 else "Nothing found.")
        return
    for hit in hits:
        tell(f"{hit.rank:>3}  {how_sure(hit):>6}  {hit.uri}", styled(_about(hit), dim=True))
        if hit.why and (reasons := hit.why.texts()):
            tell(styled(f"{'':13}{'; '.join(reasons)}", dim=True))
    if hits.surely is not None:
        say(f"{hits.surely:,} surely, {hits.maybe:,} maybe")
    if sys.stdout.isatty() or preview:
        show_pictures([h.uri for h in hits], forced=preview, limits=limits())


def _about(hit: Hit) -> str:
    record = hit.record
    size = f"  {record.width}x{record.height}" if record.width else ""
    copies = f"  +{len(hit.copies)} like it" if hit.copies else ""
    others = f"  +{len(hit.other_parts)} of this file" if hit.other_parts else ""
    return f"{size}{copies}{others}  {record.caption}" if record.caption else f"{size}{copies}{others}"


def _copy(hits: Sequence[Hit], folder: Path) -> int:
    """Copy the files, numbered by rank; how many could not be copied. A URL's image is fetched again."""
    from imagefinder.images.loader import Loader

    folder.mkdir(parents=True, exist_ok=True)
    loader = Loader(limits())
    failed = 0
    for hit in hits:
        try:
            _copy_one(hit, folder, loader)
        except (OSError, ImageError) as error:
            failed += 1
            say(f"  not copied: {hit.uri}: {error}")
    loader.close()
    say(f"Copied to {folder}" + (f", except {failed:,}" if failed else ""))
    return failed


def _copy_one(hit: Hit, folder: Path, loader: Loader) -> None:
    """Copy one file under a name that every system takes. What another search has copied there stays."""
    from filecmp import cmp

    from imagefinder._util.files import copy_new, fitting_name, write_new
    from imagefinder.images.inside import is_file
    from imagefinder.images.names import copied_name
    from imagefinder.types import ImageRef

    data = None if is_file(hit.uri) else loader.read(ImageRef(hit.uri)).data
    name = copied_name(hit.uri, data or b"")
    for again in count(1):
        target = folder / fitting_name(f"{hit.rank:03d}_" if again == 1 else f"{hit.rank:03d}-{again}_", name)
        if not os.path.lexists(target):
            break
        if target.is_file() and (target.read_bytes() == data if data is not None else cmp(hit.uri, target, False)):
            return
    if data is None:
        copy_new(hit.uri, target)
    else:
        write_new(target, data)


def _maps(finder: ImageFinder, hits: Hits, terms: QueryInput | None, options: dict[str, Any]) -> dict[str, Float32]:
    """For the first hits, which part of the picture fits the query, by id."""
    asked = {name: options[name] for name in ("liked", "disliked", "spaces", "words_in")}
    found = {hit.id: finder.explain(hit.id, terms, **asked).map for hit in hits[:MAPPED]}
    return {id: map for id, map in found.items() if map is not None}


def _save_sheet(hits: Hits, path: Path, title: str, maps: dict[str, Float32]) -> None:
    from imagefinder.images.thumbnails import save_picture
    from imagefinder.plots import contact_sheet

    if not hits:
        return
    save_picture(contact_sheet(hits, title=title, limits=limits(), maps=maps), path)
    say(f"Contact sheet: {path}")
