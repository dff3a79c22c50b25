"""The tables of docs/benchmarks.md about where the hits end: each function reads results and returns Markdown."""

from __future__ import annotations

from typing import Any

from benchmark_tables import percent, result, table


def ends() -> str:
    found = result("ends")
    rows = [
        [
            name.replace(" + ", " and "),
            group,
            of["queries"],
            f"{of['f1']:.3f}",
            f"{of['f1_best_score_in_hindsight']:.3f}",
        ]
        + [f"{of['calibration_error']:.3f}", percent(of["nothing_wrongly"]), _rightly(of)]
        for name, groups in found["collections"].items()
        for group, of in groups.items()
        if isinstance(of, dict)
    ]
    head = ["collection, model", "queries by", "with an answer", "F1", "best score in hindsight", "calibration error"]
    return table([*head, "nothing, wrongly", "nothing, rightly"], rows)


def _rightly(of: dict[str, Any]) -> str:
    return f"{percent(of['nothing_rightly'])} of {of['without_answer']}" if "without_answer" in of else ""


def ways() -> str:
    found = result("ends")["ways"]
    rows = []
    for name in found["pictures"]:
        row = [name]
        for kind in ("pictures", "words"):
            of = found[kind][name]
            row += [
                f"{of['f1']:.3f}",
                *(percent(of[k]) if k in of else "" for k in ("nothing_rightly", "nothing_wrongly")),
            ]
        rows.append(row)
    head = ["way to tell", "pictures: F1", "nothing, rightly", "wrongly", "text: F1", "nothing, rightly", "wrongly"]
    return table(head, rows)
