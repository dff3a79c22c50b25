"""URLs of strangers: every rule of docs/limits-and-security.md."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefinder.errors import FetchError
from imagefinder.images import addresses
from imagefinder.images.addresses import is_public
from imagefinder.images.fetch import Fetcher, _parsed
from imagefinder.types import Limits, SkipCode

FORBIDDEN = [
    "127.0.0.1", "127.8.9.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "100.127.255.254", "192.0.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "239.255.255.250",
    "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1",
    "192.0.0.8", "192.0.0.170", "192.88.99.1", "198.51.100.1", "203.0.113.1", "::ffff:0:127.0.0.1", "::8.8.8.8",
    "fec0::1", "fe80::5efe:10.0.0.1", "2606:4700::5efe:127.0.0.1", "2606:4700::200:5efe:10.0.0.1", "100::1", "5f00::1",
    "3fff::1", "2001::1", "2001:0:7f00:1:0:0:f7f7:f7f7", "2001:2::1", "2001:10::1", "2001:20::1", "2002:808:808::1",
    "64:ff9b:1::808:808", "64:ff9b:1:7f00:0:100:808:808", "4000::1", "ff0e::1",
    "2001:db8::1", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:0:4136:e378:8000:63bf:80ff:fffe", "64:ff9b:1::a00:1",
]  # fmt: skip
ALLOWED = [
    "8.8.8.8", "1.1.1.1", "172.32.0.1", "100.63.255.255", "2606:4700:4700::1111", "::ffff:8.8.8.8",
    "64:ff9b::808:808", "192.0.1.1", "192.88.98.1", "2a00:1450:4001::200e", "2001:200::1", "2400:cb00::1",
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


@given(st.ip_addresses())
def test_nothing_is_public_that_python_calls_local(ip: Any) -> None:
    assert not is_public(str(ip)) or ip.is_global or ip.ipv4_mapped is not None or "64:ff9b::" in str(ip)


def open_fetcher(**limits: Any) -> Fetcher:
    return Fetcher(Limits(allow_private_addresses=True, **limits))


def code_of(fetcher: Fetcher, url: str) -> str:
    with pytest.raises(FetchError) as caught:
        fetcher.get(url)
    return caught.value.code


def test_an_image_is_fetched(server) -> None:  # type: ignore[no-untyped-def]
    fetcher = open_fetcher()
    assert fetcher.get(f"{server.url}/image").startswith(b"\xff\xd8")
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
    assert time.perf_counter() - started < 20


def raw_server(answer: Callable[[socket.socket], None]) -> str:
    """The address of a server that says to every caller just what ``answer`` does."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65536)
            answer(connection)

    def listen() -> None:
        with listening:
            for _ in range(20):
                threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()

    threading.Thread(target=listen, daemon=True).start()
    return f"127.0.0.1:{listening.getsockname()[1]}"


def drip(start: bytes, piece: bytes) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.sendall(start)
        while True:
            connection.sendall(piece)
            time.sleep(0.05)

    return answer


