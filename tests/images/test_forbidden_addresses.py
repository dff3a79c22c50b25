"""No spelling of an address that is not public is connected to, named outright or by a redirect."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from functools import cache
from ipaddress import IPv4Address
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest

from imagefinder.errors import FetchError
from imagefinder.images import addresses
from imagefinder.images.fetch import Fetcher
from imagefinder.types import Limits, SkipCode

PUBLIC = "93.184.215.14"  # where good.test is: connections to it go to the test's server
INSIDE = ("127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.1.1", "0.0.0.0", "172.16.0.1", "100.64.0.1")
OTHERS = (
    [
        "localhost",
        "LOCALHOST",
        "localhost.",
        "a.localhost",
        "127.0.0.1.nip.io",
        "inside.test",
        "inside.test.",
        "metadata",
    ]
    + [
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::]",
        "[0000::0001]",
        "[fe80::1]",
        "[fe80::1%25lo]",
        "[fc00::1]",
        "[fd00:ec2::254]",
    ]
    + ["[ff02::1]", "[fec0::1]", "[2001:db8::1]", "[2001::1]", "[100::1]", "[5f00::1]", "[4000::1]"]
)


def spellings(address: str) -> Iterator[str]:
    """The ways in which systems and libraries write an IPv4 address."""
    a, b, c, d = address.split(".")
    n = int(IPv4Address(address))
    high, low = n >> 16, n & 0xFFFF
    yield from (address, str(n), hex(n), f"0{n:o}", f"0x{n:X}", f"0X{n:08x}", f"000{n:o}")
    yield from (
        f"{a}.{n & 0xFFFFFF}",
        f"{a}.{b}.{low}",
        f"{int(a):#x}.{n & 0xFFFFFF:#x}",
        f"0{int(a):o}.{n & 0xFFFFFF}",
    )
    yield from (f"{int(a):#x}.{b}.{c}.{d}", f"0{int(a):o}.0{int(b):o}.0{int(c):o}.0{int(d):o}", f"{address}.")
    yield "".join(chr(ord(sign) + 0xFEE0) if sign.isdigit() else sign for sign in address)  # digits of full width
    yield address.replace(".", "\u3002")  # the full stop of Chinese
    yield quote(address[0]).replace(address[0], f"%{ord(address[0]):02X}") + address[1:]
    yield from (f"user@{address}", f"user:word@{address}", f"good.test@{address}")
    yield from (f"[::ffff:{address}]", f"[::ffff:{high:x}:{low:x}]", f"[0:0:0:0:0:FFFF:{high:x}:{low:x}]")
    yield from (f"[::{high:x}:{low:x}]", f"[64:ff9b::{high:x}:{low:x}]", f"[64:ff9b::{address}]")
    yield from (f"[2002:{high:x}:{low:x}::1]", f"[::ffff:0:{high:x}:{low:x}]", f"[2606:4700::5efe:{address}]")


SPELLINGS = list(dict.fromkeys([*(way for address in INSIDE for way in spellings(address)), *OTHERS]))
CODES = (301, 302, 303, 307, 308)
TARGETS = (
    [f"http://{way}/image" for way in dict.fromkeys((*spellings("127.0.0.1"), *OTHERS))]
    + [f"//{way}/image" for way in ("127.0.0.1", "[::1]", "2130706433", "inside.test", "169.254.169.254")]
    + ["https://127.0.0.1/", "HTTP://127.1/", "http:\\\\127.0.0.1\\image", "http:127.0.0.1", "file:///etc/passwd"]
    + [
        "ftp://127.0.0.1/",
        "gopher://127.0.0.1/",
        "data:image/png;base64,AAAA",
        "unix:/var/run/docker.sock",
        "dict://127.0.0.1",
    ]
)


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch, server: Any) -> list[str]:
    """The addresses that were connected to. good.test is the server; each other name, which a stranger's name server
    would answer for, is 127.0.0.1."""
    made: list[str] = []
    real_connect, real_look_up = socket.create_connection, socket.getaddrinfo

    def connect(address: tuple[str, int], *given: Any, **how: Any) -> socket.socket:
        made.append(address[0])
        return real_connect(("127.0.0.1", server.server_address[1]), *given, **how)

    def look_up(host: str, port: int, **how: Any) -> Any:
        try:
            return real_look_up(host, port, flags=socket.AI_NUMERICHOST, **how)
        except OSError:
            return real_look_up(
                PUBLIC if host == "good.test" else "127.0.0.1", port, flags=socket.AI_NUMERICHOST, **how
            )

    monkeypatch.setattr(addresses, "socket", SimpleNamespace(getaddrinfo=look_up, SOCK_STREAM=socket.SOCK_STREAM))
    monkeypatch.setattr(socket, "create_connection", connect)
    return made


@cache
def fetcher() -> Fetcher:
    return Fetcher(Limits())


def refused(url: str) -> bool:
    with pytest.raises(FetchError) as error:
        fetcher().get(url)
    return error.value.code in (SkipCode.ADDRESS_REFUSED, SkipCode.FETCH_FAILED)


def test_no_spelling_is_connected_to(server: Any, connected: list[str]) -> None:
    assert len(SPELLINGS) >= 155
    port = server.server_address[1]
    for way in SPELLINGS:
        for url in (f"http://{way}:{port}/image", f"https://{way}/image", f"HTTP://{way}:{port}#@good.test/"):
            assert refused(url), url
            assert not connected, url
    assert not server.seen


def test_no_redirect_leads_there(server: Any, connected: list[str]) -> None:
    cases = [(CODES[i % len(CODES)], target) for i, target in enumerate(TARGETS)]
    cases += [(code, target) for code in CODES for target in TARGETS[:12]]
    assert len(set(cases)) >= 107
    for code, target in dict.fromkeys(cases):
        for times in (1, 2):  # also by way of another one
            to = target if times == 1 else f"http://good.test/redirect?code={code}&to={quote(target, safe='')}"
            connected.clear()
            assert refused(f"http://good.test/redirect?code={code}&to={quote(to, safe='')}"), target
            assert len(connected) >= times and set(connected) == {PUBLIC}, target


def test_what_is_public_is_reached(server: Any, connected: list[str]) -> None:
    assert fetcher().get(f"http://good.test/redirect?to={quote('http://good.test/image', safe='')}")
    assert connected == [PUBLIC, PUBLIC]
