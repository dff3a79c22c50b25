"""Reading WordNet 3.0, as Debian's wordnet-base holds it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Synset(NamedTuple):
    """One meaning: its names, most usual first, its definition, the key of the first name's sense, and the meanings
    above it."""

    names: list[str]
    definition: str
    key: str
    above: list[str]

    @property
    def name(self) -> str:
        return self.names[0]


def read_nouns(path: Path) -> dict[str, Synset]:
    """Every noun synset of data.noun by its offset, such as 01440764."""
    nouns = {}
    for line in path.read_text("utf-8").splitlines():
        if line.startswith(" "):
            continue  # the licence
        facts, _, gloss = line.partition(" | ")
        fields = facts.split()
        end = 4 + 2 * int(fields[3], 16)
        names = [name.replace("_", " ") for name in fields[4:end:2]]
        definition = gloss.split(';  "')[0].split('; "')[0].strip()
        pointers = [fields[end + 1 + 4 * i : end + 3 + 4 * i] for i in range(int(fields[end]))]
        above = [offset for symbol, offset in pointers if symbol in ("@", "@i")]
        key = f"{fields[4].lower()}%1:{fields[1]}:{int(fields[5], 16):02d}::"
        nouns[fields[0]] = Synset(names, definition, key, above)
    return nouns
