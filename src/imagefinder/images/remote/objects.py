"""Buckets of Amazon, Google and Azure, and of servers that speak S3, by ``obstore``: it signs requests, tries again
what is throttled or fails, and lists page by page."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, BinaryIO, cast

from imagefinder._util.ending import ending
from imagefinder.errors import FetchError
from imagefinder.images.remote import environment
from imagefinder.images.remote.access import Entry, changed, too_large
from imagefinder.types import Limits, SkipCode

RETRIES = 5
SENT_AT_ONCE, READ_AT_ONCE = 8 * 1024**2, 4 * 1024**2  # bytes of a stream; servers take 10,000 parts
PAGE = 1000  # objects, as servers list them
_CODE = re.compile(r"<Code>(\w{1,60})</Code>")
_STATUS = re.compile(r"status code: (\d{3})")
_KEYS_REMEDY = "Check the keys: by the environment, a profile or the machine, as for the cloud's own tools."


def open_s3(bucket: str, limits: Limits) -> Objects:
    config, provider, plain = environment.for_s3()
    return _opened("S3Store", bucket, limits, tuple(sorted(config.items())), provider, plain)


def open_gs(bucket: str, limits: Limits) -> Objects:
    return _opened("GCSStore", bucket, limits)


def open_az(bucket: str, limits: Limits) -> Objects:
    return _opened("AzureStore", bucket, limits, plain=environment.azure_emulated())


def _opened(
    kind: str,
    bucket: str,
    limits: Limits,
    config: tuple[tuple[str, str], ...] = (),
    provider: Any = None,
    plain: bool = False,
) -> Objects:
    return _kept(kind, bucket, limits, config, provider, plain, environment.of_clouds())


@lru_cache(maxsize=64)
def _kept(kind: str, bucket: str, limits: Limits, config: Any, provider: Any, plain: bool, said: Any) -> Objects:
    """One store for each bucket and what it was opened with: it keeps connections, and keys that it was lent."""
    import obstore.store

    waits = {
        "timeout": timedelta(seconds=limits.total_timeout_s),
        "connect_timeout": timedelta(seconds=limits.connect_timeout_s),
        "read_timeout": timedelta(seconds=limits.read_timeout_s),
        "allow_http": plain,
    }
    again = {"max_retries": RETRIES, "retry_timeout": timedelta(seconds=limits.total_timeout_s)}
    options: dict[str, Any] = {"client_options": waits, "retry_config": again}
    if config:
        options["config"] = dict(config)
    if provider is not None:
        options["credential_provider"] = provider
    with _told():
        return Objects(getattr(obstore.store, kind)(bucket, **options), limits)


class Objects:
    """A bucket, see ``access.Bucket``."""

    def __init__(self, store: Any, limits: Limits) -> None:
        self._store = store
        self._limits = limits

    def list(self, folder: str) -> Iterator[Entry]:
        import obstore

        with _told():
            for page in obstore.list(self._store, folder or None, chunk_size=PAGE):
                ending().go_on()
                yield from map(_entry, page)

    def head(self, key: str) -> Entry:
        import obstore

        with _told():
            return _entry(obstore.head(self._store, key))

    def get(self, key: str) -> tuple[bytes, Entry]:
        import obstore

        ending().go_on()
        with _told():
            found = obstore.get(self._store, key)
            entry = _entry(found.meta)
            if entry.size > self._limits.max_bytes:
                raise too_large(entry.size, self._limits)
            data = bytes(found.bytes())
        if len(data) != entry.size:
            raise FetchError("It arrived cut short.", code=SkipCode.TRUNCATED, remedy="Index again.")
        return data, entry

    def part(self, key: str, start: int, end: int, version: str) -> bytes:
        import obstore

        ending().go_on()
        with _told():
            found = obstore.get(self._store, key, options={"range": (start, end)})
            if version not in ("", version_of(found.meta)):
                raise changed()
            data = bytes(found.bytes())
        if len(data) != min(end, found.meta["size"]) - start:
            raise FetchError("It arrived cut short.", code=SkipCode.TRUNCATED, remedy="Index again.")
        return data

    def put(self, key: str, data: bytes) -> None:
        import obstore

        with _told():
            obstore.put(self._store, key, data)

    def delete(self, key: str) -> None:
        import obstore

        with _told():
            obstore.delete(self._store, key)

    @contextmanager
    def writing(self, key: str) -> Iterator[BinaryIO]:
        """A stream to an object of any size, which has its name when it is whole, and not where the block fails."""
        import obstore

        with _told():
            sent = obstore.open_writer(self._store, key, buffer_size=SENT_AT_ONCE)
        file = cast(BinaryIO, _Told(sent))
        yield file
        file.close()

    @contextmanager
    def reading(self, key: str) -> Iterator[BinaryIO]:
        """A stream of an object of any size."""
        import obstore

        with _told():
            came = obstore.open_reader(self._store, key, buffer_size=READ_AT_ONCE)
        with io.BufferedReader(_Coming(came)) as file:
            yield file


class _Told:
    """A stream whose faults are FetchErrors."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, data: bytes) -> int:
        ending().go_on()
        with _told():
            return int(self._file.write(data))

    def flush(self) -> None:
        """What is sent is sent in parts."""

    def close(self) -> None:
        with _told():
            self._file.close()


