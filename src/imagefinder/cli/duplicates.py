"""``imagefinder duplicates``: find, apply, undo, decide."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imagefinder import settings
from imagefinder.cli.bar import ProgressBar
from imagefinder.cli.common import (
    FILE,
    FILE_THERE,
    FOLDER,
    NOTHING_FOUND,
    OK,
    PLACE,
    LateCommand,
    human_bytes,
    index_option,
    json_option,
    limits,
    open_finder,
    open_to_compute,
    plural,
    print_json,
    ray_option,
    say,
    shown_place,
    tell,
    there,
)
from imagefinder.cli.duplicates_shown import print_groups, sum_up
from imagefinder.duplicates.matching.tiers import Tier

if TYPE_CHECKING:
    from imagefinder.duplicates.report import DuplicateReport
    from imagefinder.duplicates.trash import Moved
    from imagefinder.index.folder import Index


class _FindFirst(click.Group):
    """A group whose ``find`` need not be named, and whose ``apply`` and ``undo`` may be written as options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        for name in ("apply", "undo"):
            if f"--{name}" in args:
                args = [name, *(a for a in args if a != f"--{name}")]
        if not args or (args[0] not in self.commands and args[0] not in ("-h", "--help")):
            args = ["find", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_FindFirst)
def duplicates() -> None:
    """Find duplicates of the same picture, choose which to keep, and move the others to a trash folder.

    \b
      imagefinder duplicates                              find them; nothing is changed
      imagefinder duplicates --plan plan.json             also write a plan of what would be moved
      imagefinder duplicates apply plan.json              move duplicates to the trash
      imagefinder duplicates undo                         move them back
      imagefinder duplicates decide not-duplicate A B     never list these two again

    Without a command, it runs `find`.
    """


@duplicates.command()
@index_option
@click.option(
    "--tier",
    type=click.Choice([tier.value for tier in Tier]),
    default=Tier.SAME_PICTURE.value,
    show_default=True,
    help="The loosest tier to look for; the stricter ones are always found too.",
)
@click.option(
    "--reference", multiple=True, type=PLACE, metavar="DIR", help="Always keep what lies there, and never touch it."
)
@click.option(
    "--prefer",
    multiple=True,
    type=PLACE,
    metavar="DIR",
    help="Prefer to keep what lies there; the first DIR is preferred most.",
)
@click.option(
    "--keep", metavar="RULE,...", default="", help="Rules that choose the image to keep, the first rule first."
)
@click.option("--similar", type=float, default=0.8, show_default=True, metavar="X", help="Least cosine of `similar`.")
@click.option("--plan", type=FILE, help="Write a plan for `apply` there.")
@click.option("--html", type=FILE, help="Write a page that shows them there.")
@click.option("--workers", type=click.IntRange(1, 256), metavar="N", help="Threads.  [default: one a core]")
@ray_option
@json_option
def find(index_dir: Path | str | None, plan: Path | None, html: Path | None, as_json: bool, **options: Any) -> int:
    """Find duplicates: groups, the evidence, which image to keep and why. Changes nothing.

    \b
      identical-bytes    the same file
      identical-pixels   another file of the same pixels
      same-picture       re-encoded, resized, cropped, mirrored, rotated, framed, captioned
      same-scene         another photo of the same thing
      similar            similar vectors only; never part of a plan

    Rules for --keep, in this order by default: reference, whole, folder, pixels, format, set, date, bytes, oldest,
    name, path.

    Files that are one picture (RAW and JPEG, HEIC and JPEG, a photo and its video), and names of one file (links), are
    no duplicates of each other: they are listed at the end, and a picture moves with all its files or not at all.
    """
    report = _find(index_dir, options)
    if as_json:
        print_json(report.to_dict())
    else:
        print_groups(report)
    if plan is not None:
        _write_plan(plan, report, index_dir)
    if html is not None:
        from imagefinder.duplicates.html import write_page

        write_page(html, report, limits())
        say(f"Page: {html}")
    sum_up(report)
    return OK if report.groups else NOTHING_FOUND


def _find(index_dir: Path | str | None, options: dict[str, Any]) -> DuplicateReport:
    from imagefinder.duplicates.find import Options

    how = Options(
        tier=Tier(options["tier"]),
        references=options["reference"],
        prefer=options["prefer"],
        rules=[name.strip() for name in options["keep"].split(",") if name.strip()],
        similar=options["similar"],
        workers=options["workers"],
        ray=options["ray"],
    )
    with open_to_compute(index_dir) as finder, ProgressBar() as bar:
        return finder.duplicates(how, progress=bar.show)


def _write_plan(path: Path, report: DuplicateReport, index_dir: Path | str | None) -> None:
    from imagefinder.duplicates.plan import make_plan

    plan = make_plan(report)
    plan.save(path)
    say(f"Plan: {path} moves {plural(plan.files, 'file')} ({human_bytes(plan.bytes)}). Look at it, then:")
    say(f"  {_command(index_dir, 'duplicates', 'apply', path)}")


