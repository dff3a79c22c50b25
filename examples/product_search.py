"""Products that look like this one: from a folder of photos to groups, a table and a search.

    python examples/product_search.py FOLDER [--query IMAGE] [--out OUT] [-n 10]

Step by step, as with the classic pipeline of features, elbow plot and k-means: index the folder, measure how many
groups it has (OUT/choose_k.png), train the groups (OUT/model), write who is in which (OUT/groups.csv), and show the
images most like a query, from all the folder and from the query's own group (OUT/similar.png).
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from imagefinder import ImageFinder
from imagefinder.plots import plot_choice, search_sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--query", type=Path, help="an image file; by default the most typical one of the largest group"
    )
    parser.add_argument("--out", type=Path, default=Path("product-search"))
    parser.add_argument("-n", "--n-clusters", type=int, help="by default the number suggested")
    parser.add_argument("--max-k", type=int, default=30)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)

    with ImageFinder.open(options.out / "index") as finder:
        report = finder.add(options.folder)
        print(
            f"{report.total:,} images indexed, {len(report.skipped)} skipped, {report.images_per_second:.0f} images/s"
        )

        choice = finder.choose_k(min(options.max_k, len(finder) - 1))
        plot_choice(choice, options.out / "choose_k.png")
        print(f"Suggested: {choice.suggested} groups. {choice.reason}")

        made = finder.cluster(options.n_clusters or choice.suggested, method="kmeans")
        finder.clusters.export_model(options.out / "model")
        finder.clusters.export(options.out / "groups.csv")
        for cluster in made.clusters:
            print(f"{cluster.label:>4}  {cluster.size:>6,} images  {cluster.name}")

        query = options.query or Path(finder.get(made.clusters[0].medoid).uri)
        finder.search(query, k=1)  # the first search loads the model
        started = time.perf_counter()
        everywhere = finder.search(query, k=8)
        inside = finder.search(query, k=8, same_cluster=True)
        print(f"Two searches in {1000 * (time.perf_counter() - started):.0f} ms")
        for hit in everywhere:
            print(f"{hit.rank:>4}  {hit.score:.3f}  {hit.record.extra['cluster_name']}  {hit.uri}")
        sheet = search_sheet([("Most like the query", everywhere), ("In its group", inside)])
        sheet.save(options.out / "similar.png")


if __name__ == "__main__":
    main()
