"""Who is at work: the name that is kept beside what is removed or changed for good."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody by ``name``. ``kind`` says how they are known: ``account`` of the machine, ``key`` of the index,
    ``server`` for the key that the server was started with, ``user`` whom a proxy has let in, ``anyone`` where a server
    asks for no key."""

    name: str
    kind: str


_actor: ContextVar[Actor | None] = ContextVar("imagefinder-actor", default=None)


def actor() -> Actor:
    """Who is at work in this thread; by default the account that the program runs under."""
    return _actor.get() or Actor(_account(), "account")


@contextmanager
def acting(who: Actor) -> Iterator[None]:
    """Meanwhile, what this thread does is done by ``who``."""
    token = _actor.set(who)
    try:
        yield
    finally:
        _actor.reset(token)


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # an account without a name, as in a container
        return "unknown"
