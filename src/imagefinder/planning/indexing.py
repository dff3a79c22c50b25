"""The first run over all images: how many workers, what they read, and what comes after them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from imagefinder.planning.assumptions import Assumptions
from imagefinder.planning.measured import embedding_ms, slopes
from imagefinder.planning.nodes import GB, Cluster
from imagefinder.planning.wanted import Wanted

GIB_PER_VCPU = 2
LEAST_SHARE = (
    0.5  # of the hours for embedding; where the rest leaves less, embedding gets all, and the rest comes after
)


@dataclass(frozen=True, slots=True)
class Indexing:
    """Processor milliseconds of an image (``worker_ms``), workers and GPUs, hours of each step, and what it costs.

    ``read_gbit`` is Gbit/s that all workers read together, ``write_share`` the share of the store's processors that
    writing takes meanwhile, ``fit_hours`` the time of the one process that fits the transforms at the end.
    """

    worker_ms: float
    workers: int
    vcpus: int
    gpus: int
    embed_hours: float
    fit_hours: float
    build_hours: float
    read_gbit: float
    write_share: float
    cost: float

    @property
    def hours(self) -> float:
        return self.embed_hours + self.fit_hours + self.build_hours


def indexing(wanted: Wanted, assumed: Assumptions, cluster: Cluster) -> Indexing:
    """The workers that end in time; where what comes after them takes most of it, those that embed in time."""
    found = slopes(wanted.store)
    ms = worker_ms(wanted)
    indexes = cluster.shards if wanted.store == "postgresql" else 1  # each fits its own
    fit = wanted.images / indexes * (found.fit_client_ms + found.fit_server_ms) / 3.6e6
    left = wanted.hours - fit - cluster.build_hours
    left = left if left >= LEAST_SHARE * wanted.hours else wanted.hours
    each = cluster.vcpus if wanted.store == "folder" else assumed.worker_vcpus
    vcpus = wanted.images * ms / 3.6e6 / left / assumed.indexing_share
    gigabits = wanted.images * wanted.image_bytes * 8 / 1e9 / (left * 3600)
    workers = max(1, math.ceil(vcpus / each), math.ceil(gigabits / assumed.network_gbit))
    if wanted.store == "folder":
        workers = 1  # one process has the index
    gpus = _gpus(wanted, assumed, left)
    writing = wanted.images * _write_ms(wanted) * cluster.replicas / 3.6e6 / (cluster.machines * cluster.vcpus)
    embed = max(
        wanted.images * ms / 3.6e6 / assumed.indexing_share / (workers * each),
        gigabits / (workers * assumed.network_gbit) * left,
        wanted.images / assumed.gpu_images_per_second / 3600 / assumed.indexing_share / gpus if gpus else 0.0,
        writing / assumed.indexing_share,
    )
    return Indexing(
        worker_ms=ms,
        workers=workers,
        vcpus=round(workers * each),
        gpus=gpus,
        embed_hours=embed,
        fit_hours=fit,
        build_hours=cluster.build_hours,
        read_gbit=wanted.images * wanted.image_bytes * 8 / 1e9 / (embed * 3600),
        write_share=writing / embed,
        cost=_cost(wanted, assumed, workers, gpus, embed),
    )


def worker_ms(wanted: Wanted) -> float:
    """Processor milliseconds of an image on a worker. With a GPU all but the network; writing to a server comes on
    top, as it was measured for PostgreSQL."""
    whole, rest = embedding_ms(wanted.model if wanted.embed_ms is None else "default", wanted.image_bytes)
    if wanted.embed_ms is not None:
        whole = wanted.embed_ms
    sending = 0.0 if wanted.store == "folder" else slopes("postgresql").write_client_ms
    return min(rest, whole) + sending if wanted.gpu else whole + sending


def _write_ms(wanted: Wanted) -> float:
    """Processor milliseconds of the store for a written image. Qdrant's engine was measured inside our process, and
    writes to a folder are a part of embedding."""
    found = slopes(wanted.store)
    return {"folder": 0.0, "qdrant": found.write_client_ms}.get(wanted.store, found.write_server_ms)


def _gpus(wanted: Wanted, assumed: Assumptions, hours: float) -> int:
    if not wanted.gpu:
        return 0
    if wanted.store == "folder":
        return 1
    return math.ceil(wanted.images / assumed.gpu_images_per_second / assumed.indexing_share / (hours * 3600))


def _cost(wanted: Wanted, assumed: Assumptions, workers: int, gpus: int, hours: float) -> float:
    """Workers, GPUs, and reading each image once from a bucket. The machine of a folder is there already."""
    machines = 0 if wanted.store == "folder" else workers
    hour = machines * assumed.worker_vcpus * (assumed.vcpu_hour + GIB_PER_VCPU * assumed.gib_hour)
    reading = wanted.images / 1000 * assumed.bucket_1000_reads
    moving = wanted.images * wanted.image_bytes / GB * assumed.transfer_gb
    return hours * (hour + gpus * assumed.gpu_hour) + reading + moving
