"""``imagefinder index``."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imagefinder import settings
from imagefinder._util.ray_address import FOUND, checked_address
from imagefinder.cli.bar import ProgressBar
from imagefinder.cli.common import (
    INTERRUPTED,
    NOTHING_FOUND,
    OK,
    PLACE,
    human_bytes,
    index_option,
    json_option,
    limits,
    open_finder,
    plural,
    print_json,
    say,
    say_skipped,
    shown_place,
    there,
)
from imagefinder.cli.models import ensure_here
from imagefinder.errors import NotFoundError
from imagefinder.index.shards import Shard, ranges

if TYPE_CHECKING:
    from imagefinder.finder import ImageFinder
    from imagefinder.results import Assigned, IngestReport, Marked, ShardRun
    from imagefinder.types import Progress

RAY_HELP = "Work on a cluster of Ray: HOST:PORT, auto, or local; without ADDRESS, the one that is found, else local."


@click.command()
@click.argument("sources", nargs=-1, type=PLACE, callback=there, metavar="SOURCE...")
@index_option
@click.option("--include", multiple=True, metavar="GLOB", help="Only images that match (gitignore syntax).")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Leave out what matches (gitignore syntax).")
@click.option("--column", metavar="NAME", help="Column of a table that holds the paths or URLs.")
@click.option("--model", metavar="NAME", help="Model of a new index, or one to add to it; see: imagefinder models list")
@click.option("--use", is_flag=True, help="Search with the --model from then on.")
@click.option("--watch", is_flag=True, help="Keep running, and index changes as they happen, until Ctrl-C.")
@click.option("--force", is_flag=True, help="Embed every image again, also unchanged ones.")
@click.option("--rebuild", is_flag=True, help="Make the index again from its sources, beside the old one, then switch.")
@click.option("--allow-removal", is_flag=True, help="Remove images even if many are gone at once, as with a drive.")
@click.option("--allow-empty", is_flag=True, hidden=True)  # its older name
@click.option("--thumbnails", is_flag=True, help="Also make the small pictures that the page shows.")
@click.option("--strict", is_flag=True, help="Exit with 1 if an image was skipped.")
@click.option("--shard", metavar="I/N", help="Only part I of N of all images, beside processes with the other parts.")
@click.option("--workers", type=click.IntRange(1, 256), metavar="N", help="Threads.  [default: one a core]")
@click.option("--ray", is_flag=False, flag_value=FOUND, metavar="[ADDRESS]", help=RAY_HELP)
@json_option
def index(
    sources: tuple[str, ...],
    index_dir: Path | str | None,
    model: str | None,
    watch: bool,
    rebuild: bool,
    strict: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Index images: folders, image files, PDFs, videos, archives, tables of paths, URLs or pictures, URLs, and buckets.

    
      imagefinder index ~/Pictures products.csv       a folder, and what a CSV or Parquet table names
      imagefinder index s3://BUCKET/FOLDER            also gs://, az:// and hf://datasets/ORG/NAME
      imagefinder index shards/*.tar                  tars as of WebDataset, and zips, here or in a bucket
      imagefinder index https://HOST/FOLDER/          a page of links, as web servers make of folders

    Run it again to update the index with what is new, changed, moved or gone; without SOURCE it goes over the sources
    that it knows. Ctrl-C stops it cleanly, and the next run continues from there. A folder's .imagefinderignore says
    what to leave out, in the syntax of .gitignore. Images that can't be read are listed and skipped.

    A source that is not there (a drive unplugged, a folder renamed) stops none of the others: it is listed, its images
    stay, and the exit code is 1. So it is when more than 10 images and more than half of a source are gone at once, or
    a folder is empty that held more than 10, or a drive is not mounted: they stay until --allow-removal. What was said
    of removed images is kept, and comes back with them.

    --rebuild makes a new index beside the old one and then switches, so nothing is lost if it ends early. It is refused
    while images could not be made again, unless --allow-removal is given.

    --shard 3/16 takes the third of 16 parts of all images, which depends on nothing but their names: 16 processes on as
    many machines index all of them at an address at once. The last to end fits the search. One that was killed is run
    again; `imagefinder info` says which have ended. In a folder, they go one after the other.

    With --model, an index that has images also gets the vectors of another model, which searches use with --use: see
    `imagefinder spaces`. A model of the catalogue or the hub that is not here yet is fetched first.
    """
    use, thumbnails = options.pop("use"), options.pop("thumbnails")
    if use and not model:
        raise click.UsageError("--use needs --model NAME.")
    _check_shard(options["shard"], use, watch, rebuild, options["ray"])
    if options["ray"] is not None:
        checked_address(options["ray"])
        if rebuild:
            raise click.UsageError("--rebuild works on this machine, without --ray.")
    path = index_dir or settings.default_index()
    model = ensure_here(model) if model else None
    options = {k: v for k, v in options.items() if v is not None}
    made = _rebuild(path, sources, model, options) if rebuild else None
    with open_finder(path, create=bool(sources), new_model=model) as finder:
        if not sources and not finder.sources:
            raise click.UsageError("No SOURCE given, and the index knows none yet.")
        spec = finder.model_spec(model) if model else None
        if options.get("shard") and spec and finder.models and spec.name not in finder.models:
            raise click.UsageError("A further model is added to the whole index: --model NAME without --shard.")
        first = not any(source.last_indexed for source in finder.list_sources())
        report = made or _run(finder, sources, options)
        _tell(finder, report, as_json)
        if thumbnails:
            _make_thumbnails(finder)
        if spec and not report.shard and (use or spec.name not in finder.models[:1]):
            _add_model(finder, spec.name, use)
        if first and not as_json and (not report.shard or not report.shard.missing):
            _advise(finder, index_dir)
        if watch:
            _watch(finder, sources or tuple(finder.sources), options, as_json, thumbnails)
    return NOTHING_FOUND if report.missing or report.kept or (strict and report.skipped) else OK


