"""What docs/scaling.md shows of ``imagefinder plan``: its output, plans side by side, assumptions, and measurements."""

from __future__ import annotations

from typing import Any

from benchmark_tables import result, table
from click.testing import CliRunner

from imagefinder.cli import cli
from imagefinder.planning import QUANTIZATIONS, Assumptions, Plan, Wanted, make_plan
from imagefinder.planning.measured import slopes
from imagefinder.planning.report import hours, money, size

SIZES = (1e6, 1e7, 1e8, 1e9)


def plan(*arguments: str) -> str:
    """The command with these arguments, and what it prints on stdout."""
    done = CliRunner().invoke(cli, ["plan", *arguments], catch_exceptions=False)
    if done.exit_code:
        raise ValueError(done.stderr)
    return f"```\nimagefinder plan {' '.join(arguments)}\n```\n\n```text\n{done.stdout.rstrip()}\n```\n"


def plans(what: str) -> str:
    """A table of all stores at all sizes: ``machines``, or what fits them; or the ``memory`` by quantisation."""
    return {"machines": _machines, "memory": _memory}[what]()


def _machines() -> str:
    rows = []
    for store, kinds in QUANTIZATIONS.items():
        for n in SIZES:
            try:
                found = make_plan(Wanted(n, store, quantization="int8" if "int8" in kinds and n > 1e7 else ""))
            except ValueError:
                rows.append([f"{n:,.0f}", store, *["too large"], *[""] * 7])
                continue
            rows.append(_row(found))
    head = ["images", "store", "machines of the store", "shards", "copies", "workers", "embed", "fit", "graphs"]
    return table([*head, "USD a month"], rows)


def _row(found: Plan) -> list[Any]:
    cluster, run, wanted = found.cluster, found.indexing, found.wanted
    kind = "" if wanted.quantization in ("none", "halfvec") else f", {wanted.quantization}"
    machines = f"{cluster.machines:,} x {cluster.vcpus} vCPU, {cluster.gib} GiB, {size(cluster.disk_gb * 1e9)}"
    workers = "itself" if wanted.store == "folder" else f"{run.workers:,} x {run.vcpus // run.workers} vCPU"
    times = [hours(one) for one in (run.embed_hours, run.fit_hours, run.build_hours)]
    start = [f"{wanted.images:,.0f}", f"{wanted.store}{kind}", machines, cluster.shards, cluster.replicas, workers]
    return [*start, *times, money(found.month)]


def _memory() -> str:
    kinds = [(store, kind) for store, found in QUANTIZATIONS.items() for kind in found]
    rows = []
    for store, kind in kinds:
        one = make_plan(Wanted(1e6, store, quantization=kind)).size
        rows.append([store, kind, *(size(n * one.memory) for n in SIZES), *(size(n * one.disk) for n in SIZES[-1:])])
    head = ["store", "kept as", *(f"memory, 10^{len(f'{n:.0f}') - 1}" for n in SIZES), "disk, 10^9"]
    return table(head, rows)


def assumptions() -> str:
    """All prices and assumptions, with their defaults."""
    rows = [[f"`{one['name']}`", f"{one['value']:,g}", one["unit"], one["help"]] for one in Assumptions().describe()]
    return table(["name", "value", "unit", ""], rows)


def graphs() -> str:
    """What benchmarks/scaling.py measured of searched vectors, and what the planner takes it to be."""
    rows = []
    for row in result("scaling")["graph"]:
        n, found = row["images"], slopes(row["store"])
        build = (
            f"{row['build_cpu_s']:,.0f} s ({3600 * found.build_hours(n):,.0f})" if row["build_cpu_s"] else "no graph"
        )
        search = f"{row['query_cpu_ms']:.2f} ms ({found.query_ms(n):.2f})"
        write = f"{sum(row['write_cpu_ms'].values()):.3f} ms"
        held = f"{row['resident_bytes'] / 1e6:,.0f} MB"
        rows.append([row["store"], f"{n:,}", write, build, search, f"{100 * row['recall']:.0f} %", held])
    return table(["store", "vectors", "write one", "make the graph", "search", "found of 10", "memory"], rows)


def records() -> str:
    """What it measured of whole records, and of embedding."""
    found = result("scaling")
    rows = []
    for row in found["records"]:
        n, wrote, fit = row["images"], row["write_cpu_ms"], row.get("fit_cpu_ms")
        fitted = f"{fit['client']:.2f} + {fit['server']:.2f} ms" if fit else ""
        held = f"{sum(row['bytes'].values()) / n:,.0f} B"
        rows.append([row["store"], f"{n:,}", held, f"{wrote['client']:.2f} + {wrote['server']:.2f} ms", fitted])
    speeds = [
        [row["model"], f"{row['bytes_per_image']:,} B", f"{row['cpu_ms']:.1f} ms", f"{row['inference_ms']:.1f} ms"]
        for row in found["embedding"]
    ]
    return (
        table(["store", "images", "disk of an image", "write one: we + the server", "fit: we + the server"], rows)
        + "\n"
        + table(["model", "file", "an image, from file to vector", "of it the network"], speeds)
    )


def shards() -> str:
    """The simulation against two real PostgreSQL servers."""
    rows = []
    for row in result("scaling")["cluster"]:
        cells: list[Any] = [
            f"{row['per_second']:.0f}",
            f"{100 * row['busy']:.0f} %",
            f"{row['simulated']['service_ms']} ms",
        ]
        for q in ("p50", "p95"):
            real, ours = row["measured"][q], row["simulated"][q]
            cells += [f"{real:.1f} ms", f"{ours:.1f} ms", f"{100 * (ours / real - 1):+.0f} %"]
        rows.append(cells)
    head = ["searches a second", "a shard is busy", "a request alone", *(f"p50 {x}" for x in ("measured", "simulated"))]
    return table([*head, "", *(f"p95 {x}" for x in ("measured", "simulated")), ""], rows)
