"""The connection to a cluster of Ray: one that is there, or one of this machine's cores that lives as long as the work.

Ray is imported here only, and where its names are needed under a connection. It sends nothing home
(``_util.quiet``), and a cluster that is started here has no dashboard and listens on this machine only.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from imagefinder._util.extras import require
from imagefinder._util.ray_address import AUTO, FOUND, LOCAL, checked_address
from imagefinder.errors import ImageFinderError, ServerError, UnreachableError

ANSWER_S = 10.0
_TOKEN = "RAY_AUTH_TOKEN"
_ALONE: dict[str, Any] = {  # a cluster of this machine, which nobody else looks at
    "include_dashboard": False,
    "_node_ip_address": "127.0.0.1",
    "_system_config": {"enable_metrics_collection": False},
}
# Whatever the variables say, a cluster of Ray asks at its start which cloud it is in, at an address and a name that
# clouds have for that. It does so by the proxy, so there it finds none; ``proxies_as`` is for workers that fetch.
NOWHERE = "http://127.0.0.1:9"
PROXIES = ("http_proxy", "no_proxy", "NO_PROXY")


@contextmanager
def connected(address: str = FOUND) -> Iterator[Any]:
    """The module ``ray``, connected to the cluster at an address (see ``checked_address``). A program that has
    connected already keeps its connection; another one ends here, and so does a cluster that was started for it.

    Raises InvalidInputError, MissingExtraError, and UnreachableError where there is no cluster.
    """
    checked_address(address)
    require("ray", what="Work on a cluster")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # else it warns of what Ray Data does itself
    os.environ.setdefault("RAY_ENABLE_AUTO_CONNECT", "0")  # else what comes too late makes a connection of its own
    import ray

    if ray.is_initialized():
        yield ray
        return
    before = {name: os.environ.get(name) for name in (_TOKEN, *PROXIES)}
    try:
        try:
            _connect(ray, address)
        finally:
            set_variables({name: before[name] for name in PROXIES})
        yield ray
    finally:
        ray.shutdown()
        set_variables(before)


def set_variables(values: Mapping[str, str | None]) -> None:
    """Give environment variables these values; None takes one away."""
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def proxies() -> dict[str, str | None]:
    """What this process uses, for ``proxies_as`` in workers."""
    return {name: os.environ.get(name) for name in PROXIES}


def proxies_as(values: Mapping[str, str | None]) -> None:
    """In a worker of a cluster of this machine, use the proxies that the process of the run uses."""
    if os.environ.get("http_proxy") == NOWHERE:
        set_variables(values)


def _connect(ray: Any, address: str) -> None:
    if address != LOCAL:
        _want_answer(address)
        try:
            with _hushed():
                ray.init(address=address or AUTO, **_quietly())
            return
        except Exception as error:  # ConnectionError, RuntimeError, ValueError and some of Ray's own
            ray.shutdown()
            named = address or os.environ.get("RAY_ADDRESS", "")
            if named not in ("", LOCAL):
                raise _unreachable(named, error) from error
    if not (Path.home() / ".ray" / "auth_token").is_file():
        os.environ.setdefault(_TOKEN, _own_token())  # else Ray keeps one in the user's home
    os.environ |= {"http_proxy": NOWHERE, **dict.fromkeys(("no_proxy", "NO_PROXY"), "127.0.0.1,localhost")}
    try:
        with _hushed():
            ray.init(address=LOCAL, **_ALONE, **_quietly())
    except Exception as error:
        raise _unreachable(LOCAL, error) from error


@cache
def _own_token() -> str:
    """One for each process: Ray goes on using the first that it has read there."""
    return secrets.token_hex(32)


@contextmanager
def _hushed() -> Iterator[None]:
    """Meanwhile nothing that is written to stderr is seen: Ray says there that it takes heed of a variable."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _want_answer(address: str) -> None:
    """Whether anything listens there: Ray itself tries for many minutes. Raises UnreachableError."""
    host, _, port = address.rpartition(":")
    if not host:
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER_S).close()
    except (OSError, OverflowError) as error:
        raise _unreachable(address, error) from error


def _quietly() -> dict[str, Any]:
    """What the processes of the cluster print stays in their logs, below /tmp/ray."""
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return {"log_to_driver": False, "logging_level": logging.ERROR, "namespace": "imagefinder"}


def _unreachable(address: str, error: Exception) -> ImageFinderError:
    what = " ".join(str(error).split())[:300]
    if address == LOCAL:
        return UnreachableError(f"Ray did not start on this machine: {what}")
    return UnreachableError(
        f"There is no cluster of Ray at {address}: {what}",
        remedy="Start one with `ray start --head`, or give another address.",
    )


def cause_of(error: BaseException) -> ImageFinderError:
    """What a failure of work on a cluster means: the error that our own code raised there, else that Ray failed."""
    here: BaseException | None = error
    for _ in range(20):
        inside = getattr(here, "cause", None)  # of an error of Ray that is an instance of both classes
        if isinstance(inside, BaseException):
            here = inside
        elif here is None or isinstance(here, ImageFinderError):
            break
        else:
            here = here.__cause__
    if isinstance(here, ImageFinderError):
        return here
    return ServerError(
        f"The work on the cluster failed: {' '.join(str(error).split())[:500]}",
        remedy="Its logs are below /tmp/ray on its machines. Run the same again: what was done is kept.",
    )
