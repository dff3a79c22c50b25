"""The options of a search: one list of them, and each door has them all."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import click
import pytest

from imagefinder import ImageFinder
from imagefinder.cli.search import search as command
from imagefinder.client import Client
from imagefinder.errors import InvalidFilterError, InvalidInputError
from imagefinder.mcp.tools import Tools
from imagefinder.search.options import ABOUT_OPTIONS, SearchOptions
from imagefinder.server.requests import Search
from imagefinder.store.filters.parse import Compare

NOT_FOR_AGENTS = {
    "min_score": "scores of two searches can't be compared, so an agent could only guess",
    "spaces": "an agent does not know the models of an index, and which is better at what",
    "measures": "as for spaces",
    "fuse": "as for spaces",
    "exact": "the few of a hundred that a graph may miss are not worth an agent's question",
}
OTHER_DEFAULT = {("http", "k"): 50}  # the page's first screen


def parameters(of: Callable[..., Any]) -> dict[str, Any]:
    found = {name: p.default for name, p in inspect.signature(of).parameters.items() if name not in ("self", "query")}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}


def told_of(command: Any) -> dict[str, str]:
    options = command.get_params(click.Context(command))
    return {option.name: option.help for option in options if hasattr(option, "help")}


def test_library_and_client_take_each_option_with_its_default() -> None:
    defaults = {name: about.default for name, about in ABOUT_OPTIONS.items()}
    assert parameters(ImageFinder.search) == parameters(Client.search) == defaults


def test_the_command_line_has_each_option() -> None:
    known = told_of(command)
    assert {name: known.get(name) for name in ABOUT_OPTIONS} == {name: a.help for name, a in ABOUT_OPTIONS.items()}


def test_a_request_has_each_option() -> None:
    fields = Search.model_fields
    assert set(fields) == {*ABOUT_OPTIONS, "words", "parts"}
    for name, about in ABOUT_OPTIONS.items():
        default = fields[name].get_default(call_default_factory=True)
        assert (tuple(default) if about.kind is tuple else default) == OTHER_DEFAULT.get(("http", name), about.default)
        assert fields[name].description == about.help
    assert set(Search().options()) == set(ABOUT_OPTIONS)


def test_agents_have_each_option_but_those_that_are_no_use_to_them() -> None:
    known = parameters(Tools.search)
    assert set(known) - {"words", "image", "thumbnails"} == set(ABOUT_OPTIONS) - set(NOT_FOR_AGENTS)
    for name in set(ABOUT_OPTIONS) - set(NOT_FOR_AGENTS):
        assert known[name] == ABOUT_OPTIONS[name].default


@pytest.mark.parametrize("name", ABOUT_OPTIONS)
def test_an_option_is_described_within_its_bounds(name: str) -> None:
    about = ABOUT_OPTIONS[name]
    assert about.help.endswith(".") and isinstance(about.default, about.kind | None)
    if about.least is not None:
        assert about.default >= about.least
        with pytest.raises(InvalidInputError):
            SearchOptions.of(**{name: about.least - 1})
    if about.most is not None:
        with pytest.raises(InvalidInputError):
            SearchOptions.of(**{name: about.most + 1})
    if about.choices:
        wrong = ["none of them"] if about.kind is tuple else "none of them"
        with pytest.raises(InvalidInputError):
            SearchOptions.of(**{name: wrong})


def test_options_are_made_of_what_callers_give_and_written_as_json() -> None:
    made = SearchOptions.of(3, filter="width >= 800", liked=["b", "a", "b"], spaces=["x"])
    assert made.filter == Compare("width", ">=", 800) and made.liked == ("b", "a") and made.spaces == ("x",)
    row = made.to_dict()
    assert row == {
        "k": 3,
        "filter": "width >= 800",
        "min_score": None,
        "offset": 0,
        "same_cluster": False,
        "liked": ["b", "a"],
        "disliked": [],
        "collapse": False,
        "diversity": 0.0,
        "spaces": ["x"],
        "measures": ["cosine"],
        "fuse": "mean",
        "words_in": "both",
        "explain": False,
        "each_part": False,
        "cut": None,
        "exact": False,
    }
    assert SearchOptions.of(**row) == made == SearchOptions.of(**made.keywords())


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="liked is a list"):
        SearchOptions.of(liked="a")
    with pytest.raises(InvalidInputError, match="both liked and disliked"):
        SearchOptions.of(liked=["a"], disliked=["a"])
    with pytest.raises(InvalidInputError, match="cosine"):
        SearchOptions.of(liked=["a"], measures=["euclidean"])
    with pytest.raises(InvalidInputError, match="each once"):
        SearchOptions.of(measures=["cosine", "cosine"])
    with pytest.raises(InvalidFilterError):
        SearchOptions.of(filter="width >=")
    with pytest.raises(TypeError):
        SearchOptions.of(sort="width")
