"""``imagefinder clusters``: look at the clusters and correct them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imagefinder.cli.cluster import print_clustering
from imagefinder.cli.common import (
    FILE,
    OK,
    PLACE,
    index_option,
    json_option,
    limits,
    open_finder,
    plural,
    print_json,
    say,
    styled,
    tell,
    there,
)

if TYPE_CHECKING:
    from imagefinder.clusters.clustering import Cluster


@click.group(invoke_without_command=True)
@index_option
@json_option
@click.pass_context
def clusters(context: click.Context, index_dir: Path | str | None, as_json: bool) -> int:
    """Look at the clusters, and correct them. Without a command, list them.

    A cluster is given by its number or its name. Corrections are kept when `imagefinder cluster` runs again; `undo`
    undoes the last one.
    """
    if context.invoked_subcommand is not None:
        return OK
    with open_finder(index_dir, read_only=True) as finder:
        made, sizes, since = finder.clusters.clustering, finder.clusters.sizes(), finder.clusters.since()
    if as_json:
        print_json({**made.to_dict(), "sizes": {str(k): v for k, v in sizes.items()}, "since": since})
    else:
        print_clustering(made, sizes, since)
    return OK


def _tell(found: Cluster | list[Cluster], as_json: bool, text: str) -> int:
    many = found if isinstance(found, list) else [found]
    if as_json:
        print_json({"clusters": [c.to_dict() for c in many]})
    say(text)
    return OK


@clusters.command()
@click.argument("cluster")
@click.option("-k", "--top", "k", default=20, show_default=True, type=click.IntRange(1), help="Images listed.")
@click.option("--sheet", type=FILE, help="Save a contact sheet of them (PNG).")
@index_option
@json_option
def show(cluster: str, k: int, sheet: Path | None, index_dir: Path | str | None, as_json: bool) -> int:
    """One cluster: its measures, the words of its name, and its images, the most typical first."""
    with open_finder(index_dir, read_only=True) as finder:
        found = finder.clusters.find(cluster)
        size = finder.clusters.sizes()[found.label]
        rows = [row for row in finder.clusters.rows() if row["cluster"] == found.label][:k]
        borderline = [finder.get(id).uri for id in found.borderline if id in finder]
    if as_json:
        print_json({**found.to_dict(), "size": size, "measured": found.size, "images": rows})
        return OK
    tell(f"{found.label}: {found.name}  ({plural(size, 'image')})")
    if found.words:
        tell("words       " + ", ".join(f"{word} {lead:.2f}" for word, lead in found.words))
    tell("typical")
    for row in rows:
        tell(f"  {row['distance']:6.3f}  {row['uri']}")
    if borderline:
        tell("borderline")
        for uri in borderline:
            tell(f"          {uri}")
    if sheet:
        from imagefinder.images.thumbnails import save_picture
        from imagefinder.plots import picture_sheet

        named = [(row["uri"], Path(row["uri"]).name) for row in rows]
        save_picture(picture_sheet(named, title=f"{found.label}: {found.name}", limits=limits()), sheet)
        say(f"Contact sheet: {sheet}")
    return OK


@clusters.command()
@click.argument("cluster")
@click.argument("name")
@index_option
@json_option
def rename(cluster: str, name: str, index_dir: Path | str | None, as_json: bool) -> int:
    """Give a cluster a name."""
    with open_finder(index_dir) as finder:
        found = finder.clusters.rename(cluster, name)
    return _tell(found, as_json, f"Cluster {found.label} is now called {found.name}.")


@clusters.command()
@click.argument("clusters", nargs=-1, required=True, metavar="CLUSTER CLUSTER...")
@index_option
@json_option
def merge(clusters: tuple[str, ...], index_dir: Path | str | None, as_json: bool) -> int:
    """Make one cluster of several, with the number and name of the first."""
    with open_finder(index_dir) as finder:
        found = finder.clusters.merge(*clusters)
    return _tell(found, as_json, f"Cluster {found.label} ({found.name}) now has {plural(found.size, 'image')}.")


@clusters.command()
@click.argument("cluster")
@click.option("-n", "--parts", "n", default=2, show_default=True, type=click.IntRange(2), help="Number of parts.")
@index_option
@json_option
def split(cluster: str, n: int, index_dir: Path | str | None, as_json: bool) -> int:
    """Split a cluster; the largest part keeps its number and name."""
    with open_finder(index_dir) as finder:
        parts = finder.clusters.split(cluster, n)
    text = "; ".join(f"{c.label}: {c.name} ({c.size:,})" for c in parts)
    return _tell(parts, as_json, f"Split into {text}.")


@clusters.command()
@click.argument("images", nargs=-1, required=True, type=PLACE, callback=there, metavar="IMAGE...")
@click.option("--to", "cluster", required=True, metavar="CLUSTER", help="The cluster they belong to.")
@index_option
@json_option
def move(images: tuple[str, ...], cluster: str, index_dir: Path | str | None, as_json: bool) -> int:
    """Put images (ids, paths or URLs) into another cluster, for good."""
    with open_finder(index_dir) as finder:
        found = finder.clusters.move(list(images), cluster)
    return _tell(found, as_json, f"{plural(len(images), 'image')} moved to cluster {found.label} ({found.name}).")


@clusters.command()
@click.argument("cluster")
@index_option
@json_option
def lock(cluster: str, index_dir: Path | str | None, as_json: bool) -> int:
    """Keep a cluster's members as they are when clustering runs again."""
    with open_finder(index_dir) as finder:
        found = finder.clusters.lock(cluster)
    return _tell(found, as_json, f"Cluster {found.label} ({found.name}) is locked.")


