"""Whether searches by words would be much better with a model that was taught pictures and words together, and what
that would cost on this machine. Nothing is fetched and nobody is asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imagefinder.index.collection import Collection

# By size, licence and speed on a CPU, of those whose files and checksums two public places agree on: docs/models.md.
RECOMMENDED = "clip-b32-int8"
PICTURES = "image"  # the space of pictures, in all models
BLOCKS, TOKENS = 12.5, 50  # what a picture costs it: 12 blocks of ViT-B, and half of one for the patches


@dataclass(frozen=True, slots=True)
class BetterWords:
    """A ``model`` of the catalogue, by its short name, with its ``title`` and ``licence``.

    ``bytes`` are still to be fetched, 0 if it is on this machine. ``images_per_second`` is how many pictures all cores
    would embed, judged by a block of such a model that was timed here, and ``seconds`` the time for all ``images``
    of the index at that speed, without reading them.
    """

    model: str
    title: str
    licence: str
    bytes: int
    images: int
    images_per_second: float
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def better_words(collection: Collection) -> BetterWords | None:
    """What is recommended for this index. None if it is empty, if a model of it that compares texts with pictures
    themselves is in use or has all its images, and if the model is not here and there is no network to fetch it
    from, which is found out without sending anything."""
    from imagefinder._util.threads import cores
    from imagefinder.models.catalogue import in_catalogue
    from imagefinder.models.hub import within_reach
    from imagefinder.models.pulled import pulled_spec
    from imagefinder.models.yardstick import block_seconds

    images, entry = collection.index.store.count(), in_catalogue(RECOMMENDED)
    if entry is None or not images or _has_joint(collection, images):
        return None
    here = pulled_spec(entry.name) is not None
    if not here and not within_reach():
        return None
    rate = cores() / (BLOCKS * block_seconds(TOKENS))
    size = 0 if here else entry.bytes or 0
    title = entry.title.split(":")[0]
    return BetterWords(entry.alias, title, entry.licence, size, images, round(rate, 1), round(images / rate, 1))


def _has_joint(collection: Collection, images: int) -> bool:
    """Whether texts are, or could at once be, compared with the vectors of pictures themselves."""
    from imagefinder.errors import ModelError, NotFoundError

    for space in collection.spaces():
        try:
            joint = collection.models.spec(space.model).text_space == PICTURES
        except (ModelError, NotFoundError):
            continue
        if joint and (space.current or space.images >= images):
            return True
    return False
