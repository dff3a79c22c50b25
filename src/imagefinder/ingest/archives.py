"""Goes through archives of images in a run, member by member, and notes which were gone through to the end: one that
has not changed since is not opened again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imagefinder.errors import ImageError, IndexDamagedError
from imagefinder.images.archives import Member, read_members
from imagefinder.images.decode import encode_bytes
from imagefinder.images.inside import member_of
from imagefinder.images.opening import open_holder
from imagefinder.index.jsonfile import read_json, write_json
from imagefinder.types import EncodedImage, ImageRef, Skipped

if TYPE_CHECKING:
    from imagefinder.images.loader import Loader
    from imagefinder.index.folder import Index
    from imagefinder.ingest.plan import Plan

FILE = "archives.json"
_SHAPE = {"archives": {str: {"version": str, "members": int}}}


@dataclass(frozen=True, slots=True)
class Gone(Skipped):
    """Not an image left out, but the word that all members of an archive were handed out: its ``version``, and how many
    they were."""

    version: str = ""
    members: int = 0


def load_gone_through(index: Index) -> dict[str, tuple[str, int]]:
    """Version and number of members of the archives that runs have gone through to the end, by their URI. What can't be
    read is as if it were not there: they are gone through again."""
    try:
        found = read_json(index.documents / FILE, _SHAPE, "")["archives"]
    except (FileNotFoundError, NotADirectoryError, IndexDamagedError):
        return {}
    return {uri: (row["version"], row["members"]) for uri, row in found.items()}


class Archives:
    """The archives of one run. Workers embed what ``read`` hands out; ``settle`` is for the thread that stores it."""

    def __init__(self, index: Index, plan: Plan, loader: Loader, counts: dict[str, int]) -> None:
        self._index, self._plan, self._loader, self._counts = index, plan, loader, counts
        self._failed: Counter[str] = Counter()

    def read(self) -> Iterator[EncodedImage | Skipped]:
        """The members of the archives that are new or may have changed, and what of them is left out. One that can't be
        read to its end is left out itself, and what the index has of it stays."""
        for archive in list(self._plan.archives):
            found: list[ImageRef] = []
            try:
                with open_holder(archive, self._loader.limits, lambda: self._loader.fetcher) as (file, version):
                    if self._plan.is_gone_through(archive.uri, version):
                        self._counts["unchanged"] += len(self._plan.parts.get(archive.uri, ()))
                        continue
                    for item in read_members(file, archive.uri, self._loader.limits):
                        if isinstance(item, Member):
                            ref = _ref(archive, item, version)
                            found.append(replace(ref, metadata={}))
                            self._plan.todo.append(ref)
                            yield encode_bytes(ref, item.data)
                        else:
                            yield item
            except ImageError as error:
                yield Skipped(archive.uri, error.code, error.message, error.remedy)
                continue
            self._plan.take_in(archive, found, True)
            yield Gone(archive.uri, "", "", "", version, len(found))

    def settle(self, results: Sequence[object]) -> None:
        """Note the archives that these results say to be handed out: what came before is stored."""
        for one in results:
            if isinstance(one, Gone):
                self._note(one)
            elif isinstance(one, Skipped) and (member := member_of(one.uri)):
                self._failed[member.archive] += 1

    def _note(self, gone: Gone) -> None:
        if not gone.version:
            return
        with self._index.writing:
            there = load_gone_through(self._index)
            kept = {uri: {"version": v, "members": n} for uri, (v, n) in there.items()}
            members = max(0, gone.members - self._failed[gone.uri])
            kept[gone.uri] = {"version": gone.version, "members": members}
            write_json(self._index.documents / FILE, {"archives": kept})


def _ref(archive: ImageRef, member: Member, version: str) -> ImageRef:
    """A member: what a table says of the archive holds for it, and what its neighbours say goes before."""
    folder = member.name.rpartition("/")[0].rpartition("/")[2] or archive.uri.replace("\\", "/").rpartition("/")[2]
    return replace(
        archive,
        uri=f"{archive.uri}#{member.name}",
        size=None,
        folder=folder,
        metadata={**archive.metadata, **member.fields},
        version=version,
        at=member.at,
    )
