"""Payloads as Qdrant keeps them: beside the fields of a record stand its words, as the tokeniser of all stores numbers
them. So Qdrant, which knows neither our stop words nor our endings, counts the same words as every other store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from imagefinder.store.fields import json_path
from imagefinder.store.words import numbers_of, said_in

SAID = ":words"  # no column of a table is called so
PATH = f'"{SAID}"'
STATE = ":state"  # changes whenever the words do
OWN = (SAID, STATE)


def spelt_words(text: str) -> list[str]:
    """The words of a text, as they are stored and asked for."""
    return [f"{n:x}" for n in numbers_of(text)]


def words_in(payload: Mapping[str, Any]) -> list[str]:
    """The words of all texts of a record, a line for each text."""
    return [line for line in (" ".join(spelt_words(text)) for text in said_in(payload)) if line]


def stored(payload: Mapping[str, Any], state: str) -> dict[str, Any]:
    """A payload as it is stored."""
    return {**payload, SAID: words_in(payload), STATE: state}


def given(payload: Mapping[str, Any] | None, fields: Sequence[str] | None = None) -> dict[str, Any]:
    """A payload as it was given to be stored; of it these fields, None for all."""
    return {
        name: value for name, value in (payload or {}).items() if name not in OWN and (fields is None or name in fields)
    }


def selector(fields: Iterable[str] | None) -> Any:
    """Qdrant's selection of these fields; all but our own if it can't name one of them."""
    from qdrant_client import models

    paths = None if fields is None else [json_path(field) for field in fields]
    if paths is None or None in paths:
        return models.PayloadSelectorExclude(exclude=[f'"{name}"' for name in OWN])
    return models.PayloadSelectorInclude(include=[path for path in paths if path]) if paths else False
