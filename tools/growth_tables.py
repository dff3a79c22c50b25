"""The tables of growth: of everything, by benchmarks/growth.py, of the page, by benchmarks/page_growth.py, and of first
looks, by benchmarks/first_looks.py."""

from __future__ import annotations

import sys
from typing import Any

from benchmark_tables import RESULTS, result, table

sys.path.insert(0, str(RESULTS.parent))
import growth_rows


def growth() -> str:
    """A row for each thing that is done: seconds of a processor and memory by the number of images, and the exponent;
    in brackets what they were before."""
    measured = result("growth")
    now, before = (measured.get(label, {"rows": {}, "exponents": {}}) for label in ("now", "before"))
    sizes = sorted({n for code in (now, before) for row in code["rows"].values() for n in row}, key=int)
    rows = []
    for name, (title, aim, _) in growth_rows.ROWS.items():
        cells = [_beside(*(_cell(code["rows"].get(name, {}).get(n)) for code in (now, before))) for n in sizes]
        fitted = _beside(*(_text(code["exponents"].get(name)) for code in (now, before)))
        rows.append([title, *cells, fitted, aim])
    head = ["what", *(f"{int(n):,} images" for n in sizes), "exponent", "aim at 1,000,000"]
    said = "Seconds of a processor, and MB of memory that no file backs, at the peak; in brackets as it was before."
    return f"{table(head, rows)}\n{said}\n"


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _beside(now: str, before: str) -> str:
    return f"{now} ({before})".strip() if before else now


def _cell(of: dict[str, Any] | None) -> str:
    if of is None:
        return ""
    if "over_s" in of:
        return f"over {of['over_s']:.0f} s"
    return "failed" if "failed" in of else f"{_seconds(of['cpu_s'])}, {of['anonymous_mb']} MB"


def _seconds(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms" if seconds < 1 else f"{seconds:,.1f} s" if seconds < 100 else f"{seconds:,.0f} s"


def page() -> str:
    """A row for each view of the page and number of images."""
    rows = []
    for n, views in result("page_growth")["rows"].items():
        for view, visits in views.items():
            one = visits["again"]
            lasso = f"{one['lasso']['ms']:.0f} ms for {one['lasso']['selected']:,}" if "lasso" in one else ""
            opened = _beside(f"{one['opened_s']} s", f"{visits['first']['opened_s']} s")
            frames = f"{one['p50_ms']:.0f}, {one['p95_ms']:.0f} ms"
            rows.append([f"{int(n):,}", view, opened, f"{one['largest_mb']} MB", frames, lasso, one["load"]])
    head = ["images", "view", "there after (first visit)", "largest answer", "frames p50, p95", "lasso", "load"]
    return table(head, rows)


LOOKS = {
    "open": "open",
    "order by date": "order",
    "months": "timeline",
    "facets": "facets",
    "facets again": "facets again",
    "facets by a filter, the slowest of seven": "facets ",
    "a list by another field, the slowest of five": "list ",
    "count by a filter, the slowest of seven": "count ",
    "search by id and a filter for the first time, the slowest of seven": "search ",
    "the same later, a mean": "search filtered, warm",
    "suggestions": "suggest",
    "facets after a write": "facets after a write",
    "order by date after a write": "order after a write",
    "close": "close",
}


def looks() -> str:
    """A row for each look: processor time and memory, by the number of images and the case."""
    measured = result("first_looks")
    cases = [(label, n, case) for label in ("now", "before") for n, found in measured[label].items() for case in found]
    said = {"none": "no columns there", "written": "columns there"}
    head = ["look", *(f"{int(n):,}, {said[case]}{', before' * (label == 'before')}" for label, n, case in cases)]
    rows = [
        [title, *(_looked(measured[label][n][case], name) for label, n, case in cases)] for title, name in LOOKS.items()
    ]
    return table(head, rows)


def _looked(found: dict[str, Any], name: str) -> str:
    """The slowest of those whose names begin so, where it ends in a space."""
    names = [one for one in found if one.startswith(name) and one not in LOOKS.values()] if name[-1] == " " else [name]
    look = max((found[one] for one in names), key=lambda look: look["cpu_ms"])
    return f"{_seconds(look['cpu_ms'] / 1000)}, {look['anonymous_mb']:,} MB"
