"""What must not be read in a log, an error or a list: keys, passwords in addresses, tokens in query strings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

HIDDEN = "***"
SHORTEST = 4  # characters of a text that is taken for a secret wherever it stands
_NAMES = r"[\w.%\[\]-]*(?:token|key|secret|passw|pwd|sig|auth|cred|session|cookie|link)[\w.%\[\]-]*"
_PATTERNS = (
    (re.compile(r"([A-Za-z][A-Za-z0-9+.-]*:/?/?[^\s/@:?#\"'<>]*):[^\s/\"'<>]*@"), rf"\1:{HIDDEN}@"),
    (re.compile(r"\bimf_[A-Za-z0-9]+[_.][A-Za-z0-9_-]+"), f"imf_{HIDDEN}"),
    (re.compile(r"\b(bearer|basic|digest|negotiate)\s+[^\s\"',;]+", re.I), rf"\1 {HIDDEN}"),
    (re.compile(rf"([?&;#])({_NAMES})=[^\s&;#\"'<>]+", re.I), rf"\1\2={HIDDEN}"),
    (
        re.compile(r"\b((?:api[_-]?|access[_-]?)?(?:token|key|secret|password|passwd|pwd))=[^\s&;#\"'<>]+", re.I),
        rf"\1={HIDDEN}",
    ),
    (re.compile(r"\b((?:set-)?cookie|authorization|x-api-key)(\"?\s*[:=]\s*)[^\r\n]+", re.I), rf"\1\2{HIDDEN}"),
)
_known: ContextVar[tuple[str, ...]] = ContextVar("imagefinder-secrets", default=())


@contextmanager
def secret(texts: Iterable[str]) -> Iterator[None]:
    """Meanwhile these texts are hidden wherever they stand, too."""
    found = {text for text in texts if len(text) >= SHORTEST}
    token = _known.set((*_known.get(), *sorted(found, key=len, reverse=True)))
    try:
        yield
    finally:
        _known.reset(token)


def hidden(text: str) -> str:
    """A text without what looks like a secret, and without those that are known."""
    for one in _known.get():
        if one in text:
            text = text.replace(one, HIDDEN)
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text
