"""``imagefinder map`` and ``pca``: the images on a plane, and how much a plane or more dimensions keep."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imagefinder._util.extras import require
from imagefinder.cli.common import (
    FILE,
    OK,
    index_option,
    json_option,
    limits,
    open_finder,
    open_to_compute,
    plural,
    print_json,
    ray_option,
    say,
    tell,
)
from imagefinder.errors import InvalidInputError

if TYPE_CHECKING:
    from imagefinder.maps.maps import Map
    from imagefinder.types import Float32, Record

DRAWN, TABLES = (".png", ".svg", ".pdf"), (".parquet", ".csv", ".json")
TITLES = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP", "pacmap": "PaCMAP"}


@click.command("map")
@index_option
@click.option("--method", type=click.Choice(tuple(TITLES)), help="Projection.  [default: tsne]")
@click.option("--update", is_flag=True, help="Add new images to the latest map, and remove those gone.")
@click.option("--out", "outs", multiple=True, type=FILE, metavar="FILE",
              help="Write the map: .png .svg .pdf .html .parquet .csv .json (may be repeated).")  # fmt: skip
@click.option("--pictures", type=FILE, metavar="FILE", help="Draw the pictures themselves on the plane (PNG, JPEG).")
@click.option("--color-by", metavar="FIELD", help="Field of the colours.  [default: cluster, if there is one]")
@click.option("--filter", "where", metavar="EXPR", help="Only these images, e.g. 'folder=shoes and width>=800'.")
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(0, 2**31 - 1), help="The same seed gives the same map."
)
@ray_option
@json_option
def map_(
    index_dir: Path | str | None,
    method: str | None,
    outs: tuple[Path, ...],
    pictures: Path | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Draw a map of the images: similar ones lie close together.

    \b
      imagefinder map --out map.html                     look at it in a browser
      imagefinder map --out map.png --pictures wall.png  a scatter plot, and the pictures themselves
      imagefinder map --update --out map.parquet         with what was indexed since; for embedding-atlas
    """
    from imagefinder.maps.maps import map_records

    _check(outs, pictures)
    with open_finder(index_dir) as finder:
        how = {"update": options["update"], "filter": options["where"], "ray": options["ray"]}
        made = finder.map(method, seed=options["seed"], **how)
        coordinates, records = map_records(made, finder.records())
    field = _field(records, options["color_by"])
    written = [_write(path, made, coordinates, records, field) for path in outs]
    if pictures:
        written.append(_draw_pictures(pictures, coordinates, records))
    if as_json:
        print_json({**made.to_dict(), "files": [{"path": str(p), **about} for p, about in written]})
    else:
        _tell(made, written)
    return OK


def _check(outs: Sequence[Path], pictures: Path | None) -> None:
    """Refuse a wrong file name, or one that an extra is missing for, before the work, not after it."""
    for path in outs:
        if path.suffix.lower() not in (*DRAWN, *TABLES, ".html"):
            known = " ".join((*DRAWN, ".html", *TABLES))
            raise InvalidInputError(f"A map can't be written as {path}.", remedy=f"Name it {known}.")
        if path.suffix.lower() in DRAWN:
            require("plots", what=f"A map as {path.suffix}")
        elif path.suffix.lower() == ".parquet":
            require("parquet", what="A Parquet file")
    if pictures and pictures.suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
        raise InvalidInputError(f"A picture map can't be written as {pictures}.", remedy="Name it .png, .jpg or .webp.")


def _field(records: Sequence[Record], wanted: str | None) -> str | None:
    """The field of the colours: the one asked for, else the clusters or the folders, if they tell images apart."""
    if wanted is not None:
        fields = {name for r in records for name in r.to_dict()}
        if wanted not in fields:
            raise InvalidInputError(f"No image has a field {wanted!r}; there are: {', '.join(sorted(fields))}.")
        return wanted
    for name in ("cluster_name", "folder"):
        if len({str(r.to_dict().get(name)) for r in records}) > 1:
            return name
    return None