@duplicates.command()
@click.argument("plan", type=FILE_THERE)
@index_option
@click.option(
    "--trash", type=FOLDER, metavar="DIR", help="Folder to move them to.  [default: trash/ in the index folder]"
)
@click.option("--reference", multiple=True, type=PLACE, metavar="DIR", help="A further folder that is not touched.")
@json_option
def apply(plan: Path, index_dir: Path | str | None, trash: Path | None, reference: Sequence[str], as_json: bool) -> int:
    """Move the files that a PLAN removes to the trash, and remove them from the index. `undo` moves them back.

    A file stays where it is if it, or the file to keep in its place, has changed since, if it is in a reference folder,
    if it is a link, or if it is one picture with a file that has no copy beside the one kept. A plan that was
    interrupted can be applied again: it goes on where it stopped.
    """
    from imagefinder.duplicates.paths import real_folder
    from imagefinder.duplicates.plan import Plan
    from imagefinder.duplicates.trash import apply_plan
    from imagefinder.types import Progress

    wanted = Plan.load(plan)
    folders = [real_folder(r) for r in reference]
    with _open_index(index_dir) as index, ProgressBar() as bar:
        done = 0

        def show(path: str) -> None:
            nonlocal done
            done += 1
            bar.show(Progress("moving", done, wanted.files))

        moved = apply_plan(index, wanted, trash=trash and trash.absolute(), references=folders, moved=show)
    _tell_moved(moved, as_json, "moved to the trash")
    if moved.files:
        say(f"Take it back with: {_command(index_dir, 'duplicates', 'undo', moved.journal)}")
    return OK if moved.files else NOTHING_FOUND


@duplicates.command()
@click.argument("journal", required=False, type=FILE_THERE)
@click.option("--anywhere", is_flag=True, help="Also to where no source of the index is: for a journal of your own.")
@index_option
@json_option
def undo(journal: Path | None, anywhere: bool, index_dir: Path | str | None, as_json: bool) -> int:
    """Move the files of the last `apply` (or of a JOURNAL) back to where they were.

    The next `imagefinder index` adds them to the index again. As an index may have come from somebody else, only
    pictures and what belongs to them move, and only to where a source of the index is; never over another file.
    """
    from imagefinder.duplicates import taking_back

    with _open_index(index_dir) as index:
        moved = taking_back.undo(index, journal, anywhere=anywhere)
    _tell_moved(moved, as_json, "moved back")
    if moved.files:
        say(f"Take them into the index again with: {_command(index_dir, 'index')}")
    return OK if moved.files else NOTHING_FOUND


def _command(index_dir: Path | str | None, *words: str | Path) -> str:
    """A command to be typed, about the same index."""
    return shlex.join(["imagefinder", *map(str, words), *(["--index", shown_place(index_dir)] if index_dir else [])])


def _open_index(index_dir: Path | str | None) -> Index:
    """The index without a model: what moves files or lists decisions needs none."""
    from imagefinder.index.shared import open_index, place_of

    return open_index(place_of(index_dir or settings.default_index()), create=False)


def _tell_moved(moved: Moved, as_json: bool, what: str) -> None:
    if as_json:
        print_json(moved.to_dict())
    if moved.left:
        say(f"{plural(len(moved.left), 'file')} left where they are:")
        for item in moved.left:
            say(f"  {item.uri}: {item.reason}")
    say(f"{plural(len(moved.files), 'file')} {what}.")


# --- decisions ----------------------------------------------------------------------------------------------------


def _decision() -> list[click.Parameter]:
    from imagefinder.duplicates.decisions import Decision

    return [click.Argument(["decision"], type=click.Choice([decision.value for decision in Decision]))]


@duplicates.command(cls=LateCommand, late=_decision, at=0)
@click.argument("images", nargs=-1, required=True, type=PLACE, callback=there, metavar="A B [C]...")
@index_option
@json_option
def decide(decision: str, images: tuple[str, ...], index_dir: Path | str | None, as_json: bool) -> int:
    """Record that images, given by path or id, are not duplicates, or that all of them are to be kept.

    They are not listed together again, also after they are renamed or moved.
    """
    with open_finder(index_dir) as finder:
        pairs = finder.copies.decide(decision, *images)
    return _tell_count(pairs, as_json)


@duplicates.command()
@click.argument("first", type=PLACE)
@click.argument("second", type=PLACE)
@index_option
@json_option
def forget(first: str, second: str, index_dir: Path | str | None, as_json: bool) -> int:
    """Delete the decision about two images: FIRST and SECOND are paths, ids, or content hashes from `decisions`."""
    with open_finder(index_dir) as finder:
        pairs = finder.copies.forget(first, second)
    return _tell_count(pairs, as_json)


@duplicates.command()
@index_option
@click.option("--export", "target", type=FILE, help="Write the decisions to a file.")
@click.option(
    "--import",
    "source",
    type=FILE_THERE,
    help="Add the decisions of a file.",
)
@json_option
def decisions(index_dir: Path | str | None, target: Path | None, source: Path | None, as_json: bool) -> int:
    """List the decisions, or copy them from one index to another."""
    from imagefinder.duplicates.decisions import change_decisions, load_decisions, read_decisions, write_decisions

    with _open_index(index_dir) as index:
        if source is not None:
            further = read_decisions(source)
            change_decisions(index, lambda known: known.merged(further))
        known = load_decisions(index.documents)
        if target is not None:
            write_decisions(target, known)
    if as_json:
        print_json(known.to_dict())
    else:
        for (a, b), decided in sorted(known.pairs.items(), key=lambda item: item[1].when):
            tell(f"{decided.decision:<14} {decided.names[0] or a}  {decided.names[1] or b}  {decided.when}")
    return OK if known.pairs else NOTHING_FOUND


def _tell_count(pairs: int, as_json: bool) -> int:
    if as_json:
        print_json({"decisions": pairs})
    say(f"{plural(pairs, 'pair')} decided.")
    return OK
