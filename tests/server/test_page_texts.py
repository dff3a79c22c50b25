"""What the page says stands in ``js/texts`` alone, all of it is used, and every language says all of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_page_modules import SCRIPTS

from imagefinder.server.page_files import ENTRY, page_files

TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
    |(?P<quoted>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
    |(?P<pattern>(?:(?<=[(,=:\[!&|?{};\n>])|(?<=\breturn))[ ]*
        /(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/[a-z]*)
    |(?P<template>(?:html)?`)
    |(?P<brace>[{}])
    |(?P<other>.)""",
    re.DOTALL | re.VERBOSE,
)
HOLE = "\0"  # stands for what code puts into a template
WORD = r"[A-Za-z]{2,}"
SAID = re.compile(rf"{WORD}[,:;.!?…]? [\"'“(]?{WORD}|^[A-Z][a-z]+(?:…|$|[ .:!?])|^[a-z]{{3,}} \0|\0 [a-z]{{3,}}$")
NO_WORDS = re.compile(  # a key that is pressed, a rule of CSS, a shader, a filter, a command
    r"^(?:Enter|Escape|Backspace|Delete|Home|End|Files|CSV|Polygon|ImageFinder|#version|imagefinder |has \S+$|uri >=)"
    r"|^\((?:prefers|hover)|^linear-gradient|missing = true$|\b(?:input|textarea|button)\b.*[,:]"
)
COUNTED = re.compile(r"\bcount\([^()\"]*, \"([^\"]+)\"")  # what is counted is a word, short as it is
UNSEEN = re.compile(
    r"(?:useRequest\([^`]*|\bkey = [^;]*|\bkey: |class=\"[^\"]*|class=\$\{[^}`]*)$"
)  # before a key of a request, or a class
ATTRIBUTE = re.compile(r"""([\w:.-]+)=(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
TAG = re.compile(r"<!--.*?-->|<[^<>]*?>", re.DOTALL)
SPOKEN = {"title", "aria-label", "aria-description", "placeholder", "alt", "label", "message", "remedy"}


def strings(code: str) -> Iterator[tuple[int, str, str]]:
    """The literals of a module, each with its line and kind: ``quoted``, ``template`` or ``html``."""
    yield from _code(code, 0, code)[1]


def _code(code: str, at: int, whole: str) -> tuple[int, list[tuple[int, str, str]]]:
    """What stands from ``at`` to the brace that closes it, or to the end."""
    found: list[tuple[int, str, str]] = []
    depth = 0
    while at < len(code):
        token = TOKEN.match(code, at)
        assert token is not None
        kind, text = token.lastgroup, token.group()
        line = whole.count("\n", 0, at) + 1
        unseen = UNSEEN.search(whole, whole.rfind("\n", 0, at) + 1, at)
        at = token.end()
        if kind == "quoted" and not unseen:
            found.append((line, "quoted", text[1:-1]))
        elif kind == "template":
            at, said, inner = _template(code, at, whole)
            if not unseen:
                found.append((line, "html" if text.startswith("html") else "template", said))
            found += inner
        elif kind == "brace":
            depth += 1 if text == "{" else -1
            if depth < 0:
                break
    return at, found


def _template(code: str, at: int, whole: str) -> tuple[int, str, list[tuple[int, str, str]]]:
    """The text of a template that begins at ``at``, with a hole for each expression, and the literals in those."""
    said, inner = "", []
    while code[at] != "`":
        if code.startswith("${", at):
            at, found = _code(code, at + 2, whole)
            inner += found
            said += HOLE
        elif code[at] == "\\":
            said, at = said + code[at : at + 2], at + 2
        else:
            said, at = said + code[at], at + 1
    return at + 1, said, inner


def spoken(code: str) -> list[str]:
    """The literals of a module that look like words for people, each after its line."""
    found = []
    for line, kind, text in strings(code):
        if kind == "html":
            found += [(line, one) for one in markup_words(text)]
        elif SAID.search(text) and not NO_WORDS.search(text):
            found.append((line, text))
    found += [(code.count("\n", 0, one.start()) + 1, one[1]) for one in COUNTED.finditer(code)]
    return [f"{line}: {text}" for line, text in found]


def markup_words(markup: str) -> list[str]:
    """What stands between the tags of some markup, and in the attributes that are read out or shown."""
    said = [value for tag in TAG.findall(markup) for value in _attributes(tag)]
    said += [" ".join(text.split()) for text in re.split(r"[\n]", TAG.sub("\n", markup))]
    return [text for text in said if re.search(WORD, text) and not NO_WORDS.search(text)]


def _attributes(tag: str) -> list[str]:
    return [a or b or c for name, a, b, c in ATTRIBUTE.findall(tag) if name in SPOKEN]


MODULES = [path for path in sorted(SCRIPTS.rglob("*.js")) if "texts" not in path.relative_to(SCRIPTS).parts]

ALLOWED = {  # no words of the page: the server's, a class, and the names of languages in themselves
    "components/dialog.js": {"dialog \0"},
    "language.js": {"English", "Deutsch"},
    "duplicates/geometry.js": {"border or caption bar"},
    "duplicates/words.js": {"something laid over it", "partly unlike"},
    "groups/store.js": {"take in what came"},
    "map/making.js": {"reading vectors", "sorting images", "comparing images", "laying out", "scoring the map"},
}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(SCRIPTS).as_posix())
def test_words_stand_in_the_texts(path: Path) -> None:
    name = path.relative_to(SCRIPTS).as_posix()
    said = spoken(path.read_text("utf-8"))
    assert [one for one in said if one.partition(": ")[2] not in ALLOWED.get(name, ())] == []


VIEW = re.compile(r"^  (?:async )?(\w+)(?=[:,(])|^  \.\.\.(\w+)", re.MULTILINE)


def texts_of(view: str) -> list[str]:
    """The names of the texts of a view, those too that it takes in from another file."""
    code = (SCRIPTS / "texts" / "en" / f"{view}.js").read_text("utf-8")
    names = []
    for name, other in VIEW.findall(code[code.index("export const") :]):
        names += [name] if name else texts_of(f"{view}_{other}")
    return names


def names_used(view: str, code: str) -> set[str]:
    """What a module takes of the texts of a view, by any name that it gives them."""
    aliases = [rf"texts\.{view}", *re.findall(rf"\bconst (\w+) = texts\.{view};", code)]
    whole = rf"(?:{'|'.join(rf'{alias}' for alias in aliases)})"
    used = set(re.findall(rf"\b{whole}\??\.(\w+)", code))
    for taken in re.findall(rf"\{{([^{{}}]*)\}} = texts\.{view};", code):
        used |= set(re.findall(r"\w+", taken))
    if re.search(rf"\b{whole}\[", code):  # by a name that is chosen then, and written in the same module
        used |= {text for _, kind, text in strings(code) if kind == "quoted"}
    return used


VIEWS = re.findall(r"export \{ (\w+) \}", (SCRIPTS / "texts/en/index.js").read_text("utf-8"))


@pytest.mark.parametrize("view", VIEWS)
def test_every_text_is_used(view: str) -> None:
    used = set().union(*(names_used(view, path.read_text("utf-8")) for path in MODULES))
    names = texts_of(view)
    assert len(names) == len(set(names)) > 5
    assert [name for name in names if name not in used] == []


def test_no_other_language_is_fetched_before_it_is_spoken() -> None:
    asked = page_files(again=True).modules(ENTRY)
    assert "js/texts/en/index.js" in asked
    assert [name for name in asked if name.startswith("js/texts/") and not name.startswith("js/texts/en")] == []


def test_words_outside_the_texts_are_found() -> None:
    code = """const label = `Remove ${name}`;
const key = useRequest(`words ${i}`, () => matches("input, textarea"));
const pattern = /[`"]/.test(a / b);
html`<button aria-label="Close it" class="a b" title=${title}>${texts.all.open} now</button>
  ${count(n, "image")}`;
toast("That failed.");
"""
    assert spoken(code) == [
        "1: Remove \0", "4: Close it", "4: \0 now", "6: That failed.", "5: image"
    ]  # fmt: skip
