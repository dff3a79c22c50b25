"""From a table of image URLs to groups and look-alikes, with an encoder trained on the images themselves.

    python examples/autoencoder_pipeline.py URLS.csv [--query URL] [--out OUT] [--epochs 10] [-n 10]

The classic pipeline, step by step: download the images (OUT/images), fine-tune an autoencoder on them, reduce its
features with PCA (OUT/pca.png), sort them with k-means (OUT/groups.csv, OUT/model), and find what looks most like a
query by cosine, by Euclidean distance, and by both voting (OUT/similar.png). Needs: pip install 'imagefinder[train]'.
The notebook autoencoder_pipeline.ipynb goes through the same steps.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from imagefinder import ImageFinder, Limits
from imagefinder.images.download import download_urls
from imagefinder.plots import search_sheet
from imagefinder.plots.variance import plot_variance
from imagefinder.training.torch.autoencoder import AutoencoderOptions
from imagefinder.training.torch.bench import EncoderOptions
from imagefinder.training.torch.loop import Schedule

MEASURES = {"By cosine": ["cosine"], "By Euclidean distance": ["euclidean"], "Both voting": ["cosine", "euclidean"]}


def limits() -> Limits:
    """URLs of this machine and its network are refused unless the environment allows them."""
    return Limits(allow_private_addresses=os.environ.get("IMAGEFINDER_ALLOW_PRIVATE_ADDRESSES") == "1")


def download(urls: Path, out: Path) -> Path:
    """The images in a folder; the table written beside them says where each came from."""
    report = download_urls(urls, out / "images", limits=limits())
    print(f"{report.downloaded + report.already} of {report.seen} images downloaded")
    return Path(report.manifest)


def train(finder: ImageFinder, options: AutoencoderOptions) -> None:
    """Fine-tune the encoder on the images of the index, and search by what it gives from now on."""
    result = finder.train_autoencoder(options=options, use=True)
    losses = result.facts["losses"]["held"]
    print(f"Trained {result.name}: {result.chosen}; loss of images held out {losses['loss']:.3f}")
    print("Drawn:", *result.facts["drawings"])


def sort(finder: ImageFinder, out: Path, groups: int) -> None:
    """PCA, then k-means on what it keeps; both are saved."""
    report = finder.pca_report()
    plot_variance(report, path=out / "pca.png")
    print(f"{report.components_for(0.95)} principal components keep 95% of the variance")
    made = finder.cluster(groups, method="kmeans", features="pca:0.95")
    finder.clusters.export(out / "groups.csv")
    finder.clusters.export_model(out / "model")
    for cluster in made.clusters:
        print(f"{cluster.label:>4}  {cluster.size:>6,} images  {cluster.name}")


def look_alikes(finder: ImageFinder, query: str, out: Path) -> None:
    """What looks most like the image at a URL or path, judged in three ways."""
    found = [(title, finder.search(query, k=6, measures=measures, fuse="vote")) for title, measures in MEASURES.items()]
    for title, hits in found:
        print(f"{title}:", *(Path(hit.uri).name for hit in hits))
    search_sheet(found, limits=limits()).save(out / "similar.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("urls", type=Path, help="CSV with a column of URLs")
    parser.add_argument("--query", help="URL or path of an image; by default the first of the table")
    parser.add_argument("--out", type=Path, default=Path("autoencoder-pipeline"))
    parser.add_argument("--encoder", default="default", help="or microsoft/resnet-50, or a folder with a model")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("-n", "--n-clusters", type=int, default=10)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)

    manifest = download(options.urls, options.out)
    with ImageFinder.open(options.out / "index", limits=limits()) as finder:
        finder.add(manifest)
        train(
            finder,
            AutoencoderOptions(EncoderOptions(options.encoder, options.size), Schedule(epochs=options.epochs)),
        )
        sort(finder, options.out, options.n_clusters)
        look_alikes(finder, options.query or finder.records()[0].uri, options.out)


if __name__ == "__main__":
    main()
