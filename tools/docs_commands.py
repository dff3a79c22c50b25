"""The help of the commands, for the pages of the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import click

from imagefinder import settings
from imagefinder.cli import cli
from imagefinder.clusters.algorithms.methods import DEFAULT, METHODS, Method

COMMANDS = Path(__file__).resolve().parents[1] / "docs" / "commands"


def help_of(*names: str) -> str:
    """The help of each command and of those below it, as sections."""
    top = _context(cli, "imagefinder")
    return "\n".join(section for name in names for section in _sections(cli.commands[name], name, top))


def _sections(command: click.Command, name: str, parent: click.Context) -> list[str]:
    context = _context(command, name, parent)
    sections = [f"## {context.command_path}\n\n```\n{command.get_help(context).rstrip()}\n```\n"]
    if isinstance(command, click.Group):
        for child in command.commands.values():
            sections += _sections(child, child.name or "", context)
    return sections


def _context(command: click.Command, name: str, parent: click.Context | None = None) -> click.Context:
    return click.Context(command, info_name=name, parent=parent, max_content_width=100, terminal_width=100)


def tasks(*pages: str) -> str:
    """All commands by task, each linked to its help. ``pages`` are the pages of docs/commands in their order; a command
    that is on none of them, or on two, is a ``ValueError``."""
    rows, placed = [], []
    for page in pages:
        title, names = _page(page)
        placed += names
        rows += [
            f"| [{title}](commands/{page}.md) | [`{name}`](commands/{page}.md#imagefinder-{name}) "
            f"| {cli.commands[name].get_short_help_str(200)} |\n"
            for name in names
        ]
    if sorted(placed) != sorted(cli.commands):
        wrong = sorted(set(placed) ^ set(cli.commands)) or sorted(n for n in set(placed) if placed.count(n) > 1)
        raise ValueError(f"Each command belongs on one page of docs/commands; look at: {', '.join(wrong)}")
    return "| task | command | what it does |\n|---|---|---|\n" + "".join(rows)


def _page(name: str) -> tuple[str, list[str]]:
    """The title of a page of docs/commands, and the commands whose help it shows."""
    text = (COMMANDS / f"{name}.md").read_text("utf-8")
    title = text.partition("\n")[0].removeprefix("# ")
    return title, [name for shown in re.findall(r"<!-- made: help (.+?) -->", text) for name in shown.split()]


def environment() -> str:
    return "| variable | meaning |\n|---|---|\n" + "".join(f"| `{s.name}` | {s.help} |\n" for s in settings.SETTINGS)


def clusterers() -> str:
    """The table of the methods of clustering."""
    rows = (f"| {_name(name)} | {row.summary} | {_number(row)} | {_noise(row)} |\n" for name, row in METHODS.items())
    return "| `--method` | what it does | number of clusters | noise |\n|---|---|---|---|\n" + "".join(rows)


def _name(method: str) -> str:
    return f"`{method}`" + " (default)" * (method == DEFAULT)


def _number(row: Method) -> str:
    if not row.counts:
        return "found"
    return "`-n`, or that of the communities" if row.needs_count else "found, or `-n`"


def _noise(row: Method) -> str:
    return "cluster `-1`" if row.noise else "none"
