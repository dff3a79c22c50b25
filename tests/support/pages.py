"""The pages of the documentation as tests read them: their blocks of code, and what a note says of each.

A note is a comment of HTML right above a block: ``<!-- run -->``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_NOTED = re.compile(r"^## ([^\n]+)$|(?:^<!-- (.+?) -->\n)?" + FENCE.pattern, re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A block of code: the section of its page, its note ("" without one), its language and its text."""

    section: str
    note: str
    language: str
    text: str


@cache
def read(path: Path) -> str:
    return path.read_text("utf-8")


def blocks(path: Path) -> list[Block]:
    """All blocks of a page, in order."""
    found, section = list[Block](), ""
    for heading, note, language, text in _NOTED.findall(read(path)):
        if heading:
            section = heading
        else:
            found.append(Block(section, note, language, text))
    return found
