"""A map as a table: Parquet for Apple's embedding-atlas and others, CSV, JSON."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefinder._util.csv_cells import write_rows
from imagefinder._util.extras import require
from imagefinder._util.files import write_named
from imagefinder.plots.sheets import picture_of

if TYPE_CHECKING:
    from imagefinder.types import Float32, Limits, Record

THUMB = 128  # pixels, longest side, of the pictures in a Parquet file
FIRST = ("id", "uri", "x", "y", "cluster", "caption")


def map_rows(coordinates: Float32, records: Sequence[Record]) -> list[dict[str, Any]]:
    """A flat row for each image: id, uri, x, y, cluster, caption, then every other field of its record."""
    rows = []
    for (x, y), record in zip(coordinates.tolist(), records, strict=True):
        row = {**record.to_dict(), "x": x, "y": y}
        rows.append({**{k: row.get(k) for k in FIRST}, **{k: v for k, v in row.items() if k not in FIRST}})
    return rows


def write_csv(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write the rows as CSV; lists as JSON. Raises StorageError."""
    text = io.StringIO()
    cells = ({k: json.dumps(v, ensure_ascii=False) if isinstance(v, list) else v for k, v in r.items()} for r in rows)
    write_rows(text, _names(rows), cells)
    write_named(path, text.getvalue().encode())


def write_json(about: dict[str, Any], rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write one JSON object: the facts of the map, and its ``points``. Raises StorageError."""
    write_named(path, (json.dumps({**about, "points": list(rows)}, ensure_ascii=False) + "\n").encode())


def write_parquet(
    rows: Sequence[dict[str, Any]], path: Path, *, pictures: bool = True, limits: Limits | None = None
) -> None:
    """Write the rows as Parquet, with a thumbnail of each image in the column ``image`` if ``pictures``.

    The thumbnails are structs of ``bytes`` (JPEG) and ``path``, as Hugging Face's Image and embedding-atlas read
    them; null for an image that can't be read. A field whose values are of several kinds becomes text. Raises
    MissingExtraError and StorageError.
    """
    require("parquet", what="A Parquet file")
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {name: _column([row.get(name) for row in rows]) for name in _names(rows)}
    if pictures:
        kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        columns["image"] = pa.array(_thumbnails([row["uri"] for row in rows], limits), kind)
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer, compression="zstd")
    write_named(path, buffer.getvalue())


def _names(rows: Sequence[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys((*FIRST, *(name for row in rows for name in row))))


def _column(values: Sequence[Any]) -> Any:
    import pyarrow as pa

    if all(v is None for v in values):
        return pa.array(values, pa.string())
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        texts = [v if v is None or isinstance(v, str) else json.dumps(v, ensure_ascii=False) for v in values]
        return pa.array(texts, pa.string())


def _thumbnails(uris: Sequence[str], limits: Limits | None) -> list[dict[str, Any] | None]:
    from imagefinder._util.threads import ordered_map
    from imagefinder.images.loader import Loader
    from imagefinder.images.thumbnails import thumbnail
    from imagefinder.types import Limits

    loader = Loader(limits or Limits(), THUMB)

    def one(uri: str) -> dict[str, Any] | None:
        picture = picture_of(loader, uri)
        if picture is None:
            return None
        buffer = io.BytesIO()
        thumbnail(picture, THUMB).save(buffer, "JPEG", quality=82)
        return {"bytes": buffer.getvalue(), "path": uri.replace("\\", "/").rpartition("/")[2]}

    try:
        return list(ordered_map(one, uris, workers=4, window=64))
    finally:
        loader.close()
