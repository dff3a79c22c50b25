"""Fetches an image from a URL that a stranger may have written: every rule of docs/limits-and-security.md is here."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from imagefinder._version import __version__
from imagefinder.errors import FetchError
from imagefinder.images.addresses import resolve
from imagefinder.types import Limits, SkipCode

if TYPE_CHECKING:
    import httpx

USER_AGENT = f"imagefinder/{__version__}"
RETRIES = 2  # after the first try, where the server asks to wait or the connection fails
LONGEST_WAIT_S = 10.0
_NOT_IMAGES = ("text/html", "application/xhtml", "application/json", "text/css", "text/javascript")


class Fetcher:
    """Downloads bytes under limits. Safe to use from several threads.

    The host is resolved and checked here, and the connection goes to the checked address; each redirect is checked
    in the same way. Proxies and credentials of the environment are not used, for they would undo that.
    """

    def __init__(self, limits: Limits) -> None:
        import httpx

        self._limits = limits
        self._client = httpx.Client(
            timeout=httpx.Timeout(limits.read_timeout_s, connect=limits.connect_timeout_s),
            follow_redirects=False,
            trust_env=False,
            # A kept connection is known by its address alone, and another host may share that address.
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    def get(self, url: str, headers: Mapping[str, str] | None = None, *, any_type: bool = False) -> bytes:
        """The bytes at ``url``. ``any_type`` takes what says of itself that it is no image. Raises FetchError."""
        import httpx

        deadline = time.monotonic() + self._limits.total_timeout_s
        for attempt in range(RETRIES + 1):
            try:
                return self._follow(url, headers or {}, deadline, any_type)
            except _AgainError as again:
                wait = min(again.wait_s if again.wait_s is not None else 0.5 * 2**attempt, LONGEST_WAIT_S)
                if attempt == RETRIES or time.monotonic() + wait > deadline:
                    raise again.error from None
                time.sleep(wait)
            except httpx.TimeoutException as error:
                raise _timeout() from error
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                if attempt == RETRIES or not isinstance(error, httpx.NetworkError):
                    raise FetchError(f"Fetching failed: {error}.", code=SkipCode.FETCH_FAILED) from error
        raise AssertionError("the last attempt returns or raises")

    def _follow(self, url: str, headers: Mapping[str, str], deadline: float, any_type: bool) -> bytes:
        for _ in range(self._limits.max_redirects + 1):
            request = self._request(url, headers)
            response = self._client.send(request, stream=True)
            try:
                if response.is_redirect:
                    target = urljoin(url, response.headers.get("location", ""))
                    if urlsplit(target).hostname != urlsplit(url).hostname:
                        headers = {}  # what was meant for one host is not for another
                    url = target
                    continue
                return self._body(response, deadline, any_type)
            finally:
                response.close()
        raise FetchError(f"More than {self._limits.max_redirects} redirects.", code=SkipCode.FETCH_FAILED)

    def _request(self, url: str, headers: Mapping[str, str]) -> httpx.Request:
        """A request to the checked address of the URL's host, which still names the host to server and TLS."""
        import httpx

        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError as error:
            raise FetchError(f"{url!r} is not a URL: {error}.", code=SkipCode.FETCH_FAILED) from error
        if parts.scheme not in ("http", "https") or not host:
            raise FetchError(f"Only http and https URLs are fetched, not {url!r}.", code=SkipCode.ADDRESS_REFUSED)
        address = resolve(host, port, allow_private=self._limits.allow_private_addresses)
        return httpx.Request(
            "GET",
            httpx.URL(url).copy_with(host=address, username=None, password=None),
            headers={
                "Host": parts.netloc.rpartition("@")[2],
                "User-Agent": USER_AGENT,
                "Accept": "image/*, */*;q=0.5",
                "Accept-Encoding": "identity",  # a compressed body could be a bomb
                **headers,
            },
            extensions={"sni_hostname": host, "timeout": self._client.timeout.as_dict()},
        )

    def _body(self, response: httpx.Response, deadline: float, any_type: bool) -> bytes:
        _check_status(response)
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not any_type and kind.startswith(_NOT_IMAGES):
            raise FetchError(f"The server sent {kind}, not an image.", code=SkipCode.NOT_AN_IMAGE)
        claimed = response.headers.get("content-length", "")
        if claimed.isdigit() and int(claimed) > self._limits.max_bytes:
            raise self._too_large(int(claimed))
        body = bytearray()
        for chunk in response.iter_raw():
            body += chunk
            if len(body) > self._limits.max_bytes:
                raise self._too_large(len(body))
            if time.monotonic() > deadline:
                raise _timeout()
        if not body:
            raise FetchError("The server sent nothing.", code=SkipCode.EMPTY)
        return bytes(body)

    def _too_large(self, size: int) -> FetchError:
        return FetchError(
            f"It is larger ({size:,} bytes so far or claimed) than the {self._limits.max_bytes:,} allowed.",
            code=SkipCode.TOO_MANY_BYTES,
        )

    def close(self) -> None:
        self._client.close()


class _AgainError(Exception):
    """The server asks to come back later."""

    def __init__(self, error: FetchError, wait_s: float | None) -> None:
        self.error = error
        self.wait_s = wait_s


def _check_status(response: httpx.Response) -> None:
    status = response.status_code
    if status == 200:
        return
    code = SkipCode.NOT_FOUND if status in (404, 410) else SkipCode.FETCH_FAILED
    error = FetchError(f"The server answered {status} {response.reason_phrase}.", code=code)
    if status in (429, 503):
        after = response.headers.get("retry-after", "")
        raise _AgainError(error, float(after) if after.isdigit() else None)
    raise error


def _timeout() -> FetchError:
    return FetchError("The server took too long.", code=SkipCode.TIMEOUT, remedy="Try again later.")
