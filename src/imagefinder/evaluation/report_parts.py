"""The style of the report of an assessment, and its figures: each is text or SVG that needs nothing from outside."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from imagefinder.evaluation.chance import Interval
from imagefinder.evaluation.comparison import Difference

STYLE = """
:root{--ink:#1b1b1f;--faint:#5f6368;--line:#dadce0;--paper:#fff;--soft:#f4f5f7;--good:#188038;--bad:#c5221f;
--blue:#1a56c4}
@media(prefers-color-scheme:dark){:root{--ink:#e8eaed;--faint:#a5abb3;--line:#3c4043;--paper:#17181b;--soft:#222428;
--good:#81c995;--bad:#f28b82;--blue:#8ab4f8}}
*{box-sizing:border-box}body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:0}
main{max-width:1000px;margin:0 auto;padding:32px 20px 80px}h1{font-size:28px;line-height:1.2;margin:0 0 4px}
h2{font-size:21px;margin:48px 0 8px;padding-top:24px;border-top:1px solid var(--line)}
h3{font-size:16px;margin:28px 0 8px}
p{margin:8px 0;max-width:72ch}.faint{color:var(--faint)}.small{font-size:13px}.lead{font-size:18px}
svg{min-width:560px;max-width:100%;height:auto;display:block}
svg text{fill:var(--ink);font-size:13px}svg .faint{fill:var(--faint)}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:5px 12px 5px 0;border-bottom:1px solid var(--line);overflow-wrap:anywhere}
td:first-child{min-width:13ch}th{font-size:13px;font-weight:600;color:var(--faint);overflow-wrap:normal}td.n,th.n{text-align:right;white-space:nowrap}
meter{width:90px;height:9px;vertical-align:middle}.row{display:flex;gap:10px;flex-wrap:wrap;align-items:flex-start}
.query{margin:20px 0;padding:14px;background:var(--soft);border-radius:10px}.query h4{margin:0 0 4px;font-size:15px;
overflow-wrap:anywhere}figure{margin:0;width:120px}figure img,figure em{width:120px;height:120px;object-fit:contain;
display:block;border-radius:6px;border:3px solid var(--line);background:var(--paper)}
figure em{font-size:12px;padding:8px;
color:var(--faint);overflow:hidden}.right img,.right em{border-color:var(--good)}
.wrong img,.wrong em{border-color:var(--bad)}
figcaption{font-size:12px;color:var(--faint);overflow-wrap:anywhere}.right figcaption b{color:var(--good)}
.wrong figcaption b{color:var(--bad)}.asked{padding-right:10px;border-right:1px solid var(--line)}
.best{padding-left:10px;border-left:1px solid var(--line)}
.note{border-left:4px solid var(--blue);padding:6px 14px;background:var(--soft);border-radius:0 8px 8px 0}
details{margin:10px 0}summary{cursor:pointer;color:var(--blue)}dt{font-weight:600}dd{margin:0 0 6px}
"""
WIDE, LEFT, RIGHT, STEP = 720, 120, 560, 28  # of a figure: its width, where its bars begin and end, a row's height


def share(value: float) -> str:
    """A share of 1 as people read it."""
    return f"{100 * value:.1f} %"


def percent(value: float | None) -> str:
    """The same; "–" where there is none."""
    return "–" if value is None else share(value)


def bars(measures: Mapping[str, Interval], label: str) -> str:
    """Each measure as a bar with the ends of its interval."""
    rows = []
    for i, (name, found) in enumerate(measures.items()):
        y = 26 + STEP * i
        end, low, high = (LEFT + (RIGHT - LEFT) * v for v in (found.mean, found.low, found.high))
        rows.append(
            f'<text x="{LEFT - 10}" y="{y + 5}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="{LEFT}" y="{y - 8}" width="{max(end - LEFT, 0.5):.1f}" height="16" rx="3" '
            f'fill="var(--blue)" opacity=".55"/>'
            f'<path d="M{low:.1f} {y}H{high:.1f}M{low:.1f} {y - 5}v10M{high:.1f} {y - 5}v10" '
            f'stroke="var(--ink)" fill="none"/>'
            f'<text x="{RIGHT + 12}" y="{y + 5}">{found.mean:.3f} '
            f'<tspan class="faint">{found.low:.3f}–{found.high:.3f}</tspan></text>'
        )
    return _figure(rows, len(measures), label, [(v / 4, f"{v / 4:g}") for v in range(5)])


def differences(measures: Mapping[str, Difference], label: str) -> str:
    """Each difference as a point with its interval, about the line of no difference in the middle."""
    most = max([abs(v) for d in measures.values() for v in (d.low, d.high, d.difference)] + [1e-3]) * 1.1

    def x(value: float) -> float:
        return LEFT + (RIGHT - LEFT) * (value / most + 1) / 2

    rows = []
    for i, (name, found) in enumerate(measures.items()):
        y = 26 + STEP * i
        colour = "var(--faint)" if found.p >= 0.05 else "var(--good)" if found.difference > 0 else "var(--bad)"
        rows.append(
            f'<text x="{LEFT - 10}" y="{y + 5}" text-anchor="end">{escape(name)}</text>'
            f'<path d="M{x(found.low):.1f} {y}H{x(found.high):.1f}" stroke="{colour}" stroke-width="3"/>'
            f'<circle cx="{x(found.difference):.1f}" cy="{y}" r="5" fill="{colour}"/>'
            f'<text x="{RIGHT + 12}" y="{y + 5}">{found.difference:+.3f}</text>'
        )
    return _figure(rows, len(measures), label, [(0, f"{-most:.3f}"), (0.5, "0"), (1, f"{most:+.3f}")])


def _figure(rows: list[str], count: int, label: str, ticks: list[tuple[float, str]]) -> str:
    foot = 26 + STEP * count - 8
    lines = "".join(
        f'<path d="M{(x := LEFT + (RIGHT - LEFT) * at):.1f} 10V{foot}" stroke="var(--line)"/>'
        f'<text class="faint" x="{x:.1f}" y="{foot + 16}" text-anchor="middle">{text}</text>'
        for at, text in ticks
    )
    height = foot + 24
    return (
        f'<div class="scroll" tabindex="0"><svg viewBox="0 0 {WIDE} {height}" width="{WIDE}" '
        f'height="{height}" role="img" aria-label="{escape(label)}">{lines}{"".join(rows)}</svg></div>'
    )


def meter(value: float) -> str:
    """A share as a short bar beside its figure."""
    return f'<meter value="{value:.3f}" aria-hidden="true"></meter> {value:.3f}'
