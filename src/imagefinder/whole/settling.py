"""What follows when an index was read while others changed it: its parts are of moments close to each other."""

from __future__ import annotations

from pathlib import Path

from imagefinder.clusters.state import finish_interrupted
from imagefinder.index.said_again import put_back
from imagefinder.index.shared import open_index


def settle(place: Path | str) -> None:
    """Have the records of an index say what was said last of their images, and which cluster they are in, as after a
    power cut."""
    with open_index(place, create=False) as index:
        put_back(index)
        finish_interrupted(index, again=True)
