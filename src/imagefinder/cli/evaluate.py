"""``imagefinder evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imagefinder.cli.bar import ProgressBar
from imagefinder.cli.common import (
    FILE,
    OK,
    index_option,
    json_option,
    limits,
    open_finder,
    open_to_compute,
    print_json,
    say,
    tell,
)
from imagefinder.duplicates.matching.tiers import Tier
from imagefinder.search.options import ABOUT_OPTIONS

if TYPE_CHECKING:
    from imagefinder.evaluation.of_index import Assessment

SHOWN = ("hit@1", "hit@10", "recall@10", "precision@10", "mAP", "MAP@R", "nDCG@10")


@click.command()
@click.option("--labels", type=FILE, help="CSV with the columns filename and label, caption or both.")
@click.option("--by", metavar="FIELD", help="A field that has labels: folder, tags, cluster_name, a column of a table.")
@click.option("--queries", type=FILE, help="CSV with the columns query and relevant, and if wanted grade.")
@click.option("--feedback", is_flag=True, help="Ask again what was searched for, and measure by likes and dislikes.")
@click.option("--duplicates", "pairs", type=FILE, help="CSV with the columns a and b: pairs of duplicates.")
@click.option(
    "--tier",
    type=click.Choice([tier.value for tier in Tier]),
    help="Of duplicates: the loosest tier that counts.  [default: that of `duplicates`]",
)
@click.option("--space", metavar="NAME", help="Space or model to measure.  [default: the one in use]")
@click.option(
    "--compare", nargs=2, metavar="NAME NAME", help="Two spaces or models: which finds more, and is it chance?"
)
@click.option("--min-score", type=float, metavar="X", help="A cut to measure: hits that score at least X.")
@click.option(
    "--limit", type=click.IntRange(1), metavar="N", help="Queries of each list, evenly spread.  [default: 1000]"
)
@click.option(
    "--words-in",
    type=click.Choice(ABOUT_OPTIONS["words_in"].choices),
    help="Where words are looked for.  [default: both; captions that stand in the index: pictures]",
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="For the intervals.")
@click.option("--html", type=FILE, help="Write a report there, with the worst queries as pictures.")
@index_option
@json_option
def evaluate(
    labels: Path | None,
    space: str | None,
    html: Path | None,
    index_dir: Path | str | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Measure how well the index finds things, on what you know of your own images.

    \b
      imagefinder evaluate --by folder --html report.html   every image asks for the others of its folder
      imagefinder evaluate --labels labels.csv              the same by labels; captions are searched for
      imagefinder evaluate --queries queries.csv            queries, and the images that they should find
      imagefinder evaluate --feedback                       what was liked and disliked
      imagefinder evaluate --duplicates pairs.csv           what the search for duplicates says
      imagefinder evaluate --by folder --compare A B        which of two spaces finds more

    In a table, an image is named by its path, its URL or its id. `relevant` also takes label:NAME, all images with that
    label. A query with nothing relevant should find nothing, which only the cut can do. A caption that stands in the
    index with its image would find it by itself, so it is looked for in pictures only; --words-in changes that.

    hit@k is the share of queries with a right image among the first k hits; recall@k the share of the right images,
    and precision@k the share of right ones among the hits. mAP averages the precision at each right image, MAP@R the
    same within the first R hits, R being the number of right images, and nDCG counts grades. Behind each stands where
    95 % of the means of resampled queries lie. Images ask by their vectors among all that have a label; everything
    else is searched for, 1,000 hits deep.

    Where the images are clustered: how far clusters and labels agree (NMI and adjusted Rand index; 1 is full
    agreement).
    """
    given = {name: value for name, value in options.items() if value is not None}
    opened = open_to_compute(index_dir) if options["pairs"] else open_finder(index_dir, read_only=True)
    with opened as finder, ProgressBar("") as bar:
        result = finder.evaluate(labels, space, progress=bar.show, **given)
    if html is not None:
        _write(html, result)
    if as_json:
        print_json(result.to_dict())
    else:
        _tell(result)
    return OK


def _write(html: Path, result: Assessment) -> None:
    from imagefinder.evaluation.pictures import pictures
    from imagefinder.evaluation.report import write_report

    with pictures(limits()) as picture:
        write_report(html, result, picture)
    say(f"Report: {html}")


def _tell(result: Assessment) -> None:
    if result.missing:
        say(f"{result.missing} images of the table are not in the index.")
    for note in result.notes:
        say(note)
    _tell_former(result)
    _tell_searches(result)
    if result.copies:
        found = result.copies
        rates = (("precision", found.precision), ("recall", found.recall), ("F1", found.f1))
        tell(f"Duplicates  {found.found:,} of {found.pairs:,} pairs found, {found.wrong:,} wrong")
        tell(f"            {'   '.join(f'{name} {rate:.3f}' for name, rate in rates if rate is not None)}")
    for comparison in result.comparisons:
        tell(f"{comparison.kind.capitalize()}: {comparison.says}")


def _tell_former(result: Assessment) -> None:
    """What was measured before there were intervals, in the same words."""
    if result.labels:
        scores = result.labels
        tell(f"Labels   {scores.queries:,} queries, {scores.classes} classes")
        tell(f"         recall@1 {scores.recall_at_1:.3f}   MAP@R {scores.map_at_r:.3f}")
    if result.clusters:
        found = result.clusters
        tell(f"Clusters {found.images:,} images, {found.clusters} clusters")
        tell(f"         NMI {found.nmi:.3f}   ARI {found.ari:.3f}   purity {found.purity:.3f}")
    if result.words:
        words = result.words
        tell(f"Words    {words.texts:,} texts, {words.images:,} images")
        tell(f"         R@1 {words.recall_at_1:.3f}   R@5 {words.recall_at_5:.3f}   R@10 {words.recall_at_10:.3f}")


def _tell_searches(result: Assessment) -> None:
    from imagefinder.evaluation.retrievals import TITLES

    for one in result.searches:
        asked = f"{one.queries:,} {'query' if one.queries == 1 else 'queries'}"
        tell(f"{TITLES[one.kind]}: {asked} among {one.images:,} images")
        for name in SHOWN if one.queries else ():
            found = one.measures[name]
            tell(f"  {name:<13}{found.mean:.3f}   {found.low:.3f} to {found.high:.3f}")
        if one.order:
            tell(f"  liked before disliked  {one.order.mean:.3f}   {one.order.low:.3f} to {one.order.high:.3f}")
        for cut in (one.cut, one.sure_cut, one.best_cut):
            if cut:
                tell(f"  cut ({cut.by}): F1 {cut.f1:.3f}   precision {cut.precision:.3f}   recall {cut.recall:.3f}")
                if cut.nothing is not None:
                    tell(f"    nothing said rightly {cut.nothing:.3f}, wrongly {cut.wrongly_nothing:.3f}")
        if one.worst:
            tell(f"  worst: {one.worst[0].shown}")
