"""The spaces of the server's index, and vectors in and out."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote
from uuid import UUID

from imagefinder._util.threads import chunked
from imagefinder.client.connection import Connection
from imagefinder.client.jobs import JobProgress
from imagefinder.client.queries import bytes_of, data_uri
from imagefinder.errors import NotFoundError
from imagefinder.images.loader import is_url
from imagefinder.index.better_words import BetterWords
from imagefinder.results import BackfillReport, SpaceInfo

if TYPE_CHECKING:
    from PIL.Image import Image

    from imagefinder.types import Float32

EMBEDDED = 64  # texts or pictures embedded in one request
ID_BYTES = 16


class Spaces(Connection):
    """As the methods of ``ImageFinder`` of the same names."""

    def spaces(self) -> list[SpaceInfo]:
        """The spaces of the index, in the order they came."""
        rows = self._transport.json("GET", "/v1/spaces")["spaces"]
        known = [{name: row[name] for name in SpaceInfo.__dataclass_fields__ if name in row} for row in rows]
        return [SpaceInfo(**{**row, "current": tuple(row["current"])}) for row in known]

    @property
    def models(self) -> list[str]:
        """The names of the models whose vectors are there, in the order they came."""
        return list(dict.fromkeys(space.model for space in self.spaces()))

    @property
    def text_space(self) -> str:
        """The space that texts are compared in. Raises NotFoundError where no model understands texts."""
        for space in self.spaces():
            if "words" in space.current:
                return space.name
        raise NotFoundError("No model in use understands texts.", remedy="Add one that does, and use it.")

    def add_model(self, name: str, *, use: bool = False, progress: JobProgress | None = None) -> BackfillReport:
        """Give all images the vectors of a further model, one that is on the server's machine."""
        job = self._jobs.run("model", {"name": name, "use": use}, progress)
        return BackfillReport(job.result["model"], job.result["filled"], tuple(self._jobs.skipped(job)))

    def better_words(self) -> BetterWords | None:
        """A model with which searches by words would find more, and what it costs on the server's machine; None where
        there is none. ``run_job("better-words")`` fetches it there, and uses it."""
        found = self._transport.json("GET", "/v1/better-words")["better_words"]
        return BetterWords(**{name: found[name] for name in BetterWords.__dataclass_fields__}) if found else None

    def use_space(self, name: str) -> None:
        """Search in this space, or all spaces of this model, from now on."""
        self._transport.json("POST", f"/v1/spaces/{quote(name, safe='')}/use")

    def drop_space(self, name: str) -> None:
        """Remove the vectors of a model that is not in use."""
        self._transport.json("DELETE", f"/v1/spaces/{quote(name, safe='')}")

    def vectors(self, space: str | None = None, *, raw: bool = False) -> tuple[list[str], Float32]:
        """Ids and vectors, float32 (n, dim), by ascending id: those searched (rows of unit length), or ``raw`` as the
        model gave them (to float16 precision). ``space`` is by default the image space in use."""
        import numpy as np

        found = self._transport.send("GET", "/v1/vectors", params={"space": space, "raw": raw or None})
        dim = int(found.headers["x-dimensions"])
        rows = np.frombuffer(found.content, [("id", f"V{ID_BYTES}"), ("vector", "<f4", (dim,))])
        return [str(UUID(bytes=id.tobytes())) for id in rows["id"]], rows["vector"].astype(np.float32)

    def embed_words(self, texts: Sequence[str], space: str | None = None) -> Float32:
        """Texts as vectors that compare with those of a space for texts, by default ``vectors(client.text_space)``:
        float32 (n, dim), rows of unit length."""
        return self._embed([{"text": text} for text in texts], space or "")

    def embed_images(self, images: Sequence[str | Path | bytes | Image], space: str | None = None) -> Float32:
        """Pictures (paths, URLs, bytes of image files, or Pillow images) as vectors of a space, by default the image
        space: float32 (n, dim), rows of unit length."""
        wanted = space or next((s.name for s in self.spaces() if "image" in s.current), "")
        inputs = [i if isinstance(i, str) and is_url(i) else data_uri(_bytes(i)) for i in images]
        return self._embed([{"image": i} for i in inputs], wanted)

    def _embed(self, inputs: Sequence[dict[str, str]], model: str) -> Float32:
        import numpy as np

        rows: list[bytes] = []
        for some in chunked(inputs, EMBEDDED):
            body = {"input": some, "model": model, "encoding_format": "base64"}
            data = self._transport.json("POST", "/v1/embeddings", json=body)["data"]
            rows += [base64.b64decode(row["embedding"]) for row in data]
        return np.frombuffer(b"".join(rows), "<f4").reshape(len(rows), -1 if rows else 0).astype(np.float32)


def _bytes(picture: str | Path | bytes | Image) -> bytes:
    return bytes_of(Path(picture) if isinstance(picture, str) else picture)
