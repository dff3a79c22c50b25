"""What a plan takes for granted: prices, and what was not measured. None of it is a quote; a file says it otherwise."""

from __future__ import annotations

import json
import math
import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from imagefinder._util.suggest import nearest
from imagefinder.errors import InvalidInputError

STATED = "2026-11"  # the month of which the prices are
ABOUT = "about"


def _assumed(value: float, unit: str, help: str, *, least: float = 0.0, most: float = 1e9) -> Any:
    return field(default=value, metadata={ABOUT: (unit, help, least, most)})


@dataclass(frozen=True, slots=True)
class Assumptions:
    """Prices and other numbers that nobody measured here, each with its unit and what it is in its metadata."""

    vcpu_hour: float = _assumed(0.034, "USD", "A virtual processor for an hour")
    gib_hour: float = _assumed(0.0037, "USD", "A GiB of memory for an hour")
    gpu_hour: float = _assumed(0.6, "USD", "A GPU for inference for an hour, without the machine around it")
    ssd_gb_month: float = _assumed(0.08, "USD", "A GB of a network SSD for a month")
    bucket_gb_month: float = _assumed(0.023, "USD", "A GB in a bucket for a month")
    bucket_1000_reads: float = _assumed(0.0004, "USD", "1,000 reads from a bucket")
    transfer_gb: float = _assumed(0.0, "USD", "A GB from the bucket to the machines, in one region")
    month_hours: float = _assumed(730, "h", "A month", least=1)
    largest_node_gib: float = _assumed(512, "GiB", "The memory of the largest machine to be used", least=8, most=32768)
    shard_images: float = _assumed(20e6, "", "The images of a shard of Qdrant, at most", least=1000, most=1e12)
    memory_share: float = _assumed(0.75, "", "Of a machine's memory, what data may take", least=0.05, most=0.95)
    system_gib: float = _assumed(2, "GiB", "Of a machine's memory, what the system takes beside that", most=64)
    system_gb: float = _assumed(20, "GB", "Of a machine's disk, what the system takes", most=1000)
    growth: float = _assumed(1.1, "", "Times the images, for those that come", least=1, most=100)
    busy_share: float = _assumed(
        0.5, "", "Of the processors, what searches may take at the rate wanted", least=0.05, most=0.95
    )
    disk_factor: float = _assumed(
        2.0, "", "Times the data, for logs and for merging and indexing anew", least=1, most=10
    )
    hot_records: float = _assumed(0.25, "", "Of the records, what searches read again and again", most=1)
    indexing_share: float = _assumed(0.85, "", "Of the workers' time, what they compute", least=0.05, most=1)
    worker_vcpus: float = _assumed(16, "", "Virtual processors of a worker, each with 2 GiB", least=1, most=1024)
    network_gbit: float = _assumed(10, "Gbit/s", "What a worker can read from a bucket", least=0.01)
    gpu_images_per_second: float = _assumed(
        1500, "1/s", "Images that a GPU embeds, with the model of the plan", least=1
    )
    hop_ms: float = _assumed(1.0, "ms", "A request to a shard and back, without its work", most=10_000)
    slow_factor: float = _assumed(
        10, "", "How many times as long a slow machine takes, in the simulation", least=1, most=1000
    )

    def describe(self) -> list[dict[str, Any]]:
        """Each with its ``name``, ``value``, ``unit`` and ``help``."""
        return [
            {"name": f.name, "value": getattr(self, f.name), "unit": f.metadata[ABOUT][0], "help": f.metadata[ABOUT][1]}
            for f in fields(self)
        ]


def read_assumptions(path: Path) -> Assumptions:
    """Those of a TOML or JSON file, which names some of them; the others stay. Raises InvalidInputError."""
    try:
        text = path.read_text("utf-8")
        found = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidInputError(
            f"{path} can't be read: {error}", remedy='Write lines such as "vcpu_hour = 0.05", or a JSON object.'
        ) from None
    if not isinstance(found, dict):
        raise InvalidInputError(f"{path} holds no names with numbers.", remedy='Write {"vcpu_hour": 0.05} and so on.')
    known = {f.name: f.metadata[ABOUT] for f in fields(Assumptions)}
    for name, value in found.items():
        if name not in known:
            near = nearest(name, list(known))
            guess = f"Did you mean {near}?" if near else f"There are: {', '.join(known)}."
            raise InvalidInputError(f"{path}: there is no price or assumption {name[:60]!r}.", remedy=guess)
        _, help, least, most = known[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise InvalidInputError(f"{path}: {name} is no number.", remedy=f"It is: {help}.")
        if not least <= value <= most:
            raise InvalidInputError(
                f"{path}: {name} is {value:g}; it may be {least:g} to {most:g}.", remedy=f"It is: {help}."
            )
    return replace(Assumptions(), **{name: float(value) for name, value in found.items()})
