"""The documents of an index on a Qdrant server, by their names in its catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Self
from uuid import uuid4

from imagefinder.errors import StorageError
from imagefinder.store.documents import Named
from imagefinder.store.qdrant.catalogue import Catalogue, Documents, Entry


class CataloguePlace(Named[Catalogue]):
    """One document, or a folder of them. Fulfils ``places.Shared``."""

    def exists(self) -> bool:
        return self.is_file() or self.is_dir()

    def is_file(self) -> bool:
        return self.stamp() is not None

    def is_dir(self) -> bool:
        return any(name.startswith(self._start) for name in self._all.documents())

    def iterdir(self) -> Iterator[Self]:
        start = self._start
        names = {name[len(start) :].partition("/")[0] for name in self._all.documents() if name.startswith(start)}
        return iter([self / name for name in sorted(names)])

    def stamp(self) -> object:
        found = _stamp(self._all.documents(), self._key)
        if self._all.seen is not None:
            self._all.seen.setdefault(self._key, found)
        return found

    def read(self) -> bytes:
        before = None
        while True:
            entry = self._all.documents().get(self._key)
            if self._all.seen is not None:
                self._all.seen[self._key] = entry and entry["stamp"]
            if entry is None:
                raise FileNotFoundError(f"{self} is not there")
            if (data := self._all.held(entry["parts"], entry["size"])) is not None:
                return data
            if entry["stamp"] == before:  # not replaced meanwhile, so its parts are gone
                raise StorageError(f"{self} has lost a part.", remedy="Restore it from a backup.")
            before = entry["stamp"]

    def write(self, data: bytes) -> None:
        new = _entry(self._all.keep(data), len(data), len(data))

        seen = {} if self._all.seen is None else {**self._all.seen}

        def work(documents: Documents) -> None:
            there = _stamp(documents, self._key)
            if seen.get(self._key, there) != there:
                raise StorageError(
                    f"{self} was changed by another process meanwhile. Nothing was written.", remedy="Do it again."
                )
            documents[self._key] = new

        self._all.change(work)
        if self._all.seen is not None:
            self._all.seen[self._key] = new["stamp"]

    def add(self, lines: bytes) -> tuple[int, int]:
        parts = self._all.keep(lines)
        stamp = uuid4().hex

        def work(documents: Documents) -> Entry:
            old = documents.get(self._key) or _entry([], 0, 0)
            entry = _entry([*old["parts"], *parts], old["size"] + len(lines), old["whole"], stamp)
            documents[self._key] = entry
            return entry

        entry = self._all.change(work)
        if self._all.seen is not None and self._key in self._all.seen:
            self._all.seen[self._key] = entry["stamp"]
        return entry["size"], entry["whole"]

    def unlink(self, missing_ok: bool = False) -> None:
        def work(documents: Documents) -> bool:
            return documents.pop(self._key, None) is not None

        if not self._all.change(work) and not missing_ok:
            raise FileNotFoundError(f"{self} is not there")

    def remove(self) -> None:
        def work(documents: Documents) -> None:
            for name in [name for name in documents if name.startswith(self._start)]:
                del documents[name]

        self._all.change(work)

    def rename(self, target: Self) -> Self:
        def work(documents: Documents) -> None:
            if any(name.startswith(target._start) for name in documents):
                raise FileExistsError(f"{target} is there already")
            for name in [name for name in documents if name.startswith(self._start)]:
                documents[target._start + name[len(self._start) :]] = documents.pop(name)

        self._all.change(work, now=True)  # with what was written before, so that another name can be tried
        return target

    def together(self) -> AbstractContextManager[None]:
        return self._all.together()


def _entry(parts: list[str], size: int, whole: int, stamp: str | None = None) -> Entry:
    return {"stamp": stamp or uuid4().hex, "parts": parts, "size": size, "whole": whole}


def _stamp(documents: Mapping[str, Entry], key: str) -> str | None:
    return documents[key]["stamp"] if key in documents else None
