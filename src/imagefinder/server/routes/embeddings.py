"""Vectors for other programs, in the shape of OpenAI's API: texts and pictures in, the vectors of searches out."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from fastapi.responses import Response

from imagefinder.errors import InvalidInputError, NotFoundError
from imagefinder.images.loader import is_url
from imagefinder.server import requests, responses
from imagefinder.server.access import reads
from imagefinder.server.routes.search import decode_data_uri, lane_of
from imagefinder.server.state import Json, ServingDep
from imagefinder.server.strict import Router, TolerantRoute

if TYPE_CHECKING:
    from imagefinder.finder import ImageFinder
    from imagefinder.types import Float32

DATA_URI = re.compile(r"\s*data:[\w.+/;=-]*;base64,", re.IGNORECASE)
router = Router(prefix="/v1", tags=["embeddings"], route_class=TolerantRoute)


@router.get("/models", response_model=responses.Models)
@reads()
async def models(serving: ServingDep) -> Response:
    """The spaces of the index, each under the name to ask /v1/embeddings for. None before anything is indexed."""
    return Json({"object": "list", "data": await serving.searching.run(_models, serving.finder)})


@router.get("/models/{id}", response_model=responses.Model)
@reads()
async def model(serving: ServingDep, id: str) -> Response:
    """One of them."""
    found = await serving.searching.run(_models, serving.finder)
    return Json(_named(found, id))


@router.post("/embeddings", response_model=responses.Embedded)
@reads(costly=True)
async def embeddings(serving: ServingDep, body: requests.Embeddings) -> Response:
    """Vectors of texts and pictures, of unit length, as searches compare them: by their dot product."""
    given = [] if isinstance(body.input, str) else body.input
    urls = any(isinstance(item, requests.ImageInput) and is_url(item.image) for item in given)
    lane = await lane_of(serving, urls, ())
    return Json(await lane.run(_embed, serving.finder, body))


def _models(finder: ImageFinder) -> list[dict[str, Any]]:
    """Those that have vectors; the one that understands texts first, as it is the default."""
    info, words = finder.info(), _text_space(finder)
    made = int(datetime.fromisoformat(info.created).timestamp())
    rows = [
        {
            "id": name,
            "object": "model",
            "created": made,
            "owned_by": "imagefinder",
            "dimensions": space["searched_dim"],
            "version": space["version"],
            "inputs": ["text", "image"] if space["words"] else ["image"],
        }
        for name, space in info.spaces.items()
        if space["version"]
    ]
    return sorted(rows, key=lambda row: row["id"] != words)


def _text_space(finder: ImageFinder) -> str | None:
    try:
        return finder.text_space
    except NotFoundError:
        return None


def _named(found: Sequence[dict[str, Any]], name: str) -> dict[str, Any]:
    """The model asked for, by default the first. Raises NotFoundError."""
    if not found:
        raise NotFoundError(
            "There are no vectors before anything is indexed: what they are depends on the collection.",
            remedy="Add some images first.",
        )
    for row in found:
        if name in ("", row["id"]):
            return row
    names = ", ".join(row["id"] for row in found)
    raise NotFoundError(f"There is no model {name[:80]!r} here.", remedy=f"There are: {names}.")


def _embed(finder: ImageFinder, body: requests.Embeddings) -> dict[str, Any]:
    model = _named(_models(finder), body.model)
    if body.dimensions not in (None, model["dimensions"]):
        raise InvalidInputError(
            f"{model['id']} has {model['dimensions']} dimensions, not {body.dimensions}.", remedy="Leave it out."
        )
    items = [_item(item) for item in ([body.input] if isinstance(body.input, str) else body.input)]
    texts = [i for i, (text, _) in enumerate(items) if text is not None]
    pictures = [i for i, (text, _) in enumerate(items) if text is None]
    if texts and "text" not in model["inputs"]:
        raise InvalidInputError(
            f"input.{texts[0]} is a text, and {model['id']} has vectors of pictures only.",
            remedy=_other_model(finder),
        )
    rows: dict[int, Float32] = {}
    if texts:
        rows |= zip(texts, finder.embed_words([items[i][0] or "" for i in texts], model["id"]), strict=True)
    if pictures:
        rows |= zip(pictures, finder.embed_images([items[i][1] for i in pictures], model["id"]), strict=True)
    words = finder.view(model["id"]).words_model if texts else None
    tokens = words.count_tokens([items[i][0] or "" for i in texts]) if words else 0
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": i, "embedding": _written(rows[i], body.encoding_format)}
            for i in range(len(items))
        ],
        "model": model["id"],
        "version": model["version"],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _item(item: requests.Input) -> tuple[str | None, bytes | str]:
    """A text and nothing, or None and a picture: its bytes or its URL. Raises InvalidInputError."""
    if isinstance(item, requests.TextInput):
        return item.text, b""
    if isinstance(item, str):
        return (None, decode_data_uri(item)) if DATA_URI.match(item) else (item, b"")
    if is_url(item.image):
        return None, item.image
    return None, decode_data_uri(item.image)


def _other_model(finder: ImageFinder) -> str:
    words = _text_space(finder)
    return f'Ask for the model "{words}", which compares texts with pictures.' if words else "Send pictures."


def _written(row: Float32, how: str) -> Any:
    return base64.b64encode(row.astype("<f4").tobytes()).decode() if how == "base64" else row
