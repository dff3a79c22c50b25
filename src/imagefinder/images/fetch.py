"""Fetches an image from a URL that a stranger may have written: every rule of docs/limits-and-security.md is here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from imagefinder._util.ending import EndedError
from imagefinder._version import __version__
from imagefinder.errors import FetchError, ImageFinderError
from imagefinder.types import Limits, SkipCode

if TYPE_CHECKING:
    import httpcore
    import httpx

    from imagefinder.images.network import Deadline

USER_AGENT = f"imagefinder/{__version__}"
RETRIES = 2  # after the first try, where the server asks to wait or the connection fails
LONGEST_WAIT_S = 10.0
_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")
_REDIRECTS = (301, 302, 303, 307, 308)
_NOT_IMAGES = ("text/html", "application/xhtml", "application/json", "text/css", "text/javascript")


class _Body(NamedTuple):
    data: bytes
    headers: httpx.Headers


class Fetcher:
    """Downloads bytes within limits. Safe to use from several threads: no connection is used for two requests. With
    ``together``, the limit of bytes holds for all that it downloads, not for each.

    The host is resolved and checked here, and the connection goes to the checked address; each redirect is checked in
    the same way. Proxies and credentials from the environment are not used, because they would make this check useless.
    """

    def __init__(self, limits: Limits, *, together: bool = False) -> None:
        import httpx

        self._limits = limits
        self._together = together
        self._got = 0  # bytes of all bodies
        self._tls = httpx.create_ssl_context(trust_env=False)

    def get(self, url: str, headers: Mapping[str, str] | None = None, *, any_type: bool = False) -> bytes:
        """The bytes at ``url``. With ``any_type``, also of a response that says it is not an image. Raises
        FetchError, and EndedError when the work it is part of was stopped."""
        return self._get(url, headers or {}, any_type).data

    def part(self, url: str, start: int, end: int) -> tuple[bytes, int, str]:
        """The bytes from ``start`` up to ``end`` of what is at ``url``, the size of all of it, and its version: the
        ETag, else when it was changed. Raises as ``get`` does, also where the server gives no parts."""
        data, headers = self._get(url, {"Range": f"bytes={start}-{end - 1}"}, True)
        found = _RANGE.fullmatch(headers.get("content-range", ""))
        if found is None or int(found[1]) != start or len(data) != min(end, int(found[3])) - start:
            raise FetchError("The server gave another part than was asked for.", code=SkipCode.FETCH_FAILED)
        version = headers.get("etag", "").removeprefix("W/").strip('"') or headers.get("last-modified", "")
        return data, int(found[3]), version

    def _get(self, url: str, headers: Mapping[str, str], any_type: bool) -> _Body:
        from imagefinder.images.network import Deadline

        deadline = Deadline(self._limits.total_timeout_s)
        if deadline.seconds_left() <= 0:
            raise FetchError(
                "The time for all URLs together was over.", code=SkipCode.TIMEOUT, remedy="Send fewer at once."
            )
        for attempt in range(RETRIES + 1):
            try:
                return self._follow(_parsed(url), headers, deadline, any_type)
            except _AgainError as again:
                wait = 0.5 * 2**attempt if again.wait_s is None else again.wait_s
                if attempt == RETRIES or wait > min(LONGEST_WAIT_S, deadline.seconds_left()):
                    raise again.error from None
                deadline.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _follow(self, url: httpx.URL, headers: Mapping[str, str], deadline: Deadline, any_type: bool) -> _Body:
        for _ in range(self._limits.max_redirects + 1):
            answer = self._answer(url, headers, deadline, any_type)
            if isinstance(answer, _Body):
                return answer
            target = _parsed(answer, url)
            if (target.scheme, target.netloc) != (url.scheme, url.netloc):
                headers = {k: v for k, v in headers.items() if k == "Range"}  # the rest was meant for that server
            url = target
        raise FetchError(f"More than {self._limits.max_redirects} redirects.", code=SkipCode.FETCH_FAILED)

    def _answer(self, url: httpx.URL, headers: Mapping[str, str], deadline: Deadline, any_type: bool) -> _Body | str:
        """The result of one request: the body, or the target of a redirect."""
        import httpcore

        try:
            return self._request(url, headers, deadline, any_type)
        except (ImageFinderError, EndedError, _AgainError):
            raise
        except httpcore.TimeoutException as error:
            raise FetchError("The server took too long.", code=SkipCode.TIMEOUT, remedy="Try again later.") from error
        except Exception as error:  # an answer may be wrong in ways that no one has thought of
            said = FetchError(f"Fetching failed: {error or type(error).__name__}.", code=SkipCode.FETCH_FAILED)
            if isinstance(error, httpcore.NetworkError):
                raise _AgainError(said, 0) from error
            raise said from error

    def _request(self, url: httpx.URL, headers: Mapping[str, str], deadline: Deadline, any_type: bool) -> _Body | str:
        import httpcore
        import httpx

        from imagefinder.images.network import Network

        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        sent = {
            "Host": url.netloc.decode("ascii"),
            "User-Agent": USER_AGENT,
            "Accept": "image/*, */*;q=0.5",
            "Accept-Encoding": "identity",  # a compressed body could be a bomb
            "Connection": "close",
            **headers,
        }
        read, connect = self._limits.read_timeout_s, self._limits.connect_timeout_s
        network = Network(deadline, allow_private=self._limits.allow_private_addresses)
        with (
            httpcore.HTTPConnection(target.origin, ssl_context=self._tls, network_backend=network) as connection,
            connection.stream(
                "GET",
                target,
                headers=list(sent.items()),
                extensions={"timeout": {"connect": connect, "read": read, "write": read}},
            ) as response,
        ):
            answered = httpx.Headers(response.headers)
            if response.status in _REDIRECTS and "location" in answered:
                return answered["location"]
            _check_status(response.status, answered, "Range" in headers)
            return _Body(self._body(response, answered, any_type), answered)

    def _body(self, response: httpcore.Response, headers: httpx.Headers, any_type: bool) -> bytes:
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if not any_type and kind.startswith(_NOT_IMAGES):
            raise FetchError(f"The server sent {kind}, not an image.", code=SkipCode.NOT_AN_IMAGE)
        self._check_size(_number(headers.get("content-length", "")) or 0)
        body = bytearray()
        for chunk in response.iter_stream():
            body += chunk
            self._got += len(chunk)
            self._check_size(self._got if self._together else len(body))
        if not body:
            raise FetchError("The server sent nothing.", code=SkipCode.EMPTY)
        return bytes(body)

    def _check_size(self, size: float) -> None:
        if size > self._limits.max_bytes:
            raise FetchError(
                f"{'All URLs together are' if self._together else 'It is'} larger ({size:,.0f} bytes so far or "
                f"claimed) than the {self._limits.max_bytes:,} allowed.",
                code=SkipCode.TOO_MANY_BYTES,
            )


class _AgainError(Exception):
    """The request may succeed later: after ``wait_s`` seconds, or None if the response did not say."""

    def __init__(self, error: FetchError, wait_s: float | None) -> None:
        self.error = error
        self.wait_s = wait_s


def _parsed(url: str, base: httpx.URL | None = None) -> httpx.URL:
    """A URL that may be fetched, perhaps relative to another. Raises FetchError."""
    import httpx

    try:
        parsed = base.join(url) if base else httpx.URL(url)
        host, port = parsed.raw_host, parsed.port
        if port is not None and not 0 < port < 65536:
            raise ValueError(f"there is no port {port}")  # the system would take it modulo 65536
    except Exception as error:  # InvalidURL, and whatever the parsing of Python and of host names raises
        raise FetchError(f"{url[:200]!r} is not a URL: {error}.", code=SkipCode.FETCH_FAILED) from error
    if parsed.scheme not in ("http", "https") or not host:
        raise FetchError(f"Only http and https URLs are fetched, not {url[:200]!r}.", code=SkipCode.ADDRESS_REFUSED)
    return parsed


def _check_status(status: int, headers: httpx.Headers, part: bool) -> None:
    if status == (206 if part else 200):
        return
    if status == 200:
        raise FetchError(
            "The server gives no parts of files.", code=SkipCode.FETCH_FAILED, remedy="Download it, then name the file."
        )
    code = SkipCode.NOT_FOUND if status in (404, 410) else SkipCode.FETCH_FAILED
    error = FetchError(f"The server answered {status}.", code=code)
    if status in (429, 503):
        raise _AgainError(error, _number(headers.get("retry-after", "")))
    raise error


def _number(text: str) -> float | None:
    """A header's whole number, however long; None for anything else, such as the digits of other scripts."""
    return float(text) if text.isascii() and text.isdigit() else None
