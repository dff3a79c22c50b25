"""Clusters for other programs: tables, folders of copies or links."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from imagefinder._util.csv_cells import write_rows
from imagefinder._util.extras import require
from imagefinder._util.files import copy_new, fitting_name, write_named, write_new
from imagefinder.clusters.edit import up_to_date, with_vectors
from imagefinder.errors import ImageError, InvalidInputError, StorageError
from imagefinder.images.inside import is_file, is_url
from imagefinder.images.loader import Loader
from imagefinder.images.names import copied_name
from imagefinder.types import ImageRef, Limits

if TYPE_CHECKING:
    from imagefinder.index.folder import Index

COLUMNS = ("uri", "cluster", "name", "distance")
How = Literal["copy", "symlink", "hardlink"]


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: ``rows`` images, to ``path``; ``left_out`` are (uri, reason)."""

    path: str
    rows: int
    left_out: tuple[tuple[str, str], ...] = ()


def membership(index: Index) -> list[dict[str, Any]]:
    """A row for each image: uri, cluster (-1 for noise), name, and the distance to the centre of its cluster (None for
    noise); by cluster, then by distance."""
    now, vectors = with_vectors(index, up_to_date(index, None))
    names = now.names()
    uris = {p.id: p.payload["uri"] for points in index.store.scroll(fields=("uri",)) for p in points}
    place = {c.label: i for i, c in enumerate(now.clusters)}
    rows = []
    for i, (id, label) in enumerate(zip(now.ids, now.labels.tolist(), strict=True)):
        if id not in uris:  # it has gone meanwhile
            continue
        known = label in place
        away = float(np.linalg.norm(vectors[i] - now.centres[place[label]])) if known else None
        rows.append(
            {
                "uri": uris[id],
                "cluster": label if known else -1,
                "name": names.get(label),
                "distance": None if away is None else round(away, 6),
            }
        )
    return sorted(rows, key=lambda row: (row["cluster"], row["distance"] or 0, row["uri"]))


def write_table(rows: Sequence[dict[str, Any]], path: Path) -> Exported:
    """Write rows as CSV, Parquet or JSON, by the ending of the file's name. Raises InvalidInputError,
    MissingExtraError and StorageError."""
    writers = {".csv": _csv, ".parquet": _parquet, ".json": _json}
    writer = writers.get(path.suffix.lower())
    if writer is None:
        raise InvalidInputError(
            f"{path.name} has no ending that says what to write.", remedy="Name it .csv, .parquet or .json."
        )
    write_named(path, writer(rows))
    return Exported(str(path), len(rows))


def write_folders(
    rows: Sequence[dict[str, Any]], folder: Path, how: How = "copy", limits: Limits | None = None
) -> Exported:
    """A folder for each cluster with copies of its images, or links to them; the nearest to the centre come first by
    name. The images themselves are never touched; images at a URL are left out. Raises InvalidInputError when the
    folder is not empty, and StorageError."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidInputError(f"{folder} is not an empty folder.", remedy="Name a new one.")
    left_out: list[tuple[str, str]] = []
    ranks: dict[int, int] = {}
    loader = Loader(limits or Limits())
    for row in rows:
        if is_url(row["uri"]):
            left_out.append((row["uri"], "it is a URL"))
            continue
        ranks[row["cluster"]] = ranks.get(row["cluster"], 0) + 1
        target = folder / _folder_name(row)
        try:
            target.mkdir(parents=True, exist_ok=True)
            _put(row["uri"], target, f"{ranks[row['cluster']]:05d}_", how, loader)
        except FileNotFoundError:
            left_out.append((row["uri"], "there is no such file"))
        except ImageError as error:
            left_out.append((row["uri"], error.message))
        except OSError as error:
            raise StorageError(
                f"{target} can't be written: {error.strerror}.", remedy="Make room, or choose another --how."
            ) from error
    return Exported(str(folder), len(rows) - len(left_out), tuple(left_out))


def _put(source: str, folder: Path, prefix: str, how: How, loader: Loader) -> None:
    """Copy or link an image into a folder; one inside a table is written, for it is no file that a link could lead
    to."""
    data = b"" if is_file(source) else loader.read(ImageRef(source)).data
    target = folder / fitting_name(prefix, copied_name(source, data))
    if data:
        write_new(target, data)
        return
    if not os.path.exists(source):
        raise FileNotFoundError(source)
    if how == "copy":
        copy_new(source, target)
    elif how == "symlink":
        target.symlink_to(source)
    else:
        os.link(source, target)


def _folder_name(row: dict[str, Any]) -> str:
    if row["cluster"] < 0:
        return "unassigned"
    name = re.sub(r"[^\w.-]+", "_", row["name"] or "").strip("._")[:60]
    return f"{row['cluster']:03d}_{name}".rstrip("._ ")


def _csv(rows: Sequence[dict[str, Any]]) -> bytes:
    text = io.StringIO(newline="")
    write_rows(text, COLUMNS, rows)
    return text.getvalue().encode(errors="replace")


def _json(rows: Sequence[dict[str, Any]]) -> bytes:
    return (json.dumps(list(rows), ensure_ascii=False, indent=1) + "\n").encode(errors="replace")


def _parquet(rows: Sequence[dict[str, Any]]) -> bytes:
    require("parquet", what="A Parquet file")
    import pyarrow
    from pyarrow import parquet

    kinds = {
        "uri": pyarrow.string(),
        "cluster": pyarrow.int32(),
        "name": pyarrow.string(),
        "distance": pyarrow.float32(),
    }
    table = pyarrow.table({name: pyarrow.array([r[name] for r in rows], kind) for name, kind in kinds.items()})
    buffer = io.BytesIO()
    parquet.write_table(table, buffer)
    return buffer.getvalue()
