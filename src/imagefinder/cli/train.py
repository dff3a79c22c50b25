"""``imagefinder train`` and ``predict``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from imagefinder.cli.bar import ProgressBar, StageLines
from imagefinder.cli.common import (
    FILE,
    NOTHING_FOUND,
    OK,
    PLACE,
    index_option,
    json_option,
    open_finder,
    plural,
    print_json,
    say,
    say_skipped,
    tell,
    there,
)
from imagefinder.cli.finetune import autoencoder, finetune_classifier, leave_out_encoder, unfreeze_options

if TYPE_CHECKING:
    from imagefinder.training.report import Training

Command = TypeVar("Command", bound=Callable[..., Any])


@click.group()
def train() -> None:
    """Train new spaces from labels, feedback or captions.

    Each result is a model of this index with a space of its own, measured before and after on images that it was not
    trained on: imagefinder spaces list|use|drop.
    """


train.add_command(autoencoder)


def _common(command: Command) -> Command:
    for option in (
        click.option("--space", metavar="NAME", help="Space or model to start from.  [default: the one in use]"),
        click.option("--name", metavar="NAME", help="Name of the new model and its space."),
        click.option("--use", is_flag=True, help="Search in the new space from now on."),
        click.option("--seed", default=0, show_default=True, help="The same seed gives the same model."),
        index_option,
        json_option,
    )[::-1]:
        command = option(command)
    return command


def _table(name: str, columns: str, required: bool = True) -> Callable[[Command], Command]:
    return click.option(
        f"--{name}",
        required=required,
        type=FILE,
        help=f"CSV with the columns {columns}.",
    )


by_option = click.option(
    "--by", metavar="FIELD", help="Labels from a field: folder, tags, cluster_name, a table's column ..."
)


@train.command()
@_table("labels", "filename and label", required=False)
@by_option
@click.option("--feedback", is_flag=True, help="Also learn from the likes and dislikes of search hits.")
@click.option("--method", "methods", multiple=True, metavar="NAME", help="Try only this one; may be repeated.")
@_common
def adapter(index_dir: Path | str | None, as_json: bool, **options: Any) -> int:
    """Fit the space to a few labels per class, on the stored vectors: seconds, no GPU.

    Several methods, and the space as it is, are compared by cross-validation; the best is kept and named. Ten labels
    per class make a difference, often five do; label every class you care about.
    Exit code 1: nothing was better, and no model was made.
    """
    return _run(index_dir, as_json, "train_adapter", options)


@train.command()
@_table("labels", "filename and label", required=False)
@by_option
@click.option("--hidden", default=64, show_default=True, type=click.IntRange(2, 4096), help="Width of the new space.")
@click.option(
    "--held-out",
    default=0.25,
    show_default=True,
    type=click.FloatRange(0, 0.9),
    help="Share of each class to measure on. The model kept is then trained on all.",
)
@unfreeze_options
@_common
def classifier(index_dir: Path | str | None, as_json: bool, unfreeze: int | None, **options: Any) -> int:
    """Train a classifier on the stored vectors, whose hidden layer is a space to search in.

    It predicts classes with their confidence: imagefinder predict.

    With --unfreeze, the last stages of the encoder are trained too, on the pictures themselves; the share held out is
    then not trained on at all. That needs PyTorch, pip install 'imagefinder[train]', and the options about the encoder
    are for it alone. If it is interrupted, the same command continues after the last complete epoch.
    """
    if unfreeze is not None:
        return finetune_classifier(index_dir, as_json, unfreeze, options)
    leave_out_encoder(options)
    return _run(index_dir, as_json, "train_classifier", options)


@train.command()
@_table("captions", "filename and caption", required=False)
@_common
def words(index_dir: Path | str | None, as_json: bool, **options: Any) -> int:
    """Improve search by text with captions: those of a table, where an image may have several, or those that the
    images have in the index.

    At least twenty captioned images are needed; hundreds are better. Exit code 1: nothing was better, and no model was
    made.
    """
    return _run(index_dir, as_json, "train_words", options)


@click.command()
@click.argument("images", nargs=-1, type=PLACE, callback=there, metavar="[IMAGE...]")
@click.option("--model", metavar="NAME", help="Classifier to use.  [default: the one trained last]")
@click.option("--all", "everything", is_flag=True, help="Classify every image of the index, for filters.")
@index_option
@json_option
def predict(
    images: tuple[str, ...], model: str | None, everything: bool, index_dir: Path | str | None, as_json: bool
) -> int:
    """Predict the classes of images: files, folders, tables or URLs.

    With --all, the class of every image of the index stays on its record as `class`, with `class_confidence` (0 to 1):
    imagefinder search ... --filter "class = car and class_confidence > 0.9".
    """
    if everything == bool(images):
        raise click.UsageError("Give either images or --all.")
    with open_finder(index_dir, read_only=not everything) as finder:
        if everything:
            with ProgressBar() as bar:
                report = finder.classify(model=model, progress=bar.show)
            return _say_classified(report, as_json)
        found, skipped = finder.predict(*images, model=model)
    if as_json:
        print_json({"predictions": [p.to_dict() for p in found], "skipped": [s.to_dict() for s in skipped]})
    else:
        for item in found:
            tell(f"{item.confidence:6.1%}  {item.label:<20} {item.uri}")
        if skipped:
            say(f"{plural(len(skipped), 'image')} could not be read:")
            say_skipped(skipped)
    return OK if found else NOTHING_FOUND


def _say_classified(report: Any, as_json: bool) -> int:
    if as_json:
        print_json(report.to_dict())
    else:
        tell(f"{plural(report.images, 'image')} classified by {report.model}.")
        for name, count in report.classes.items():
            tell(f"  {name:<20} {count:>7,}")
        if report.skipped:
            say_skipped(report.skipped)
    return OK if report.images else NOTHING_FOUND


def _run(index_dir: Path | str | None, as_json: bool, method: str, options: dict[str, Any]) -> int:
    progress = None if as_json else StageLines().show
    with open_finder(index_dir) as finder:
        made: Training = getattr(finder, method)(**options, progress=progress)
    if as_json:
        print_json(made.to_dict())
    else:
        _say_training(made, used=options["use"])
    return OK if made.name else NOTHING_FOUND


def _say_training(made: Training, *, used: bool) -> None:
    if made.missing:
        shown = ", ".join(made.missing[:5]) + (" ..." if len(made.missing) > 5 else "")
        say(f"{plural(len(made.missing), 'image')} of the table not in the index: {shown}")
    tell(f"{made.kind.capitalize()} from {plural(made.images, 'image')}: {made.chosen} ({made.seconds:.1f} s)")
    if made.before and made.after:
        before, after = made.before.to_dict(), made.after.to_dict()
        by = made.facts.get("measured_by", "held out")
        tell(f"Measured on {plural(made.held_out, 'image')} not trained on ({by}):")
        for name, value in before.items():
            if name.startswith(("recall", "map")):
                tell(f"  {name.replace('_', ' '):<12} {value:.3f} -> {after[name]:.3f}")
    if "accuracy" in made.facts:
        error = f"calibration error {made.facts['ece_uncalibrated']:.3f} -> {made.facts['ece']:.3f}"
        tell(f"  accuracy     {made.facts['accuracy']:.3f}   {error}")
    for note in made.notes:
        say(note)
    if made.name:
        tell(f"The space {made.name} is ready" + (", and the one in use." if used else "."))
        if not used:
            say(f"Search in it: --space {made.name}   Always: imagefinder spaces use {made.name}")
