"""``imagefinder doctor --server``: whether a server is ready. The health check of a container, so it imports little."""

from __future__ import annotations

import json
import os
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from imagefinder import settings
from imagefinder.cli.doctor import Check
from imagefinder.cli.serve import DEFAULT_PORT
from imagefinder.errors import InvalidInputError

PATIENCE_S = 10.0
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "[::]": "[::1]"}  # where a server listens: where it can be asked


def readiness(url: str) -> Check:
    """Ask the server at ``url``, or, where that is empty, the one that ``serve`` would be here, with its variables.
    Raises InvalidInputError for what is no URL."""
    url = (url or _here()).rstrip("/")
    if not url.startswith(("http://", "https://")):
        raise InvalidInputError(f"{url[:100]!r} is no URL of a server.", remedy="It is like http://127.0.0.1:8642")
    try:
        with build_opener(ProxyHandler({})).open(Request(f"{url}/readyz"), timeout=PATIENCE_S) as answer:
            facts = _read(answer.read())
    except HTTPError as refused:
        with refused:
            said = _read(refused.read()).get("error", {})
        return Check("server", False, f"{url} is not ready: {said.get('message', refused)}", said.get("remedy", ""))
    except (OSError, ValueError) as error:
        return Check(
            "server",
            False,
            f"{url} can't be asked: {getattr(error, 'reason', error)}",
            "Start it with: imagefinder serve",
        )
    images = f", {facts['images']:,} images" if "images" in facts else ""
    return Check("server", True, f"{url} is ready{images}")


def _here() -> str:
    host = os.environ.get(f"{settings.SERVE}_HOST") or "127.0.0.1"
    host = EVERYWHERE.get(host, host)
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"http://{host}:{os.environ.get(f'{settings.SERVE}_PORT') or DEFAULT_PORT}"


def _read(answer: bytes) -> dict[str, Any]:
    """The object that a server answered with; empty where it is none."""
    try:
        found = json.loads(answer)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
