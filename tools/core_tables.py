"""The tables of how well the cores are used, from benchmarks/results/*.json."""

from __future__ import annotations

from typing import Any

from benchmark_tables import result, table


def ingest_cpu() -> str:
    found = result("ingest_cpu")
    runs = {name: of for name, of in found.items() if isinstance(of, dict) and "parts_ms" in of}
    names = [name for name, took in next(iter(runs.values()))["parts_ms"].items() if took >= 0.01]
    rows: list[list[Any]] = [
        ["bare decoding", *(f"{of['decode_ms']:.2f}" for of in runs.values())],
        *(
            [f"bare inference, {size} at once", *(f"{of['inference_ms'][size]:.2f}" for of in runs.values())]
            for size in next(iter(runs.values()))["inference_ms"]
        ),
        ["**the whole run**", *(f"**{of['whole_ms']:.2f}**" for of in runs.values())],
        ["**times bare decoding and inference**", *(f"**{of['times_bare']:.2f}**" for of in runs.values())],
        *([f"of it: {name}", *(f"{of['parts_ms'].get(name, 0):.2f}" for of in runs.values())] for name in names),
    ]
    heads = [f"{found['large' if 'mega' in name else 'images']:,} photos, {name}" for name in runs]
    return table(["milliseconds of the processor for an image", *heads], rows)


def resampling() -> str:
    found = result("model_speed")
    return table(
        ["resampling of 500 px", "`default`", "cosine", "least", "`fast`", "cosine", "least"],
        (
            [name, *(v for m in ("default", "fast") for v in _near(found[m]["resampling"][name]))]
            for name in found["default"]["resampling"]
        ),
    )


def _near(of: dict[str, float]) -> list[str]:
    return [f"{of['ms']:.2f} ms", f"{of['cosine']:.4f}", f"{of['least']:.4f}"]


def model_speed() -> str:
    found = result("model_speed")
    rows = [
        [name, *(f"{found[model]['graph']['ms'].get(name, 0):.2f} ms" for model in ("default", "fast"))]
        for name in found["default"]["graph"]["ms"]
    ]
    sides = [
        [
            f"{side} px",
            f"{of['ms']:.2f} ms",
            *(f"{of[name]:.4f}" if name in of else "not measured" for name in ("clothing", "vehicles")),
        ]
        for side, of in found["sides"].items()
    ]
    heads = ["side of the picture, `default`", "inference", "MAP@R of clothing", "MAP@R of vehicles"]
    return table(["inference, one thread", "`default`", "`fast`"], rows) + "\n" + table(heads, sides)


def start() -> str:
    found = result("start")["commands"]
    figures = [(when, kind) for kind in ("cpu_s", "wall_s") for when in ("before", "now")]
    return table(
        ["from start to end", "processor before, s", "now", "clock before, s", "now"],
        ([f"`{name}`", *(f"{of[when][kind]:.3f}" for when, kind in figures)] for name, of in found.items()),
    )
