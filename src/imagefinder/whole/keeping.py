"""Backups of an index in one folder, each under the time it was begun at, of which the latest are kept."""

from __future__ import annotations

import re
import stat
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from imagefinder._util.addresses import is_address
from imagefinder._util.files import expanded, plain_name
from imagefinder._util.systems import sync_folder
from imagefinder.errors import InvalidInputError, StorageError
from imagefinder.images.remote.schemes import is_remote
from imagefinder.whole.streams import is_backup

if TYPE_CHECKING:
    import os

_TIME = "%Y%m%dT%H%M%SZ"


class Series:
    """The backups of one index in a folder: ``NAME-20261128T030000Z.tar``, by UTC."""

    def __init__(self, folder: str | os.PathLike[str], index: Path | str, keep: int) -> None:
        """``keep`` is how many backups stay. Raises InvalidInputError for one below 1, and for anything but a folder
        that is there: one that is made anew would hide that a disk is not mounted."""
        if keep < 1:
            raise InvalidInputError(f"{keep} backups can't be kept.", remedy="Keep one or more.")
        text = str(folder)
        if is_address(text) or is_remote(text):
            raise InvalidInputError(
                "Backups are kept by their number in a folder only.",
                remedy="For a bucket, put the date into the object's name, and let a rule of the bucket expire it.",
            )
        self._folder, self._keep = expanded(text).absolute(), keep
        if not self._folder.is_dir():
            raise InvalidInputError(
                f"{self._folder} is no folder, so no backups can be kept there by their number.",
                remedy="Make it, or mount its disk; name the folder, not a file in it.",
            )
        name = index.name if isinstance(index, Path) else index.partition("?")[0].rstrip("/").rpartition("/")[2]
        self._name = plain_name(name)

    def place(self, begun: datetime) -> Path:
        """Where a backup goes that was begun at this time, in UTC."""
        return self._folder / f"{self._name}-{begun.strftime(_TIME)}.tar"

    def drop_older(self, newest: Path) -> tuple[str, ...]:
        """Remove all but ``newest``, which is whole by now, and the latest others; which these were. Only files are
        removed that have such a name and begin as a backup does. Raises StorageError."""
        pattern = re.compile(re.escape(self._name) + r"-\d{8}T\d{6}Z\.tar")
        try:
            found = [path for path in self._folder.iterdir() if pattern.fullmatch(path.name) and path != newest]
            others = sorted(path for path in found if stat.S_ISREG(path.lstat().st_mode) and is_backup(path))
            gone = others[: max(0, len(others) - (self._keep - 1))]
            for path in gone:
                path.unlink()
            sync_folder(self._folder)
        except OSError as error:
            raise StorageError(
                f"The backup is written, but older ones in {self._folder} can't be removed: {error.strerror or error}.",
                remedy="Allow changing that folder.",
            ) from error
        return tuple(map(str, gone))
