"""URLs of strangers: every rule of docs/limits-and-security.md."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefinder.errors import FetchError
from imagefinder.images import addresses
from imagefinder.images.addresses import is_public
from imagefinder.images.fetch import Fetcher
from imagefinder.types import Limits, SkipCode

FORBIDDEN = [
    "127.0.0.1", "127.8.9.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "100.127.255.254", "192.0.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "239.255.255.250",
    "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1",
    "2001:db8::1", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:0:4136:e378:8000:63bf:80ff:fffe", "64:ff9b:1::a00:1",
]  # fmt: skip
ALLOWED = [
    "8.8.8.8", "1.1.1.1", "172.32.0.1", "100.63.255.255", "2606:4700:4700::1111", "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]  # fmt: skip


@pytest.mark.parametrize("address", FORBIDDEN)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ALLOWED)
def test_addresses_that_are_public(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_alike_in_every_ipv6_clothing(ip: Any) -> None:
    number = int(ip)
    for inside in (f"::ffff:{ip}", f"64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}"):
        assert is_public(inside) == is_public(str(ip))


def open_fetcher(**limits: Any) -> Fetcher:
    return Fetcher(Limits(allow_private_addresses=True, **limits))


def code_of(fetcher: Fetcher, url: str) -> str:
    try:
        with pytest.raises(FetchError) as caught:
            fetcher.get(url)
    finally:
        fetcher.close()
    return caught.value.code


def test_an_image_is_fetched(server) -> None:  # type: ignore[no-untyped-def]
    fetcher = open_fetcher()
    assert fetcher.get(f"{server.url}/image").startswith(b"\xff\xd8")
    fetcher.close()
    headers = server.seen[0][1]
    assert headers["Host"] == server.url.removeprefix("http://")
    assert "imagefinder" in headers["User-Agent"]
    assert headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "0.0.0.0", "2130706433", "0x7f.1", "127.1", "0177.0.0.1", "[::1]", "[::ffff:7f00:1]"],
)
def test_this_machine_is_refused_in_every_spelling(server, host: str) -> None:  # type: ignore[no-untyped-def]
    port = server.server_address[1]
    assert code_of(Fetcher(Limits()), f"http://{host}:{port}/image") in (
        SkipCode.ADDRESS_REFUSED,
        SkipCode.FETCH_FAILED,
    )
    assert not server.seen


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://example.org/a.jpg", "gopher://x/", "http://", "http:///a", "x"]
)
def test_other_schemes_and_broken_urls_are_refused(url: str) -> None:
    assert code_of(open_fetcher(), url) in (SkipCode.ADDRESS_REFUSED, SkipCode.FETCH_FAILED)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch, server) -> Callable[..., list[str]]:  # type: ignore[no-untyped-def]
    """``names(host=[...])``: what each host resolves to, one answer after the other; all public names reach the server.

    Connections to the pretended public address 93.184.215.14 go to the test server.
    """
    real_connect, asked = socket.create_connection, []  # type: ignore[var-annotated]

    def set_names(**hosts: list[list[str]]) -> list[str]:
        answers = {name.replace("_", "."): list(found) for name, found in hosts.items()}

        def resolve(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
            asked.append(host)
            found = answers[host].pop(0) if len(answers[host]) > 1 else answers[host][0]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

        def connect(address: tuple[str, int], *args: Any, **kwargs: Any) -> socket.socket:
            assert address[0] == "93.184.215.14", f"connected to {address}, which was never checked"
            return real_connect(("127.0.0.1", server.server_address[1]), *args, **kwargs)

        look_up = SimpleNamespace(getaddrinfo=resolve, SOCK_STREAM=socket.SOCK_STREAM)
        monkeypatch.setattr(addresses, "socket", look_up)
        monkeypatch.setattr(socket, "create_connection", connect)
        return asked

    return set_names


def test_a_name_that_points_inside_is_refused(server, names) -> None:  # type: ignore[no-untyped-def]
    names(evil_test=[["10.0.0.5"]], mixed_test=[["93.184.215.14", "127.0.0.1"]])
    for host in ("evil.test", "mixed.test"):
        assert code_of(Fetcher(Limits()), f"http://{host}/image") == SkipCode.ADDRESS_REFUSED
    assert not server.seen


def test_the_connection_goes_to_the_address_that_was_checked(server, names) -> None:  # type: ignore[no-untyped-def]
    """DNS rebinding: public when checked, private a moment later. There is no second look-up."""
    asked = names(rebind_test=[["93.184.215.14"], ["127.0.0.1"]])
    fetcher = Fetcher(Limits())
    assert fetcher.get("http://rebind.test/image")
    fetcher.close()
    assert asked == ["rebind.test"]
    assert server.seen[0][1]["Host"] == "rebind.test"


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1/image", "http://inside.test/image", "file:///etc/passwd", "//[::1]/"]
)
def test_a_redirect_inside_is_refused(server, names, target: str) -> None:  # type: ignore[no-untyped-def]
    names(
        good_test=[["93.184.215.14"]], inside_test=[["192.168.0.7"]], **{"127_0_0_1": [["127.0.0.1"]], "::1": [["::1"]]}
    )
    code = code_of(Fetcher(Limits()), f"http://good.test/redirect?to={target}")
    assert code == SkipCode.ADDRESS_REFUSED
    assert len(server.seen) == 1


def test_a_redirect_outside_is_followed_and_checked(server, names) -> None:  # type: ignore[no-untyped-def]
    asked = names(good_test=[["93.184.215.14"]], other_test=[["93.184.215.14"]])
    fetcher = Fetcher(Limits())
    assert fetcher.get("http://good.test/redirect?to=http://other.test/image", {"Authorization": "secret"})
    fetcher.close()
    assert asked == ["good.test", "other.test"]
    assert "Authorization" in server.seen[0][1]
    assert "Authorization" not in server.seen[1][1], "a secret for one host went to another"


@pytest.mark.parametrize(
    ("path", "limits", "code"),
    [
        ("loop", {}, SkipCode.FETCH_FAILED),
        ("endless", {"max_bytes": 1_000_000}, SkipCode.TOO_MANY_BYTES),
        ("claims", {}, SkipCode.TOO_MANY_BYTES),
        ("drip", {"total_timeout_s": 0.5}, SkipCode.TIMEOUT),
        ("silent", {"read_timeout_s": 0.3}, SkipCode.TIMEOUT),
        ("cut", {}, SkipCode.FETCH_FAILED),
        ("empty", {}, SkipCode.EMPTY),
        ("status?code=404", {}, SkipCode.NOT_FOUND),
        ("status?code=500", {}, SkipCode.FETCH_FAILED),
        ("image?type=text/html", {}, SkipCode.NOT_AN_IMAGE),
        ("busy?times=9", {}, SkipCode.FETCH_FAILED),
    ],
)
def test_bad_answers_are_cut_short(server, path: str, limits: dict[str, Any], code: str) -> None:  # type: ignore[no-untyped-def]
    started = time.perf_counter()
    assert code_of(open_fetcher(**limits), f"{server.url}/{path}") == code
    assert time.perf_counter() - started < 4


def test_a_busy_server_is_asked_again(server) -> None:  # type: ignore[no-untyped-def]
    fetcher = open_fetcher()
    assert fetcher.get(f"{server.url}/busy?times=2")
    fetcher.close()
    assert len(server.seen) == 3


def test_a_server_that_is_not_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
    assert code_of(open_fetcher(), url) == SkipCode.FETCH_FAILED


def test_a_host_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(addresses.socket, "getaddrinfo", fail)
    assert code_of(Fetcher(Limits()), "http://no.such.host.test/") == SkipCode.FETCH_FAILED


def test_proxies_of_the_environment_are_not_used(server, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    fetcher = open_fetcher()
    assert fetcher.get(f"{server.url}/image")
    fetcher.close()
