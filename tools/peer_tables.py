"""The tables of docs/peers.md: each function reads benchmarks/results/peers/*.json and returns Markdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmark_tables import percent, result, table

OURS = "imagefinder"
NEAR = 0.05  # behind the first, and still as good
Row = Mapping[str, Any]


def features() -> str:
    found = result("peers/features")
    rows = found["rows"]
    theirs = rows.get("vasrch")

    def times(row: Row, of: str) -> str:
        return f"{theirs[of] / row[of]:.1f}" if theirs else ""

    took = "of processors"
    head = ["whole process", "seconds", "vasrch takes times", took, "vasrch takes times", "memory", "load"]
    lines = [
        [
            name,
            row["wall_s"],
            times(row, "wall_s"),
            row["cpu_s"],
            times(row, "cpu_s"),
            f"{row['peak_mb']:.0f} MB",
            _load(row),
        ]
        for name, row in sorted(rows.items(), key=lambda item: item[1]["cpu_s"])
    ]
    said = _placed(
        rows,
        {
            "seconds": (lambda row: row["wall_s"], False),
            "seconds of processors": (lambda row: row["cpu_s"], False),
        },
    )
    return f"{found['images']} photos of 500 px.\n\n{table(head, lines)}\n{said}{_versions(found)}"


def joint() -> str:
    """The way to the model that is recommended for words."""
    found = result("joint_model")
    lines = [
        ["images per second, foretold before it was fetched", found["images per second, foretold"]],
        [
            f"images per second of all cores, {found['images']} photos of 500 px, reading included",
            found["images per second of all cores"],
        ],
        [f"images per second by the clock, at a load of {found['load']} before it", found["images per second"]],
        *(
            [f"`{name}`, made here of the same network", f"{of['bytes']:,} bytes; published: {of['published']:,}"]
            for name, of in found["files"].items()
        ),
    ]
    return table(["", ""], lines)


def vectors() -> str:
    found = result("peers/vectors")
    parts = []
    took, built = "of processors, on average", "built in, of processors"
    head = [
        "engine",
        "recall",
        "p50",
        "p95",
        took,
        "p50, filtered",
        "recall, filtered",
        built,
        "memory",
        "disk",
        "load",
    ]
    for size in sorted({name.split()[0] for name in found["rows"]}, key=lambda text: int(text.replace(",", ""))):
        rows = {name.split()[1]: row for name, row in found["rows"].items() if name.split()[0] == size}
        lines = [
            [
                name,
                f"{row['recall']:.3f}",
                f"{row['p50_ms']:.2f} ms",
                f"{row['p95_ms']:.2f} ms",
                f"{row['cpu_ms']:.2f} ms" if "cpu_ms" in row else "",
                f"{row['filtered']['p50_ms']:.2f} ms" if "filtered" in row else "no filters",
                f"{row['filtered']['recall']:.3f}" if "filtered" in row else "",
                f"{row['build_cpu_s']:.1f} s",
                f"{row['memory_mb']:.0f} MB",
                f"{row['disk_mb']:.0f} MB" if row["disk_mb"] else "none",
                _load(row),
            ]
            for name, row in sorted(rows.items(), key=lambda item: item[1]["p50_ms"])
        ]
        said = _placed(
            rows,
            {
                "processor time of a query": (lambda row: row.get("cpu_ms"), False),
                "the same with a filter": (lambda row: row.get("filtered", {}).get("cpu_ms"), False),
                "processor time to build": (lambda row: row["build_cpu_s"], False),
            },
        )
        parts.append(f"### {size} vectors\n\n{table(head, lines)}\n{said}")
    return "\n".join(parts) + _versions(found)


def copies() -> str:
    found = result("peers/copies")
    rows = found["rows"]
    head = ["program", "copies found", "precision of pairs", "seconds", "of processors", "memory", "load"]
    lines = [
        [
            name,
            percent(row["recall"]),
            percent(row["precision"]),
            row["wall_s"],
            row["cpu_s"],
            f"{row['peak_mb']:.0f} MB",
            _load(row),
        ]
        for name, row in sorted(rows.items(), key=lambda item: -item[1]["recall"] * item[1]["precision"])
    ]
    edits = list(next(iter(rows.values()))["edits"])
    each = [[edit, *(percent(row["edits"][edit], 0) for row in rows.values())] for edit in edits]
    said = _placed(
        rows,
        {
            "copies found": (lambda row: row["recall"], True),
            "precision": (lambda row: row["precision"], True),
            "seconds": (lambda row: row["wall_s"], False),
        },
    )
    return (
        f"{found['images']:,} images.\n\n{table(head, lines)}\n{said}\n"
        f"{table(['copies found, by edit', *rows], each)}{_versions(found)}"
    )


def issues() -> str:
    found = result("peers/issues")
    rows = found["rows"]
    kinds = list(next(iter(rows.values()))["named"])
    head = ["program", *kinds, "good ones named", "seconds", "of processors", "load"]
    lines = [
        [
            name,
            *(percent(row["named"][kind], 0) for kind in kinds),
            percent(row["good ones named"]),
            row["wall_s"],
            row["cpu_s"],
            _load(row),
        ]
        for name, row in rows.items()
    ]
    aims: dict[str, tuple[Callable[[Row], Any], bool]] = {
        kind: (lambda row, kind=kind: row["named"][kind], True) for kind in kinds
    }
    aims |= {
        "good ones named": (lambda row: row["good ones named"], False),
        "seconds": (lambda row: row["wall_s"], False),
    }
    return f"{found['images']} images.\n\n{table(head, lines)}\n{_placed(rows, aims)}{_versions(found)}"


def maps() -> str:
    found = result("peers/maps")
    rows = found["rows"]
    head = ["program", "seconds", "of processors", "memory", "trustworthiness", "nearest 10 kept", "load"]
    lines = [
        [
            name,
            row["wall_s"],
            row["cpu_s"],
            f"{row['peak_mb']:.0f} MB",
            f"{row['trustworthiness']:.3f}",
            percent(row["neighbors_kept"]),
            _load(row),
        ]
        for name, row in sorted(rows.items(), key=lambda item: item[1]["wall_s"])
    ]
    said = _placed(
        rows,
        {
            "seconds": (lambda row: row["wall_s"], False),
            "trustworthiness": (lambda row: row["trustworthiness"], True),
            "nearest 10 kept": (lambda row: row["neighbors_kept"], True),
        },
    )
    return f"{found['vectors']:,} vectors, {found['from']}.\n\n{table(head, lines)}\n{said}{_versions(found)}"


def _placed(rows: Mapping[str, Row], aims: Mapping[str, tuple[Callable[[Row], Any], bool]]) -> str:
    """Who is first in what, and how far ImageFinder is behind where it is not."""
    lines = []
    for name, (of, larger) in aims.items():
        values = {row: value for row, facts in rows.items() if (value := of(facts)) is not None}
        if len(values) < 2:
            continue
        first = (max if larger else min)(values, key=lambda row: values[row])
        own = [value for row, value in values.items() if row.startswith(OURS)]
        if not own:
            continue
        mine, best = (max if larger else min)(own), values[first]
        behind = (best - mine) / best if larger and best else (mine - best) / best if best else float(mine > best)
        if mine == best:
            place = "ImageFinder" if list(values.values()).count(best) == 1 else "ImageFinder, with others"
        elif behind <= NEAR:
            place = f"{first}; ImageFinder within 5 %"
        else:
            ratio = best / mine if larger and mine else mine / best if best else 0
            place = f"**{first}**; ImageFinder behind" + (f" by a factor of {ratio:.2f}" if ratio else "")
        lines.append(f"- First in {name}: {place}.\n")
    return "".join(lines)


def _load(row: Row) -> str:
    load = row["load"]
    return f"{min(load):.1f} to {max(load):.1f}" if isinstance(load, list) and len(load) > 1 else str(load).strip("[]")


def _versions(found: Mapping[str, Any]) -> str:
    named = [f"{package} {version}" for some in found.get("versions", {}).values() for package, version in some.items()]
    return f"\nVersions: {', '.join(dict.fromkeys(sorted(named, key=str.lower)))}.\n" if named else ""
