"""What a large collection takes: machines, memory, disk, hours and money, before anything of it is there."""

from imagefinder.planning.assumptions import Assumptions, read_assumptions
from imagefinder.planning.latency import Shards, Waits, simulate
from imagefinder.planning.plan import Plan, make_plan
from imagefinder.planning.wanted import MODELS, QUANTIZATIONS, Space, Wanted

__all__ = [
    "MODELS",
    "QUANTIZATIONS",
    "Assumptions",
    "Plan",
    "Shards",
    "Space",
    "Waits",
    "Wanted",
    "make_plan",
    "read_assumptions",
    "simulate",
]