@clusters.command()
@click.argument("cluster")
@index_option
@json_option
def unlock(cluster: str, index_dir: Path | str | None, as_json: bool) -> int:
    """Let a locked cluster change again."""
    with open_finder(index_dir) as finder:
        found = finder.clusters.lock(cluster, False)
    return _tell(found, as_json, f"Cluster {found.label} ({found.name}) is no longer locked.")


@clusters.command()
@index_option
@json_option
def undo(index_dir: Path | str | None, as_json: bool) -> int:
    """Undo the last change (also a whole run of `imagefinder cluster`)."""
    with open_finder(index_dir) as finder:
        before = finder.clusters.clustering
        now = finder.clusters.undo()
    if as_json:
        print_json({"undone": before.done, **now.to_dict()})
    say(f"Undone: {before.done}. There are {plural(len(now.clusters), 'cluster')} again.")
    return OK


@clusters.command()
@click.option(
    "--level",
    "n",
    type=click.IntRange(1),
    metavar="N",
    help="Number of clusters at this level.  [default: a few levels]",
)
@index_option
@json_option
def tree(n: int | None, index_dir: Path | str | None, as_json: bool) -> int:
    """Clusters of clusters: the tree over them, cut at a level."""
    with open_finder(index_dir) as finder:
        total, sizes = len(finder.clusters), finder.clusters.sizes()
        wanted = [n] if n else sorted({max(1, total // 8), max(1, total // 3)})
        cuts = {level: finder.clusters.levels(level) for level in wanted}
    if as_json:
        print_json({"levels": {str(k): [[c.label for c in g] for g in groups] for k, groups in cuts.items()}})
        return OK
    for level, groups in cuts.items():
        tell(styled(plural(level, "group"), bold=True))
        for group in groups:
            _print_group(group, sizes)
    return OK


def _print_group(group: list[Any], sizes: dict[int, int]) -> None:
    names = ", ".join(f"{c.name} ({c.label})" for c in sorted(group, key=lambda c: -sizes[c.label]))
    tell(f"  {sum(sizes[c.label] for c in group):>7,}  {names}")
