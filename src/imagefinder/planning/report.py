"""A plan as lines for people: each number with where it is from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from imagefinder.planning.measured import serving_ms, slopes
from imagefinder.planning.nodes import GB
from imagefinder.planning.plan import Plan

MEASURED, ASSUMED, BOTH = "measured", "assumed", "both"


@dataclass(frozen=True, slots=True)
class Line:
    """A number as text, and whether it was measured, is assumed, or follows from both. Measured are also numbers that
    were measured of fewer images and extrapolated."""

    name: str
    text: str
    basis: str = BOTH


def sections(plan: Plan) -> dict[str, list[Line]]:
    """The lines of a plan, by title."""
    return {
        "Memory and disk": list(_bytes(plan)),
        "Machines": list(_machines(plan)),
        "Indexing": list(_indexing(plan)),
        "Waiting, simulated": list(_waiting(plan)),
        "Cost (USD)": list(_costs(plan)),
    }


def title(plan: Plan) -> str:
    wanted, cluster = plan.wanted, plan.cluster
    shards = "1 shard" if cluster.shards == 1 else f"{cluster.shards:,} shards"
    copies = "" if cluster.replicas == 1 else f" of {cluster.replicas} replicas"
    return f"{wanted.images:,.0f} images, {wanted.store}, {wanted.quantization}: {shards}{copies}"


def _bytes(plan: Plan) -> Iterator[Line]:
    n, one_image = plan.wanted.images, plan.size
    quantized = MEASURED if plan.wanted.quantization in ("none", "halfvec") else ASSUMED
    spaces = " + ".join(f"{space.searched}" for space in plan.wanted.spaces)
    yield Line(f"Searched vectors ({spaces} dimensions)", size(n * one_image.vectors), quantized)
    yield Line("Graphs", size(n * one_image.graphs), MEASURED)
    yield Line("Other memory", size(n * one_image.others), BOTH if plan.wanted.store == "postgresql" else MEASURED)
    for name, one in plan.sizes.items():
        used = ", in this plan" if name == plan.wanted.quantization and len(plan.sizes) > 1 else ""
        yield Line(f"Memory with {name}{used}", size(n * one.memory), BOTH)
    yield Line("Disk, one copy", size(n * one_image.disk), quantized)


def _machines(plan: Plan) -> Iterator[Line]:
    cluster, servers = plan.cluster, plan.fronts
    each = f"{cluster.vcpus} vCPU, {cluster.gib} GiB, {size(cluster.disk_gb * GB)} SSD"
    yield Line("Store", f"{cluster.machines:,} x {each}")
    if cluster.shards > 1:
        yield Line("Shards, on each machine", f"{cluster.shards:,}, {cluster.per_machine:,}")
    yield Line("Images in a shard", f"{plan.wanted.images / cluster.shards:,.0f}")
    beyond = plan.wanted.images / cluster.shards / slopes(plan.wanted.store).largest
    yield Line("Times the largest measured", f"{beyond:,.1f}", MEASURED)
    if servers.machines:
        yield Line("imagefinder serve", f"{servers.machines:,} x {servers.vcpus} vCPU, {servers.gib} GiB")


def _indexing(plan: Plan) -> Iterator[Line]:
    run = plan.indexing
    gpus = f", {run.gpus:,} GPU" if run.gpus else ""
    where = (
        "the machine itself" if plan.wanted.store == "folder" else f"{run.workers:,} x {run.vcpus // run.workers} vCPU"
    )
    yield Line("Processor time of an image", f"{run.worker_ms:,.1f} ms", _speed(plan))
    yield Line("Workers", where + gpus)
    yield Line("Read together", f"{run.read_gbit:,.2f} Gbit/s")
    yield Line("Embedding and writing", hours(run.embed_hours))
    if plan.wanted.store != "folder":
        yield Line("Writing takes of the store", f"{100 * run.write_share:.0f} %")
    yield Line("Fitting the transforms, one process", hours(run.fit_hours), MEASURED)
    yield Line("Making the graphs", hours(run.build_hours))
    yield Line("Together", hours(run.hours))


def _speed(plan: Plan) -> str:
    return ASSUMED if plan.wanted.embed_ms is not None else MEASURED


def _waiting(plan: Plan) -> Iterator[Line]:
    yield Line("Processor time of a search in a shard", f"{plan.cluster.query_ms:,.2f} ms", MEASURED)
    yield Line("Of imagefinder serve for a search", f"{serving_ms():,.0f} ms", MEASURED)
    who = "Answers" if plan.wanted.store == "folder" else "Shards answer"
    for name, waits in plan.waits.items():
        if waits is None:
            yield Line(f"{who}, {name}", "more comes than is done")
        else:
            text = f"p50 {waits.p50:,.1f}, p95 {waits.p95:,.1f}, p99 {waits.p99:,.1f} ms"
            yield Line(f"{who}, {name}", text)
    if planned := plan.p95_ms():
        yield Line("Whole search, p95", f"{planned:,.0f} ms")


def _costs(plan: Plan) -> Iterator[Line]:
    yield Line("Store, a month", money(plan.cluster.month))
    if plan.fronts.machines:
        yield Line("imagefinder serve, a month", money(plan.fronts.month))
    yield Line("Together, a month", money(plan.month))
    yield Line("Indexing once", money(plan.indexing.cost))
    yield Line("The images in a bucket, a month", money(plan.bucket_month), ASSUMED)


def size(n: float) -> str:
    """Bytes, for people."""
    for unit in ("B", "kB", "MB", "GB", "TB", "PB"):
        if n < 999.5 or unit == "PB":
            return f"{n:,.0f} {unit}" if n >= 10 or unit == "B" else f"{n:.1f} {unit}"
        n /= 1000
    return ""


def hours(n: float) -> str:
    return f"{n:,.1f} h" if n >= 0.1 else f"{60 * n:,.1f} min"


def money(n: float) -> str:
    return f"{n:,.0f}" if n >= 10 else f"{n:,.2f}"
