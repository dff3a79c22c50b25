"""Small pictures of images for a report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from imagefinder.errors import ImageError
from imagefinder.evaluation.report import THUMB, Picture
from imagefinder.images.loader import Loader
from imagefinder.images.thumbnails import thumbnail, to_data_uri
from imagefinder.types import ImageRef, Limits


@contextmanager
def pictures(limits: Limits) -> Iterator[Picture]:
    """Pictures from the files of images; none for one that can't be read. Each is read once."""
    loader, made = Loader(limits, THUMB), dict[str, str]()

    def picture(id: str, uri: str) -> str:
        if uri not in made:
            try:
                made[uri] = to_data_uri(thumbnail(loader.decode(loader.read(ImageRef(uri))).image, THUMB))
            except ImageError:
                made[uri] = ""
        return made[uri]

    try:
        yield picture
    finally:
        loader.close()
