"""The kept result of the last search for duplicates."""

from __future__ import annotations

import re
from typing import Any

from imagefinder._util.places import Place
from imagefinder.duplicates.matching.tiers import Tier
from imagefinder.duplicates.report import DuplicateReport
from imagefinder.index.runs import Run, drop_older, load_run, save_run

KIND = "duplicates"
_TIER = frozenset(tier.value for tier in Tier)
_IMAGE: dict[str, Any] = {
    "id": re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "uri": str,
    "content_hash": str,
    **{f"{name}?": int for name in ("bytes", "width", "height")},
    **{f"{name}?": (str, None) for name in ("format", "taken_at")},
    "along?": [{"uri": str, "bytes": int}],
    "names?": [str],
}
_MEMBER = {"tier": _TIER, "evidence": str, "score": float, "reference": bool, "edits?": [str], "hold?": str}
_FACTS = {
    "groups": [{"tier": _TIER, "keep": _IMAGE, "reason": str, "members": [{**_IMAGE, **_MEMBER}]}],
    **{f"{name}?": int for name in ("images", "compared", "kept", "decided")},
    "seconds?": float,
    "one_file?": [[str]],
    "one_picture?": [[str]],
    "skipped?": [{"uri": str, "code": str, "reason": str, "remedy?": str}],
    "unkept?": str,
}


def keep_run(index: Place, report: DuplicateReport) -> None:
    """Keep the report in place of the one before. Raises StorageError."""
    save_run(index, KIND, report.to_dict(), {})
    drop_older(index, KIND, 1)


def last_run(index: Place) -> Run:
    """The last report, with the facts of ``DuplicateReport.to_dict``. Raises NotFoundError or IndexDamagedError."""
    run = load_run(index, KIND)
    run.check(_FACTS)
    return run
