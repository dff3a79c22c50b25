"""Stands in for methods of the library that are being written; goes when they are there."""

from __future__ import annotations

from collections import Counter
from typing import Any

from imagefinder.finder import ImageFinder


def _rows(finder: Any, filter: Any, sort: str | None) -> list[Any]:
    found = list(finder.records(filter))
    if sort and sort.lstrip("-") != "id":
        name = sort.lstrip("-")
        have = [r for r in found if r.to_dict().get(name) is not None]
        rest = [r for r in found if r.to_dict().get(name) is None]
        found = sorted(have, key=lambda r: r.to_dict()[name], reverse=sort.startswith("-")) + rest
    return found


def _list(self: Any, filter: Any = None, sort: str | None = None, k: int = 100, offset: int = 0) -> Any:
    found = _rows(self, filter, sort)
    return found[offset : offset + k], len(found)


def _columns(self: Any, fields: Any, filter: Any = None, sort: str | None = None) -> Any:
    rows = [r.to_dict() for r in _rows(self, filter, sort)]
    return {f: [r.get(f) for r in rows] for f in fields}


def _facets(self: Any, filter: Any = None) -> Any:
    rows = [r.to_dict() for r in self.records(filter)]
    out: dict[str, Any] = {"total": len(rows), "ranges": {}}
    for field in ("folder", "cluster", "format", "tags", "colours", "issues"):
        counts: Counter[Any] = Counter()
        for r in rows:
            v = r.get(field)
            counts.update(v if isinstance(v, list) else [v] if v is not None else [])
        out[field] = [{"value": v, "count": n} for v, n in counts.most_common(100)]
    names = {r["cluster"]: r.get("cluster_name") for r in rows if "cluster" in r}
    for row in out["cluster"]:
        row["name"] = names.get(row["value"])
    out["year"] = [
        {"value": y, "count": n}
        for y, n in Counter((r.get("taken_at") or r.get("mtime") or "")[:4] for r in rows).most_common()
        if y
    ]
    for field in ("width", "height", "bytes", "taken_at"):
        values = [r[field] for r in rows if r.get(field) is not None]
        if values:
            out["ranges"][field] = [min(values), max(values)]
    return out


def _update(self: Any, image: str, **changes: Any) -> Any:
    id = self.get(image).id
    self._index.store.merge_payload([id], {k: v or None for k, v in changes.items()})
    return self.get(id)


def _tag(self: Any, ids: Any, add: Any = (), remove: Any = ()) -> int:
    for id in ids:
        tags = [t for t in self.get(id).tags if t not in remove]
        self._index.store.merge_payload([id], {"tags": [*tags, *(t for t in add if t not in tags)] or None})
    return len(ids)


for _name, _do in (("list", _list), ("columns", _columns), ("facets", _facets), ("update", _update), ("tag", _tag)):
    if not hasattr(ImageFinder, _name):
        setattr(ImageFinder, _name, _do)
