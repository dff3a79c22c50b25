"""How a server behaves: where it listens, who may ask, and what a request may cost."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from imagefinder._util.files import expanded
from imagefinder._util.hosts import is_loopback
from imagefinder._util.systems import real_path
from imagefinder.errors import InvalidInputError
from imagefinder.images.files import is_within
from imagefinder.images.remote.schemes import is_bucket, tidy
from imagefinder.index.keys import Scope

PORT = 8642
ROOT_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._~-]{0,58}[A-Za-z0-9])?")  # of an index among several
BELOW = "/i/"  # the path that its name stands behind
HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,99}")
TAKEN = ("authorization", "cookie", "host", "origin", "content-type", "content-length", "x-request-id")
OWN = ("v1", "docs", "groups", "map", "duplicates", "library", "css", "js", "vendor", "healthz", "readyz", "metrics")


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """The defaults are for one person on their own machine.

    ``key`` is asked of every client when given, and must be given to listen beyond loopback. ``origins`` are other web
    pages that may use the API ("https://shop.example"), ``hosts`` further names that the server is reached by.
    ``trusted_proxies`` are the addresses and networks ("10.0.0.7", "10.1.0.0/16") whose X-Forwarded-For and
    X-Forwarded-Proto are believed; nobody else's are.
    ``proxy_user`` is the header in which those proxies name the user whom they let in ("X-Remote-User"), who then needs
    no key: their scope is ``proxy_scope``, that of ``proxy_admins`` admin.
    ``requests_per_minute`` and ``upload_bytes_per_day`` are for each key and user that has no limit of its own.
    ``name`` is that of the index where a server has several.
    ``folders`` are those that clients may add images from, also in buckets ("s3://shop/new"); None allows every one on
    loopback and none beyond. ``uploads`` is the folder, in a bucket, for images that clients send; empty: the index
    folder.
    ``rate`` is how many costly requests a second one address may make, on average (0: any); ``None`` means 20 beyond
    loopback, and any on it. ``root_path`` is the path of the server at a proxy ("/pictures"), whether the proxy strips
    it from what it hands on or not. Servers of the same ``session``, a name, take each other's log-ins, if they have
    one key; by default those of one index at an address. Of several processes of one server, ``worker`` is the number
    of this one, and ``figures`` a folder in which they leave their metrics for each other. Sizes are bytes.
    """

    host: str = "127.0.0.1"
    port: int = PORT
    key: str | None = None
    read_only: bool = False
    origins: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    proxy_user: str | None = None
    proxy_scope: Scope = "read"
    proxy_admins: tuple[str, ...] = ()
    requests_per_minute: int | None = None
    upload_bytes_per_day: int | None = None
    name: str = ""
    folders: tuple[str, ...] | None = None
    rate: float | None = None
    root_path: str = ""
    session: str = ""
    uploads: str = ""
    worker: int = 0
    figures: str = ""
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
        if self.uploads and not is_bucket(self.uploads):
            raise InvalidInputError(
                f"Uploads can't be kept at {self.uploads!r}.", remedy="Name a folder in a bucket: s3://BUCKET/FOLDER."
            )
        for origin in self.origins:
            _check_origin(origin)
        for proxy in self.trusted_proxies:
            _check_proxy(proxy)
        if self.proxy_user is not None:
            _check_proxy_user(self.proxy_user, self.trusted_proxies)

    @property
    def cookie_path(self) -> str:
        """Where pages' cookies go: to all indexes of the server, so that its list of them knows who may see which."""
        below = f"{BELOW}{self.name}" if self.name else ""
        return self.root_path.removesuffix(below) or "/"

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the server."""
        return is_loopback(self.host)

    @property
    def requests_per_second(self) -> float:
        """The rate that holds; 0 for any."""
        return (0.0 if self.is_local else 20.0) if self.rate is None else self.rate

    def may_add(self, place: str) -> bool:
        """Whether clients may add images from this folder or file of the server's machine, a path as ``place_of`` gives
        it: links in it are followed here just as when it is opened. Or from this place in a bucket, which is read with
        the server's keys."""
        if self.read_only:
            return False
        if self.within is None:
            return True
        if is_bucket(place):
            return any(place == folder or place.startswith(f"{folder}/") for folder in self.within)
        return is_within(real_path(place), self.within)

    @property
    def within(self) -> tuple[str, ...] | None:
        """The real paths of the folders, and the addresses in buckets, that what clients add must lie in; None: it may
        lie anywhere."""
        if self.folders is None:
            return None if self.is_local else ()
        folders = map(os.fspath, self.folders)
        return tuple(tidy(f) if is_bucket(f) else real_path(expanded(f)) for f in folders)

    @property
    def may_add_folders(self) -> bool:
        return not self.read_only and (self.is_local if self.folders is None else bool(self.folders))


def place_of(text: str) -> str:
    """The address in a bucket, or the absolute path, that a client names: ``..`` is struck out first, and links are
    followed when it is opened. The one way to read a client's path, so that what is checked is what is used. Raises
    InvalidInputError."""
    return tidy(text) if is_bucket(text) else os.path.abspath(expanded(text))


def _check_origin(origin: str) -> None:
    """ "null" is the origin of every page without one, such as a file or a sandboxed frame of any site."""
    try:
        parts = urlsplit(origin)
        named = parts.scheme in ("http", "https") and bool(parts.hostname) and "*" not in origin
        right = named and origin == f"{parts.scheme}://{parts.netloc}" and "@" not in origin
    except ValueError:
        right = False
    if not right:
        raise InvalidInputError(
            f"{origin[:100]!r} is not the origin of one site, so its pages can't be allowed.",
            remedy="Give scheme and host, and the port if there is one, such as https://shop.example.",
        )


def _check_proxy(proxy: str) -> None:
    try:
        ipaddress.ip_network(proxy)
    except ValueError as error:
        raise InvalidInputError(
            f"{proxy[:100]!r} is not the address of a proxy: {error}.",
            remedy="Give an address or a network, such as 127.0.0.1 or 10.1.0.0/16.",
        ) from None


def _check_proxy_user(header: str, proxies: tuple[str, ...]) -> None:
    if not HEADER.fullmatch(header) or header.lower() in TAKEN:
        raise InvalidInputError(
            f"{header[:100]!r} is not a header that names a user.", remedy="It is like X-Remote-User."
        )
    if not proxies:
        raise InvalidInputError(
            f"{header} is believed of named proxies only, and none is named.",
            remedy="Name them with --trusted-proxy ADDRESS.",
        )
