"""Dates as the filters read them: ISO 8601, as precise as written, in microseconds since 1970 UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_ISO = re.compile(
    r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|[+-]\d{2}:\d{2})?)?)?)?",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def period(text: str) -> tuple[int, int] | None:
    """The first microsecond of the year, month, day, minute or instant that ``text`` names, and the first one after it.

    ``2024-05`` is the whole of May 2024; with seconds it is one instant. A time without a zone counts as UTC.
    None when the text is no such date.
    """
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        start = datetime(int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0))
        since = (start.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND - _offset(zone)
    except ValueError:
        return None
    if second:
        since += int((fraction or "0")[:6].ljust(6, "0"))
        return since, since + 1
    return since, since + _length(start, month, day, hour)


def instant(text: str) -> int | None:
    """The microsecond since 1970 UTC at which a stored date begins; None when ``text`` names no day."""
    found = period(text) if len(text) >= len("2024-05-01") else None
    return found[0] if found else None


def to_iso(microseconds: int) -> str:
    """RFC 3339 of a time in microseconds since 1970 UTC, kept within the years 1 to 9999."""
    try:
        moment = _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        moment = (datetime.max if microseconds > 0 else datetime.min).replace(tzinfo=UTC)
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _offset(zone: str | None) -> int:
    if zone in (None, "Z"):
        return 0
    sign, hours, minutes = (1 if zone[0] == "+" else -1), int(zone[1:3]), int(zone[4:6])
    if hours > 23 or minutes > 59:
        raise ValueError(zone)
    return sign * (hours * 60 + minutes) * 60 * 1_000_000


def _length(start: datetime, month: str | None, day: str | None, hour: str | None) -> int:
    """How long the period lasts that begins at ``start``, in microseconds."""
    if hour:
        return 60 * 1_000_000
    if day:
        return 24 * 3600 * 1_000_000
    leap = start.year % 4 == 0 and (start.year % 100 != 0 or start.year % 400 == 0)
    months = (31, 28 + leap, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    return (months[start.month - 1] if month else 365 + leap) * 24 * 3600 * 1_000_000
