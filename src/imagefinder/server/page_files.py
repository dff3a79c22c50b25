"""The files of the page, below an address that holds a hash of them all, so that a browser may keep them for good.

/page/HASH/js/main.js       cached for good; what it imports stands beside it
/js/main.js                 the same file, which a browser asks about each time
/page/HASH/index.html.css   the style sheets of index.html in one
/page/HASH/joined/main.js   the modules of the page in one, see page_joined.py
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import posixpath
import re
import threading
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from imagefinder.server.page_joined import JOINED, MAIN, Joined

PAGE = Path(__file__).with_name("page")
PREFIX = "page"
ENTRY, VIEW = "js/main.js", f"{JOINED}/views-{{}}.js"
IMPORT = re.compile(r'^(?:import|export)\b[\w\s{},*$]*\bfrom\s*"([^"]+)"', re.MULTILINE)
SHEET = re.compile(r'[ \t]*<link rel="stylesheet" href="/([^"]+)">\n')
OWN = re.compile(r'="/((?:js|css|vendor|joined)/|icon\.svg|[a-z]+\.html\.css)')
PACKED = {".js", ".css", ".svg", ".json", ".txt", ".webmanifest"}
mimetypes.add_type("text/javascript", ".js")  # Windows takes types from its registry, where it may be anything
mimetypes.add_type("application/manifest+json", ".webmanifest")


class PageFile:
    """One file: what it holds, and the same packed."""

    def __init__(self, name: str, data: bytes) -> None:
        self.name, self.data = name, data
        self.etag = f'"{hashlib.blake2b(data, digest_size=12).hexdigest()}"'
        self.type = mimetypes.guess_type(name)[0] or "application/octet-stream"

    @cached_property
    def packed(self) -> bytes | None:
        """None where packing gains nothing."""
        if Path(self.name).suffix not in PACKED:
            return None
        packed = gzip.compress(self.data, 9, mtime=0)
        return packed if len(packed) < 0.9 * len(self.data) else None


class PageFiles:
    """All files as they are at one time. ``version`` is the hash of their names and contents."""

    def __init__(self, folder: Path = PAGE) -> None:
        self._files = {name: PageFile(name, data) for name, data in _read(folder)}
        for name in [name for name in self._files if name.endswith(".html")]:
            sheets = [self._files[sheet].data for sheet in SHEET.findall(self._text(name))]
            self._files[f"{name}.css"] = PageFile(f"{name}.css", b"\n".join(sheets))
        scripts = {name: self._text(name) for name in self._files if name.endswith(".js")}
        for name, text in Joined(scripts, ENTRY).files().items() if ENTRY in scripts else ():
            self._files[name] = PageFile(name, text.encode())
        digest = hashlib.blake2b(digest_size=8)
        for name, file in sorted(self._files.items()):
            digest.update(f"{name}\0{file.etag}\0".encode())
        self.version = digest.hexdigest()

    def find(self, path: str) -> tuple[PageFile | None, bool]:
        """The file at a path below the page's root, and whether a browser may keep it for good. Below the hash of
        another version is what stands there now, for pages that were loaded before."""
        first, _, rest = path.partition("/")
        version, _, name = rest.partition("/")
        if first != PREFIX:
            return self._files.get(path), False
        return self._files.get(name), version == self.version

    def html(self, name: str, root_path: str, view: str = "") -> str:
        """A page whose links lead below the server's path at a proxy; its style sheets are one, and the modules that
        it and its ``view`` import are asked for at once rather than one after the other."""
        text = self._text(name)
        sheet = f'    <link rel="stylesheet" href="/{name}.css">\n'
        text = SHEET.sub(lambda found: sheet if found.start() == SHEET.search(text).start() else "", text)  # type: ignore[union-attr]
        if f'src="/{ENTRY}"' in text:
            modules = self.modules(f"{JOINED}/{MAIN}", VIEW.format(view))
            links = "".join(f'    <link rel="modulepreload" href="/{one}">\n' for one in modules)
            text = text.replace("  </head>", f"{links}  </head>", 1).replace(f'"/{ENTRY}"', f'"/{JOINED}/{MAIN}"')
        text = OWN.sub(rf'="/{PREFIX}/{self.version}/\1', text)
        return text.replace('="/', f'="{root_path}/')

    def modules(self, *entries: str) -> list[str]:
        """These files and all that they import at their tops, those first that everything waits for."""
        found = {name: None for name in entries if name in self._files}
        waiting = list(found)
        while waiting:
            name = waiting.pop(0)
            for address in self._imports(name):
                if address not in found:
                    found[address] = None
                    waiting.append(address)
        return list(found)

    def _imports(self, name: str) -> list[str]:
        addresses = IMPORT.findall(self._text(name))
        return [posixpath.normpath(posixpath.join(posixpath.dirname(name), address)) for address in addresses]

    def _text(self, name: str) -> str:
        return self._files[name].data.decode("utf-8")


def _read(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path.read_bytes()


def _stamp() -> tuple[int, int]:
    facts = [path.stat() for path in PAGE.rglob("*")]
    return len(facts), max(one.st_mtime_ns for one in facts)


_lock = threading.Lock()
_kept: tuple[tuple[int, int], PageFiles] | None = None


def page_files(*, again: bool = False) -> PageFiles:
    """The files as they were when last looked at; with ``again`` as they are now, which takes a millisecond."""
    global _kept
    with _lock:
        if _kept is None or (again and _kept[0] != _stamp()):
            _kept = (_stamp(), PageFiles())
        return _kept[1]
