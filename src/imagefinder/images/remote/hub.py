"""Data sets of the Hugging Face Hub, by its own package. HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE work as usual."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from imagefinder._util.ending import ending
from imagefinder.errors import FetchError
from imagefinder.images.remote.access import Entry, changed, too_large
from imagefinder.types import Limits, SkipCode

RETRIES = 4


def open_hub(bucket: str, limits: Limits) -> Dataset:
    name, _, revision = bucket.removeprefix("datasets/").partition("@")
    return Dataset(name, revision or "main", limits)


class Dataset:
    """A data set at a revision, see ``access.Bucket``. The checksum that the hub gives is the version of a file."""

    def __init__(self, name: str, revision: str, limits: Limits) -> None:
        self._name, self._revision, self._limits = name, revision, limits

    def list(self, folder: str) -> Iterator[Entry]:
        from huggingface_hub import HfApi
        from huggingface_hub.hf_api import RepoFile

        with _told():
            found = HfApi().list_repo_tree(
                self._name, folder or None, recursive=True, revision=self._revision, repo_type="dataset"
            )
            for item in found:
                ending().go_on()
                if isinstance(item, RepoFile):
                    yield _entry(item)

    def head(self, key: str) -> Entry:
        from huggingface_hub import HfApi
        from huggingface_hub.hf_api import RepoFile

        with _told():
            found = HfApi().get_paths_info(self._name, [key], revision=self._revision, repo_type="dataset")
        for item in found:
            if isinstance(item, RepoFile):
                return _entry(item)
        raise FetchError("There is no such file in the data set.", code=SkipCode.NOT_FOUND)

    def get(self, key: str) -> tuple[bytes, Entry]:
        data, version = self._read(key, {}, self._limits.max_bytes)
        return data, Entry(key, len(data), version)

    def part(self, key: str, start: int, end: int, version: str) -> bytes:
        data, found = self._read(key, {"Range": f"bytes={start}-{end - 1}"}, end - start)
        if version and found not in ("", version):
            raise changed()
        return data

    def put(self, key: str, data: bytes) -> NoReturn:
        raise _only_read()

    def delete(self, key: str) -> NoReturn:
        raise _only_read()

    def _read(self, key: str, headers: dict[str, str], most: int) -> tuple[bytes, str]:
        """The bytes, and what the hub says they are, which stays empty where it says nothing."""
        from huggingface_hub import hf_hub_url
        from huggingface_hub.utils._headers import build_hf_headers
        from huggingface_hub.utils._http import get_session, hf_raise_for_status

        ending().go_on()
        url = hf_hub_url(self._name, key, repo_type="dataset", revision=self._revision)
        sent = {**build_hf_headers(), "Accept-Encoding": "identity", **headers}
        for left in reversed(range(RETRIES)):
            try:
                with _told():
                    return _body(get_session(), url, sent, most, hf_raise_for_status, self._limits)
            except FetchError as error:
                if not left or error.code not in (SkipCode.FETCH_FAILED, SkipCode.TRUNCATED, SkipCode.TIMEOUT):
                    raise
                ending().sleep(0.25 * 2 ** (RETRIES - left))
        raise AssertionError("the last attempt returns or raises")


def _body(session: Any, url: str, headers: dict[str, str], most: int, check: Any, limits: Limits) -> tuple[bytes, str]:
    """The key is for the hub alone: its package sends none to the store that it leads to."""
    version, body = "", bytearray()
    for _ in range(limits.max_redirects + 1):
        with session.stream(
            "GET", url, headers=headers, timeout=limits.read_timeout_s, follow_redirects=False
        ) as answer:
            version = version or (answer.headers.get("x-linked-etag") or answer.headers.get("etag") or "").strip('"')
            if answer.is_redirect:
                target = answer.url.join(answer.headers["location"])
                if target.host != answer.url.host:
                    headers = {k: v for k, v in headers.items() if k.lower() != "authorization"}
                url = str(target)
                continue
            if answer.is_error:
                check(answer)
            claimed = int(answer.headers.get("content-length") or 0)
            if claimed > most:
                raise too_large(claimed, limits)
            for piece in answer.iter_raw():
                body += piece
                if len(body) > most:
                    raise too_large(len(body), limits)
            if len(body) < claimed:
                raise FetchError("It arrived cut short.", code=SkipCode.TRUNCATED, remedy="Index again.")
            return bytes(body), version.removeprefix('W/"')
    raise FetchError(f"More than {limits.max_redirects} redirects.", code=SkipCode.FETCH_FAILED)


def _entry(item: Any) -> Entry:
    return Entry(item.path, item.size, item.lfs.sha256 if item.lfs else item.blob_id)


def _only_read() -> FetchError:
    return FetchError("Data sets of the hub are only read.", code=SkipCode.PERMISSION, remedy="Name a bucket.")


@contextmanager
def _told() -> Iterator[None]:
    """What goes wrong as a FetchError of ours, without what the package says: it may show the address of a store."""
    import httpx
    from huggingface_hub import errors as wrong

    try:
        yield
    except FetchError:
        raise
    except (wrong.GatedRepoError, wrong.RepositoryNotFoundError) as error:
        raise FetchError(
            "There is no such data set, or it is not for everybody.",
            code=SkipCode.PERMISSION if isinstance(error, wrong.GatedRepoError) else SkipCode.NOT_FOUND,
            remedy="Check its name; if it is private, HF_TOKEN must hold a key that may read it.",
        ) from None
    except (wrong.RevisionNotFoundError, wrong.EntryNotFoundError):
        raise FetchError("There is no such revision, folder or file in it.", code=SkipCode.NOT_FOUND) from None
    except wrong.OfflineModeIsEnabled:
        raise FetchError("HF_HUB_OFFLINE is set.", code=SkipCode.FETCH_FAILED) from None
    except httpx.TimeoutException:
        raise FetchError("The hub took too long.", code=SkipCode.TIMEOUT, remedy="Index again later.") from None
    except (wrong.HfHubHTTPError, httpx.HTTPError, OSError, ValueError, LookupError) as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        denied = status in (401, 403)
        raise FetchError(
            f"The hub {'denies access' if denied else 'can not be read'}{f' (status {status})' if status else ''}.",
            code=SkipCode.PERMISSION if denied else SkipCode.FETCH_FAILED,
            remedy="HF_TOKEN must hold a key that may read it." if denied else "Index again later.",
        ) from None
