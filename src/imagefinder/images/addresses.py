"""Which network addresses a URL given by a stranger may reach."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from imagefinder.errors import FetchError
from imagefinder.types import SkipCode

# Beyond what ipaddress itself calls not global: forms of IPv6 that carry an IPv4 address inside.
_NAT64 = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))


def is_public(address: str) -> bool:
    """Whether an address belongs to the public internet: not loopback, private, link-local (where clouds keep their
    metadata service), shared, multicast or reserved, nor an IPv6 form of such an IPv4 address."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        inner = _inner_ipv4(ip)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not ip.is_unspecified


def _inner_ipv4(ip: IPv6Address) -> IPv4Address | None:
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip.sixtofour is not None:
        return ip.sixtofour
    if ip.teredo is not None:
        return ip.teredo[1]
    if any(ip in net for net in _NAT64) or int(ip) < 2**32:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return None


def resolve(host: str, port: int, *, allow_private: bool) -> str:
    """The address to connect to for a host, checked. Raises FetchError if any of its addresses is forbidden.

    The caller connects to the very address returned, so a name that resolves differently a moment later changes
    nothing.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FetchError(f"The host {host!r} can't be found: {error}.", code=SkipCode.FETCH_FAILED) from error
    addresses = [str(info[4][0]) for info in found]
    if not allow_private and (bad := [a for a in addresses if not is_public(a)]):
        raise FetchError(
            f"The host {host!r} is at {bad[0]}, which is not on the public internet.",
            code=SkipCode.ADDRESS_REFUSED,
            remedy="Set IMAGEFINDER_ALLOW_PRIVATE_ADDRESSES=1 if you trust the URL.",
        )
    if not addresses:
        raise FetchError(f"The host {host!r} has no address.", code=SkipCode.FETCH_FAILED)
    return addresses[0]
