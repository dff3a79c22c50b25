"""Which machines: how many shards and replicas, and how large each is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from imagefinder.planning.assumptions import Assumptions
from imagefinder.planning.measured import DIM, serving_ms, slopes
from imagefinder.planning.sizes import Sizes
from imagefinder.planning.wanted import Wanted

GIB = 2**30
GB = 1e9
PER_VCPU = (8, 4, 2)  # GiB of memory for each virtual processor, of the kinds of machines that clouds have
SMALLEST_GIB = 4
MOST_SHARDS, MOST_REPLICAS = 1000, 100  # that a Qdrant collection of ours may have, see store/qdrant/options.py
NEARLY = 1.15  # times as much money is worth fewer machines
BUILD_SHARE = 0.5  # of the hours for indexing, what making the graphs may take


@dataclass(frozen=True, slots=True)
class Cluster:
    """``parts`` times ``replicas`` machines, each of ``gib`` memory, ``vcpus`` and ``disk_gb``, with so many shards on
    each (``per_machine``). ``month`` is what they cost, ``query_ms`` the processor time of a search in a shard,
    ``build_hours`` how long a machine takes to make its graphs."""

    parts: int
    per_machine: int
    replicas: int
    gib: int
    vcpus: int
    disk_gb: float
    query_ms: float
    build_hours: float
    month: float

    @property
    def shards(self) -> int:
        return self.parts * self.per_machine

    @property
    def machines(self) -> int:
        return self.parts * self.replicas

    def to_dict(self) -> dict[str, float]:
        return asdict(self) | {"shards": self.shards, "machines": self.machines}


def clusters(wanted: Wanted, assumed: Assumptions, size: Sizes) -> list[Cluster]:
    """Those that hold the images, the best first; those whose graphs take too long come last. Of a store that can't
    be divided, those with the fewest parts."""
    found = list(_sized(wanted, assumed, size))
    if wanted.store != "qdrant":
        fewest = min((one.parts for one in found), default=0)
        found = [one for one in found if one.parts == fewest]
    in_time = [one for one in found if one.build_hours <= BUILD_SHARE * wanted.hours]
    late = [one for one in found if one.build_hours > BUILD_SHARE * wanted.hours]
    return _ranked(in_time) + sorted(late, key=lambda one: (one.build_hours, one.month))


def _ranked(found: list[Cluster]) -> list[Cluster]:
    """The cheapest first, but before it those that cost little more and have fewer machines."""
    most = NEARLY * min((one.month for one in found), default=0.0)
    return sorted(found, key=lambda one: (one.month > most, one.machines if one.month <= most else 0, one.month))


def _sized(wanted: Wanted, assumed: Assumptions, size: Sizes) -> Iterator[Cluster]:
    gib, most = SMALLEST_GIB, 1 if wanted.store == "folder" else MOST_SHARDS
    while gib <= assumed.largest_node_gib:
        room = max(0.0, gib - assumed.system_gib) * GIB * assumed.memory_share
        parts = math.ceil(wanted.images * assumed.growth * size.memory / room) if room else most + 1
        each = math.ceil(wanted.images / parts / assumed.shard_images) if wanted.store == "qdrant" else 1
        if parts * each <= most:
            made = [_cluster(wanted, assumed, size, (parts, each), gib, max(2, gib // ratio)) for ratio in PER_VCPU]
            yield from (one for one in made if one.replicas <= MOST_REPLICAS)
        gib *= 2


def _cluster(
    wanted: Wanted, assumed: Assumptions, size: Sizes, divided: tuple[int, int], gib: int, vcpus: int
) -> Cluster:
    parts, each = divided
    shard = wanted.images / parts / each
    ms = search_ms(wanted, shard)
    busy = wanted.queries_per_second * each * ms / 1e3 / vcpus
    replicas = 1 if wanted.store == "folder" else max(wanted.copies, math.ceil(busy / assumed.busy_share))
    disk = wanted.images / parts * assumed.growth * size.disk * assumed.disk_factor / GB + assumed.system_gb
    hour = vcpus * assumed.vcpu_hour + gib * assumed.gib_hour
    month = parts * replicas * (hour * assumed.month_hours + disk * assumed.ssd_gb_month)
    return Cluster(parts, each, replicas, gib, vcpus, disk, ms, each * graph_hours(wanted, shard, vcpus), month)


def search_ms(wanted: Wanted, images: float) -> float:
    """Processor milliseconds of a search in a shard of so many images, in the space that takes longest. Work grows with
    the dimensions, which is an assumption."""
    return slopes(wanted.store).query_ms(images) * max(space.searched for space in wanted.spaces) / DIM


def graph_hours(wanted: Wanted, images: float, vcpus: int) -> float:
    """Hours to make the graphs of a shard on all processors of its machine."""
    dims = sum(space.searched for space in wanted.spaces) / DIM
    return slopes(wanted.store).build_hours(images) * dims / vcpus


@dataclass(frozen=True, slots=True)
class Fronts:
    """Machines that run ``imagefinder serve``: what they cost, and the milliseconds that each adds to a search."""

    machines: int
    vcpus: int
    gib: int
    ms: float
    month: float


def fronts(wanted: Wanted, assumed: Assumptions) -> Fronts:
    """Two or more of four processors; none beside an index in a folder, which its machine serves itself."""
    ms = serving_ms()
    if wanted.store == "folder":
        return Fronts(0, 0, 0, 0.0, 0.0)
    vcpus, gib = 4, 8
    n = max(2, math.ceil(wanted.queries_per_second * ms / 1e3 / assumed.busy_share / vcpus))
    return Fronts(n, vcpus, gib, ms, n * assumed.month_hours * (vcpus * assumed.vcpu_hour + gib * assumed.gib_hour))
