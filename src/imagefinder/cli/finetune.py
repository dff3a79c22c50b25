"""``imagefinder train autoencoder``, and what ``imagefinder train classifier --unfreeze`` does: both need PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from imagefinder.cli.bar import ProgressBar
from imagefinder.cli.common import (
    FILE,
    INTERRUPTED,
    OK,
    PLACE,
    index_option,
    json_option,
    open_finder,
    plural,
    print_json,
    say,
    tell,
)

if TYPE_CHECKING:
    from imagefinder.training.report import Training
    from imagefinder.training.torch.bench import EncoderOptions
    from imagefinder.training.torch.loop import Schedule
    from imagefinder.types import OnProgress

Command = TypeVar("Command", bound=Callable[..., Any])

STAGES = 2  # trained by --unfreeze when it names no number

ENCODER_OPTIONS = (
    click.option("--encoder", default="default", metavar="NAME", show_default=True,
                 help="default, a model of the Hugging Face Hub such as microsoft/resnet-50, or a folder with one."),
    click.option("--size", type=int, default=224, show_default=True, help="Side of the pictures, in pixels."),
    click.option("--batch", type=int, default=32, show_default=True, help="Pictures per batch."),
    click.option("--lr", type=float, default=1e-3, show_default=True,
                 help="Learning rate of new layers; the encoder's own get a tenth."),
    click.option("--patience", type=int, default=4, show_default=True,
                 help="Epochs without a better loss on the images held out, until it stops."),
    click.option("--restart", is_flag=True, help="Forget an interrupted training of this name."),
)  # fmt: skip


def encoder_options(epochs: int) -> Callable[[Command], Command]:
    """The options of a training that needs PyTorch; ``split_options`` reads them."""

    def add(command: Command) -> Command:
        command = click.option(
            "--epochs", type=int, default=epochs, show_default=True, help="Most passes over the images."
        )(command)
        for option in reversed(ENCODER_OPTIONS):
            command = option(command)
        return command

    return add


def unfreeze_options(command: Command) -> Command:
    """``--unfreeze`` and what belongs to it."""
    return click.option(
        "--unfreeze",
        type=int,
        is_flag=False,
        flag_value=STAGES,
        metavar="[N]",
        help=f"Train the last N stages of the encoder too ({STAGES} if not said).",
    )(encoder_options(epochs=10)(command))


def leave_out_encoder(options: dict[str, Any]) -> None:
    """Take the options of a training that needs PyTorch out of ``options``."""
    for name in ("encoder", "size", "batch", "lr", "patience", "restart", "epochs"):
        options.pop(name)


def split_options(options: dict[str, Any], unfreeze: int | None) -> tuple[EncoderOptions, Schedule]:
    """Take those options out of ``options``."""
    from imagefinder.training.torch import require_torch

    require_torch()
    from imagefinder.training.torch.bench import EncoderOptions
    from imagefinder.training.torch.loop import Schedule

    encoder = EncoderOptions(options.pop("encoder"), options.pop("size"), unfreeze)
    return encoder, Schedule(**{name: options.pop(name) for name in ("epochs", "batch", "lr", "patience", "seed")})


@click.command()
@click.argument("source", required=False, type=PLACE)
@index_option
@encoder_options(epochs=20)
@click.option("--latent", type=int, default=256, show_default=True, help="Dimension of the vectors.")
@click.option(
    "--output",
    type=click.Choice(["latent", "pooled"]),
    default="latent",
    show_default=True,
    help="Vectors to search by: the latent, or the encoder's features below it.",
)
@click.option("--pixels", type=float, default=1.0, show_default=True, help="Weight of the loss on pixels.")
@click.option(
    "--features",
    type=float,
    default=1.0,
    show_default=True,
    help="Weight of the loss on the untrained encoder's features.",
)
@click.option("--unfreeze", type=int, metavar="N", help="Train only the last N stages of the encoder.  [default: all]")
@click.option("--freeze-encoder", is_flag=True, help="Leave the encoder as it is; train only the layers on top.")
@click.option(
    "--labels",
    type=FILE,
    help="CSV with the columns filename and label, to measure the search before and after.",
)
@click.option("--name", help="Name of the model and its space.  [default: autoencoder]")
@click.option("--use", is_flag=True, help="Search in the new space from now on.")
@click.option("--seed", type=int, default=0, show_default=True)
@json_option
def autoencoder(
    source: str | None,
    index_dir: Path | str | None,
    unfreeze: int | None,
    freeze_encoder: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Train an autoencoder, on the images of SOURCE (a folder, a table) or else on those of the index.

    Its encoder becomes a model with its own space in the index. Needs PyTorch: pip install
    'imagefinder[train]'. Ctrl-C or a crash loses only the current epoch; the same command continues from there. Plots
    of the loss and of reconstructed pictures are saved in the model's folder.
    """
    if freeze_encoder and unfreeze:
        raise click.UsageError("--freeze-encoder and --unfreeze exclude each other.")
    encoder, schedule = split_options(options, 0 if freeze_encoder else unfreeze)
    from imagefinder.training.torch.autoencoder import AutoencoderOptions

    rest = {name: options.pop(name) for name in ("labels", "name", "use", "restart")}
    wanted = AutoencoderOptions(encoder, schedule, **options)
    with open_finder(index_dir, create=source is not None) as finder:
        result = run_training(lambda show: finder.train_autoencoder(source, options=wanted, progress=show, **rest))
    return tell_training(result, rest["use"], as_json)


