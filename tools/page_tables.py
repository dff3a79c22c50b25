"""The table of the page's own timings in docs/benchmarks.md."""

from __future__ import annotations

from typing import Any

from benchmark_tables import percent, result, table


def page() -> str:
    """A row for each collection, connection and code."""
    found = result("page")
    head = ["images", "connection", "code", "first paint", "12 sharp thumbnails", "requests", "sent"]
    return table([*head, "Enter to sharp", "blank in a fling"], map(_row, found["visits"]))


def _row(of: dict[str, Any]) -> list[str]:
    times = [f"{of[name] / 1000:.1f} s" for name in ("first_paint_ms", "sharp_ms")]
    sent = [f"{of['requests']:.0f}", f"{of['kb'] / 1000:.1f} MB"]
    return [
        *(f"{of['images']:,}", of["speed"], of["code"], *times, *sent),
        *(f"{of['enter_p50_ms'] / 1000:.2f} s", percent(of["blank"], 0)),
    ]
