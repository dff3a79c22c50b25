"""What all parts of ``Client`` share: the connection, the jobs, and images by whatever name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from imagefinder.client.jobs import Jobs
from imagefinder.client.responses import record_of
from imagefinder.client.transport import Transport
from imagefinder.errors import NotFoundError
from imagefinder.store.filters.parse import FilterLike, as_filter
from imagefinder.types import Record, ids_of

DEFAULT_URL = "http://127.0.0.1:8642"


class Connection:
    """A connection to a server. ``timeout_s`` is how long one request may take. Without a ``key``, that of a server
    which runs on this account is found."""

    def __init__(self, url: str = DEFAULT_URL, *, key: str | None = None, timeout_s: float = 90.0) -> None:
        self._transport = Transport(url, key, timeout_s)
        self._jobs = Jobs(self._transport)

    def about(self) -> dict[str, Any]:
        """All that GET /v1/index says of the index and of what the server lets its clients do."""
        found: dict[str, Any] = self._transport.json("GET", "/v1/index")
        return found

    def page_link(self) -> str:
        """A link that opens the page of the server once, within ten minutes, without asking for the key."""
        made = self._transport.json("POST", "/v1/session/links")
        return f"{self._transport.url}/#link={made['link']}"

    def get(self, image: str | os.PathLike[str]) -> Record:
        """The record of one image, by id or URI. Raises NotFoundError."""
        for id in ids_of(os.fspath(image)):
            try:
                return record_of(self._transport.json("GET", f"/v1/images/{id}"))
            except NotFoundError as error:
                missing = error
        raise NotFoundError(
            f"The index has no image '{os.fspath(image)}'.", remedy="Name it by its id, full path or URL."
        ) from missing

    def _id(self, image: str | os.PathLike[str]) -> str:
        """The id of an image named by id, path or URL. Asks the server about what is no id. Raises NotFoundError."""
        name = os.fspath(image)
        first = ids_of(name)[0]
        return first if first == name.removeprefix("id:").lower() else self.get(name).id

    def _ids(self, images: Sequence[str | os.PathLike[str]]) -> Sequence[str]:
        return [self._id(image) for image in images]

    def close(self) -> None:
        """Give the connection back; called twice, does nothing more."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._transport.url!r})"


def filter_text(given: FilterLike) -> str | None:
    """A filter as text, checked here already. Raises InvalidFilterError."""
    condition = as_filter(given)
    return None if condition is None else str(condition)
