"""``imagefinder evaluate``."""

from __future__ import annotations

from pathlib import Path

import click

from imagefinder.cli.common import FILE, OK, index_option, json_option, open_finder, print_json, say, tell


@click.command()
@click.option(
    "--labels",
    required=True,
    type=FILE,
    help="CSV with the columns filename and label, caption or both.",
)
@click.option("--space", metavar="NAME", help="Space or model to measure.  [default: the one in use]")
@index_option
@json_option
def evaluate(labels: Path, space: str | None, index_dir: Path | None, as_json: bool) -> int:
    """Measure how well the index finds things, on your own labels or captions.

    Labels: every image is a query for the other images with its label. recall@1 is the share of queries whose first hit
    has the label; MAP@R is the mean average precision of the first R hits, R being the number of those images (at most
    100). Captions: the share of texts whose image is among the first 1, 5 and 10 hits. Where the images are clustered:
    how far clusters and labels agree (NMI and adjusted Rand index; 1 is full agreement).
    """
    with open_finder(index_dir, read_only=True) as finder:
        result = finder.evaluate(labels, space)
    if as_json:
        print_json(result.to_dict())
        return OK
    if result.missing:
        say(f"{result.missing} images of the table are not in the index.")
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
    return OK
