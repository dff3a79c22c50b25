"""``imagefinder cluster`` and ``choose-k``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imagefinder._util.extras import require
from imagefinder.cli.bar import ProgressBar, StageLines
from imagefinder.cli.common import (
    FILE,
    OK,
    LateCommand,
    index_option,
    json_option,
    open_finder,
    open_to_compute,
    plural,
    print_json,
    ray_option,
    say,
    styled,
    tell,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagefinder.clusters.algorithms.choose_k import Choice
    from imagefinder.clusters.algorithms.methods import Setting
    from imagefinder.clusters.clustering import Cluster, Clustering


class Count(click.ParamType[Any]):
    """A number of clusters, or ``auto``."""

    name = "K"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        if value is None or str(value).lower() == "auto":
            return None
        try:
            return int(value)
        except ValueError:
            self.fail(f"{value!r} is neither a number nor auto.", param, ctx)


def features_options(command: Any) -> Any:
    command = click.option("--seed", default=0, show_default=True, help="The same seed gives the same clusters.")(
        command
    )
    command = click.option(
        "--scale",
        type=click.Choice(["none", "standard"]),
        default="none",
        help="standard: a variance of 1 in each dimension.",
    )(command)
    return click.option(
        "--features",
        default="default",
        metavar="WHAT",
        help="default (what is searched: PCA, 256), raw, pca:N, or pca:0.95 for a share of the variance.",
    )(command)


def _method_options() -> list[click.Parameter]:
    """An option for the method and one for each setting of any method, as ``METHODS`` has them now."""
    from imagefinder.clusters.algorithms.methods import DEFAULT, METHODS, settings_of_all

    noisy = " and ".join(name for name, row in METHODS.items() if row.noise)
    method = click.Option(
        ["--method"],
        type=click.Choice(list(METHODS)),
        default=DEFAULT,
        show_default=True,
        help=f"Algorithm; {noisy} leave noise, -1.",
    )
    return [method, *(_setting_option(name, *found) for name, found in settings_of_all().items())]


def _setting_option(name: str, setting: Setting, methods: list[str]) -> click.Option:
    kind: Any = float if setting.kind is float else click.IntRange(setting.least)
    return click.Option([f"--{name.replace('_', '-')}"], type=kind, help=f"{', '.join(methods)}: {setting.help}")


@click.command(cls=LateCommand, late=_method_options, at=1)
@click.option("-n", "--n-clusters", type=Count(), metavar="K|auto", help="Number of clusters.  [default: auto]")
@features_options
@click.option(
    "--stability",
    default=5,
    show_default=True,
    type=click.IntRange(0),
    help="Resampled runs that measure it; 0 for none.",
)
@click.option("--fresh", is_flag=True, help="Forget names, locks, merges, splits and moves of earlier clusters.")
@ray_option
@index_option
@json_option
def cluster(n_clusters: int | None, index_dir: Path | str | None, as_json: bool, **options: Any) -> int:
    """Put similar images into clusters, each with a name, typical images and measures.

    \b
      imagefinder cluster                          as many as the images suggest
      imagefinder cluster -n 20 --method kmeans
      imagefinder clusters                         look at them again; rename, merge, split...
      imagefinder search "dog" --filter "cluster = 3"

    The records get `cluster` and `cluster_name`, for filters; -1 is noise. Corrections of earlier clusters (names,
    locks, merges, splits, moves) are kept. Images indexed later join the nearest cluster if they are like those that
    were clustered; others are in none (-1), and `imagefinder clusters` says how many.
    """
    from imagefinder.clusters.algorithms.methods import settings_of_all

    settings = {name: value for name in settings_of_all() if (value := options.pop(name)) is not None}
    with open_finder(index_dir) as finder:
        made = finder.cluster(n_clusters, settings=settings, progress=StageLines().show, **options)
        if as_json:
            print_json(made.to_dict())
        else:
            print_clustering(made)
    return OK


def print_clustering(
    made: Clustering, sizes: dict[int, int] | None = None, since: Mapping[str, Any] | None = None
) -> None:
    """The clusters as a table, largest first. ``sizes`` are those of now, ``since`` what came since they were made."""
    from imagefinder.clusters.algorithms.scores import with_error

    sizes = sizes or {c.label: c.size for c in made.clusters}
    grown = any(sizes.get(c.label, 0) != c.size for c in made.clusters)
    measured = f"  {'measured':>8}" if grown else ""
    head = f"{'label':>5}  {'images':>7}{measured}  {'tight':>5}  {'silh.':>6}  {'stable':>6}  name"
    tell(styled(head, bold=True))
    for found in sorted(made.clusters, key=lambda c: -sizes.get(c.label, 0)):
        tell(*_line(found, sizes.get(found.label, 0), grown))
    noise = sizes.get(-1, made.n_noise)
    if noise:
        tell(f"{-1:>5}  {noise:>7,}{'':>{len(measured)}}  {'':>5}  {'':>6}  {'':>6}  in no cluster")
    if grown:
        say("Tight, silh. and stable hold for the images measured: those that each cluster had when it was made.")
    if since and since["came"]:
        say(f"Since then {plural(since['came'], 'image')} came: {_fit(since['fit'], since['unfit'])}.")
        say(f"{since['advice'] or 'To cluster all of them again:'} Run: imagefinder cluster")
    scores = made.scores
    say(
        f"{plural(len(made.clusters), 'cluster')} of {plural(sum(sizes.values()), 'image')} by "
        f"{made.parameters['method']}; silhouette {with_error(scores['silhouette'], scores['silhouette_error'])}."
    )


def _fit(fit: int, unfit: int) -> str:
    return f"{fit:,} fit a cluster, {unfit:,} fit none and {'is' if unfit == 1 else 'are'} in none"


def _line(found: Cluster, size: int, grown: bool) -> tuple[str, str]:
    measured = f"  {found.size:>8,}" if grown else ""
    stable = "" if found.stability is None else f"{found.stability:.2f}"
    marks = "".join(mark for on, mark in ((found.locked, " [locked]"), (found.joined, " [merged]")) if on)
    others = ", ".join(word for word, _ in found.words if word not in found.name)
    facts = f"{found.label:>5}  {size:>7,}{measured}  {found.tightness:5.2f}  {found.silhouette:6.3f}  {stable:>6}  "
    return f"{facts}{found.name}{marks}", styled(f"  ({others})" if others else "", dim=True)


@click.command("choose-k")
@click.option("--max", "max_k", default=100, show_default=True, type=click.IntRange(2), help="Largest number tried.")
@features_options
@click.option("--plot", type=FILE, help="Draw the curves (PNG, SVG or PDF).")
@ray_option
@index_option
@json_option
def choose_k(max_k: int, plot: Path | None, index_dir: Path | str | None, as_json: bool, **options: Any) -> int:
    """Measure k-means for every number of clusters, and suggest one with the reason; you decide.

    It prints inertia, silhouette (of a sample, with its standard error), Calinski-Harabasz and Davies-Bouldin for 2 to
    --max clusters, where the inertia bends (Kneedle), and how many communities the neighbour graph has. Nothing is
    changed.
    """
    if plot:
        require("plots", what="A drawing")
    with open_to_compute(index_dir) as finder, ProgressBar() as bar:
        choice = finder.choose_k(max_k, progress=bar.show, **options)
    if plot:
        from imagefinder.plots import plot_choice

        plot_choice(choice, plot)
    if as_json:
        print_json(choice.to_dict())
        return OK
    _print_scores(choice)
    say(f"Suggested: {plural(choice.suggested, 'cluster')}. {choice.reason}")
    if plot:
        say(f"Plot: {plot}")
    return OK


def _print_scores(choice: Choice) -> None:
    from imagefinder.clusters.algorithms.scores import with_error

    tell(styled(f"{'k':>4}  {'inertia':>12}  {'silhouette':>16}  {'CH':>8}  {'DB':>6}", bold=True))
    for s in choice.scores:
        marks = {choice.elbow: "elbow", choice.best_silhouette: "best silhouette", choice.suggested: "suggested"}
        mark = f"  <- {marks[s.n_clusters]}" if s.n_clusters in marks else ""
        silhouette = with_error(s.silhouette, s.silhouette_error, 4)
        tell(
            f"{s.n_clusters:>4}  {s.inertia:12.2f}  {silhouette:>16}  {s.calinski_harabasz:8.1f}  "
            f"{s.davies_bouldin:6.3f}{mark}"
        )
