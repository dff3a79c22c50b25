"""Waits for changes of sources. Folders are watched by the system; tables, single files, and the images that tables
list are looked at once a second, as they are replaced by a rename more often than they are written. Nobody says when a
bucket or a page on the web has changed: they are listed once a minute."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefinder.images.inside import is_bucket, is_file, is_remote, is_url
from imagefinder.images.remote.pages import is_page
from imagefinder.ingest.opening import source_uri
from imagefinder.store.filters.parse import Compare

if TYPE_CHECKING:
    from imagefinder.index.folder import Index

POLL_MS = 1000
FAR_S = 60.0  # between two listings of what is on other machines
LOOKED_AT = 20_000  # images of tables


def changes(index: Index, sources: Sequence[str]) -> Iterator[None]:
    """Yields whenever the sources may have changed, and once at the beginning, when watching has begun. Ends at
    Ctrl-C. Folders that go and come back, or are replaced, are watched again."""
    from watchfiles import Change, watch

    uris = [source_uri(source) for source in sources if not is_remote(source)]
    far = any(is_bucket(source) or (is_url(source) and is_page(source)) for source in sources)
    listed = time.monotonic()
    home = str(index.path.absolute()) + os.sep
    while True:
        roots = [uri for uri in uris if os.path.isdir(uri)]
        seen, files = _places(uris), _files(index, uris)
        waiting = watch(
            *(roots or [str(index.path)]),
            watch_filter=lambda change, path: not path.startswith(home),
            debounce=POLL_MS,
            rust_timeout=POLL_MS,
            yield_on_timeout=True,
        )
        first = True
        with suppress(KeyboardInterrupt):
            for found in waiting:
                due = far and time.monotonic() - listed >= FAR_S
                if first or found or due or _files(index, uris) != files:
                    first, files = False, _files(index, uris)
                    yield
                    listed = time.monotonic()
                if _places(uris) != seen or any(c is Change.added and os.path.isdir(p) for c, p in found):
                    break  # watch anew, then look: what came into a new folder before it was watched is found
            continue
        return


def _places(uris: Sequence[str]) -> list[Any]:
    return [_identity(uri)[:2] if os.path.isdir(uri) else None for uri in uris]


def _files(index: Index, uris: Sequence[str]) -> dict[str, Any]:
    """What tells whether files have changed: those of the sources, and those that the tables list."""
    files = [uri for uri in uris if not os.path.isdir(uri)]
    listed: list[str] = []
    for uri in files:
        listed += index.store.columns(("uri",), filter=Compare("source", "=", uri))["uri"]
    return {uri: _identity(uri) for uri in (*files, *listed[:LOOKED_AT]) if is_file(uri)}


def _identity(path: str) -> tuple[int, ...]:
    try:
        found = Path(path).stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
