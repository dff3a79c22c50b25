"""A query as the API wants it: pictures of this machine travel with it."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefinder._util.files import expanded
from imagefinder.errors import InvalidInputError
from imagefinder.images.inside import is_file
from imagefinder.images.loader import Loader
from imagefinder.search.query import Kind, QueryInput, Term, parse_query
from imagefinder.types import ImageRef, Limits

if TYPE_CHECKING:
    from PIL.Image import Image

    from imagefinder.client.transport import Transport

INLINE = 4 * 1024**2  # bytes of a picture that travel inside the query; larger ones are sent ahead


def parts_of(query: QueryInput, transport: Transport) -> list[dict[str, Any]]:
    """The ``parts`` of a search. Reads the files among them. Raises InvalidQueryError or InvalidInputError."""
    return [_part(term, transport) for term in parse_query(query)]


def _part(term: Term, transport: Transport) -> dict[str, Any]:
    part: dict[str, Any] = {"weight": term.weight} | ({"box": _sides(term)} if term.box else {})
    for name in ("quoted", "field"):
        if value := getattr(term, name):
            part[name] = value
    if term.phrases:
        part["phrases"] = list(term.phrases)
    if term.kind in (Kind.WORDS, Kind.ID, Kind.URL, Kind.CONCEPT):
        return {term.kind.value: term.value, **part}
    data = bytes_of(Path(term.value) if isinstance(term.value, str) else term.value)
    if len(data) <= INLINE:
        return {"image": data_uri(data), **part}
    sent = transport.json("POST", "/v1/uploads", files={"file": ("picture", data)})
    return {"upload": sent["upload"], **part}


def _sides(term: Term) -> list[float]:
    assert term.box
    return [term.box.left, term.box.top, term.box.right, term.box.bottom]


def bytes_of(picture: Path | bytes | Image) -> bytes:
    """A picture's file: read, as it is, or made without loss. Raises InvalidInputError."""
    if isinstance(picture, bytes):
        return picture
    if isinstance(picture, Path):
        if not is_file(str(picture)):
            return Loader(Limits()).read(ImageRef(str(picture))).data
        try:
            return expanded(picture).read_bytes()
        except OSError as error:
            raise InvalidInputError(
                f"{picture} can't be read: {error.strerror or error}.", remedy="Check the path."
            ) from error
    from imagefinder.images.decode import from_picture

    buffer = BytesIO()
    from_picture(picture).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def data_uri(data: bytes) -> str:
    return f"data:application/octet-stream;base64,{base64.b64encode(data).decode()}"
