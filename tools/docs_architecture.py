"""The picture and the table of docs/architecture.md, from the imports and docstrings of the code."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from textwrap import wrap
from xml.sax.saxutils import escape

from layout import LEVELS, PACKAGE, ROWS, Module, modules, own

EVERYWHERE = ("errors", "types", "_util", "_version")  # any part may use them, so the picture leaves them out
WIDTH, MARGIN, GAP = 1000, 8, 10  # pixels of the picture
NAME, TEXT, LINE = 15, 11.5, 15  # sizes of letters, and from one line to the next
LETTER = 6.3  # about how wide a letter of the size TEXT is
STYLE = """
  text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: #1f2328 }
  .name { font-weight: 600 } .small { fill: #57606a } .row { fill: #f6f8fa } .box { fill: #fff; stroke: #afb8c1 }
  .line { stroke: #57606a; fill: none; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .small { fill: #9da7b3 } .row { fill: #161b22 } .box { fill: #21262d; stroke: #484f58 }
    .line { stroke: #9da7b3 }
  }
"""


@cache
def parts() -> dict[str, Module]:
    """The packages and modules of the root, by name."""
    return {m.name: m for m in modules() if "." not in m.name}


def members(part: str) -> list[Module]:
    """The modules of a package, or the one module of that name."""
    return [m for m in modules() if m.top == part]


@cache
def uses(part: str) -> tuple[str, ...]:
    """The other parts that a part imports from, those of the upper rows first."""
    found = {own(name) or "" for m in members(part) for name in m.imports}
    tops = {target.partition(".")[0] for target in found} & set(LEVELS) - {part}
    return tuple(sorted(tops, key=lambda top: (-LEVELS[top], top)))


def packages() -> str:
    """A row for each part of the package: what it is and how many modules it has."""
    rows = []
    for level in ROWS[:-1]:
        for part in level:
            count = len(members(part)) - (PACKAGE / part).is_dir()
            name = f"`{part}/`" if (PACKAGE / part).is_dir() else f"`{part}`"
            rows.append(f"| {LEVELS[part] + 1} | {name} | {_summary(part)} | {count} |\n")
    return "| row | part | what it is | modules |\n|---|---|---|---:|\n" + "".join(rows)


def _summary(part: str) -> str:
    summary = parts()[part].summary
    if not summary:
        raise ValueError(f"{part} has no docstring: its first sentence says what it is.")
    return summary.replace("``", "`")


def picture() -> str:
    """An SVG of the rows of the layout, the programs at the top: each part with the parts that it uses."""
    shapes, y = [_arrow_key()], 48.0
    for level in reversed(ROWS[:-1]):
        boxes = list(_boxes(level))
        height = max(box_height for _, _, box_height, _ in boxes)
        shapes.append(f'<rect class="row" x="0" y="{y:g}" width="{WIDTH}" height="{height + 2 * MARGIN:g}" rx="8"/>')
        shapes += [_box(part, x, y + MARGIN, width, height) for part, x, _, width in boxes]
        y += height + 2 * MARGIN + GAP
    body = "\n".join(shapes)
    title = "The parts of the package imagefinder in rows; each names the parts it uses, all of them in rows below."
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y - GAP:g}" role="img">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n{body}\n</svg>\n"
    )


def _arrow_key() -> str:
    words = "Each part uses parts of lower rows only, and none of its own row."
    every = f"Not shown: {', '.join(EVERYWHERE)}, which any part may use."
    return (
        '<path class="line" d="M10 6 v26 m-5 -7 l5 7 l5 -7"/>\n'
        f'<text class="name" x="26" y="17" font-size="13">{words}</text>\n'
        f'<text class="small" x="26" y="34" font-size="{TEXT}">{every}</text>'
    )


def _boxes(level: tuple[str, ...]) -> Iterator[tuple[str, float, float, float]]:
    """Each part of a row with its left edge, height and width."""
    width = (WIDTH - MARGIN * (len(level) + 1)) / len(level)
    for i, part in enumerate(level):
        lines = len(_told(part, width))
        yield part, MARGIN + i * (width + MARGIN), 30 + LINE * lines, width


def _told(part: str, width: float) -> list[tuple[str, str]]:
    """The lines of a part's box below its name, each with its class."""
    letters = int((width - 20) / LETTER)
    used = [other for other in uses(part) if other not in EVERYWHERE]
    lines = [("", line) for line in wrap(_summary(part).replace("`", ""), letters)]
    if used:
        lines += [("small", line) for line in wrap("uses " + ", ".join(used), letters)]
    return lines


def _box(part: str, x: float, y: float, width: float, height: float) -> str:
    count = len([m for m in members(part) if m.name != part])
    side = f"{count} modules" if count else ""
    lines = [
        f'<rect class="box" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6"/>',
        f'<text class="name" x="{x + 10:g}" y="{y + 20:g}" font-size="{NAME}">{part}</text>',
        f'<text class="small" x="{x + width - 10:g}" y="{y + 20:g}" font-size="{TEXT}" text-anchor="end">{side}</text>',
    ]
    for i, (kind, line) in enumerate(_told(part, width)):
        look = f' class="{kind}"' if kind else ""
        at = y + 38 + i * LINE
        lines.append(f'<text{look} x="{x + 10:g}" y="{at:g}" font-size="{TEXT}">{escape(line)}</text>')
    return "\n".join(lines)
