"""Addresses that may hold a password, as they may be shown."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit

HIDDEN = "***"
SECRET = frozenset({"api_key", "password", "sslpassword"})  # settings behind the "?"
KEYED = frozenset({"qdrant", "qdrants"})  # schemes of which what stands before the "@" is a key


def is_address(text: str) -> bool:
    """Whether a text is an address rather than the name of a folder."""
    return "://" in text


def shown_address(text: str) -> str:
    """An address without its passwords; what is none, and what can't be read, as little as can be."""
    scheme, found, _ = text.partition("://")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return f"{scheme}://{HIDDEN}"
    if not found:
        return text
    alone = HIDDEN if parts.scheme in KEYED else parts.username
    user = f"{parts.username}:{HIDDEN}@" if parts.password else f"{alone}@" if parts.username else ""
    options = parse_qsl(parts.query, keep_blank_values=True)
    told = [(key, HIDDEN if key in SECRET else value) for key, value in options]
    shown = f"{parts.scheme}://{user}{parts.hostname or ''}{f':{port}' if port else ''}{parts.path}"
    return shown + (f"?{urlencode(told, safe='/*')}" if told else "")
