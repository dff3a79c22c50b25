"""Where a cluster of Ray is, as people say it."""

from __future__ import annotations

import re

from imagefinder.errors import InvalidInputError

FOUND = ""  # the cluster that RAY_ADDRESS names or that runs on this machine, else one of this machine's cores
AUTO, LOCAL = "auto", "local"
_PLACE = re.compile(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}")


def checked_address(address: str) -> str:
    """The address of a cluster, as it was given. Raises InvalidInputError for what is none."""
    if address in (FOUND, AUTO, LOCAL) or _PLACE.fullmatch(address):
        return address
    if address.startswith("ray://"):
        raise InvalidInputError(
            f"{address} is an address for clients of Ray.",
            remedy="Run the command on a machine of the cluster, with the address auto.",
        )
    raise InvalidInputError(
        f"{address[:200]!r} is no address of a cluster of Ray.",
        remedy="Give HOST:PORT as `ray start` says it, auto for the cluster of this machine, or local for its cores.",
    )
