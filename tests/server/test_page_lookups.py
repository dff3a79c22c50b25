"""Names that come from data (columns, labels, folders) are looked up by the page where nothing else answers to them,
not in a plain object, which also has a ``constructor`` and a ``__proto__``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from test_page_modules import COMMENT, SCRIPTS

LOOKED_UP = re.compile(r"\b([A-Za-z_]\w*)(?:\?\.)?\[(?![0-9\"'`\]\-])")
PLAIN = r"\b(?:const|let)\s+{}\s*=\s*(?:\{{|Object\.fromEntries\()"


def plain_lookups(code: str) -> list[str]:
    """The plain objects of a module that are looked into by a name that is not written there."""
    code = COMMENT.sub("", code)
    names = dict.fromkeys(LOOKED_UP.findall(code))
    return [name for name in names if re.search(PLAIN.format(re.escape(name)), code)]


@pytest.mark.parametrize("path", sorted(SCRIPTS.rglob("*.js")), ids=lambda path: path.relative_to(SCRIPTS).as_posix())
def test_nothing_is_looked_up_in_a_plain_object(path: Path) -> None:
    found = set(plain_lookups(path.read_text("utf-8"))) - ALLOWED.get(path.relative_to(SCRIPTS).as_posix(), set())
    assert not found, f"make a table() or a Map of: {', '.join(sorted(found))} (page/js/table.js)"


ALLOWED = {  # looked up by names that the module itself has, and by keys that somebody pressed
    "search/facets.js": {"clauses"},
    "duplicates/list.js": {"keys"},
    "groups/chart.js": {"steps"},
}


def test_a_plain_object_is_found() -> None:
    assert plain_lookups("const NAMES = { a: 1 };\nexport const name = (of) => NAMES[of] ?? of;\n") == ["NAMES"]
    assert plain_lookups("const by = Object.fromEntries(rows);\nby?.[row.id];\n") == ["by"]
    assert plain_lookups('const NAMES = table({ a: 1 });\nNAMES[of];\nconst one = { a: 1 };\none["a"];\n') == []