def _check_shard(shard: str | None, use: bool, watch: bool, rebuild: bool, ray: str | None) -> None:
    """Refuse what the run of one shard can't do."""
    if shard is None:
        return
    Shard.read(shard)
    for name, given in {"--use": use, "--watch": watch, "--rebuild": rebuild}.items():
        if given:
            raise click.UsageError(f"{name} concerns the whole index: use it without --shard.")
    if ray is not None:
        raise click.UsageError("A shard is the work of one process: use --shard without --ray.")


def _rebuild(path: Path | str, sources: Sequence[str], model: str | None, options: dict[str, Any]) -> IngestReport:
    from imagefinder.finder import ImageFinder

    options["allow_removal"] |= options.pop("allow_empty")
    options.pop("force")
    with ProgressBar() as bar:
        try:
            return ImageFinder.rebuild(path, *sources, model=model, limits=limits(), progress=bar.show, **options)
        except KeyboardInterrupt:
            bar.close()
            say("Stopped. The index is as it was.")
            raise click.exceptions.Exit(INTERRUPTED) from None


def _run(finder: ImageFinder, sources: Sequence[str], options: dict[str, Any]) -> IngestReport:
    stored = 0

    def show(progress: Progress) -> None:
        nonlocal stored
        stored = progress.stored
        bar.show(progress)

    with ProgressBar() as bar:
        try:
            return finder.add(*sources, progress=show, **options)
        except KeyboardInterrupt:
            bar.close()
            say(f"Stopped. {plural(stored, 'image')} stored; run the same command to go on.")
            raise click.exceptions.Exit(INTERRUPTED) from None


def _make_thumbnails(finder: ImageFinder) -> None:
    from imagefinder.server.ahead import make_thumbnails
    from imagefinder.server.settings import ServerSettings

    with ProgressBar() as bar:
        try:
            made = make_thumbnails(finder, limits(), ServerSettings().cache_bytes, bar.show)
        except KeyboardInterrupt:
            bar.close()
            say("Stopped; the other thumbnails are made when they are looked at.")
            raise click.exceptions.Exit(INTERRUPTED) from None
    say(f"{plural(made, 'thumbnail')} made.")


def _add_model(finder: ImageFinder, model: str, use: bool) -> None:
    """A further model, in the background of the one in use."""
    with ProgressBar() as bar:
        try:
            filled = finder.add_model(model, use=use, progress=bar.show)
        except KeyboardInterrupt:
            bar.close()
            say("Stopped; run the same command to go on.")
            raise click.exceptions.Exit(INTERRUPTED) from None
    say(f"{plural(filled.filled, 'image')} embedded by {filled.model}.")
    if filled.skipped:
        say_skipped(filled.skipped)
    name = filled.model
    if use:
        say(f"Searches use {name} from now on.")
        return
    say(f"Search with it: imagefinder search ... --space {name}; for good: imagefinder spaces use {name}")


