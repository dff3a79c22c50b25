"""``imagefinder info`` and ``doctor``: what there is and what works here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from imagefinder import settings
from imagefinder.cli.common import (
    FAILED,
    OK,
    human_bytes,
    index_option,
    json_option,
    open_finder,
    plural,
    print_json,
    styled,
    tell,
)
from imagefinder.index.shards import ranges


@click.command()
@index_option
@json_option
def info(index_dir: Path | str | None, as_json: bool) -> int:
    """Show what the index holds: images, sources, model, spaces, size on disk."""
    with open_finder(index_dir, read_only=True) as finder:
        about = finder.info()
    if as_json:
        print_json(about.to_dict())
        return OK
    tell(f"Index    {about.path}")
    tell(f"Images   {about.images:,}  ({human_bytes(about.bytes)} on disk)")
    tell(f"Model    {about.model or 'none yet'}")
    for name, space in about.spaces.items():
        dims = f"{space['dim']} dimensions, {space['searched_dim'] or 0} searched"
        found = ", approximate" if space["approximate"] else ""
        tell(f"Space    {name}: {dims}{_used(space['current'])}{found}")
    for source in about.sources:
        when = f"last indexed {source['last_indexed'] or 'never'}"
        tell(f"Source   {source['uri']}  ({_state(source['state'])}{when})")
    if about.neighbors:
        tell(f"Graph    {_graph(about.neighbors)}")
    for round in about.shards:
        tell(f"Shards   {_shards(round)}")
    for notice in about.notices:
        tell(f"Notice   {notice}")
    return OK


def _graph(kept: dict[str, Any]) -> str:
    """What clusters, maps, duplicates and outliers were made from, and how exact that is."""
    approximate = f"approximate, recall {kept['recall']:.3f} on a sample"
    exact = "exact" if kept["recall"] == 1 else approximate
    return f"{kept['k']} neighbours of each of {kept['images']:,} images, {exact}"


def _state(state: str) -> str:
    return "" if state == "there" else f"{state}, "


def _shards(round: dict[str, Any]) -> str:
    """How far the runs of all shards are."""
    where = f", of {', '.join(round['sources'])}" if round["sources"] else ""
    ended = f"{round['of'] - len(round['missing'])} of {round['of']} have ended{where}"
    running = f"running or killed: {ranges(round['running'])}" if round["running"] else ""
    waiting = [n for n in round["missing"] if n not in round["running"]]
    begin = f"not begun: {ranges(waiting)}" if waiting else ""
    whole = f"all is fitted since {round['finished']}" if round["finished"] else ""
    return "; ".join(filter(None, (ended, running, begin, whole)))


def _used(roles: list[str]) -> str:
    names = {"image": "pictures", "words": "words"}
    return f" (in use for {' and '.join(names[role] for role in roles)})" if roles else ""


@click.command()
@index_option
@click.option(
    "--server",
    is_flag=False,
    flag_value="",
    metavar="[URL]",
    help="Ask instead whether a server is ready: this one, by default that of this machine.",
)
@json_option
def doctor(index_dir: Path | str | None, server: str | None, as_json: bool) -> int:
    """Check what works here: versions, processors, models, image formats, disk. Exit 3 if something does not."""
    if server is None:
        from imagefinder.cli.doctor import checkup

        checks = checkup(index_dir or settings.default_index())
    else:
        from imagefinder.cli.asking import readiness

        checks = [readiness(server)]
    if as_json:
        print_json({"ok": all(c.ok for c in checks), "checks": [c.to_dict() for c in checks]})
    else:
        for check in checks:
            mark = styled("ok", fg="green") if check.ok else styled("NO", fg="red")
            tell(mark, f"  {check.name:<10} {check.found}")
            if check.remedy:
                tell(f"    {'':<10} {check.remedy}")
        bad = sum(not c.ok for c in checks)
        tell("Everything works." if not bad else f"{plural(bad, 'thing')} to mend.")
    return OK if all(c.ok for c in checks) else FAILED
