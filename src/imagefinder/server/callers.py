"""Who asks: by a key of the index, by the server's own key, or let in by a proxy; and what they may do."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from imagefinder._util.acting import Actor
from imagefinder.index.keys import SCOPES, Key, Keys, Scope, page_proof
from imagefinder.server.errors import RefusedError

if TYPE_CHECKING:
    from imagefinder.server.settings import ServerSettings

T = TypeVar("T")
CALLER = "imagefinder.caller"  # in the scope of a request
SERVER_KEY = "the server's key"
ADVICE = "Send it as: Authorization: Bearer KEY"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request. ``kind`` is as of ``Actor``. ``id`` is what their requests are counted by; ``cookie`` is
    what a page's cookie holds for them, empty for those who need none."""

    id: str
    name: str
    kind: str
    scope: Scope
    requests_per_minute: int | None = None
    upload_bytes_per_day: int | None = None
    cookie: str = ""

    @property
    def actor(self) -> Actor:
        return Actor(self.name, self.kind)

    def check(self, wanted: Scope | None) -> None:
        """Raises RefusedError where their scope does not cover the one that is wanted."""
        if wanted is not None and SCOPES.index(self.scope) < SCOPES.index(wanted):
            whose = "Whom the proxy lets in" if self.kind == "user" else f"The key {self.name!r}"
            raise RefusedError(
                403,
                f"{whose} has the scope {self.scope}, and this needs {wanted}.",
                code="scope",
                remedy=f"Ask whoever runs the server for a key of the scope {wanted}.",
            )


ANYONE = Caller("", "anyone", "anyone", "admin")


class Callers:
    """All who may use one server. Keys of the index are looked up for each request, so that a removed one opens
    nothing; the server's own key is an admin's. Where there is no key at all, and no proxy tells users, all are let
    in."""

    def __init__(self, settings: ServerSettings, keys: Keys) -> None:
        self._settings, self.keys = settings, keys

    async def known(self, sent: str, *, cookie: bool = False) -> Caller | None:
        """Whose key, or whose cookie's value, this is; None where it is nobody's. Raises RefusedError for a key that
        has ended."""
        own = self._settings.key
        if own is not None and is_same(sent, cookie_value(own) if cookie else own):
            return Caller("", SERVER_KEY, "server", "admin", cookie=cookie_value(own))
        found = await self._asked(lambda: self.keys.find_page(sent) if cookie else self.keys.find(sent))
        if found is None:
            return None
        if found.expired:
            raise RefusedError(401, f"The key {found.name!r} has ended.", remedy="Ask for another one.")
        return _of_key(found, sent if cookie else page_proof(sent))

    def user(self, name: str) -> Caller:
        """Whom a proxy has let in by this name."""
        scope: Scope = "admin" if name in self._settings.proxy_admins else self._settings.proxy_scope
        return Caller(f"user {name}", name, "user", scope)

    async def open(self) -> bool:
        """Whether nobody is asked for a key."""
        if self._settings.key is not None or self._settings.proxy_user is not None:
            return False
        return not await self._asked(lambda: len(self.keys))

    async def _asked(self, ask: Callable[[], T]) -> T:
        """At an address it is a question to the database, for which nothing else waits."""
        return ask() if self.keys.in_folder else await asyncio.to_thread(ask)


def _of_key(key: Key, cookie: str) -> Caller:
    limits = key.requests_per_minute, key.upload_bytes_per_day
    return Caller(key.id, key.name, "key", key.scope, *limits, cookie=cookie)


def is_same(given: str, secret: str) -> bool:
    """Compares in a time that tells nothing."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode())


def cookie_name(settings: ServerSettings) -> str:
    """Browsers send the cookies of a host to all of its ports, so each server has its own, and each of its indexes;
    servers of one index at an address have one."""
    return f"imagefinder-key-{settings.session or settings.port}" + (f"-{settings.name}" if settings.name else "")


def cookie_value(key: str) -> str:
    """What a page's cookie holds in place of the server's key: as good here, and good for nothing else."""
    return hmac.new(key.encode(), b"imagefinder page", "sha256").hexdigest()