def finetune_classifier(index_dir: Path | str | None, as_json: bool, unfreeze: int, options: dict[str, Any]) -> int:
    """``imagefinder train classifier --unfreeze``."""
    if options.pop("space") is not None:
        raise click.UsageError("--space and --unfreeze exclude each other: it begins with --encoder.")
    encoder, schedule = split_options(options, unfreeze)
    from imagefinder.training.torch.classifier import FinetuneOptions

    wanted = FinetuneOptions(encoder, schedule, options.pop("hidden"))
    labels, by, share = options.pop("labels"), options.pop("by"), options.pop("held_out")
    with open_finder(index_dir) as finder:
        result = run_training(
            lambda show: finder.finetune_classifier(
                labels, by=by, options=wanted, share=share, progress=show, **options
            )
        )
    return tell_training(result, options["use"], as_json)


def run_training(train: Callable[[OnProgress], Training]) -> Training:
    """Show how far a training is, a bar for each stage; Ctrl-C stops it."""
    bar = ProgressBar()
    try:
        return train(bar.show)
    except KeyboardInterrupt:
        bar.close()
        say("Stopped; the same command goes on after the last whole epoch.")
        raise click.exceptions.Exit(INTERRUPTED) from None
    finally:
        bar.close()


def tell_training(result: Training, used: bool, as_json: bool) -> int:
    """What came of a training that needs PyTorch."""
    if as_json:
        print_json(result.to_dict())
        return OK
    facts = result.facts
    if facts["skipped"]:
        say(f"{plural(len(facts['skipped']), 'image')} could not be read:")
        for item in facts["skipped"][:20]:
            say(f"  skipped {item['uri']}: {item['reason']}")
    went_on = f" (went on after {facts['resumed_after']})" if facts["resumed_after"] else ""
    tell(f"Trained  {result.chosen} of {facts['epochs']}{went_on}, on {plural(result.images, 'image')}")
    for part, words in (("train", "trained on"), ("held", "held out")):
        losses = "   ".join(f"{name} {value:.4f}" for name, value in facts["losses"][part].items())
        tell(f"         {words:<10} {losses}")
    for when, scores in (("Before", result.before), ("After", result.after)):
        if scores is not None:
            found = scores.to_dict()
            tell(f"{when:<8} recall@1 {found['recall_at_1']:.3f}   MAP@R {found['map_at_r']:.3f}")
    tell(f"Model    {result.name}, in {facts['folder']} ({result.seconds:.0f} s)")
    for note in result.notes:
        say(note)
    if not used and not result.notes:
        name = result.name
        say(f"Search with it: imagefinder search ... --space {name}; for good: imagefinder spaces use {name}")
    return OK
