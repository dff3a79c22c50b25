"""``imagefinder models``: those there are, those that can be fetched, and how they compare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imagefinder.cli.bar import ProgressBar
from imagefinder.cli.common import FILE, FOLDER, OK, human_bytes, json_option, limits, plural, print_json, say, tell

if TYPE_CHECKING:
    from imagefinder.evaluation.of_models import Compared
    from imagefinder.models.spec import ModelSpec
    from imagefinder.types import Progress

BUNDLED, HERE, AVAILABLE, DAMAGED = "bundled", "here", "to fetch", "damaged"


@click.group()
def models() -> None:
    """List, fetch and compare embedding models.

    \b
      imagefinder models list
      imagefinder models pull clip-b32
      imagefinder index --model clip-b32            an index gets its vectors, beside those it has
      imagefinder models compare default clip-b32 --images ~/Pictures

    A NAME is one of the list, hub:ORG/REPO[@REVISION][:FILE] for an ONNX model on the Hugging Face hub, or onnx:PATH
    for a folder or an .onnx file. HF_HOME, HF_TOKEN, HF_ENDPOINT and HF_HUB_OFFLINE are used.
    """


@models.command("list")
@json_option
def list_(as_json: bool) -> int:
    """List the models: those that come with ImageFinder, those pulled, and those of the catalogue."""
    rows = _rows()
    if as_json:
        print_json({"models": rows})
        return OK
    tell(f"{'NAME':<18} {'STATE':<9} {'SIZE':>8} {'DIM':>5} {'WORDS':<5}  {'LICENCE':<24} TITLE")
    for row in rows:
        size = human_bytes(row["bytes"]) if row["bytes"] else "?"
        dim = row["spaces"].get("image") or "?"
        words = "yes" if row["words"] else "no"
        name, licence = row["alias"], row["licence"][:24]
        tell(f"{name:<18} {row['state']:<9} {size:>8} {dim:>5} {words:<5}  {licence:<24} {row['title']}")
    return OK


@models.command("info")
@click.argument("name")
@json_option
def info(name: str, as_json: bool) -> int:
    """Show all that is known of one model: spaces, preprocessing, licence, origin, checksums."""
    row = _all_of(name)
    if as_json:
        print_json(row)
        return OK
    for key, value in row.items():
        tell(f"{key:<12} {_flat(value)}")
    return OK


@models.command("pull")
@click.argument("name")
@click.option("--to", type=FOLDER, metavar="DIR", help="Put it in this new folder.")
@click.option("--force", is_flag=True, help="Fetch it again, at the newest revision of that name.")
@json_option
def pull(name: str, to: Path | None, force: bool, as_json: bool) -> int:
    """Fetch a model; it then works without a network.

    Only the files it needs are fetched; their revision and checksums are kept and checked. With --to DIR it goes into
    a folder to carry to another machine, where onnx:DIR names it.
    """
    spec = _pull(name, to, force)
    if as_json:
        print_json(spec.summary() | {"folder": str(spec.folder), "source": spec.source})
        return OK
    tell(f"{spec.name} is in {spec.folder} ({human_bytes(spec.bytes)}, licence: {spec.licence}).")
    use = f"onnx:{to}" if to else spec.alias
    say(f"Use it: imagefinder index --model {use}")
    return OK


@models.command("rm")
@click.argument("name")
@json_option
def remove(name: str, as_json: bool) -> int:
    """Delete a pulled model.

    An index made with it can't be searched by text or by new images until it is pulled again.
    """
    from imagefinder.models.catalogue import in_catalogue
    from imagefinder.models.hub import PREFIX, Address
    from imagefinder.models.pulled import remove as delete

    entry = in_catalogue(name)
    word = entry.name if entry else Address.parse(name).slug if name.startswith(PREFIX) else name
    folder = delete(word)
    if as_json:
        print_json({"removed": word, "folder": str(folder)})
    say(f"{word} is deleted.")
    return OK


@models.command("compare")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--labels",
    type=FILE,
    help="CSV with the columns filename and label, caption or both.",
)
@click.option("--images", type=FOLDER, metavar="DIR", help="A folder of images.")
@click.option("--limit", type=click.IntRange(2), metavar="N", help="Use only N of the images, spread over all.")
@click.option("--workers", type=click.IntRange(1, 256), metavar="N", help="Threads.  [default: one a core]")
@json_option
def compare(
    names: tuple[str, ...],
    labels: Path | None,
    images: Path | None,
    limit: int | None,
    workers: int | None,
    as_json: bool,
) -> int:
    """Compare models on your own images: speed, size and, with --labels, search quality.

    The scores are those of `imagefinder evaluate`: with labels recall@1 and MAP@R, with captions the share of texts
    whose image is among the first 1, 5 and 10. No index is made or changed.
    """
    if (labels is None) == (images is None):
        raise click.UsageError("Give one of --labels FILE and --images DIR.")
    from imagefinder.evaluation.of_models import compare_models

    found = [ensure_here(name) for name in names]
    with ProgressBar() as bar:
        rows = compare_models(
            found,
            str(labels or images),
            workers=workers,
            limit=limit,
            limits=limits(),
            progress=bar.show,
        )
    if as_json:
        print_json({"models": [row.to_dict() for row in rows]})
        return OK
    _table(rows)
    return OK


def ensure_here(name: str) -> str:
    """Fetch (or take in) a model named by the catalogue, the hub or a path, unless it is here; its own name comes
    back."""
    from imagefinder.models.catalogue import in_catalogue
    from imagefinder.models.hub import PREFIX
    from imagefinder.models.pulled import ONNX

    if in_catalogue(name) or name.startswith((PREFIX, ONNX)):
        return _pull(name, None, False).name
    return name


def _pull(name: str, to: Path | None, force: bool) -> ModelSpec:
    from imagefinder.models.catalogue import in_catalogue
    from imagefinder.models.registry import pull_model

    entry, told = in_catalogue(name), False

    def show(progress: Progress) -> None:
        nonlocal told
        if not told:
            size = f", {human_bytes(entry.bytes)}" if entry and entry.bytes else ""
            say(f"Fetching {name} ({entry.source if entry else 'from the hub'}{size}).")
        told = True
        bar.show(progress)

    with ProgressBar("B", least=1_000_000) as bar:
        return pull_model(name, to=to, force=force, progress=show)


def _rows() -> list[dict[str, Any]]:
    from imagefinder.models.catalogue import catalogue
    from imagefinder.models.pulled import pulled_models
    from imagefinder.models.registry import list_models

    rows = [spec.summary() | {"state": BUNDLED} for spec in list_models()]
    for name, found in pulled_models().items():
        if found is not None:
            rows.append(found.summary() | {"state": HERE})
        else:
            facts = {"name": name, "alias": name, "title": f"pull it again, or: imagefinder models rm {name}"}
            rows.append(facts | {"licence": "?", "bytes": 0, "spaces": {}, "words": False, "state": DAMAGED})
    there = {row["name"] for row in rows}
    return rows + [entry.row() | {"state": AVAILABLE} for entry in catalogue() if entry.name not in there]


def _all_of(name: str) -> dict[str, Any]:
    from imagefinder.errors import NotFoundError
    from imagefinder.models.catalogue import in_catalogue
    from imagefinder.models.registry import BUNDLED as FOLDER
    from imagefinder.models.registry import find_spec

    entry = in_catalogue(name)
    try:
        spec = find_spec(name)
    except NotFoundError:
        if entry is None:
            raise
        facts = {key: getattr(entry, key) for key in ("source", "verified", "note", "files")}
        return entry.row() | {"state": AVAILABLE} | facts
    state = BUNDLED if spec.folder.parent == FOLDER else HERE
    return spec.summary() | {"state": state, "folder": str(spec.folder)} | spec.details()


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{k}: {_flat(v)}" for k, v in value.items())
    return ", ".join(map(_flat, value)) if isinstance(value, (list, tuple)) else str(value)


def _table(rows: list[Compared]) -> None:
    tell(f"{'MODEL':<28} {'IMG/S':>7} {'DIM':>5} {'SIZE':>8} {'R@1':>6} {'MAP@R':>6}  WORDS R@1 / R@5 / R@10")
    for row in rows:
        label = (f"{row.labels.recall_at_1:.3f}", f"{row.labels.map_at_r:.3f}") if row.labels else ("-", "-")
        found = row.words
        words = f"{found.recall_at_1:.3f} / {found.recall_at_5:.3f} / {found.recall_at_10:.3f}" if found else "-"
        name, rate, size = row.model, row.images_per_second, human_bytes(row.bytes)
        tell(f"{name:<28} {rate:>7.1f} {row.dim:>5} {size:>8} {label[0]:>6} {label[1]:>6}  {words}")
    if any(row.skipped for row in rows):
        say(f"{plural(max(row.skipped for row in rows), 'image')} could not be used.")