def _write(
    path: Path, made: Map, coordinates: Float32, records: Sequence[Record], field: str | None
) -> tuple[Path, dict[str, Any]]:
    """Write one file; returns it and what is worth saying of it."""
    suffix = path.suffix.lower()
    title, note = _words(made, len(records))
    if suffix in TABLES:
        from imagefinder.plots import table

        rows = table.map_rows(coordinates, records)
        if suffix == ".parquet":
            table.write_parquet(rows, path, limits=limits())
        elif suffix == ".csv":
            table.write_csv(rows, path)
        else:
            table.write_json(made.to_dict(), rows, path)
        return path, {"images": len(rows)}
    from imagefinder.plots.colours import colour_by

    colouring = colour_by([r.to_dict().get(field) for r in records], field.replace("_", " ")) if field else None
    if suffix == ".html":
        from imagefinder.plots.page import write_page

        held = write_page(coordinates, records, path, colouring=colouring, title=title, note=note, limits=limits())
        return path, {"images": len(records), "pictures": held}
    from imagefinder.plots.scatter import plot_scatter

    plot_scatter(coordinates, path=path, colouring=colouring, title=title, note=note)
    return path, {"images": len(records)}


def _words(made: Map, n: int) -> tuple[str, str]:
    note = f"{TITLES.get(made.method, made.method)}: images that lie together look alike."
    if made.method != "pca":
        note += " Directions, and distances between groups, mean little."
    return plural(n, "image"), note


def _draw_pictures(path: Path, coordinates: Float32, records: Sequence[Record]) -> tuple[Path, dict[str, Any]]:
    from imagefinder.plots.pictures import picture_map, save_picture_map

    sheet, drawn = picture_map(coordinates, [r.uri for r in records], limits=limits())
    save_picture_map(sheet, path)
    return path, {"images": len(records), "pictures": drawn}


def _tell(made: Map, written: Sequence[tuple[Path, dict[str, Any]]]) -> None:
    facts = made.to_dict()
    placed = f", {plural(facts['placed'], 'image')} placed since" if facts["placed"] else ""
    say(f"{TITLES.get(made.method, made.method)} map of {plural(len(made), 'image')} ({facts['seconds']} s{placed}).")
    if facts["scores"]:
        scores = facts["scores"]
        say(
            f"Trustworthiness {scores['trustworthiness']:.3f}; of an image's {scores['k']} nearest, "
            f"{scores['neighbors_kept']:.0%} are its nearest on the map."
        )
    for path, about in written:
        held = f"  ({about['pictures']:,} pictures of {about['images']:,} images)" if "pictures" in about else ""
        tell(f"{path}{held}")
    if not written:
        say("Look at it with: imagefinder map --update --out map.html")


@click.command()
@index_option
@click.option("--plot", type=FILE, metavar="FILE", help="Draw the variance kept (PNG, SVG or PDF).")
@json_option
def pca(index_dir: Path | str | None, plot: Path | None, as_json: bool) -> int:
    """How much of the variance of the vectors the first dimensions keep."""
    if plot and plot.suffix.lower() not in DRAWN:
        raise InvalidInputError(f"A plot can't be written as {plot}.", remedy=f"Name it {', '.join(DRAWN)}.")
    if plot:
        require("plots", what="A drawing")
    with open_to_compute(index_dir) as finder:
        report = finder.pca_report()
    if plot:
        from imagefinder.plots.variance import plot_variance

        plot_variance(report, path=plot)
    if as_json:
        print_json({**report.to_dict(), "plot": str(plot) if plot else None})
        return OK
    facts = report.to_dict()
    tell(f"{plural(report.images, 'image')}, vectors of {report.dim:,} dimensions")
    for share, count in facts["components_for"].items():
        tell(f"{share:>5} of the variance: {plural(count, 'component')}")
    if report.searched_variance is not None:
        tell(f"The search uses {report.searched}, which keep {report.searched_variance:.1%}.")
    if plot:
        tell(str(plot))
    return OK
