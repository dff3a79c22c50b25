"""Checks that the arguments of the library are of the kinds that its annotations say: a wrong one is told where it was
given, not deep inside."""

from __future__ import annotations

import functools
import inspect
import math
import operator
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any, TypeVar, cast

from imagefinder._util.suggest import unknown_argument
from imagefinder._util.values import INT64
from imagefinder.errors import InvalidInputError

T = TypeVar("T")
Check = Callable[[Any], bool]
SHOWN = 120  # characters of a wrong value that an error shows


def _whole(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and -INT64 <= operator.index(value) < INT64
    except TypeError:
        return False


def _real(value: Any) -> bool:
    return _whole(value) or (isinstance(value, float) and not math.isnan(value)) or type(value).__name__ == "float32"


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _name(value: Any) -> bool:
    return isinstance(value, str | os.PathLike)


def _several(check: Check) -> Check:
    def fits(value: Any) -> bool:
        if not isinstance(value, Iterable) or isinstance(value, str | bytes | Mapping):
            return False
        return iter(value) is value or all(map(check, value))  # what can be gone over only once is left to others

    return fits


def _picture(value: Any) -> bool:
    return isinstance(value, str | bytes | os.PathLike) or hasattr(value, "mode") or _is_a("Record")(value)


def _is_a(name: str) -> Check:
    """By the name of its class, which need not be imported for this."""
    return lambda value: any(cls.__name__ == name for cls in type(value).__mro__)


def _by_id(check: Check) -> Check:
    return lambda value: isinstance(value, Mapping) and all(_text(id) and check(one) for id, one in value.items())


def _group(value: Any) -> bool:
    return isinstance(value, tuple | list) and len(value) == 2 and _text(value[0]) and _several(_text)(value[1])


KINDS: dict[str, tuple[Check, str]] = {  # by the annotation, as it is written
    "int": (_whole, "a whole number of 64 bits at most"),
    "float": (_real, "a number"),
    "str": (_text, "a text"),
    "bool": (lambda value: isinstance(value, bool) or type(value).__name__ == "bool", "true or false"),
    "ImageName": (_name, "an id, a path or a URL"),
    "Sequence[str]": (_several(_text), "a list of texts"),
    "Sequence[ImageName]": (_several(_name), "a list of ids, paths or URLs"),
    "int | str": (lambda value: _whole(value) or _text(value), "a label or a name"),
    "Sequence[ImageName] | ImageName": (lambda value: _name(value) or _several(_name)(value), "ids, paths or URLs"),
    "str | os.PathLike[str]": (_name, "a path"),
    "str | os.PathLike[str] | Record | bytes | Image": (_picture, "a path, a URL, a record, or a picture or its bytes"),
    "Sequence[str | Path | bytes | Image]": (_several(_picture), "a list of paths, URLs, pictures or their bytes"),
    "ImageName | LabelTable": (lambda value: _name(value) or _is_a("LabelTable")(value), "a path or a LabelTable"),
    "ImageName | Questions": (lambda value: _name(value) or _is_a("Questions")(value), "a path or Questions"),
    "ImageName | Pairs": (lambda value: _name(value) or _is_a("Pairs")(value), "a path or Pairs"),
    "str | Embedder": (lambda value: _text(value) or hasattr(value, "spec"), "the name of a model, or a model"),
    "Labels": (lambda value: _name(value) or _by_id(_text)(value), "a table's path, or labels by the ids of images"),
    "Captions": (lambda value: _name(value) or _by_id(_several(_text))(value), "a table's path, or captions by id"),
    "Sequence[tuple[str, Sequence[str]]]": (_several(_group), "a list of (keep, [remove, ...])"),
    "DuplicateReport | Sequence[tuple[str, Sequence[str]]]": (
        lambda value: _is_a("DuplicateReport")(value) or _several(_group)(value),
        "a report, or a list of (keep, [remove, ...])",
    ),
    **{name: (_is_a(name), f"an object of the class {name}") for name in ("Options", "Plan", "Decisions", "Path")},
    "Mapping[str, Any]": (lambda value: isinstance(value, Mapping), "a mapping of names to values"),
    "OnProgress": (callable, "a function"),
}
NONE = " | None"


def checked(cls: type[T]) -> type[T]:
    """A class whose public methods raise InvalidInputError for an argument that is not of the kind of its annotation,
    as far as ``KINDS`` has it."""
    for name, member in list(vars(cls).items()):
        if name.startswith("_"):
            continue
        if inspect.isfunction(member):
            setattr(cls, name, _method(member))
        elif isinstance(member, classmethod):
            setattr(cls, name, classmethod(_method(member.__func__)))
    return cls


def _method(do: Callable[..., T]) -> Callable[..., T]:
    signature = inspect.signature(do)
    known = {name: p for name, p in signature.parameters.items() if _base(p.annotation) in KINDS}

    @functools.wraps(do)
    def method(*args: Any, **kwargs: Any) -> T:
        given = signature.bind(*args, **kwargs).arguments  # raises TypeError as the call itself does
        for name, parameter in known.items():
            if name in given:
                value = given[name]
                for one in value if parameter.kind is parameter.VAR_POSITIONAL else (value,):
                    if one is not parameter.default:
                        check(name, one, parameter.annotation)
        return do(*args, **kwargs)

    return method


def options_of(cls: type[T], given: Mapping[str, Any]) -> T:
    """An object of a dataclass of options. Raises InvalidInputError for an option there isn't, or of another kind."""
    kinds = {field.name: str(field.type) for field in fields(cast(Any, cls))}
    for name, value in given.items():
        if name not in kinds:
            raise InvalidInputError(unknown_argument(name, kinds))
        check(name, value, kinds[name])
    return cls(**given)


def check(name: str, value: Any, annotation: str) -> None:
    """Raise InvalidInputError for a value that is not of the kind that an annotation says."""
    kind = KINDS.get(_base(annotation))
    if kind is None or (value is None and annotation.endswith(NONE)):
        return
    fits, words = kind
    if not fits(value):
        shown = repr(value)
        shown = shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"
        raise InvalidInputError(f"{name} is {words}, not {shown}.")


def _base(annotation: Any) -> str:
    """The annotation without what else may stand there."""
    text = str(annotation)
    for rest in (NONE, " | Unset"):
        text = text.replace(rest, "")
    return text
