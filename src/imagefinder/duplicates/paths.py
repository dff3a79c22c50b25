"""Whether a file lies in a folder, whatever links lead there."""

from __future__ import annotations

import os

from imagefinder._util.files import expanded
from imagefinder.errors import NotFoundError
from imagefinder.images.inside import is_remote


def is_below(uri: str, folder: str) -> bool:
    """Whether a file lies in ``folder`` (a real path) or below it, by its own path or where links lead; a URL lies in
    none."""
    root = folder.rstrip(os.sep) + os.sep
    return not is_remote(uri) and any(p.startswith(root) for p in (os.path.realpath(uri), os.path.abspath(uri)))


def real_folder(path: str) -> str:
    """The real path of a folder. Raises NotFoundError: a reference folder that isn't there would protect nothing."""
    real = os.path.realpath(expanded(path))
    if not os.path.isdir(real):
        raise NotFoundError(
            f"There is no folder {path}.", remedy="Check the path; if it is on another drive, mount it."
        )
    return real