@pytest.mark.parametrize(
    ("scheme", "answer"),
    [
        ("http", drip(b"HTTP/1.1 200 OK\r\n", b"X")),
        ("http", drip(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n")),
        ("http", drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n")),
        ("http", lambda connection: (time.sleep(0.2), connection.sendall(b"HTTP/1.1 302 x\r\nLocation: /\r\n\r\n"))),
        ("http", lambda connection: time.sleep(30)),
        ("https", drip(b"\x16\x03\x03\x40\x00", b"\x00")),
        ("https", lambda connection: time.sleep(30)),
    ],
)
def test_nothing_a_server_does_lasts_longer_than_allowed(scheme: str, answer: Any) -> None:
    url = f"{scheme}://{raw_server(answer)}/"
    started = time.perf_counter()
    code = code_of(open_fetcher(total_timeout_s=0.7, max_redirects=100), url)
    assert code == SkipCode.TIMEOUT
    assert 0.5 < time.perf_counter() - started < 20


@pytest.mark.parametrize(
    "answer",
    [
        "HTTP/1.1 302 x\r\nLocation: http://[\r\n\r\n",
        "HTTP/1.1 302 x\r\nLocation: http://[::1/\r\n\r\n",
        "HTTP/1.1 302 x\r\nLocation: http://127.0.0.1:99999/\r\n\r\n",
        "HTTP/1.1 302 x\r\nLocation: http://xn--/\r\n\r\n",
        "HTTP/1.1 302 x\r\nLocation: \x80\xff\r\n\r\n",
        "HTTP/1.1 302 x\r\n\r\n",
        "HTTP/1.1 429 x\r\nRetry-After: \xb2\r\n\r\n",
        "HTTP/1.1 200 x\r\nContent-Length: \xb2\r\n\r\n",
        f"HTTP/1.1 200 x\r\nContent-Length: {'9' * 5000}\r\n\r\n",
        "HTTP/1.1 200 x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 99999 x\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "HTTP/9 200 x\r\n\r\n",
        "\x15\x03\x01\x00\x02\x02\x46",
        "",
    ],
)
def test_an_answer_that_is_no_http_is_an_error_of_ours(answer: str) -> None:
    host = raw_server(lambda connection: connection.sendall(answer.encode("latin-1")))
    for scheme in ("http", "https"):
        assert code_of(open_fetcher(total_timeout_s=3), f"{scheme}://{host}/") == SkipCode.FETCH_FAILED


@pytest.mark.parametrize(
    "url",
    [
        "http://a\0b/", "http://%00/", f"http://{'a' * 70}.com/", f"http://{'a.' * 200}com/", "http://a b/", "http://./",
        "http://127.0.0.1/\udcff", "http://\udcff/", "http://127.0.0.1:99999/", "http://127.0.0.1:0/",
        "http://127.0.0.1:x/", "http://xn--a/", "http://\u2488/", f"http://127.0.0.1/{'a' * 70_000}", "http://[::1", "http://[v1.x]/",
    ],
)  # fmt: skip
def test_a_url_that_no_one_can_fetch_is_an_error_of_ours(url: str) -> None:
    assert code_of(open_fetcher(), url) == SkipCode.FETCH_FAILED


@given(st.text(st.characters(codec=None), max_size=30), st.sampled_from(["http://", "https://127.0.0.1:1/", "//", ""]))
def test_any_text_is_a_url_or_an_error_of_ours(text: str, start: str) -> None:
    for base in (None, _parsed("http://example.org/a/b.jpg")):
        try:
            parsed = _parsed(start + text, base)
        except FetchError as error:
            assert error.message
        else:
            assert parsed.scheme in ("http", "https") and parsed.raw_host


def test_the_next_address_is_tried_where_one_does_not_answer(server, names, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    names(two_test=[["93.184.215.13", "93.184.215.14"]])
    reach = socket.create_connection

    def connect(address: tuple[str, int], *args: Any, **kwargs: Any) -> socket.socket:
        if address[0] == "93.184.215.13":
            raise OSError("network is unreachable")
        return reach(address, *args, **kwargs)

    monkeypatch.setattr(socket, "create_connection", connect)
    assert Fetcher(Limits()).get("http://two.test/image")


def test_who_is_asked_to_wait_for_an_hour_does_not(server) -> None:  # type: ignore[no-untyped-def]
    started = time.perf_counter()
    assert code_of(open_fetcher(), f"{server.url}/busy?times=9&after=3600") == SkipCode.FETCH_FAILED
    assert time.perf_counter() - started < 30
    assert len(server.seen) == 1


def test_a_name_and_a_path_of_any_script_are_asked_for_as_the_net_writes_them(server, names) -> None:  # type: ignore[no-untyped-def]
    names(**{"xn--bcher-kva_test": [["93.184.215.14"]]})
    assert Fetcher(Limits()).get("http://user:secret@bücher.test/image/ä b.jpg?colour=blue#part")
    path, headers = server.seen[0]
    assert (path, headers["Host"]) == ("/image/%C3%A4%20b.jpg?colour=blue", "xn--bcher-kva.test")
    assert "secret" not in str(headers)


def test_a_busy_server_is_asked_again(server) -> None:  # type: ignore[no-untyped-def]
    fetcher = open_fetcher()
    assert fetcher.get(f"{server.url}/busy?times=2")
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


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_tls_is_to_the_host_that_was_named(server, names, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    names(good_test=[["93.184.215.14"]], other_test=[["93.184.215.14"]])
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "certificate.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=good.test"]
        + ["-addext", "subjectAltName=DNS:good.test", "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    fetcher = Fetcher(Limits())
    assert code_of(fetcher, "https://good.test/image") == SkipCode.FETCH_FAILED, "nobody vouches for it"
    fetcher._tls.load_verify_locations(certificate)
    assert fetcher.get("https://good.test/image")
    assert code_of(fetcher, "https://other.test/image") == SkipCode.FETCH_FAILED, "it is another's certificate"