class _Coming(io.RawIOBase):
    def __init__(self, file: Any) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        ending().go_on()
        with _told():
            data = bytes(self._file.read(len(buffer)))
        buffer[: len(data)] = data
        return len(data)


def _entry(meta: Any) -> Entry:
    at: datetime = meta["last_modified"]
    return Entry(meta["path"], meta["size"], version_of(meta), round(at.timestamp() * 1e6) * 1000)


def version_of(meta: Any) -> str:
    """The ETag, which servers write with and without quotation marks; else the version; else size and time."""
    tag = (meta["e_tag"] or "").removeprefix("W/").strip('"')
    return tag or meta["version"] or f"{meta['size']}-{meta['last_modified'].timestamp():.3f}"


@contextmanager
def _told() -> Iterator[None]:
    """What goes wrong as a FetchError of ours. The texts of the packages show addresses with their queries, and what
    servers answered: of these only the name of the error is taken."""
    from obstore import exceptions as wrong

    try:
        yield
    except FetchError:
        raise
    except (wrong.BaseError, FileNotFoundError, ValueError, OSError) as error:
        raise _meant(error, wrong) from None


def _meant(error: Exception, wrong: Any) -> FetchError:
    text = str(error)
    name = found[1] if (found := _CODE.search(text)) else ""
    status = found[1] if (found := _STATUS.search(text)) else ""
    if name == "NoSuchBucket" or "BucketNotFound" in name:
        return FetchError("There is no such bucket.", code=SkipCode.NOT_FOUND, remedy="Check its name and the server.")
    if isinstance(error, FileNotFoundError) or status == "404":
        return FetchError("There is no such object.", code=SkipCode.NOT_FOUND)
    if isinstance(error, wrong.PreconditionError):
        return changed()
    if isinstance(error, wrong.InvalidPathError):
        return FetchError(
            "A key in it has an empty part (//), a part . or .., or a control character, which can't be read.",
            code=SkipCode.BAD_NAME,
            remedy="Rename that object, or index the folders beside it one by one.",
        )
    denied = isinstance(error, (wrong.PermissionDeniedError, wrong.UnauthenticatedError)) or status in ("401", "403")
    said = f" ({name})" if name else f" (status {status})" if status else ""
    if denied:
        return FetchError(f"Access is denied{said}.", code=SkipCode.PERMISSION, remedy=_KEYS_REMEDY)
    if status in ("301", "307"):
        return FetchError(
            "The bucket is in another region.", code=SkipCode.FETCH_FAILED, remedy="Name it by AWS_REGION."
        )
    if name == "SlowDown" or status in ("429", "503"):
        return FetchError(f"The server is too busy{said}.", code=SkipCode.FETCH_FAILED, remedy="Index again later.")
    if "timed out" in text or "Timeout" in text:
        return FetchError("The server took too long.", code=SkipCode.TIMEOUT, remedy="Index again later.")
    if "169.254.169.254" in text or "redential" in text:
        return FetchError("No keys for it were found.", code=SkipCode.PERMISSION, remedy=_KEYS_REMEDY)
    return FetchError(f"The server can't be read{said}.", code=SkipCode.FETCH_FAILED, remedy="Check its address.")
