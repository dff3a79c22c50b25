"""How a server behaves: where it listens, who may ask, and what a request may cost."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from pathlib import Path

from imagefinder._util.files import expanded
from imagefinder.errors import InvalidInputError

PORT = 8642
ROOT_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")
OWN = ("v1", "docs", "groups", "map", "duplicates", "library", "css", "js", "vendor", "healthz", "readyz", "metrics")


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """The defaults are for one person on their own machine.

    ``key`` is asked of every client when given, and must be given to listen beyond loopback. ``origins`` are other web
    pages that may use the API ("https://shop.example"), ``hosts`` further names that the server is reached by.
    ``folders`` are those that clients may add images from; None allows every folder on loopback and none beyond.
    ``rate`` is how many costly requests a second one address may make, on average (0: any); ``None`` means 20 beyond
    loopback, and any on it. ``root_path`` is the path of the server at a proxy ("/pictures"), whether the proxy strips
    it from what it hands on or not. Sizes are bytes.
    """

    host: str = "127.0.0.1"
    port: int = PORT
    key: str | None = None
    read_only: bool = False
    origins: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    folders: tuple[str, ...] | None = None
    rate: float | None = None
    root_path: str = ""
    max_body: int = 32 * 1024**2
    max_upload: int = 1024**3
    max_seconds: float = 60.0
    cache_bytes: int = 4 * 1024**3

    def __post_init__(self) -> None:
        if not self.is_local and not self.key:
            raise InvalidInputError(
                f"To listen on {self.host}, beyond this machine, a key is needed.",
                remedy="Set IMAGEFINDER_KEY to a long random text; clients send it as: Authorization: Bearer KEY",
            )
        if self.root_path and (not ROOT_PATH.fullmatch(self.root_path) or self.root_path.split("/")[1] in OWN):
            raise InvalidInputError(
                f"{self.root_path!r} can't be the path of the server at a proxy.",
                remedy=f"It is like /pictures, and begins with none of {', '.join(OWN)}.",
            )
        if self.key is not None and len(self.key) < 16:
            raise InvalidInputError("The key is shorter than 16 characters: it could be guessed.")

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the server."""
        return is_loopback(self.host)

    @property
    def requests_per_second(self) -> float:
        """The rate that holds; 0 for any."""
        return (0.0 if self.is_local else 20.0) if self.rate is None else self.rate

    def may_add(self, folder: str) -> bool:
        """Whether clients may add images from this folder or file of the server's machine."""
        if self.read_only:
            return False
        if self.folders is None:
            return self.is_local
        place = Path(os.path.realpath(expanded(folder)))
        return any(place.is_relative_to(os.path.realpath(expanded(root))) for root in self.folders)

    @property
    def may_add_folders(self) -> bool:
        return not self.read_only and (self.is_local if self.folders is None else bool(self.folders))


def is_loopback(host: str) -> bool:
    """Whether a host, as a name or an address, is this machine as seen from itself."""
    if host.rstrip(".").lower() == "localhost" or host.lower().endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
