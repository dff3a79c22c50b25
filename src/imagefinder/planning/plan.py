"""A plan: machines, hours, money and waiting times, with warnings where it goes beyond what is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from imagefinder.errors import InvalidInputError
from imagefinder.planning.assumptions import STATED, Assumptions
from imagefinder.planning.indexing import Indexing, indexing
from imagefinder.planning.latency import Shards, Waits, simulate
from imagefinder.planning.measured import measured, serving_ms, slopes
from imagefinder.planning.nodes import GB, MOST_REPLICAS, MOST_SHARDS, Cluster, Fronts, clusters, fronts
from imagefinder.planning.sizes import Sizes, by_quantization, sizes
from imagefinder.planning.wanted import Wanted

TRIED = 8  # clusters, until one answers soon enough
MOST_SEARCHES = 4000  # that are simulated; fewer where that takes more than some seconds
WORK = 1e8  # cores that are looked at
LATE = 0.95  # quantile of the times of a request, after which a hedged one is sent again
USUAL_GRAPH_BYTES = 512 * 2**20  # of memory that the store in PostgreSQL takes for a graph by itself
ENOUGH_FOR_BINARY = 1000  # dimensions
AS_PLANNED = "as planned"


@dataclass(frozen=True, slots=True)
class Plan:
    """All numbers of a plan; ``waits`` by what happens, None where queues would grow without end."""

    wanted: Wanted
    assumed: Assumptions
    sizes: Mapping[str, Sizes]
    cluster: Cluster
    fronts: Fronts
    indexing: Indexing
    waits: Mapping[str, Waits | None]
    warnings: tuple[str, ...]

    @property
    def size(self) -> Sizes:
        return self.sizes[self.wanted.quantization]

    @property
    def month(self) -> float:
        """What the machines that answer searches cost in a month, with their disks."""
        return self.cluster.month + self.fronts.month

    @property
    def bucket_month(self) -> float:
        """What the images cost in a month where they lie in a bucket."""
        return self.wanted.images * self.wanted.image_bytes / GB * self.assumed.bucket_gb_month

    def p95_ms(self, what: str = AS_PLANNED) -> float | None:
        """Of a whole search, with the work of ``imagefinder serve``."""
        waits = self.waits.get(what)
        return None if waits is None else waits.p95 + self.fronts.ms

    def to_dict(self) -> dict[str, Any]:
        """Bytes are of one image, months and costs in USD, times in hours or milliseconds, as the names say."""
        return {
            "wanted": self.wanted.to_dict(),
            "bytes_per_image": {name: asdict(one) | {"memory": one.memory} for name, one in self.sizes.items()},
            "cluster": self.cluster.to_dict(),
            "servers": asdict(self.fronts),
            "indexing": asdict(self.indexing) | {"hours": self.indexing.hours},
            "search_ms": {name: None if one is None else one.to_dict() for name, one in self.waits.items()},
            "p95_ms": self.p95_ms(),
            "month": {"machines": self.month, "images_in_a_bucket": self.bucket_month},
            "warnings": list(self.warnings),
            "measured": {"date": measured()["date"], "images": slopes(self.wanted.store).largest},
            "assumed": {"stated": STATED, "values": asdict(self.assumed)},
        }


def make_plan(wanted: Wanted, assumed: Assumptions | None = None) -> Plan:
    """The cheapest machines that answer soon enough. Reads no index. Raises InvalidInputError where none are large
    enough."""
    assumed = assumed or Assumptions()
    cluster = _cheapest(wanted, assumed, clusters(wanted, assumed, sizes(wanted, assumed)))
    plan = Plan(
        wanted=wanted,
        assumed=assumed,
        sizes=by_quantization(wanted, assumed),
        cluster=cluster,
        fronts=fronts(wanted, assumed),
        indexing=indexing(wanted, assumed, cluster),
        waits=_waits(wanted, assumed, cluster),
        warnings=(),
    )
    return replace(plan, warnings=tuple(_warnings(plan)))


def _cheapest(wanted: Wanted, assumed: Assumptions, found: list[Cluster]) -> Cluster:
    """The first that answers within the time wanted; of a few, else the one that answers soonest."""
    if not found:
        most = "one machine" if wanted.store == "folder" else f"{MOST_SHARDS:,} machines with {MOST_REPLICAS} replicas"
        raise InvalidInputError(
            f"These images and searches don't fit {most} of {assumed.largest_node_gib:,.0f} GiB.",
            remedy="Plan for another store or fewer bytes in memory, or allow larger machines (largest_node_gib).",
        )
    own = fronts(wanted, assumed).ms
    best, least = found[0], float("inf")
    for cluster in found[:TRIED]:
        waits = _waiting(_shards(wanted, assumed, cluster), _times(wanted, cluster), wanted.queries_per_second)
        p95 = float("inf") if waits is None else waits.p95 + own
        if p95 <= wanted.p95_ms:
            return cluster
        if p95 < least:
            best, least = cluster, p95
    return best


def _shards(wanted: Wanted, assumed: Assumptions, cluster: Cluster) -> Shards:
    """For the simulation. A folder has one process, which is taken to do one search after the other."""
    if wanted.store == "folder":
        return Shards()
    return Shards(cluster.parts, cluster.replicas, cluster.vcpus, hop_ms=assumed.hop_ms)


def _times(wanted: Wanted, cluster: Cluster) -> list[float]:
    """Of requests to a machine, which searches its shards one after the other; of a folder with the work of
    ``imagefinder serve``, which the same process does."""
    own = serving_ms() if wanted.store == "folder" else 0.0
    return [own + share * cluster.per_machine * cluster.query_ms for share in slopes(wanted.store).samples]


def _waits(wanted: Wanted, assumed: Assumptions, cluster: Cluster) -> dict[str, Waits | None]:
    """Simulated, for each thing that may happen."""
    times, usual = _times(wanted, cluster), _shards(wanted, assumed, cluster)
    slow = replace(usual, slow=1, slow_factor=assumed.slow_factor)
    cases = {AS_PLANNED: usual, "one machine slow": slow}
    if cluster.replicas > 1:
        hedge = times[int(LATE * len(times))]
        cases |= {
            "hedged": replace(usual, hedge_ms=hedge),
            "one machine slow, hedged": replace(slow, hedge_ms=hedge),
            "one machine lost": replace(usual, lost=1),
        }
    return {name: _waiting(case, times, wanted.queries_per_second) for name, case in cases.items()}


def _waiting(case: Shards, times: list[float], per_second: float) -> Waits | None:
    searches = int(min(MOST_SEARCHES, max(MOST_SEARCHES / 8, WORK / (case.shards * case.cores))))
    try:
        return simulate(case, times, per_second, searches=searches)
    except InvalidInputError:  # more comes than is done
        return None


def _warnings(plan: Plan) -> Iterator[str]:
    wanted, found = plan.wanted, slopes(plan.wanted.store)
    part = wanted.images / plan.cluster.shards
    if (factor := part / found.largest) > 1:
        yield (
            f"A shard has {factor:,.1f} times as many images as were measured ({found.largest:,}): sizes, searches and "
            "graphs are extrapolated."
        )
    p95 = plan.p95_ms()
    if p95 is None:
        yield "More searches come than this cluster can answer."
    elif p95 > wanted.p95_ms:
        yield f"95 of 100 searches take up to {p95:,.0f} ms, not {wanted.p95_ms:,.0f} ms."
    yield from _late(plan)
    if part >= found.graph_from:
        yield (
            f"With the settings of ImageFinder {100 * found.recall:.0f} % of the 10 nearest were found among "
            f"{found.largest:,}; among more it is less, unless a search looks at more of a graph, which takes longer."
        )
    if wanted.store == "postgresql":
        yield from _of_postgresql(plan)
    if wanted.store == "qdrant":
        yield from _of_qdrant(plan)


def _late(plan: Plan) -> Iterator[str]:
    wanted, run = plan.wanted, plan.indexing
    if run.hours <= 1.01 * wanted.hours:
        return
    steps = {
        "embedding": run.embed_hours,
        "fitting the transforms, which one process does": run.fit_hours,
        "making the graphs": run.build_hours,
    }
    longest = max(steps, key=lambda name: steps[name])
    yield (
        f"Indexing takes {run.hours:,.1f} hours, not {wanted.hours:g}; most of it is {longest} "
        f"({steps[longest]:,.1f} h)."
    )


def _of_postgresql(plan: Plan) -> Iterator[str]:
    wanted, cluster, found = plan.wanted, plan.cluster, slopes("postgresql")
    part = wanted.images / cluster.shards
    if cluster.shards > 1:
        yield (
            f"ImageFinder does not divide an index among databases: {cluster.shards} shards are as many indexes, each "
            "with transforms of its own. Asking all and merging what they find is left to you; an index of Qdrant can "
            "have shards."
        )
    graph = 1.1 * part * plan.size.graphs / len(wanted.spaces)
    if graph > USUAL_GRAPH_BYTES and part >= found.graph_from:
        yield (
            f"Set maintenance_work_mem of the servers to {graph / GB:,.1f} GB or more (a graph that outgrows it took "
            f"{found.little_memory:.1f} times as long), and max_parallel_maintenance_workers to {cluster.vcpus - 1}."
        )


def _of_qdrant(plan: Plan) -> Iterator[str]:
    wanted = plan.wanted
    yield "Measured was Qdrant's engine inside our process; no server of Qdrant was, nor several."
    if wanted.quantization != "none":
        yield (
            f"What {wanted.quantization} saves is what Qdrant's documentation says; its recall and speed were not "
            "measured. The vectors themselves then lie on the disk (vectors=disk)."
        )
    if wanted.quantization == "binary" and min(space.searched for space in wanted.spaces) < ENOUGH_FOR_BINARY:
        yield f"With vectors of less than some {ENOUGH_FOR_BINARY:,} dimensions binary finds much less."
