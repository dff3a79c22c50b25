"""The tables of what is done at an address or on a cluster: stores, workers, copies, graphs and indexing by Ray."""

from __future__ import annotations

from typing import Any

from benchmark_tables import result, table

NAMES = {"folder": "folder", "postgres": "PostgreSQL"}
KINDS = {"id": "by id", "image": "by image", "words": "by words"}


def stores() -> str:
    return "\n".join(_of(found) for found in result("stores")["sizes"].values())


def merging() -> str:
    """What searches wait while a store is written and merged."""
    found = result("store_merge")
    names = {
        "idle": "before",
        "writing": "2,000 images added",
        "tagging": "500 images tagged",
        "merging": "merged, the graph made",
        "after": "after",
    }
    rows = [
        [
            name,
            *(f"{found[key][one]:g}" for one in ("seconds", "searches", "p50_ms", "p99_ms", "p100_ms", "stall_ms")),
        ]
        for key, name in names.items()
    ]
    head = ["while", "seconds", "searches", "p50 ms", "p99 ms", "longest ms", "interpreter stands still, ms"]
    said = f"{found['points']:,} images, exact at first, in a graph at the end, on a machine that others used (load"
    opened = f"Opening takes {found['open_cpu_s']} s of processor time before and {found['reopen_cpu_s']} s after"
    return f"{table(head, rows)}\n{said} {found['load_average']:.0f} and more). {opened}.\n"


def workers() -> str:
    found = result("workers")
    rows = [
        [row["workers"], row["requests_per_second"], f"{row['server_ms']} ms", f"{row['database_ms']} ms", row["load"]]
        for row in found["rows"]
    ]
    head = ["workers", "searches a second", "servers", "database", "load of the machine"]
    said = f"{found['images']:,} images, {found['clients']} clients at once. Servers, database: processor time of one."
    return f"{table(head, rows)}\n{said}\n"


def copies() -> str:
    found = result("copies")
    rows = [[name, row["seconds"], row["processor"], f"{row['peak_mb']} MB"] for name, row in found["rows"].items()]
    head = [f"{found['images']:,} images, load {found['load']}", "seconds", "of a processor", "most memory"]
    size = found["rows"]["backup"]["bytes"]
    return (
        f"{table(head, rows)}\nThe backup has {round(size / 1e6)} MB. Only the command's own processor time is told.\n"
    )


def graphs() -> str:
    """Of images against each other."""
    found = result("distributed_graph")
    graph, kmeans = found["graph"], found["kmeans"]
    rows = [
        [f"{one['images']:,}", one["cpu_s"], other["cpu_s"]]
        for one, other in zip(graph["rows"], kmeans["rows"], strict=True)
    ]
    means = f"k-means, {kmeans['iterations']} iterations of {kmeans['clusters']} clusters"
    return table(["images", f"graph of {graph['neighbors']} neighbours", means], rows)


def ways() -> str:
    """Libraries and our own cells to the neighbour graph of many images."""
    found = result("neighbor_graphs")
    rows = [
        [
            f"{row['images']:,}",
            row["way"],
            row["neighbors"],
            row["cpu_s"],
            f"{row['recall']:.3f}",
            f"{row['peak_mb']} MB",
        ]
        for row in sorted(found["ways"], key=lambda row: (row["images"], row["cpu_s"]))
    ]
    return table(["images", "way", "neighbours", "seconds of a processor", "recall", "memory above the vectors"], rows)


def of_the_graph() -> str:
    """What is made of the graph, as images grow."""
    found = result("neighbor_graphs")["steps"]
    sizes = sorted({row["images"] for row in found})
    cells = {(row["way"], row["images"]): f"{row['cpu_s']} s, {row['peak_mb']} MB" for row in found}
    names = dict.fromkeys(row["way"] for row in found)
    rows = [[name, *(cells.get((name, size), "") for size in sizes)] for name in names]
    return table(["", *(f"{size:,} images" for size in sizes)], rows)


def ray() -> str:
    """Indexing by one process and by Ray on the same cores."""
    found = result("ray_indexing")
    rows = [
        [
            name,
            one["images"],
            one["cpu_seconds"],
            round(1000 * one["cpu_seconds_an_image_after_the_start"], 1),
            one["load"],
        ]
        for name, kind in (("one process", "one_process"), ("Ray", "ray"))
        for one in found[kind]
    ]
    head = ["", "images", "of a processor, s", "an image after the start, ms", "load"]
    more = f"{100 * found['overhead']['cpu_seconds_an_image_after_the_start']:.0f} %"
    waits = [f"{stage} {100 * found['ray'][-1][stage]['waits']:.0f} %" for stage in ("reading", "embedding", "storing")]
    said = f"An image takes {more} more after the start. Of their time, stages wait: {', '.join(waits)}."
    return f"{table(head, rows)}\n{said}\n"


def _of(found: dict[str, Any]) -> str:
    names = [name for name in NAMES if name in found["bytes"]]
    rows = [
        [KINDS.get(kind, kind), *(f"{both[name][q]} ms" for name in names for q in ("p50", "p95"))]
        for kind, both in found["ms"].items()
    ]
    each = {name: f"{round(found['bytes'][name] / 1e6):,} MB in a {_place(name)}" for name in names}
    rate = {name: f"{found['written'][name]['points_per_second']:,} to a {_place(name)}" for name in found["written"]}
    return (
        table(["search", *(f"{NAMES[name]} {q}" for name in names for q in ("p50", "p95"))], rows)
        + f"\n{found['images']:,} images, asked of all alternately on a machine that others used (load "
        f"{found['load']}); the database beside the program, reached by a socket, without fsync. Records with their "
        f"vectors written in a second: {', '.join(rate.values())}. Size: {', '.join(each.values())}.\n"
        + _recall(found, names)
    )


def _recall(found: dict[str, Any], names: list[str]) -> str:
    if not found["recall"]:
        return ""
    shares = list(found["recall"][names[0]])
    rows = [
        [f"{int(share) / 10:g} %", *(text for name in names for text in _cells(found["recall"][name][share]))]
        for share in shares
    ]
    return (
        "\nOf the 20 nearest, how many a search in the store finds, by the share of images that a filter leaves:\n\n"
        + table(["filter leaves", *(f"{NAMES[name]} {what}" for name in names for what in ("found", "p50"))], rows)
    )


def _cells(one: dict[str, float]) -> tuple[str, str]:
    return f"{100 * one['recall']:.1f} %", f"{one['p50']} ms"


def _place(name: str) -> str:
    return "folder" if name == "folder" else "database"
