"""What a server hears of the jobs of the others."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any


class Heard:
    """The signs of life of the servers that run jobs, by the clock of this one."""

    def __init__(self) -> None:
        self._since: dict[str, tuple[tuple[str | None, int], float]] = {}

    def silent(
        self, rows: Mapping[str, Mapping[str, Any]], held: Collection[str], now: float, most: float
    ) -> list[str]:
        """The ids of those jobs that run, not ``held`` by this server, whose servers gave no sign for ``most`` seconds.
        ``rows`` are the jobs on the board, ``now`` is the time in seconds by a clock that only goes on."""
        signs = {
            id: (row["server"], row["beat"]) for id, row in rows.items() if row["state"] == "running" and id not in held
        }
        before = self._since
        self._since = {
            id: before[id] if id in before and before[id][0] == sign else (sign, now) for id, sign in signs.items()
        }
        return [id for id, (_, since) in self._since.items() if now - since > most]

    def forget(self) -> None:
        """Begin to listen anew: who could not hear knows nothing of silence."""
        self._since.clear()
