"""The tokens of the page's design as tables, from tokens.css and its comments."""

from __future__ import annotations

import re
from pathlib import Path

TOKENS = Path(__file__).resolve().parents[1] / "src" / "imagefinder" / "server" / "page" / "css" / "tokens.css"
_RULE = re.compile(r"^ *(:root[^{]*?) *\{(.*?)\}", re.DOTALL | re.MULTILINE)
_TOKEN = re.compile(r"--([\w-]+): ([^;]+);(?: /\* (.*?) \*/)?")
SIZES = {"s": "space", "r": "radius", "t": "type"}


def tokens(selector: str) -> dict[str, tuple[str, str]]:
    """The tokens that the first rule with this selector sets, each with its value and what is said of it."""
    for found, body in _RULE.findall(TOKENS.read_text("utf-8")):
        if found.split(",")[0] == selector:
            return {name: (value, said) for name, value, said in _TOKEN.findall(body)}
    raise KeyError(selector)


def light() -> dict[str, tuple[str, str]]:
    return tokens(":root")


def dark() -> dict[str, tuple[str, str]]:
    return tokens(':root[data-theme="dark"]')


def table(kind: str) -> str:
    """The table of the tokens of a kind: colours, or sizes."""
    dusk = dark()
    if kind == "colours":
        coloured = {name: one for name, one in light().items() if one[0].startswith(("#", "rgb"))}
        rows = [f"| `--{n}` | `{v}` | `{dusk.get(n, (v,))[0]}` | {said} |" for n, (v, said) in coloured.items()]
        return "\n".join(["| token | light | dark | for |", "|---|---|---|---|", *rows]) + "\n"
    sized = {name: one for name, one in light().items() if one[0].endswith(("px", "rem", "ms"))}
    rows = [f"| `--{name}` | {value} | {said} |" for name, (value, said) in sized.items()]
    return "\n".join(["| token | value | for |", "|---|---|---|", *rows]) + "\n"
