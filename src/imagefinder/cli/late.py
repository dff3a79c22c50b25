"""A group of commands, each imported when it is called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import Any

import click


class LateGroup(click.Group):
    """``places`` has for each command by its name where it is, as MODULE.NAME of this package, and the first sentence
    of its help, which the help of the group shows."""

    def __init__(self, *args: Any, places: Mapping[str, tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        self.commands = _Commands(places)
        self._said = {name: said for name, (_, said) in places.items()}

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        names = self.list_commands(context)
        wide = formatter.width - 6 - max(map(len, names))
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._short(name, wide)) for name in names])

    def _short(self, name: str, wide: int) -> str:
        shown = click.Command(name, help=self._said[name]) if name in self._said else self.commands[name]
        return shown.get_short_help_str(wide)


class _Commands(MutableMapping[str, click.Command]):
    """Commands by name."""

    def __init__(self, places: Mapping[str, tuple[str, str]]) -> None:
        self._held: dict[str, click.Command | str] = {name: place for name, (place, _) in places.items()}

    def __getitem__(self, name: str) -> click.Command:
        held = self._held[name]
        if isinstance(held, str):
            module, _, attribute = held.rpartition(".")
            found: click.Command = getattr(import_module(f"{__package__}.{module}"), attribute)
            held = self._held[name] = found
        return held

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._held[name] = command

    def __delitem__(self, name: str) -> None:
        del self._held[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)
