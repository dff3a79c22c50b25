"""One page about a collection: what is in it, how it groups, where everything lies, how well search works.

    python examples/collection_report.py FOLDER [--labels labels.csv] [--out OUT] [-n 100]

Index the images, find how many principal components keep 95 % of the variance, cluster with k-means in that space, draw
PCA and t-SNE maps, look inside each group, and, with a table of filename and label, measure clusters and search. The
result is OUT/report.html, with its pictures inside.
"""

from __future__ import annotations

import argparse
import base64
import html
import time
from pathlib import Path
from typing import Any

from imagefinder import ImageFinder
from imagefinder.images.grid import html_grid
from imagefinder.plots.colours import colour_by
from imagefinder.plots.scatter import plot_scatter
from imagefinder.plots.variance import plot_variance

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
img { max-width: 100%; } table { border-collapse: collapse; } td, th { padding: .2rem .8rem .2rem 0; text-align: left; }
td.n { text-align: right; font-variant-numeric: tabular-nums; } h2 { margin-top: 2.5rem; }
"""


class Report:
    """A page that grows from top to bottom."""

    def __init__(self, title: str) -> None:
        self._parts = [f"<h1>{html.escape(title)}</h1>"]

    def say(self, heading: str, text: str) -> None:
        print(f"{heading}: {text}")
        self._parts.append(f"<h2>{html.escape(heading)}</h2><p>{html.escape(text)}</p>")

    def draw(self, path: Path) -> None:
        data = base64.b64encode(path.read_bytes()).decode()
        self._parts.append(f'<p><img alt="{html.escape(path.stem)}" src="data:image/png;base64,{data}"></p>')

    def add(self, markup: str) -> None:
        self._parts.append(markup)

    def save(self, path: Path) -> None:
        head = f"<meta charset=utf-8><title>Collection report</title><style>{STYLE}</style>"
        path.write_text(f"<!doctype html>{head}{''.join(self._parts)}", encoding="utf-8")


def report_variance(finder: ImageFinder, page: Report, out: Path) -> int:
    variance = finder.pca_report()
    plot_variance(variance, path=out / "variance.png")
    kept = variance.components_for(0.95)
    page.say("Dimensions", f"{kept} of {variance.dim} principal components keep 95 % of the variance.")
    page.draw(out / "variance.png")
    return kept


def report_clusters(finder: ImageFinder, page: Report, wanted: int) -> None:
    made = finder.cluster(wanted, method="kmeans", features="pca:0.95")
    scores = made.scores
    error = f" ± {scores['silhouette_error']:.3f}" if scores["silhouette_error"] > 0 else ""  # 0: all images measured
    page.say(
        "Groups",
        f"k-means found {len(made.clusters)} groups; silhouette {scores['silhouette']:.3f}{error}, "
        f"Davies-Bouldin {scores['davies_bouldin']:.2f}.",
    )
    rows = "".join(
        f"<tr><td class=n>{c.label}<td>{html.escape(c.name)}<td class=n>{c.size:,}<td class=n>{c.tightness:.2f}"
        f"<td class=n>{'' if c.stability is None else format(c.stability, '.2f')}"
        for c in made.clusters
    )
    page.add(f"<table><tr><th>label<th>name<th>images<th>tightness<th>stability{rows}</table>")
    for cluster in made.clusters[:5]:
        shown = [finder.get(id) for id in cluster.representatives]
        page.add(f"<h3>{html.escape(cluster.name)}</h3>" + html_grid([(r.uri, "", "") for r in shown]))


def report_maps(finder: ImageFinder, page: Report, out: Path) -> None:
    colours = {r.id: r.extra.get("cluster_name") for r in finder.records()}
    for method, name in (("pca", "PCA"), ("tsne", "t-SNE")):
        started = time.perf_counter()
        made = finder.map(method)
        seconds = time.perf_counter() - started
        path = out / f"map-{method}.png"
        plot_scatter(made.coordinates, path=path, colouring=colour_by([colours[id] for id in made.ids], "group"))
        page.say(f"{name} map", f"Each dot is an image, each colour a group. Made in {seconds:.0f} s.")
        page.draw(path)


def report_quality(finder: ImageFinder, page: Report, labels: Path) -> None:
    found = finder.evaluate(labels)
    assert found.labels and found.clusters, "the table needs a column label"
    page.say(
        "Evaluation",
        f"Search: recall@1 {found.labels.recall_at_1:.3f}, MAP@R {found.labels.map_at_r:.3f} over "
        f"{found.labels.classes} labels. Groups: NMI {found.clusters.nmi:.3f}, adjusted Rand index "
        f"{found.clusters.ari:.3f}, purity {found.clusters.purity:.3f}.",
    )


def report_searches(finder: ImageFinder, page: Report) -> None:
    clusters: Any = finder.clusters
    page.say("Inside a group", "The images most like the typical one of the five largest groups, from the same group.")
    for cluster in clusters[:5]:
        hits = finder.similar(cluster.medoid, k=8, same_cluster=True)
        page.add(f"<h3>{html.escape(cluster.name)}, {hits.took_ms:.0f} ms</h3>" + hits._repr_html_())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--labels", type=Path, help="CSV with the columns filename and label")
    parser.add_argument("--out", type=Path, default=Path("collection-report"))
    parser.add_argument("-n", "--n-clusters", type=int, default=100)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    page = Report(f"Report on {options.folder}")
    with ImageFinder.open(options.out / "index") as finder:
        done = finder.add(options.folder)
        page.say("Images", f"{done.total:,} images, {len(done.skipped)} could not be used; {done.seconds:.0f} s.")
        report_variance(finder, page, options.out)
        report_clusters(finder, page, min(options.n_clusters, max(2, len(finder) // 3)))
        report_maps(finder, page, options.out)
        if options.labels:
            report_quality(finder, page, options.labels)
        report_searches(finder, page)
    page.save(options.out / "report.html")
    print(f"Written: {options.out / 'report.html'}")


if __name__ == "__main__":
    main()
