"""The tokens of the page's design: what style sheets may use, and that what is written can be read."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

import imagefinder.server

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import docs_tokens

PAGE = Path(imagefinder.server.__file__).parent / "page"
SHEETS = [path for path in sorted((PAGE / "css").glob("*.css")) if path.name not in ("tokens.css", "docs.css")]
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
LITERAL = re.compile(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl|oklch)a?\(")
RADIUS = re.compile(r"border(?:-\w+)*-radius:\s*([^;]+);")
FONT = re.compile(r"font-size:\s*([^;]+);")
SIDED = re.compile(
    r"(?:^|[;{\s])(?:(?:scroll-)?(?:margin|padding|border)-(?:left|right)(?:-\w+)?"
    r"|border-(?:top|bottom)-(?:left|right)-radius|left|right)\s*:"
    r"|\b(?:text-align|float|clear)\s*:\s*(?:left|right)\b"
)
FOUR = re.compile(r"(?<![-\w])(?:margin|padding|inset|border-width|scroll-margin|scroll-padding)\s*:\s*([^;]+);")
IN_PICTURES = {  # rules of what lies on a picture, a map or a diagram: left is left there in every language
    ".map-axis.across": "the axis at the map's lower edge",
    ".map-axis.up": "the axis at the map's left edge",
    ".map-card": "put beside the pointer by a translation",
    ".stage-picture": "moved and zoomed by a transformation",
    ".box-corner.sw": "a corner of the box on a picture",
    ".box-side.w": "the left side of the box on a picture",
    ".box-corner.se": "a corner of the box on a picture",
    ".box-side.e": "the right side of the box on a picture",
    ".box-side.s": "the lower side of the box on a picture",
}
INKS = {
    "ink": ("ground", "surface", "sunken", "hover", "accent-soft"),
    "ink-2": ("ground", "surface", "sunken", "hover"),
    "accent-ink": ("accent",),
    "accent-text": ("ground", "surface", "accent-soft"),
    "danger-ink": ("danger",),
    "danger": ("surface", "danger-soft"),
    "good": ("surface", "good-soft"),
    "warn": ("surface", "warn-soft"),
}
EDGES = {"accent": ("ground", "surface"), "line-strong": ("ground", "surface")}


def luminance(colour: str) -> float:
    """Of ``#rrggbb`` (WCAG 2.2, relative luminance)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_is_written_can_be_read(theme: str) -> None:
    values = {name: value for name, (value, _) in {**docs_tokens.light(), **getattr(docs_tokens, theme)()}.items()}
    for least, pairs in ((4.5, INKS), (3.0, EDGES)):
        for ink, grounds in pairs.items():
            for ground in grounds:
                assert contrast(values[ink], values[ground]) >= least, (ink, ground)
    assert contrast(values["on-picture"], values["picture-ground"]) >= 4.5
    assert contrast(values["mark-ink"], values["mark"]) >= 4.5


def test_dark_is_the_same_by_the_system_and_by_choice() -> None:
    assert docs_tokens.tokens(':root:not([data-theme="light"])') == docs_tokens.dark()


@pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.name)
def test_style_sheets_use_tokens_only(path: Path) -> None:
    text = COMMENT.sub("", path.read_text("utf-8"))
    lines = [line.strip() for line in text.splitlines() if "--swatch:" not in line]  # the colours that filters are for
    assert [line for line in lines if LITERAL.search(line)] == []
    for pattern, fine in (
        (RADIUS, r"[\s/]+|0|50%|inherit|var\(--[\w-]+\)|calc\(var\(--touch\) / 2 \+ [24]px\)"),
        (FONT, r"var\(--[\w-]+\)|inherit|1rem|0\.92em"),
    ):
        found = [value for value in pattern.findall(text) if re.sub(fine, "", value)]
        assert found == [], pattern.pattern


def sided(text: str) -> list[str]:
    """The rules of a style sheet that know left from right, by their last selector."""
    found = []
    for selectors, body in re.findall(r"([^{};]+)\{([^{}]*)\}", COMMENT.sub("", text)):
        values = [re.findall(r"(?:[^\s()]|\((?:[^()]|\([^()]*\))*\))+", one) for one in FOUR.findall(body)]
        uneven = any(len(parts) == 4 and parts[1] != parts[3] for parts in values)
        if SIDED.search(body) or uneven:
            found.append(selectors.split(",")[-1].strip())
    return found


@pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.name)
def test_style_sheets_read_from_either_side(path: Path) -> None:
    assert [one for one in sided(path.read_text("utf-8")) if one not in IN_PICTURES] == []


def test_a_rule_that_knows_left_from_right_is_found() -> None:
    for body in (
        "left: 0",
        "margin-right: 2px",
        "text-align: left",
        "padding: 1px 2px 3px calc(4px + (1px))",
        "float:right",
    ):
        assert sided(f"a, .b {{ {body}; }}") == [".b"]
    for body in ("inset-inline-start: 0", "margin: 0 calc(1px + 2px) 0 calc(1px + 2px)", "text-align: start"):
        assert sided(f".b {{ {body}; }}") == []


def test_it_can_be_installed() -> None:
    manifest = json.loads((PAGE / "manifest.webmanifest").read_text("utf-8"))
    assert {"name", "start_url", "display", "icons"} <= manifest.keys()
    assert manifest["start_url"] == manifest["scope"] == "./"  # also below a path of a proxy
    for icon in manifest["icons"]:
        assert (PAGE / icon["src"]).is_file()
    assert manifest["background_color"] == docs_tokens.light()["ground"][0]
    page = (PAGE / "index.html").read_text("utf-8")
    assert 'rel="manifest" href="/manifest.webmanifest"' in page
    for theme in ("light", "dark"):
        ground = getattr(docs_tokens, theme)()["ground"][0]
        assert f'<meta name="theme-color" content="{ground}" media="(prefers-color-scheme: {theme})">' in page
