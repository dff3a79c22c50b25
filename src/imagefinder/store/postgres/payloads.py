"""Payloads as the database keeps them, and what their texts spell.

``jsonb`` can't hold the character NUL, and writes large floats as whole numbers; both are written so that they come
back as they were. Beside each payload stands what Python makes of its texts, so that SQL compares with nothing else:
the numbers ("n") and instants ("d") that they spell, the texts without case ("f") where that is more than ``lower``
does, and their words ("w"), by field.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from imagefinder.store.filters.dates import instant
from imagefinder.store.filters.predicate import as_number, elements
from imagefinder.store.words import ANY, file_name, numbers_of, said_in, spelt

_HIDE = str.maketrans({"\x00": "\x01\ufdd0", "\x01": "\x01\ufdd1"})  # keeps their order
_LOWER = str.maketrans({chr(c): chr(c + 32) for c in range(ord("A"), ord("Z") + 1)})
_HALF = re.compile("[\ud800-\udfff]")
_EXACT = 2**53  # from here on the shortest digits of a float may be those of another whole number
_ENDLESS = "1" + "0" * 400  # what a text of too many digits spells: more than a filter can hold


def hidden(text: str) -> str:
    """A text as the database keeps it. Halves of characters, which a filter may hold and no payload, become what none
    holds either."""
    if not text.isascii():
        text = _HALF.sub("\ufdd2", text)
    return text.translate(_HIDE) if "\x00" in text or "\x01" in text else text


def shown(value: Any) -> Any:
    """What ``hidden`` made of the texts in a value, undone."""
    if isinstance(value, str):
        return value.replace("\x01\ufdd0", "\x00").replace("\x01\ufdd1", "\x01")
    if isinstance(value, list):
        return [shown(item) for item in value]
    if isinstance(value, dict):
        return {shown(key): shown(item) for key, item in value.items()}
    return value


def to_json(payload: Mapping[str, Any]) -> str:
    """A checked payload as JSON for the database."""
    import orjson

    return orjson.dumps(_kept(payload)).decode()


def from_json(text: Any) -> Any:
    """JSON of the database, str or bytes, as it was given."""
    import orjson

    value = orjson.loads(text)
    return shown(value) if (b"\\u0001" if isinstance(text, bytes | bytearray) else "\\u0001") in text else value


def number(value: int | float) -> str:
    """A number as JSON that compares as it does."""
    if isinstance(value, int):
        return str(value)
    if math.isinf(value):
        return _ENDLESS if value > 0 else f"-{_ENDLESS}"
    return repr(value) if abs(value) < _EXACT else f"{Decimal(value):f}.0"


def _kept(value: Any) -> Any:
    if isinstance(value, str):
        return hidden(value)
    if isinstance(value, float) and abs(value) >= _EXACT:
        import orjson

        return orjson.Fragment(number(value))
    if isinstance(value, list):
        return [_kept(item) for item in value]
    if isinstance(value, Mapping):
        return {hidden(key): _kept(item) for key, item in value.items()}
    return value


def spelt_in(payload: Mapping[str, Any]) -> str:
    """What the texts of a payload spell, as JSON by kind and field."""
    import orjson

    found: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for field in payload:
        texts = _texts(payload, field)
        folded = {text.casefold() for text in texts} - {text.translate(_LOWER) for text in texts}
        _put(
            found,
            hidden(field),
            n=[orjson.Fragment(number(n)) for n in map(as_number, texts) if n is not None],
            d=[at for at in map(instant, texts) if at is not None],
            f=[hidden(text) for text in sorted(folded)],
            w=words(texts),
        )
    names = (spelt(file_name(uri)) for uri in _texts(payload, "uri"))
    _put(found, "name", w=words([*_texts(payload, "name"), *names]))
    _put(found, ANY, w=words(said_in(payload)))
    return orjson.dumps(found).decode()


def words(texts: Iterable[str]) -> str:
    """The words of texts, each between two spaces, so that those that follow each other can be looked for; a line for
    each text. Empty where there are none."""
    lines = [" ".join(f"{n:x}" for n in numbers_of(text)) for text in texts]
    return "\n".join(f" {line} " for line in lines if line)


def said(payload: Mapping[str, Any]) -> Counter[int]:
    """How often the texts of a payload say each word."""
    return Counter(signed(n) for text in said_in(payload) for n in numbers_of(text))


def signed(word: int) -> int:
    """A word's number, of 32 bits, as the database's ``int`` holds it."""
    return word - 2**32 if word >= 2**31 else word


def _texts(payload: Mapping[str, Any], field: str) -> list[str]:
    return [text for text in elements(payload, field) if isinstance(text, str)]


def _put(found: Mapping[str, dict[str, Any]], field: str, **kinds: Any) -> None:
    for kind, value in kinds.items():
        if value:
            found[kind][field] = value
