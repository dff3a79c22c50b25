"""Which shape JSON values may have, written down as values: what is read from a file of others is compared with it.

str, int, float, bool, None, object    a text, a whole number, any number, ..., anything
re.compile("[a-z]+")                   a text that matches it as a whole
frozenset({"a", "b"})                  one of these
(str, None)                            one of these shapes
[int]                                  a list of it
{"name": str, "size?": int}            an object with these keys, the last one if it is there; others are let be
{str: int}                             an object with any keys
"""

from __future__ import annotations

import math
import re
from typing import Any

WHOLE = 2**63  # whole numbers are below this, and not below its negative: what the store and NumPy hold
_WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


def check_shape(value: Any, shape: Any, where: str = "it") -> None:
    """Raise ValueError, which says where it is wrong, for a value of another shape."""
    if isinstance(shape, tuple):
        _check_any(value, shape, where)
    elif isinstance(shape, list):
        _want(isinstance(value, list), where, "a list", value)
        for i, item in enumerate(value):
            check_shape(item, shape[0], f"{where}[{i}]")
    elif isinstance(shape, dict):
        _check_object(value, shape, where)
    elif isinstance(shape, re.Pattern):
        _want(
            isinstance(value, str) and shape.fullmatch(value) is not None, where, f"a text like {shape.pattern}", value
        )
    elif isinstance(shape, frozenset):
        _want(isinstance(value, str) and value in shape, where, f"one of {', '.join(sorted(shape))}", value)
    elif shape is None:
        _want(value is None, where, "null", value)
    else:
        _want(_is(value, shape), where, _WORDS.get(shape, "something else"), value)


def _check_any(value: Any, shapes: tuple[Any, ...], where: str) -> None:
    told = None
    for shape in shapes:
        try:
            check_shape(value, shape, where)
            return
        except ValueError as error:
            told = told or error
    raise told or ValueError(f"{where} is wrong")


def _check_object(value: Any, shape: dict[Any, Any], where: str) -> None:
    _want(isinstance(value, dict), where, "an object", value)
    if str in shape:
        for key, item in value.items():
            _want(_is(key, str), where, "an object of plain keys", key)
            check_shape(item, shape[str], f"{where}.{key[:40]}")
        return
    for key, inner in shape.items():
        name = key.removesuffix("?")
        if name in value:
            check_shape(value[name], inner, f"{where}.{name}")
        elif name == key:
            raise ValueError(f"{where} has no {name!r}")


def _is(value: Any, kind: Any) -> bool:
    if kind is object:
        return True
    if kind is str:  # neither what ends a path for the system, nor half of a character, which nothing can write
        return isinstance(value, str) and "\0" not in value and not any("\ud800" <= c <= "\udfff" for c in value)
    if kind is bool:
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    if kind is int:
        return isinstance(value, int) and -WHOLE <= value < WHOLE
    return isinstance(value, int | float) and math.isfinite(value) and abs(value) < 2.0**1000


def _want(right: bool, where: str, wanted: str, value: Any) -> None:
    if not right:
        raise ValueError(f"{where} is {value!r:.80}, not {wanted}")
