"""What works on this machine: each check does the thing itself rather than looking whether it might work."""

from __future__ import annotations

import platform
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any

from imagefinder._util.addresses import shown_address
from imagefinder._util.extras import EXTRAS, PURPOSES, install_command, missing_modules
from imagefinder._util.systems import WINDOWS
from imagefinder._version import __version__
from imagefinder.errors import ImageFinderError

PACKAGES = ("onnxruntime", "qdrant-edge-py", "pillow", "pillow-heif", "numpy", "tokenizers")
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
ROOM = 500_000_000  # bytes that should be free: vectors of about 100,000 images


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: what was found, and what to do if it is not ``ok``."""

    name: str
    ok: bool
    found: str
    remedy: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def checkup(index: Path | str) -> list[Check]:
    """Every check, in order. None raises."""
    checks: tuple[Callable[[], Check], ...] = (
        _versions,
        _extras,
        _providers,
        _models,
        _formats,
        _store,
        *((_long_paths,) if WINDOWS else ()),
        *((lambda: _disk(index), lambda: _index(index)) if isinstance(index, Path) else (lambda: _address(index),)),
    )
    return [_guarded(check) for check in checks]


def _guarded(check: Callable[[], Check]) -> Check:
    try:
        return check()
    except ImageFinderError as error:
        return Check(check.__name__.strip("_<>"), False, error.message, error.remedy)
    except (OSError, ImportError, RuntimeError, ValueError) as error:
        return Check(check.__name__.strip("_<>"), False, str(error), "Install ImageFinder again.")


def _versions() -> Check:
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return Check("versions", True, f"imagefinder {__version__}, Python {platform.python_version()}, {packages}")


def _extras() -> Check:
    """Which optional packages are there. One that is not there is no fault."""
    missing = [extra for extra in EXTRAS if missing_modules(extra)]
    found = ", ".join(extra for extra in EXTRAS if extra not in missing) or "none"
    if not missing:
        return Check("extras", True, found)
    lacking = ", ".join(f"{extra} ({PURPOSES[extra]})" for extra in missing)
    return Check("extras", True, f"{found}; not installed: {lacking}", f"Add one with: {install_command(missing[0])}")


def _long_paths() -> Check:
    """Whether this Windows takes paths of 260 characters and more, as an administrator may have it do."""
    import winreg

    place = r"SYSTEM\CurrentControlSet\Control\FileSystem"
    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, place) as key:  # type: ignore[attr-defined, unused-ignore]
            on = bool(winreg.QueryValueEx(key, "LongPathsEnabled")[0])  # type: ignore[attr-defined, unused-ignore]
    except OSError:  # an older Windows
        on = False
    remedy = rf"For files below deep folders: set LongPathsEnabled to 1 in HKLM\{place}, and restart."
    return Check("long paths", True, "taken" if on else "shorter than 260 characters only", "" if on else remedy)


def _providers() -> Check:
    """What onnxruntime has, and what the default model runs on when it is loaded now."""
    from imagefinder.models.providers import installed
    from imagefinder.models.registry import load_model

    running = load_model("default", threads=1).provider
    return Check("providers", True, f"{', '.join(installed())}; the default model runs on {running}")


def _models() -> Check:
    """Load every bundled model, after comparing its files with their checksums."""
    from imagefinder.models.registry import list_models, load_model

    specs = list_models()
    for spec in specs:
        spec.verify()
    embedder = load_model("default", threads=1)
    embedder.embed_texts(["a photo"])
    return Check("models", True, ", ".join(f"{s.name} (checksums right)" for s in specs))


def _formats() -> Check:
    """Write and read back a picture in each format; reading is what counts, not every format can be written. What
    needs an extra that is not installed is no fault."""
    from PIL import Image

    from imagefinder.images import formats
    from imagefinder.images.decode import decode, encode_bytes
    from imagefinder.images.formats import why_not
    from imagefinder.types import ImageRef, Limits

    further = [format for format in formats.FORMATS if format.extra]
    can: list[str] = []
    cannot: list[str] = []
    _register_heif()
    for name in FORMATS:
        buffer = BytesIO()
        try:
            Image.new("RGB", (64, 48), "teal").save(buffer, name)
            decode(encode_bytes(ImageRef(name), buffer.getvalue()), short_side=None, limits=Limits())
            can.append(name)
        except (ImageFinderError, OSError, KeyError, ValueError):
            cannot.append(name)
    others = [format.name for format in further if not why_not(format)]
    lacking = ", ".join(f"{format.name} ({format.extra})" for format in further if why_not(format))
    without = f"; not without an extra: {lacking}" if lacking else ""
    remedy = "pip install --upgrade pillow pillow-heif" if cannot else ""
    found = ", ".join([*can, *others]) + without
    return Check("formats", not cannot, found + (f"; not {', '.join(cannot)}" if cannot else ""), remedy)


def _register_heif() -> None:
    import pillow_heif  # type: ignore[import-untyped, unused-ignore]

    pillow_heif.register_heif_opener()


def _store() -> Check:
    """Make a small store, write, search, and open it again."""
    import numpy as np

    from imagefinder.store.base import Point, VectorParams
    from imagefinder.store.edge.store import EdgeStore
    from imagefinder.types import image_id

    with tempfile.TemporaryDirectory() as folder:
        store = EdgeStore.create(Path(folder) / "points")
        store.create_vector("v", VectorParams(4))
        store.upsert([Point(image_id("a"), {"uri": "a"}, {"v": np.ones(4, np.float32)})])
        store.close()
        store = EdgeStore.open(Path(folder) / "points")
        found = store.query("v", np.ones(4, np.float32), 1)
        store.close()
    ok = [p.id for p in found] == [image_id("a")]
    return Check("store", ok, "writes, searches, opens again" if ok else "lost a point", "" if ok else "Report this.")


def _index(index: Path) -> Check:
    """Read every file of the index, and compare it with its checksum."""
    from imagefinder.index import manifest
    from imagefinder.index.check import faults
    from imagefinder.index.lock import IndexLock

    if not manifest.exists(index):
        return Check("index", True, f"none at {index}")
    lock = IndexLock(index)
    try:
        free = lock.acquire_to_read()
    except ImageFinderError:  # where nobody can write
        free = True
    if not free:
        return Check("index", True, f"{index} is in use, so it was not looked through")
    try:
        found = list(faults(index))
    finally:
        lock.release()
    if not found:
        return Check("index", True, f"{index}: every file is as it was written")
    return Check("index", False, " ".join(what for what, _ in found), " ".join(dict.fromkeys(how for _, how in found)))


def _address(address: str) -> Check:
    """Reach an index at an address, and read what it says of itself."""
    from imagefinder.index.shared import has_spaces, is_there

    place = shown_address(address)
    if not is_there(address):
        return Check("index", True, f"none at {place}, which can be reached")
    return Check(
        "index", True, f"{place}: it can be read" + ("" if has_spaces(address) else ", and holds no images yet")
    )


def _disk(index: Path) -> Check:
    place = next(p for p in (index, *index.absolute().parents) if p.exists())
    free = shutil.disk_usage(place).free
    ok = free > ROOM
    return Check("disk", ok, f"{free / 1e9:.1f} GB free at {place}", "" if ok else "Free some space, or use --index.")