def _advise(finder: ImageFinder, index_dir: Path | str | None) -> None:
    """Say once, after the first run of an index, how searches by words get better."""
    found = finder.better_words()
    if found is None:
        return
    size = f", {human_bytes(found.bytes)} to fetch" if found.bytes else ""
    minutes = max(1, round(found.seconds / 60))
    place = f" --index {shlex.quote(shown_place(index_dir))}" if index_dir else ""
    say(
        f"Words usually find more with {found.title} ({found.licence} licence{size}): about "
        f"{found.images_per_second:,.0f} images/s here, {plural(minutes, 'minute')} for "
        f"{plural(found.images, 'image')}. Nothing is fetched until you run:"
    )
    say(f"  imagefinder index --model {found.model} --use{place}")


def _tell(finder: ImageFinder, report: IngestReport, as_json: bool) -> None:
    if as_json:
        print_json(report.to_dict())
    parts = [f"{getattr(report, name):,} {name}" for name in ("added", "updated", "moved", "removed", "unchanged")]
    runs_on = finder.provider.removesuffix("ExecutionProvider") if report.added + report.updated else ""
    rate = f", {report.images_per_second:,.0f} images/s on {runs_on}" if runs_on else ""
    say(f"{', '.join(p for p in parts if not p.startswith('0 ')) or 'Nothing found'} in {report.seconds:.1f} s{rate}.")
    for one in report.missing:
        what = "Source missing" if one.code == "not-found" else "Source can't be read"
        say(f"{what}, its images stay: {one.uri}: {one.reason} {one.remedy}".rstrip())
    if any(one.code == "not-found" for one in report.missing):
        say("If it was renamed: imagefinder sources move OLD NEW; if it is gone: imagefinder sources forget OLD")
    if report.said:
        say(f"What was said of {plural(report.said, 'removed image')} is kept, and comes back with the content.")
    if report.skipped:
        say(f"{plural(len(report.skipped), 'image')} skipped:")
        say_skipped(report.skipped)
    for filled in report.filled:
        say(f"{plural(filled.filled, 'image')} embedded by {filled.model}.")
        say_skipped(filled.skipped)
    if report.clusters:
        _tell_clusters(report.clusters)
    if report.concepts:
        _tell_concepts(report.concepts)
    if report.shard:
        say(_shards(report.shard))
    say(f"The index holds {plural(report.total, 'image')}: {finder.info().path}")


def _shards(shard: ShardRun) -> str:
    """What has become of all shards."""
    if not shard.missing:
        return f"Shard {shard.number} of {shard.of} was the last: the search is fitted to all images."
    if shard.number in shard.missing:
        return f"Shard {shard.number} of {shard.of} has not ended, since a source is missing: run it again."
    return f"Shard {shard.number} of {shard.of} has ended; still to end: {ranges(shard.missing)}."


def _tell_clusters(found: Assigned) -> None:
    """How many new images fit the clusters, and how many do not."""
    if found.assigned:
        say(f"{plural(found.assigned, 'image')} assigned to the clusters there are.")
    if found.unassigned:
        say(f"{plural(found.unassigned, 'image')} fit no cluster and stay in none (-1).")
    if found.returned:
        say(f"{plural(found.returned, 'image')} back in the cluster they were in.")
    if found.advice:
        say(f"{found.advice} Run: imagefinder cluster")
    elif found.unassigned:
        say("To cluster them too, run: imagefinder cluster")


def _tell_concepts(found: Marked) -> None:
    """How many images belong to kept searches now."""
    if found.images:
        say(f"{plural(found.images, 'image')} more in {plural(found.concepts, 'concept')}.")
    if found.left:
        say(f"{found.advice} {plural(found.left, 'concept')} left as before. Run: imagefinder concept refresh")


def _watch(
    finder: ImageFinder, sources: Sequence[str], options: dict[str, Any], as_json: bool, thumbnails: bool
) -> None:
    """Index what changes until Ctrl-C, which is its usual end: also in the middle of a run, which the next one takes
    up."""
    with suppress(KeyboardInterrupt, click.exceptions.Exit):
        _watching(finder, sources, options, as_json, thumbnails)


def _watching(
    finder: ImageFinder, sources: Sequence[str], options: dict[str, Any], as_json: bool, thumbnails: bool
) -> None:
    told: object = None
    say("Watching for changes; Ctrl-C ends it.")
    for _ in finder.changes(*sources):
        try:
            report = _run(finder, sources, options)
        except NotFoundError as error:  # none of the sources is there at the moment
            if told != error.message:
                say(f"{error.message} Its images stay; waiting for it.")
            told = error.message
            continue
        now = (report.missing, report.kept)
        if report.added or report.updated or report.moved or report.removed or now != (told or ((), 0)):
            _tell(finder, report, as_json)
            if thumbnails:
                _make_thumbnails(finder)
        told = now
