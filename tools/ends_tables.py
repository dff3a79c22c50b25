"""The tables of docs/benchmarks.md about where the hits end: each function reads results and returns Markdown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from benchmark_tables import percent, result, table

HEAD = [
    "F1 with an answer",
    "of all",
    "best score in hindsight",
    "of all",
    "nothing, rightly",
    "wrongly",
    "calibration error",
]


def models() -> str:
    """Means over the collections, for each model and kind of query."""
    found: defaultdict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for name, groups in result("ends")["collections"].items():
        for group, of in groups.items():
            if isinstance(of, dict):
                found[name.partition(", ")[2], group].append(of)
    rows = [[model, group, str(len(of)), *_cells(of)] for (model, group), of in found.items()]
    return table(["model", "queries by", "collections", *HEAD], rows)


def sets() -> str:
    """Each collection by the model ``default``."""
    rows = [
        [name.removesuffix(", default"), group, *_cells([of])]
        for name, groups in result("ends")["collections"].items()
        if name.endswith(", default")
        for group, of in groups.items()
        if group in ("pictures", "words")
    ]
    return table(["collection", "queries by", *HEAD], rows)


def ways() -> str:
    found = result("ends")["ways"]
    rows = []
    for name in found["everything"]:
        row = [name]
        for kind in ("everything", "pictures", "words"):
            of = found[kind][name]
            row += [f"{of['f1_of_all']:.3f}", f"{percent(of['nothing_rightly'])} / {percent(of['nothing_wrongly'])}"]
        rows.append(row)
    head = [
        "way to tell",
        *(f"{kind}{rest}" for kind in ("all: ", "pictures: ", "words: ") for rest in ("F1", "nothing")),
    ]
    return table(head, rows)


def _cells(of: Sequence[dict[str, Any]]) -> list[str]:
    """Each "as it comes / apart"."""

    def both(name: str, *, share: bool = False) -> str:
        means = [_mean([one[way][name] for one in of]) for way in ("parts", "apart")]
        return " / ".join("" if mean is None else percent(mean) if share else f"{mean:.3f}" for mean in means).strip(
            " /"
        )

    hindsight = [f"{_mean([one[f'best_score_in_hindsight{end}'] for one in of]):.3f}" for end in ("", "_for_all")]
    return [
        both("f1"),
        both("f1_of_all"),
        *hindsight,
        both("nothing_rightly", share=True),
        both("nothing_wrongly", share=True),
        both("calibration_error"),
    ]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
