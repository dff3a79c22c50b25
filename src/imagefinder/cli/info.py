"""``imagefinder info``, ``models`` and ``doctor``: what there is and what works here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from imagefinder import settings
from imagefinder.cli.common import FAILED, OK, human_bytes, index_option, json_option, open_finder, plural, print_json


@click.command()
@index_option
@json_option
def info(index_dir: Path | None, as_json: bool) -> int:
    """What the index holds: images, sources, model, spaces, size on disk."""
    with open_finder(index_dir) as finder:
        about = finder.info()
    if as_json:
        print_json(about.to_dict())
        return OK
    click.echo(f"Index    {about.path}")
    click.echo(f"Images   {about.images:,}  ({human_bytes(about.bytes)} on disk)")
    click.echo(f"Model    {about.model or 'none yet'}")
    for name, space in about.spaces.items():
        dims = f"{space['dim']} dimensions, {space['searched_dim'] or 0} searched"
        click.echo(f"Space    {name}: {dims}{_used(space['current'])}")
    for source in about.sources:
        click.echo(f"Source   {source['uri']}  (last indexed {source['last_indexed'] or 'never'})")
    return OK


def _used(roles: list[str]) -> str:
    names = {"image": "pictures", "words": "words"}
    return f" (in use for {' and '.join(names[role] for role in roles)})" if roles else ""


@click.group()
def models() -> None:
    """The models there are."""


@models.command("list")
@json_option
def list_(as_json: bool) -> int:
    """List the models."""
    from imagefinder.models.names import list_models

    rows = [_model_row(spec) for spec in list_models()]
    if as_json:
        print_json({"models": rows})
        return OK
    for row in rows:
        size = human_bytes(row["bytes"])
        click.echo(f"{row['name']:<18} {row['alias']:<8} {size:>8}  {row['licence']:<11} {row['title']}")
    return OK


@models.command("info")
@click.argument("name")
@json_option
def model_info(name: str, as_json: bool) -> int:
    """All that is known of one model: spaces, preprocess, licence, origin, checksums."""
    from imagefinder.models.names import find_spec

    row = _model_row(find_spec(name), whole=True)
    if as_json:
        print_json(row)
        return OK
    for key, value in row.items():
        click.echo(f"{key:<12} {_flat(value)}")
    return OK


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{k}: {_flat(v)}" for k, v in value.items())
    return ", ".join(map(_flat, value)) if isinstance(value, (list, tuple)) else str(value)


def _model_row(spec: Any, whole: bool = False) -> dict[str, Any]:
    row: dict[str, Any] = spec.summary()
    return row | spec.details() if whole else row


@click.command()
@index_option
@json_option
def doctor(index_dir: Path | None, as_json: bool) -> int:
    """What works here: versions, processors, models, image formats, disk. Exit 3 if something does not."""
    from imagefinder.checkup import checkup

    checks = checkup(index_dir or settings.default_index())
    if as_json:
        print_json({"ok": all(c.ok for c in checks), "checks": [c.to_dict() for c in checks]})
    else:
        for check in checks:
            mark = click.style("ok", fg="green") if check.ok else click.style("NO", fg="red")
            click.echo(f"{mark}  {check.name:<10} {check.found}")
            if check.remedy:
                click.echo(f"    {'':<10} {check.remedy}")
        bad = sum(not c.ok for c in checks)
        click.echo("Everything works." if not bad else f"{plural(bad, 'thing')} to mend.")
    return OK if all(c.ok for c in checks) else FAILED
