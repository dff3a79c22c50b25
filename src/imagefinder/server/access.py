"""What each route says at its own definition of who may ask for it, and what that costs.

>>> @router.post("/search")
... @reads(costly=True)
... def search(...): ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from fastapi.routing import APIRoute

if TYPE_CHECKING:
    import re

    from starlette.routing import BaseRoute

    from imagefinder.index.keys import Scope

API = "/v1/"
FOUND = "imagefinder.access"  # in the scope of a request: the access of its route
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
NAME = "access"
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Access:
    """``reads``: it changes nothing of the collection, so a server that is read-only answers it. ``costly``: each
    request counts against its client's rate. ``keyless``: no key is needed. ``endless``: the response has no end, and
    so no longest time. ``routed``: there is a route for it. ``admin``: it is for those who rule over the index.
    ``adds``: what its body holds counts against what its caller may add in a day."""

    reads: bool
    costly: bool = False
    keyless: bool = False
    endless: bool = False
    routed: bool = True
    admin: bool = False
    adds: bool = False

    @property
    def scope(self) -> Scope | None:
        """The scope that a key needs for it; None where no key is needed."""
        if self.keyless:
            return None
        return "admin" if self.admin else "read" if self.reads else "write"


def reads(*, costly: bool = False, keyless: bool = False, endless: bool = False) -> Callable[[Endpoint], Endpoint]:
    """Marks a route that changes nothing of the collection."""
    return _mark(Access(True, costly, keyless, endless))


def changes(*, costly: bool = False, adds: bool = False) -> Callable[[Endpoint], Endpoint]:
    """Marks a route that changes the collection, or starts what does."""
    return _mark(Access(False, costly, adds=adds))


def rules(*, reads: bool = False) -> Callable[[Endpoint], Endpoint]:
    """Marks a route for admins: about keys and the audit log, or to forget for good."""
    return _mark(Access(reads, admin=True))


def _mark(access: Access) -> Callable[[Endpoint], Endpoint]:
    def mark(endpoint: Endpoint) -> Endpoint:
        vars(endpoint)[NAME] = access
        return endpoint

    return mark


class AccessTable:
    """The access of every route, found by a request's method and path as the router finds the route itself: the first
    that fits. Raises TypeError for a route that does not say its access."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._rows: list[tuple[set[str], re.Pattern[str], Access]] = []
        for route in routes:
            if isinstance(route, APIRoute):
                if NAME not in vars(route.endpoint):
                    raise TypeError(f"The route {route.path} does not say its access: mark it with reads or changes.")
                self._rows.append((route.methods or set(), route.path_regex, vars(route.endpoint)[NAME]))

    def of(self, method: str, path: str) -> Access:
        """The access of a request. Where no route fits, it is a file of the page, or an error: under the API's prefix
        that too is only told to those who have the key."""
        method = "GET" if method == "HEAD" else method
        for methods, pattern, access in self._rows:
            if method in methods and pattern.match(path):
                return access
        return Access(reads=method in SAFE_METHODS, keyless=not path.startswith(API), routed=False)

    def methods(self, path: str) -> set[str]:
        """All that can be asked of a path; none where there is no route."""
        found = {name for methods, pattern, _ in self._rows if pattern.match(path) for name in methods}
        return found | {"OPTIONS"} | ({"HEAD"} if "GET" in found else set()) if found else set()
