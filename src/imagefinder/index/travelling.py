"""Models trained on an index at an address: they are documents of it, and files wherever they are used."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from imagefinder._util.files import plain_name
from imagefinder._util.places import Place, Shared, stamp, together
from imagefinder._util.systems import rename_path
from imagefinder.errors import IndexDamagedError, StorageError
from imagefinder.index.models import TRAINED

LAST = "spec.json"  # is written last, so its version is that of the model
FETCHED = ".fetched"  # beside it: which version the files are


def publish_models(documents: Place, home: Path, named: Collection[str]) -> None:
    """Have the documents hold those models of the folder ``home`` that spaces are ``named`` by, and no others. Raises
    StorageError."""
    if isinstance(documents, Path):
        return
    there = {place.name for place in (documents / TRAINED).iterdir()}
    for name in there - set(named):
        (documents / TRAINED / name).remove()
        _forget(home / TRAINED / name)
    for name in sorted(set(named) - there):
        folder = home / TRAINED / name
        if (folder / LAST).is_file():
            with together(documents):
                files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != FETCHED)
                for path in sorted(files, key=lambda path: path.name == LAST):
                    (documents / TRAINED / name / path.relative_to(folder).as_posix()).write(path.read_bytes())
            _mark(folder, documents / TRAINED / name)


def fetch_models(documents: Place, home: Path) -> list[str]:
    """Have the folder ``home`` hold the models that the documents hold. The names of those that have changed. Raises
    StorageError, and IndexDamagedError for names that would lead out of the folder."""
    if isinstance(documents, Path):
        return []
    there = {_checked(place).name: place for place in (documents / TRAINED).iterdir()}
    held = {path.name: path for path in (home / TRAINED).glob("*") if (path / FETCHED).is_file()}
    gone = [name for name in held if name not in there]
    for name in gone:
        _forget(held[name])
    new = [name for name, place in there.items() if not _is_current(home / TRAINED / name, place)]
    for name in new:
        _fetch(there[name], home / TRAINED / name)
    return [*gone, *new]


def _is_current(folder: Path, model: Place) -> bool:
    with suppress(OSError):
        return (folder / FETCHED).read_text("utf-8") == str(stamp(model / LAST))
    return False


def _fetch(model: Shared, folder: Path) -> None:
    """Put the files of a model into a folder, all at once."""
    part = folder.with_name(f".{folder.name}.{os.urandom(4).hex()}.part")
    try:
        part.mkdir(parents=True)
        _mark(part, model)
        for path, place in _files(model):
            (part / path).parent.mkdir(parents=True, exist_ok=True)
            (part / path).write_bytes(place.read())
        _forget(folder)
        rename_path(part, folder)
    except FileNotFoundError:  # it was dropped meanwhile
        shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise StorageError(
            f"{folder} can't be written: {error.strerror or error}.", remedy="Make room or allow writing there."
        ) from error
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _files(folder: Shared, above: str = "") -> Iterator[tuple[str, Shared]]:
    for place in map(_checked, folder.iterdir()):
        if place.is_dir():
            yield from _files(place, f"{above}{place.name}/")
        else:
            yield f"{above}{place.name}", place


def _checked(place: Shared) -> Shared:
    """A place that is a name in its folder on every system, whoever wrote it. Raises IndexDamagedError."""
    if place.name != plain_name(place.name) or place.name.startswith(".."):
        raise IndexDamagedError(f"{place} is no name of a file of a model.", remedy="Remove it from the database.")
    return place


def _mark(folder: Path, model: Place) -> None:
    (folder / FETCHED).write_text(str(stamp(model / LAST)), "utf-8")


def _forget(folder: Path) -> None:
    """Remove a folder, so that nobody sees a part of it."""
    away = folder.with_name(f".{folder.name}.{os.urandom(4).hex()}.part")
    with suppress(OSError):
        rename_path(folder, away)
        shutil.rmtree(away, ignore_errors=True)
