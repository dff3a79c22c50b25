"""One HTTP connection: its key, its timeouts, its second tries, and errors as the library's exceptions."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from imagefinder import errors
from imagefinder._util.hosts import is_loopback
from imagefinder._util.local_servers import server_at
from imagefinder._version import __version__
from imagefinder.types import SkipCode

if TYPE_CHECKING:
    import httpx

CONNECT_S = 5.0
TRIES = 5  # of a request that the server error to come back
LONGEST_WAIT_S = 10.0  # between two of them
KINDS: dict[str, type[errors.ImageFinderError]] = {
    "invalid-input": errors.InvalidInputError,
    "not-found": errors.NotFoundError,
    "index-folder": errors.IndexFolderError,
    "index-locked": errors.IndexLockedError,
    "index-version": errors.IndexVersionError,
    "index-damaged": errors.IndexDamagedError,
    "model-mismatch": errors.ModelMismatchError,
    "storage": errors.StorageError,
    "disk-full": errors.StorageError,
    "model": errors.ModelError,
    "missing-extra": errors.MissingExtraError,
}
FETCH_CODES = (SkipCode.ADDRESS_REFUSED, SkipCode.TIMEOUT, SkipCode.FETCH_FAILED)
UNAUTHORIZED = 401
UNUSABLE = 422  # the status of an image that can't be used


class Transport:
    """Requests to one server. Safe to use from several threads. Raises what ``error_of`` makes of an error.

    The key goes to the server it was given for, and nowhere else: no redirect is followed, and every request goes to
    the server's own address. Without a ``key``, that of a server of this user on this machine is found. A key that
    travels to another machine unencrypted is warned of.
    """

    def __init__(self, url: str, key: str | None, timeout_s: float) -> None:
        import httpx

        try:
            base = httpx.URL(url.rstrip("/") + "/")
        except (httpx.InvalidURL, TypeError) as error:
            raise _no_url(url) from error
        if base.scheme not in ("http", "https") or not base.host or base.userinfo or base.query or base.fragment:
            raise _no_url(url)
        self.url = str(base).rstrip("/")
        self._local = is_loopback(base.host)
        self._given, self._found, self._well = key, "", False
        if key and base.scheme == "http" and not self._local:
            warnings.warn(
                f"The key for {base.host} is sent without encryption: who sees the network can read it. Use https.",
                stacklevel=3,
            )
        self._http = httpx.Client(
            base_url=base,
            headers={"user-agent": f"imagefinder/{__version__}"},
            timeout=httpx.Timeout(timeout_s, connect=min(CONNECT_S, timeout_s)),
            trust_env=not self._local,  # a proxy of the environment can't reach this machine's own server
            follow_redirects=False,
        )

    def json(self, method: str, path: str, *, kind: type = dict, **options: Any) -> Any:
        """The response's JSON, which is of this ``kind``; None where it has no content. The options are those of
        ``httpx.Client.request``. To look for what the response lacks raises ServerError: it is not an ImageFinder's."""
        response = self.send(method, path, **options)
        if not response.content:
            return None
        try:
            found = response.json(object_hook=lambda row: _Answer(row, self._foreign))
        except (ValueError, RecursionError) as error:
            raise self._foreign() from error
        if not isinstance(found, kind):
            raise self._foreign()
        return found

    def content(self, path: str, **params: Any) -> bytes:
        """The body of the response to a GET."""
        return self.send("GET", path, params=params).content

    @contextmanager
    def stream(self, path: str, body: Mapping[str, Any]) -> Iterator[Iterator[bytes]]:
        """The body of the response to a POST, in parts as they come. Raises what ``send`` does."""
        import httpx

        if not self._well:
            self._find_key()
        key = self._given or self._found
        headers = {"authorization": f"Bearer {key}"} if key else {}
        try:
            with self._http.stream("POST", path.lstrip("/"), json=body, headers=headers) as response:
                if not response.is_success:
                    response.read()
                    raise self._error(response)
                yield response.iter_bytes()
        except httpx.TransportError as error:
            raise errors.ServerError(f"The answer of {self.url} broke off: {error}.", remedy="Ask again.") from error

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The response; a refusal that says when to come back is tried again, a few times."""
        if params := options.get("params"):
            options["params"] = {name: value for name, value in params.items() if value is not None}
        if not self._well:
            self._find_key()
        for tries in range(1, TRIES + 1):
            response = self._try(method, path, options)
            if response.status_code == UNAUTHORIZED and self._find_key():  # the server was started anew
                response = self._try(method, path, options)
            wait = _wait_s(response)
            if response.is_success or wait is None or tries == TRIES:
                break
            time.sleep(wait)
        if not response.is_success:
            raise self._error(response)
        self._well = True
        return response

    def _find_key(self) -> bool:
        """Look for a server of this user at this very address; whether there is another key than before."""
        if self._given is not None or not self._local:
            return False
        server = server_at(self.url)
        former = self._found
        self._found = (server.key if server else None) or ""
        if server is not None and urlsplit(self.url).hostname == "localhost":  # which may lead elsewhere
            self._http.base_url = self._http.base_url.copy_with(host=urlsplit(server.url).hostname)
        return self._found != former

    def _try(self, method: str, path: str, options: Mapping[str, Any], *, again: bool = False) -> httpx.Response:
        """One request, and if it only reads another one after a lost connection: a server or a proxy may close one that
        has been idle just when it is used."""
        import httpx

        key = self._given or self._found
        try:
            request = self._http.build_request(method, path.lstrip("/"), **options)
            if key and _origin(request.url) == _origin(self._http.base_url):
                request.headers["authorization"] = f"Bearer {key}"
            return self._http.send(request)
        except (httpx.ReadTimeout, httpx.WriteTimeout) as error:
            raise errors.ServerError(
                f"{self.url} did not answer in time.", code="timeout", remedy="Give the client a longer timeout_s."
            ) from error
        except httpx.TransportError as error:
            if method == "GET" and not again and not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
                return self._try(method, path, options, again=True)
            raise errors.UnreachableError(
                f"No server answers at {self.url}: {error}.",
                code="unreachable",
                remedy="Start it with: imagefinder serve",
            ) from error

    def _error(self, response: httpx.Response) -> errors.ImageFinderError:
        if response.is_redirect:
            raise errors.ServerError(
                f"{self.url} leads to {response.headers['location'][:200]}, where nothing is sent.",
                code="redirected",
                remedy="If that is the server, give its address.",
            )
        try:
            error = response.json()["error"]
            return error_of(error["code"], error["message"], error.get("remedy", ""), response.status_code)
        except (ValueError, KeyError, TypeError):
            return self._foreign()

    def _foreign(self) -> errors.ServerError:
        return errors.ServerError(f"What answers at {self.url} is no ImageFinder server.", remedy="Check the URL.")

    def close(self) -> None:
        self._http.close()


class _Answer(dict[str, Any]):
    """An object in a response."""

    def __init__(self, row: dict[str, Any], lacks: Callable[[], errors.ServerError]) -> None:
        super().__init__(row)
        self._lacks = lacks

    def __missing__(self, name: str) -> Any:
        raise self._lacks()

    def __reduce__(self) -> Any:  # a copy is a plain one
        return dict, (dict(self),)


def error_of(code: str, message: str, remedy: str = "", status: int = 0) -> errors.ImageFinderError:
    """The library's exception for an error of the API; ``status`` 0 for that of a job."""
    if status == UNAUTHORIZED:
        return errors.UnauthorizedError(
            message, code=code, remedy='Give the server\'s key: Client(url, key="..."), or IMAGEFINDER_KEY.'
        )
    if status != UNUSABLE and code in KINDS:
        return KINDS[code](message, remedy=remedy)
    if status == UNUSABLE or (not status and code in tuple(SkipCode)):
        kind = errors.FetchError if code in FETCH_CODES else errors.ImageError
        return kind(message, code=code, remedy=remedy)
    return errors.ServerError(message, code=code, remedy=remedy)


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _wait_s(response: httpx.Response) -> float | None:
    """Seconds after which to try again; None where the server names none."""
    if response.status_code not in (429, 503) or _code(response) == "timeout":  # which would last as long again
        return None
    try:
        return min(max(float(response.headers["retry-after"]), 0.0), LONGEST_WAIT_S)
    except (KeyError, ValueError):
        return None


def _code(response: httpx.Response) -> str:
    """The code of an error; empty for what is none of ours."""
    try:
        return str(response.json()["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return ""


def _no_url(url: object) -> errors.InvalidInputError:
    return errors.InvalidInputError(f"{url!r} is not a server's URL.", remedy="It is like http://127.0.0.1:8642")
