"""Patterns of ignore files, as git reads them (gitignore(5)), matched in time that grows with the product of the
lengths of pattern and path: nothing is tried twice, whatever the pattern.

A path is matched folder by folder. Of ``**`` the first place that fits is taken, and of ``*`` inside a name as well:
what stands between two of them matches a fixed number of folders or characters, so no later place could do better.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

LONGEST = 1000  # characters of a pattern
BELOW, ITSELF = 1, 2  # a pattern names a folder above, or this very path; the latter weighs more
_CLASSES = {
    "alnum": "a-zA-Z0-9", "alpha": "a-zA-Z", "blank": " \\t", "cntrl": "\\x00-\\x1f\\x7f", "digit": "0-9",
    "graph": "!-~", "lower": "a-z", "print": " -~", "punct": "!-/:-@\\[-`{-~", "space": "\\s", "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}  # fmt: skip


class Globs:
    """The patterns of some lines. Of those that match, the last decides. Raises ValueError for one that is none."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._patterns = [pattern for line in lines if (pattern := _pattern(line))]

    def check(self, path: str) -> bool | None:
        """Whether a path (folders end with a slash) is matched, True, or taken out again, False; None for neither."""
        if not self._patterns:
            return None
        names = path.rstrip("/").split("/")
        said, weight = None, 0
        for pattern in reversed(self._patterns):
            found = pattern.match(names, path.endswith("/"))
            if found > weight:
                said, weight = pattern.takes, found
            if weight == ITSELF:
                break
        return said


class _Pattern(NamedTuple):
    """``groups`` of names, between which any folders may stand; the first one at the start of the path if
    ``anchored``. ``inside`` is for what lies in a matching folder only, with the weight of such a match."""

    takes: bool
    groups: list[list[re.Pattern[str] | str]]
    anchored: bool
    inside: int = 0

    def match(self, names: Sequence[str], folder: bool) -> int:
        """BELOW, ITSELF, or 0 for no match."""
        if not self.groups:
            return (self.inside if len(names) > 1 or folder else 0) if self.inside else ITSELF
        at = 0
        for i, group in enumerate(self.groups[:-1]):
            place = self._place(group, names, at, only=self.anchored and not i)
            if place is None:
                return 0
            at = place + len(group)
        last, only = self.groups[-1], self.anchored and len(self.groups) == 1
        end = len(names) - len(last)
        if not self.inside and not folder and end >= at and (not only or end == 0) and _fits(last, names, end):
            return ITSELF
        place = self._place(last, names if folder else names[:-1], at, only=only)
        return 0 if place is None else self.inside or BELOW

    @staticmethod
    def _place(group: list[re.Pattern[str] | str], names: Sequence[str], at: int, only: bool) -> int | None:
        """The first place from ``at`` on where a group fits, or that place only."""
        places = range(at, len(names) - len(group) + 1)
        return next((place for place in places[: 1 if only else None] if _fits(group, names, place)), None)


def _fits(group: Sequence[re.Pattern[str] | str], names: Sequence[str], place: int) -> bool:
    return all(
        name == part if isinstance(part, str) else part.fullmatch(name)
        for part, name in zip(group, names[place : place + len(group)], strict=True)
    )


def _pattern(line: str) -> _Pattern | None:
    """The pattern of a line; None for a comment, an empty line, and what git passes over."""
    text = line if line.endswith("\\ ") else line.rstrip()
    if not text or text.startswith("#") or text == "/":
        return None
    if len(text) > LONGEST:
        raise ValueError(f"it has {len(text):,} characters, and {LONGEST:,} are allowed: {text[:40]!r}...")
    takes, text = not text.startswith("!"), text.removeprefix("!")
    parts = text.split("/")
    of_folders = not parts[-1]
    if not parts[0]:
        parts = parts[1:]
    elif len(parts) == 1 or (len(parts) == 2 and of_folders):
        parts = ["**", *parts]
    if not parts:
        raise ValueError(f"Invalid git pattern: {line!r}")
    if not parts[-1]:
        parts[-1] = "**"
    parts = [part for i, part in enumerate(parts) if not (i and part == parts[i - 1] == "**")]
    if parts == ["**", "*"]:
        return _Pattern(takes, [], False)
    inside = (BELOW if of_folders else ITSELF) if parts[-1] == "**" and (len(parts) > 1 or of_folders) else 0
    try:
        groups: list[list[re.Pattern[str] | str]] = [[]]
        for part in parts:
            groups.append([]) if part == "**" else groups[-1].append(_name(part))
    except LookupError:  # a bracket that is never closed
        return None
    return _Pattern(takes, [group for group in groups if group], parts[0] != "**", inside)


def _name(part: str) -> re.Pattern[str] | str:
    """What matches one name. Raises LookupError for an open bracket, and ValueError for a backslash at the end."""
    pieces, plain, at = [""], True, 0
    while at < len(part):
        char = part[at]
        at += 1
        if char == "*":
            pieces.append("")
        elif char == "[":
            found, at = _bracket(part, at)
            pieces[-1] += found
        elif char == "?":
            pieces[-1] += "."
        else:
            if char == "\\":
                if at == len(part):
                    raise ValueError(f"Invalid git pattern: nothing follows the backslash of {part!r}")
                char, at = part[at], at + 1
            pieces[-1] += re.escape(char)
            continue
        plain = False
    if plain:
        return re.sub(r"\\(.)", r"\1", part, flags=re.DOTALL)
    first, *others = pieces
    middle = "".join(f"(?>.*?{piece})" for piece in others[:-1] if piece)
    return re.compile(first + middle + (f".*{others[-1]}" if others else ""), re.DOTALL)


def _bracket(part: str, at: int) -> tuple[str, int]:
    """The regular expression of a bracket that begins before ``at``, and where it ends. Raises LookupError."""
    start = at = at + 1 if part[at : at + 1] in ("!", "^") else at
    negated, inside = part[start - 1] in "!^", ""
    while part[at] != "]" or at == start:
        if found := re.compile(r"\[:(\w+):\]").match(part, at):
            inside, at = inside + _CLASSES.get(found[1], ""), found.end()
            continue
        low, at = _char(part, at)
        high = low
        if part[at] == "-" and part[at + 1] != "]":
            high, at = _char(part, at + 1)
        if low <= high:
            inside += f"{re.escape(low)}-{re.escape(high)}"
    if not inside:
        return ("." if negated else "(?!)"), at + 1
    return f"[{'^' if negated else ''}{inside}]", at + 1


def _char(part: str, at: int) -> tuple[str, int]:
    return (part[at + 1], at + 2) if part[at] == "\\" else (part[at], at + 1)
