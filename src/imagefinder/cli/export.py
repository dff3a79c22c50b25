"""``imagefinder export`` and ``assign``: clusters for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from imagefinder.cli.common import (
    FILE,
    FOLDER,
    FOLDER_THERE,
    NOTHING_FOUND,
    OK,
    PLACE,
    index_option,
    json_option,
    limits,
    open_finder,
    plural,
    print_json,
    say,
    tell,
    there,
)

if TYPE_CHECKING:
    from imagefinder.clusters.export import Exported


@click.group()
def export() -> None:
    """Write clusters for other programs."""


@export.command("clusters")
@click.option("--out", type=FILE, help="A .csv, .parquet or .json file.")
@click.option(
    "--folders",
    type=FOLDER,
    help="A new folder, with one folder per cluster in it.",
)
@click.option(
    "--how",
    type=click.Choice(["copy", "symlink", "hardlink"]),
    default="copy",
    show_default=True,
    help="What goes into --folders.",
)
@index_option
@json_option
def export_clusters(
    out: Path | None,
    folders: Path | None,
    how: Literal["copy", "symlink", "hardlink"],
    index_dir: Path | str | None,
    as_json: bool,
) -> int:
    """Write the cluster of each image: a table (uri, cluster, name, distance to the centre), or a folder for each."""
    if not out and not folders:
        raise click.UsageError("Name a file with --out, or a folder with --folders.")
    done: list[Exported] = []
    with open_finder(index_dir, read_only=True) as finder:
        if out:
            done.append(finder.clusters.export(out))
        if folders:
            done.append(finder.clusters.export_folders(folders, how))
    if as_json:
        left = [{"uri": uri, "reason": reason} for d in done for uri, reason in d.left_out]
        print_json({"written": [{"path": d.path, "rows": d.rows} for d in done], "left_out": left})
    for d in done:
        say(f"{plural(d.rows, 'image')}: {d.path}")
        for uri, reason in d.left_out[:20]:
            say(f"  left out {uri}: {reason}")
    return OK


@export.command("model")
@click.option("--out", required=True, type=FOLDER, help="A folder.")
@index_option
@json_option
def export_model(out: Path, index_dir: Path | str | None, as_json: bool) -> int:
    """Write a model that gives any image one of these clusters, without the index: clusters.json and clusters.npz."""
    with open_finder(index_dir, read_only=True) as finder:
        model = finder.clusters.export_model(out)
    if as_json:
        print_json({"path": str(out), "clusters": len(model.labels), "model": model.model})
    say(f"{plural(len(model.labels), 'cluster')}: {out}. Use it with: imagefinder assign {out} IMAGE...")
    return OK


@click.command()
@click.argument("model", type=FOLDER_THERE)
@click.argument("images", nargs=-1, required=True, type=PLACE, callback=there, metavar="IMAGE...")
@json_option
def assign(model: Path, images: tuple[str, ...], as_json: bool) -> int:
    """Give images (files, folders, URLs) a cluster, by a model of `imagefinder export model`; no index is needed."""
    from imagefinder.clusters.assign_files import assign_images

    rows, skipped = assign_images(model, images, limits=limits())
    if as_json:
        print_json({"images": rows, "skipped": [s.to_dict() for s in skipped]})
    else:
        for row in rows:
            tell(f"{row['cluster']:>5}  {row['distance']:6.3f}  {row['name'] or '-'}  {row['uri']}")
    for item in skipped:
        say(f"  skipped {item.uri}: {item.reason} [{item.code}]")
    return OK if rows else NOTHING_FOUND
