"""Which network addresses a URL given by a stranger may reach."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from imagefinder.errors import FetchError
from imagefinder.types import SkipCode

# Both lists are those of IANA's special-purpose address registries: what ``ipaddress`` knows of them changes from one
# Python to the next. 224.0.0.0/3 is multicast and reserved.
_NOT_PUBLIC_V4 = tuple(
    ip_network(net)
    for net in (
        ("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24")
        + ("192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24")
        + ("224.0.0.0/3",)
    )
)
_PUBLIC_V6 = IPv6Network("2000::/3")  # all that is given out; the rest is special or not in use
# In order: Teredo and other protocols, documentation, 6to4, documentation.
_NOT_PUBLIC_V6 = tuple(ip_network(net) for net in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
_NAT64 = IPv6Network("64:ff9b::/96")
_ISATAP = (0x00005EFE, 0x02005EFE)  # the third quarter of an address that tunnels to the IPv4 address in the fourth


def is_public(address: str) -> bool:
    """Whether an address belongs to the public internet: not loopback, private, link-local (where clouds keep their
    metadata service), shared, multicast or reserved, nor a tunnel that may end at such an address."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        inner = IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else ip.ipv4_mapped
        if inner is None:
            tunnel = (int(ip) >> 32 & 0xFFFFFFFF) in _ISATAP
            return ip in _PUBLIC_V6 and not tunnel and not any(ip in net for net in _NOT_PUBLIC_V6)
        ip = inner
    return not any(ip in net for net in _NOT_PUBLIC_V4)


def resolve(host: str, port: int, *, allow_private: bool) -> list[str]:
    """The addresses of a host, best first, all checked. Raises FetchError if there is none or one is forbidden.

    The caller connects to the very addresses returned, so a name that resolves differently a moment later changes
    nothing.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, ValueError, OverflowError) as error:  # ValueError: a NUL or a label no name may have
        raise FetchError(
            f"The host {host!r} can't be found: {getattr(error, 'strerror', None) or error}.",
            code=SkipCode.FETCH_FAILED,
        ) from error
    addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
    if not allow_private and (bad := [a for a in addresses if not is_public(a)]):
        raise FetchError(
            f"The host {host!r} is at {bad[0]}, which is not on the public internet.",
            code=SkipCode.ADDRESS_REFUSED,
            remedy="Set IMAGEFINDER_ALLOW_PRIVATE_ADDRESSES=1 if you trust the URL.",
        )
    if not addresses:
        raise FetchError(f"The host {host!r} has no address.", code=SkipCode.FETCH_FAILED)
    return addresses
