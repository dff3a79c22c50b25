"""``imagefinder spaces``: the models of an index side by side."""

from __future__ import annotations

from pathlib import Path

import click

from imagefinder.cli.common import OK, index_option, json_option, open_finder, plural, print_json, say, tell


@click.group()
def spaces() -> None:
    """List, choose or remove the vectors of several models in one index.

    \b
      imagefinder index --model fast        add the vectors of another model
      imagefinder spaces list
      imagefinder spaces use fast           search with it from now on
      imagefinder spaces drop default       remove the vectors of a model
    """


@spaces.command("list")
@index_option
@json_option
def list_(index_dir: Path | str | None, as_json: bool) -> int:
    """List the spaces of the index, how many images are in each, and which are in use."""
    with open_finder(index_dir, read_only=True) as finder:
        found, total = finder.spaces(), len(finder)
    if as_json:
        print_json({"spaces": [space.to_dict() for space in found], "images": total})
        return OK
    for space in found:
        use = {"image": "pictures", "words": "words"}
        used = "in use for " + " and ".join(use[role] for role in space.current) if space.current else ""
        there = f"{space.images:,} of {total:,}" if space.images < total else f"{total:,}"
        tell(f"{space.name:<28} {space.dim:>5} dimensions  {there:>10} images  {used}".rstrip())
        if space.broken:
            tell(f"  broken: {space.broken}")
            tell(f"  Remove it with: imagefinder spaces drop {space.model}, then train it again.")
    if not found:
        say("The index has no vectors yet.")
    return OK


@spaces.command()
@click.argument("name")
@index_option
@json_option
def use(name: str, index_dir: Path | str | None, as_json: bool) -> int:
    """Use a space, or all spaces of a model, in searches that name none.

    Clusters and maps stay as they are until they are made again.
    """
    with open_finder(index_dir) as finder:
        finder.use_space(name)
        found = [space for space in finder.spaces() if space.current]
    if as_json:
        print_json({"spaces": [space.to_dict() for space in found]})
    say(f"In use: {', '.join(space.name for space in found)}")
    return OK


@spaces.command()
@click.argument("name")
@index_option
@json_option
def drop(name: str, index_dir: Path | str | None, as_json: bool) -> int:
    """Remove the vectors of a model; a model trained on this index is deleted for good."""
    with open_finder(index_dir) as finder:
        before = {space.name for space in finder.spaces()}
        finder.drop_space(name)
        gone = sorted(before - {space.name for space in finder.spaces()})
    if as_json:
        print_json({"dropped": gone})
    say(f"{plural(len(gone), 'space')} removed: {', '.join(gone)}")
    return OK
