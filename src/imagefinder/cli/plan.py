"""``imagefinder plan``: what a large collection takes, before anything of it is there."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imagefinder.cli.common import (
    FILE_THERE,
    OK,
    IndexPlace,
    json_option,
    open_finder,
    print_json,
    say,
    styled,
    tell,
)

if TYPE_CHECKING:
    from imagefinder.planning import Assumptions, Plan

STORES = ("folder", "postgresql", "qdrant")
QUANTIZATIONS = ("none", "halfvec", "int8", "binary")
UNITS = {"k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9}
SPACES_OF_MEASURED = 2
SAMPLE = 1000  # records of an index whose files are looked at


class Amount(click.ParamType[float]):
    """A number of things, also as 1e8, 100M or 2.5k."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        text = str(value).strip().replace(",", "").replace("_", "").lower()
        unit = UNITS.get(text[-1:], 1.0)
        try:
            number = float(text[:-1] if unit > 1 else text) * unit
        except ValueError:
            self.fail(f"{value!r} is no number. Write 100000000, 1e8 or 100M.", param, ctx)
        if not math.isfinite(number) or number <= 0:
            self.fail(f"{value!r} is not above 0.", param, ctx)
        return number


AMOUNT = Amount()


@click.command()
@click.option("--images", type=AMOUNT, metavar="N", help="How many images: 100000000, 1e8 or 100M.")
@click.option(
    "--store", type=click.Choice(STORES), default="qdrant", show_default=True, help="Where the index is to be."
)
@click.option(
    "--quantization",
    type=click.Choice(QUANTIZATIONS),
    help="How the searched vectors are kept.  [default: none; halfvec in PostgreSQL]",
)
@click.option("--model", help="default or fast; another one needs --dims and --embed-ms.  [default: default]")
@click.option("--dims", type=click.IntRange(1, 65_536), help="Dimensions of the model's vectors, all of them searched.")
@click.option(
    "--embed-ms", type=AMOUNT, metavar="MS", help="Milliseconds of one core for an image, from file to vector."
)
@click.option("--image-bytes", type=AMOUNT, metavar="N", help="Bytes of an image file.  [default: 200k]")
@click.option(
    "--replicas", type=click.IntRange(1, 100), help="Copies of each shard, at least.  [default: 2; a folder has 1]"
)
@click.option("--qps", type=AMOUNT, default=20.0, show_default=True, metavar="N", help="Searches a second.")
@click.option(
    "--p95", type=AMOUNT, default=200.0, show_default=True, metavar="MS", help="What 95 of 100 searches may take."
)
@click.option("--hours", type=AMOUNT, default=8.0, show_default=True, metavar="N", help="Hours for the first indexing.")
@click.option("--gpu", is_flag=True, help="Embed with GPUs.")
@click.option("--prices", type=FILE_THERE, metavar="FILE", help="TOML or JSON with prices and other assumptions.")
@click.option(
    "--index",
    "index_dir",
    type=IndexPlace(file_okay=False),
    metavar="PLACE",
    help="Take spaces and bytes of this index.",
)
@json_option
def plan(as_json: bool, prices: Path | None, index_dir: Path | str | None, **options: Any) -> int:
    """Say what a large collection takes: machines, memory, disk, hours, money, waiting.

    \b
      imagefinder plan --images 1e8 --store qdrant --quantization int8 --gpu
      imagefinder plan --images 10M --store postgresql --qps 50 --p95 100
      imagefinder plan --images 1e9 --prices prices.toml --json

    It reads nothing but what you give it. Sizes and times come from indexes of up to a million images that were
    measured; prices, machines and networks are assumed (--json lists all assumptions; --prices FILE says other ones).
    Each line says which it is: measured, assumed, or from both.
    """
    from imagefinder.planning import Assumptions, Wanted, make_plan, read_assumptions

    assumed = read_assumptions(prices) if prices else Assumptions()
    made = make_plan(Wanted(**_wanted(options, index_dir)), assumed)
    if as_json:
        print_json(made.to_dict())
        return OK
    _show(made, assumed)
    return OK


def _wanted(options: dict[str, Any], index_dir: Path | str | None) -> dict[str, Any]:
    """The fields of a ``Wanted`` that the user or an index says."""
    from imagefinder.planning import Space

    of_index = _of_index(index_dir) if index_dir is not None else {}
    dims = options["dims"]
    given = {
        "images": options["images"],
        "store": options["store"],
        "model": options["model"] or ("of your own" if dims else None),
        "spaces": (Space(dims, dims),) if dims else None,
        "embed_ms": options["embed_ms"],
        "image_bytes": options["image_bytes"],
        "quantization": options["quantization"],
        "replicas": options["replicas"],
        "queries_per_second": options["qps"],
        "p95_ms": options["p95"],
        "hours": options["hours"],
        "gpu": options["gpu"],
    }
    wanted = of_index | {name: value for name, value in given.items() if value is not None}
    if "images" not in wanted:
        raise click.UsageError("Missing option '--images'.")
    return wanted


def _of_index(place: Path | str) -> dict[str, Any]:
    """What an index says of images, model and files. The spaces of a model that was measured are those that it has in
    a large index: a small one searches the vectors as they are."""
    from imagefinder.planning import Space
    from imagefinder.planning.wanted import ALIASES

    with open_finder(place, read_only=True) as finder:
        about = finder.info()
        sizes = [record.bytes for record in finder.list(k=SAMPLE)[0] if record.bytes]
    spaces = tuple(Space(space["dim"], space["searched_dim"] or space["dim"]) for space in about.spaces.values())
    usual = about.model in ALIASES and len(spaces) == SPACES_OF_MEASURED
    return {
        **({"images": about.images} if about.images else {}),
        **({"image_bytes": sum(sizes) / len(sizes)} if sizes else {}),
        **({"model": about.model} if about.model else {}),
        **({} if usual else {"spaces": spaces}),
    }


def _show(made: Plan, assumed: Assumptions) -> None:
    from imagefinder.planning.assumptions import STATED
    from imagefinder.planning.measured import measured
    from imagefinder.planning.report import sections, title

    tell(styled(title(made), bold=True))
    for name, lines in sections(made).items():
        tell()
        tell(name)
        for line in lines:
            tell(f"  {line.name:<40}  {line.text:<44}  {line.basis}")
    if made.warnings:
        tell()
        tell("Mind")
        for warning in made.warnings:
            tell(f"  - {warning}")
    machine = measured()["machine"]
    when = f"{measured()['date']} on {machine['cores']} cores, {machine['cpu']}"
    say(f"Measured {when}. Prices, of {STATED}, are assumed and no quotes.")
