"""Empties an index, so that it can be made again from the images."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from imagefinder._version import __version__
from imagefinder.clusters.state import apply_again
from imagefinder.errors import IndexDamagedError, IndexFolderError, NotFoundError
from imagefinder.index import manifest as manifests
from imagefinder.index.folder import POINTS, TRANSFORMS
from imagefinder.index.lock import IndexLock
from imagefinder.index.manifest import Manifest


def reset_index(path: Path) -> None:
    """Delete everything in the index at ``path``, except the list of its sources (if it can still be read) and what
    people decided about clusters and duplicates."""
    with IndexLock(path):
        try:
            sources = manifests.load(path).sources
        except (IndexFolderError, NotFoundError):
            sources = ()
        manifests.save(path, Manifest(__version__, sources=sources))
        for folder in (POINTS, TRANSFORMS):
            shutil.rmtree(path / folder, ignore_errors=True)
        with contextlib.suppress(IndexDamagedError):
            apply_again(path)
