"""Bytes of an image in a store: what must be in memory for searches to read no disk, and what lies on the disk."""

from __future__ import annotations

from dataclasses import dataclass

from imagefinder.planning.assumptions import Assumptions
from imagefinder.planning.measured import DIM, HALF, slopes
from imagefinder.planning.wanted import QUANTIZATIONS, Wanted

# Bytes of a number in the copy that is searched first. Quantised copies by Qdrant's documentation; not measured here.
COPY_BYTES = {"none": HALF, "halfvec": HALF, "int8": 1.0, "binary": 1 / 8}


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes of an image: in memory vectors, graphs and all else, on the disk everything."""

    vectors: float
    graphs: float
    others: float
    disk: float

    @property
    def memory(self) -> float:
        return self.vectors + self.graphs + self.others


def sizes(wanted: Wanted, assumed: Assumptions, quantization: str = "") -> Sizes:
    """Of an image, with the quantisation of the plan or another one of its store."""
    quantization = quantization or wanted.quantization
    found, searched = slopes(wanted.store), sum(space.searched for space in wanted.spaces)
    raw = sum(space.raw for space in wanted.spaces)
    n = len(wanted.spaces)
    quantized = COPY_BYTES[quantization] < HALF
    numbers = HALF * searched
    if found.graph_copies:  # PostgreSQL: a graph holds the vectors again, and searches read both
        links = n * (found.graph_bytes - HALF * DIM) + numbers
        others = n * found.vector_bytes + assumed.hot_records * found.record_bytes
    else:
        links, others = n * found.graph_bytes, found.resident_bytes
    rows = HALF * raw + numbers + 2 * n * found.vector_bytes
    copies = COPY_BYTES[quantization] * searched if quantized else 0.0
    return Sizes(
        vectors=COPY_BYTES[quantization] * searched,
        graphs=links,
        others=others,
        disk=found.record_bytes + rows + links + copies,
    )


def by_quantization(wanted: Wanted, assumed: Assumptions) -> dict[str, Sizes]:
    return {name: sizes(wanted, assumed, name) for name in QUANTIZATIONS[wanted.store]}
