"""Each enumeration is written down once: whatever else needs its members asks it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import get_args

import pytest
from annotated_types import MaxLen

from imagefinder.duplicates.decisions import Decision
from imagefinder.duplicates.matching.tiers import Tier
from imagefinder.quality.issues import Issue
from imagefinder.results import MAYBE, SURELY
from imagefinder.search.ends import COUNTED
from imagefinder.search.options import Fuse, Measure
from imagefinder.server.requests import Query

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "imagefinder"
PAGE = PACKAGE / "server" / "page" / "js"
ENUMERATIONS = {  # their members, and the module that says them
    "tiers": ([tier.value for tier in Tier], "duplicates/matching/tiers.py"),
    "decisions": ([decision.value for decision in Decision], "duplicates/decisions.py"),
    "issues": ([issue.value for issue in Issue], "quality/issues.py"),
    "fusions": (list(get_args(Fuse)), "search/options.py"),
    "measures": (list(get_args(Measure)), "search/options.py"),
}


def said(node: ast.AST) -> set[str]:
    """The texts that a tuple, a list, a set, the keys or the values of a dictionary, a ``Literal[...]``, or the body of
    a class spell out."""
    parts: Iterable[ast.AST | None] = ()
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        parts = node.elts
    elif isinstance(node, ast.Dict):
        parts = (*node.keys, *node.values)
    elif isinstance(node, ast.ClassDef):
        parts = (statement.value for statement in node.body if isinstance(statement, ast.Assign))
    return {part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)}


def lists_of(members: Iterable[str], code: str) -> Iterator[int]:
    """The lines where all members are spelled out together."""
    wanted = set(members)
    for node in ast.walk(ast.parse(code)):
        if wanted <= said(node):
            yield getattr(node, "lineno", 0)


@pytest.mark.parametrize("name", ENUMERATIONS)
def test_each_enumeration_is_in_one_place(name: str) -> None:
    members, home = ENUMERATIONS[name]
    found = [
        path.relative_to(PACKAGE).as_posix()
        for path in sorted(PACKAGE.rglob("*.py"))
        for _ in lists_of(members, path.read_text("utf-8"))
    ]
    assert found == [home]


@pytest.mark.parametrize(
    "code",
    [
        'TIERS = ("a", "b")',
        'x = click.Choice(["b", "a"])',
        'known = {"a", "b", "c"}',
        'Tier = Literal["a", "b"]',
        'def f(tier: Annotated[Literal["b", "a"], 3]) -> None: ...',
        'words = {"a": "first", "b": "second"}',
        'class Tier(StrEnum):\n    A = "a"\n    B = "b"',
    ],
)
def test_a_second_list_is_found(code: str) -> None:
    assert list(lists_of(["a", "b"], code))
    assert not list(lists_of(["a", "z"], code))


KEYS, ITEMS = r'"?([\w-]+)"?: ', r'"([^"]+)"'


@pytest.mark.parametrize(
    ("name", "file", "pattern", "member"),
    [
        ("tiers", "duplicates/words.js", r"TIERS = \[(.*?)\]", ITEMS),
        ("decisions", "texts/en/duplicates.js", r"decided: \{(.*?)\}", KEYS),
        ("decisions", "duplicates/deciding.js", r"WORDS = table\(\{(.*?)\}", KEYS),
        ("fusions", "texts/en/filters.js", r"fuses: \{(.*?)\}", KEYS),
        ("measures", "searching.js", r"MEASURES = \[(.*?)\]", ITEMS),
    ],
)
def test_the_page_has_words_for_each_member_and_no_other(name: str, file: str, pattern: str, member: str) -> None:
    """The page ranks tiers by their order, so that is the same too."""
    found = re.search(pattern, (PAGE / file).read_text("utf-8"), re.DOTALL)
    assert found is not None
    words, members = re.findall(member, found[1], re.MULTILINE), ENUMERATIONS[name][0]
    assert set(words) == set(members) and (name != "tiers" or words == members)


def test_the_page_has_the_bounds_of_the_library() -> None:
    code = (PAGE / "search" / "sure.js").read_text("utf-8")
    told = dict(re.findall(r"^const ([A-Z]+) = ([\d.]+);", code, re.MULTILINE))
    told.pop("LEAST")  # how much of a bar is to be seen at least
    assert {name: float(value) for name, value in told.items()} == {
        "SURELY": SURELY,
        "MAYBE": MAYBE,
        "MOST": COUNTED,
    }


def test_the_page_searches_by_as_many_pictures_as_the_server_takes() -> None:
    told = re.search(r"MOST_PARTS = (\d+);", (PAGE / "actions" / "doing.js").read_text("utf-8"))
    assert told and MaxLen(int(told[1])) in Query.model_fields["parts"].metadata
