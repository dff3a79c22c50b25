"""Which of several duplicates to keep, by an ordered list of rules, and the rule that decided."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from imagefinder._util.suggest import unknown_name
from imagefinder.types import Record

LOSSLESS, MODERN, LIMITED = ("PNG", "TIFF", "BMP", "DIB", "PPM"), ("HEIF", "JPEG2000"), ("GIF", "ICO")
COPY_NAME = re.compile(
    r"(\(\d+\)|[ _-]copy([ _-]?\d+)?|[ _-]kopie|~\d+)$|^(copy|kopie) (\(\d+\) )?(of|von) ", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Copy:
    """An image that may be kept. ``reference``: it lies in a reference folder; ``place`` counts the preferred folders,
    0 the most preferred, None for any other; ``content`` is the share of it that is not an added border or bar;
    ``shown`` the least share that it shows of what it shows together with a copy: below 1 it is cropped; ``true`` the
    share of its pixels that are not only interpolated from a smaller copy; ``along`` the files that are one picture
    with it."""

    record: Record
    reference: bool = False
    place: int | None = None
    content: float = 1.0
    shown: float = 1.0
    true: float = 1.0
    along: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """``key`` gives what is compared, larger is better; ``words`` says it of the one that is kept and the next."""

    key: Callable[[Copy], Any]
    words: Callable[[Copy, Copy], str]


def _pixels(copy: Copy) -> float:
    """Those of the picture itself. What has a border, or is enlarged, loses against what is not and has as many."""
    pixels, true = copy.record.width * copy.record.height, copy.content * copy.true
    return pixels if true == 1 else pixels * true * 0.97


def _more_pixels(a: Copy, b: Copy) -> str:
    if a.record.width * a.record.height <= b.record.width * b.record.height:
        return "the other is only enlarged" if b.true < 1 else "the other has a border or bar added"
    return f"more pixels: {a.record.width}x{a.record.height} against {b.record.width}x{b.record.height}"


def _times_more(ratio: float) -> str:
    return f"{ratio:.1f} times as much of the scene" if ratio >= 2 else f"{ratio - 1:.0%} more of the scene"


def _older(a: Copy, b: Copy) -> str:
    if a.record.mtime == b.record.mtime:
        return "older file, by less than a second"
    return f"older file: {a.record.mtime} against {b.record.mtime}"


def _format_rank(copy: Copy) -> int:
    name = copy.record.format.upper()
    return 3 if name in LOSSLESS else 2 if name in MODERN else 0 if name in LIMITED else 1


def _stem(copy: Copy) -> str:
    return copy.record.uri.replace("\\", "/").rpartition("/")[2].rpartition(".")[0]


def _names(paths: Sequence[str]) -> str:
    names = [os.path.basename(path) for path in paths]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _has_copy_name(copy: Copy) -> bool:
    return bool(COPY_NAME.search(_stem(copy)))


RULES: dict[str, Rule] = {
    "reference": Rule(lambda c: c.reference, lambda a, b: "it lies in a reference folder"),
    "whole": Rule(lambda c: round(c.shown, 2), lambda a, b: f"shows {_times_more(a.shown / b.shown)}"),
    "folder": Rule(lambda c: -c.place if c.place is not None else -(10**9), lambda a, b: "its folder is preferred"),
    "pixels": Rule(_pixels, _more_pixels),
    "format": Rule(_format_rank, lambda a, b: f"better format: {a.record.format} against {b.record.format}"),
    "set": Rule(lambda c: len(c.along), lambda a, b: f"it comes with {_names(a.along)}"),
    "date": Rule(lambda c: c.record.taken_at is not None, lambda a, b: "it knows when it was taken"),
    "bytes": Rule(lambda c: c.record.bytes, lambda a, b: f"more bytes: {a.record.bytes:,} against {b.record.bytes:,}"),
    "oldest": Rule(lambda c: -(c.record.mtime_ns or 2**63), _older),
    "name": Rule(lambda c: not _has_copy_name(c), lambda a, b: f"the other is named like a copy: {_stem(b)!r}"),
    "path": Rule(lambda c: -len(c.record.uri), lambda a, b: "shorter path"),
}
DEFAULT_RULES = tuple(RULES)


def check_rules(names: Sequence[str]) -> tuple[str, ...]:
    """The rules in the order given, the rest of the default ones after. Before all comes a reference folder, then that
    a whole is kept rather than a crop of it, unless the rules given say where that comes.

    Raises NotFoundError for a rule there isn't.
    """
    for name in names:
        if name not in RULES:
            raise unknown_name("rule", name, DEFAULT_RULES)
    first = ("reference",) if "whole" in names else ("reference", "whole")
    return tuple(dict.fromkeys((*first, *names, *DEFAULT_RULES)))


def best_first(copies: Sequence[Copy], rules: Sequence[str] = DEFAULT_RULES) -> list[int]:
    """The numbers of the duplicates, the one to keep first; of equals in every rule the first by path."""
    order = sorted(range(len(copies)), key=lambda i: copies[i].record.uri)
    return sorted(order, key=lambda i: tuple(RULES[name].key(copies[i]) for name in rules), reverse=True)


def reason(kept: Copy, others: Sequence[Copy], rules: Sequence[str] = DEFAULT_RULES) -> str:
    """The rule by which ``kept`` is better than the best of the others, in words."""
    next_best = others[best_first(others, rules)[0]]
    for name in rules:
        rule = RULES[name]
        if rule.key(kept) != rule.key(next_best):
            return rule.words(kept, next_best)
    return "first by path"
