"""Values that JSON can hold, and that every reader can read back: what is kept is checked against this before."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from imagefinder.errors import InvalidInputError

DEPTH = 32  # lists and objects within each other; what is read by others stops at some hundreds
INT64 = 2**63  # whole numbers lie below it, and not below its negative
SHOWN = 60  # characters of a value or a key that an error shows


def plain(value: Any, what: str, *, most: int) -> Any:
    """A copy of a value of texts, numbers, true, false, None, lists and objects, with tuples as lists. It has ``most``
    values, keys and characters at most, all counted together.

    Raises InvalidInputError, which says what in it can't be kept, and where: halves of characters, NUL, NaN, infinity,
    whole numbers beyond 64 bits, keys that are no text, what lies deeper than ``DEPTH``, and all else.
    """
    left = [most]
    try:
        return _copy(value, what, 0, left)
    except _TooLargeError:
        raise InvalidInputError(
            f"{what} is too large to be kept: it has more than {most:,} characters and values.",
            remedy="Leave out what need not be kept.",
        ) from None


def is_plain(value: Any) -> bool:
    """Whether ``plain`` takes a value of any size."""
    try:
        plain(value, "it", most=1 << 40)
    except InvalidInputError:
        return False
    return True


class _TooLargeError(Exception):
    pass


def _copy(value: Any, where: str, depth: int, left: list[int]) -> Any:
    left[0] -= len(value) + 1 if isinstance(value, str) else 1
    if left[0] < 0:
        raise _TooLargeError
    nul = "it holds the character NUL" if isinstance(value, str) and "\0" in value else ""
    if why := why_not(value, depth) or nul:
        raise InvalidInputError(f"{where} can't be kept: {why}.", remedy="Give texts, numbers, lists and objects.")
    if isinstance(value, list | tuple):
        return [_copy(item, f"{where}[{i}]", depth + 1, left) for i, item in enumerate(value)]
    if isinstance(value, Mapping):
        return {
            _key(k, where, depth, left): _copy(v, f"{where}.{_shown(k)}", depth + 1, left) for k, v in value.items()
        }
    return value


def _key(key: Any, where: str, depth: int, left: list[int]) -> str:
    if not isinstance(key, str):
        raise InvalidInputError(
            f"{where} can't be kept: its key {_shown(key)} is no text.", remedy="Give each value a name that is a text."
        )
    return str(_copy(key, f"A key of {where}", depth, left))


def why_not(value: Any, depth: int = 0) -> str:
    """Why a value itself, ``depth`` levels deep, is none that JSON can hold for every reader; empty where it is one.
    What is in a list or an object is not looked at."""
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, str):
        if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
            return "it holds half of a character (a lone surrogate)"
        return ""
    if isinstance(value, int):
        return "" if -INT64 <= value < INT64 else "it is a whole number beyond 64 bits"
    if isinstance(value, float):
        return "" if math.isfinite(value) else f"it is {value}, which is no number in JSON"
    if isinstance(value, list | tuple | Mapping):
        return "" if depth < DEPTH else f"it lies more than {DEPTH} lists and objects deep"
    return f"it is of the type {type(value).__name__}"


def showable(value: Any, depth: int = 0) -> Any:
    """A value that was kept before there was a check, as something near it that JSON can hold: to be shown, never to be
    kept. What lies too deep is "…", a large number its text, half of a character a question mark."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if not why_not(value, depth):
        if isinstance(value, Mapping):
            return {showable(str(k)): showable(v, depth + 1) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [showable(item, depth + 1) for item in value]
        return value
    if isinstance(value, int):
        return hex(value)
    if isinstance(value, float):
        return None
    return "…" if isinstance(value, list | tuple | Mapping) else showable(str(value))


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return str(showable(text if len(text) <= SHOWN else f"{text[:SHOWN]}…"))
