"""The keys of an index, with which people and programs use its servers. Each has a name, a scope, and perhaps an end.

keys.jsonl    a line for each key that was made, and one for each that was removed; of a key only digests

A key is 256 bits by chance. Nobody guesses that, however fast the digest: a slow one, as passwords need, would only
give strangers a way to keep the server busy. The salt keeps equal things from looking equal in two indexes.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, get_args

from imagefinder._util.arguments import checked
from imagefinder._util.lines import add_lines
from imagefinder._util.places import Place, stamp
from imagefinder._util.suggest import unknown_name
from imagefinder.errors import IndexDamagedError, InvalidInputError
from imagefinder.index.audit import Audit
from imagefinder.index.beside import changing
from imagefinder.index.jsonfile import line, read_lines
from imagefinder.store.shared.refusing import read_only_error

FILE = "keys.jsonl"
MOST = 1000  # keys of an index
PREFIX = "imf"  # of every key, so that one that was published by mistake is found
LONGEST = 80  # characters of a name
LARGEST = 2**53  # of a limit
Scope = Literal["read", "write", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)  # each may do what those before it may
_NAME = re.compile(r"\w+(?:[ ._@+-]\w+)*")
_KEY = re.compile(rf"{PREFIX}_([0-9a-f]{{16}})_([A-Za-z0-9_-]{{43}})")
_PROOF = re.compile(r"([0-9a-f]{16})\.([0-9a-f]{64})")
_WHOLE = (int, None)
_ROW = {
    **dict.fromkeys(("id", "name", "scope", "created", "salt", "digest", "page"), str),
    **{"expires": (str, None), "requests_per_minute": _WHOLE, "upload_bytes_per_day": _WHOLE},
}


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is kept. ``created`` and ``expires`` are ISO 8601 in UTC. ``requests_per_minute`` and
    ``upload_bytes_per_day`` are what one server lets it do; None: what the server says for all.

    ``secret`` is the key itself: only ``Keys.add`` gives it, once."""

    id: str
    name: str
    scope: Scope
    created: str
    expires: str | None = None
    requests_per_minute: int | None = None
    upload_bytes_per_day: int | None = None
    secret: str | None = field(default=None, repr=False)

    @property
    def expired(self) -> bool:
        try:
            return self.expires is not None and datetime.fromisoformat(self.expires) <= datetime.now(UTC)
        except (ValueError, TypeError):  # edited by hand
            return True

    def to_dict(self) -> dict[str, Any]:
        """All but the key itself."""
        return {
            "id": self.id,
            "name": self.name,
            "scope": self.scope,
            "created": self.created,
            "expires": self.expires,
            "expired": self.expired,
            "requests_per_minute": self.requests_per_minute,
            "upload_bytes_per_day": self.upload_bytes_per_day,
        }

    @classmethod
    def from_dict(cls, row: dict[str, Any]) -> Key:
        """The key that ``to_dict`` wrote, with its ``secret`` if there is one."""
        return cls(**{name: value for name, value in row.items() if name != "expired"})


@dataclass(frozen=True, slots=True)
class _Kept:
    key: Key
    salt: bytes
    digest: bytes
    page: bytes


@checked
class Keys:
    """The keys of an index, beside its other ``documents``. Changes are seen by every server of the index, without a
    restart. They need no open index, so that they can be made while a server holds it: ``imagefinder keys``."""

    def __init__(self, documents: Place, *, read_only: bool = False) -> None:
        self._home, self._path, self._read_only = documents, documents / FILE, read_only
        self._seen: object = self  # nothing yet
        self._kept: dict[str, _Kept] = {}

    def add(
        self,
        name: str,
        scope: Scope = "read",
        *,
        expires: str | None = None,
        requests_per_minute: int | None = None,
        upload_bytes_per_day: int | None = None,
    ) -> Key:
        """Make a key. Its ``secret`` is what clients send; it is told here only. To rotate a key, make another, give
        it to those who need it, and remove the first.

        ``expires`` is a time to come, ISO 8601, in UTC if it names no zone; a date ends at its beginning. Raises
        InvalidInputError (a name that can't be or is taken, a wrong time or limit), IndexFolderError for an index that
        is only read, or StorageError.
        """
        if self._read_only:
            raise read_only_error()
        _check(name, scope)
        for what, limit in (
            ("requests_per_minute", requests_per_minute),
            ("upload_bytes_per_day", upload_bytes_per_day),
        ):
            if limit is not None and not 1 <= limit <= LARGEST:
                raise InvalidInputError(f"{what} is a whole number of 1 or more, not {limit!r}.")
        id, chance = secrets.token_hex(8), secrets.token_urlsafe(32)
        now = datetime.now(UTC)
        key = Key(
            id,
            name.strip(),
            scope,
            now.isoformat(timespec="seconds"),
            _end(expires, now),
            requests_per_minute,
            upload_bytes_per_day,
            f"{PREFIX}_{id}_{chance}",
        )
        changing(self._home, lambda: self._put(key))
        Audit(self._home).add("key-added", [f"{key.name} ({scope})"])
        return key

    def _put(self, key: Key) -> None:
        there = self._all()
        if any(one.key.name.casefold() == key.name.casefold() for one in there.values()):
            raise InvalidInputError(
                f"There is a key {key.name!r} already.", remedy="Choose another name, or remove it."
            )
        if len(there) >= MOST:
            raise InvalidInputError(f"There are {MOST:,} keys.", remedy="Remove one first.")
        assert key.secret is not None
        salt = secrets.token_bytes(16)
        row = {name: value for name, value in key.to_dict().items() if name != "expired"}
        kept = {"salt": salt.hex(), "digest": _digest(salt, key.secret).hex()}
        page = _digest(salt, page_proof(key.secret)).hex()
        add_lines(self._path, line({**row, **kept, "page": page}))

    def list(self) -> Sequence[Key]:
        """All keys, by their names, without the keys themselves. Raises IndexDamagedError."""
        return tuple(sorted((one.key for one in self._all().values()), key=lambda key: key.name.casefold()))

    def remove(self, name: str) -> None:
        """Remove a key: from now on it opens nothing, nor does any page that was opened with it. Raises
        NotFoundError, IndexFolderError or StorageError."""
        if self._read_only:
            raise read_only_error()

        def take_out() -> str:
            there = [one.key for one in self._all().values()]
            found = [key for key in there if key.name.casefold() == name.strip().casefold()]
            if not found:
                raise unknown_name("key", name, [key.name for key in there])
            add_lines(self._path, b"".join(line({"removed": key.id}) for key in found))
            return found[0].name

        Audit(self._home).add("key-removed", [changing(self._home, take_out)])

    @property
    def in_folder(self) -> bool:
        """Whether asking for a key is a matter of looking at a file."""
        return isinstance(self._home, Path)

    # --- asked by servers ---------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._all())

    def find(self, secret: str) -> Key | None:
        """The key that a client has sent, expired or not; None for what is none. The comparison takes a time that tells
        nothing. Raises IndexDamagedError."""
        return self._find(_KEY, secret, "digest")

    def find_page(self, proof: str) -> Key | None:
        """The same for what a page's cookie holds in place of a key: see ``page_proof``."""
        return self._find(_PROOF, proof, "page")

    def _find(self, form: re.Pattern[str], text: str, kind: str) -> Key | None:
        match = form.fullmatch(text)
        if match is None:
            return None
        kept = self._all().get(match[1], _NOBODY)
        right = hmac.compare_digest(_digest(kept.salt, text), getattr(kept, kind))
        return kept.key if right and kept is not _NOBODY else None

    def _all(self) -> dict[str, _Kept]:
        """Read again whenever the document has changed. A line that can't be read may be one that removes a key: then
        none is good."""
        now = stamp(self._path)
        if now != self._seen:
            rows, lost = read_lines(self._path, (_ROW, {"removed": str}))
            if lost:
                raise IndexDamagedError(
                    f"{self._path} is damaged: {lost} of its lines can't be read, so no key of it is good.",
                    remedy="Restore it from a backup, or remove it and make the keys again.",
                )
            found: dict[str, _Kept] = {}
            for row in rows:
                if "removed" in row:
                    found.pop(row["removed"], None)
                elif row["scope"] in SCOPES:
                    found[row["id"]] = _kept(row)
            self._kept, self._seen = found, now
        return self._kept


def page_proof(secret: str) -> str:
    """What a page's cookie holds in place of a key of an index: as good for it, and good for nothing else. The index
    keeps a digest of it, as of the key, so that whoever reads the index has no cookie."""
    id = secret.split("_")[1]
    return f"{id}.{hmac.new(secret.encode(), b'imagefinder page', sha256).hexdigest()}"


def _digest(salt: bytes, text: str) -> bytes:
    return sha256(salt + text.encode("utf-8", "replace")).digest()


def _kept(row: dict[str, Any]) -> _Kept:
    facts = {name: value for name, value in row.items() if name not in ("salt", "digest", "page")}
    return _Kept(Key(**facts), *(_bytes(row[name]) for name in ("salt", "digest", "page")))


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def _check(name: str, scope: str) -> None:
    if not _NAME.fullmatch(name.strip()) or len(name.strip()) > LONGEST:
        raise InvalidInputError(
            f"A key is called by letters and digits, {LONGEST} characters at most, not {name!r:.200}.",
            remedy="For example: anna, or build-server",
        )
    if scope not in SCOPES:
        raise InvalidInputError(f"There is no scope {scope!r}; there are: {', '.join(SCOPES)}.")


def _end(expires: str | None, now: datetime) -> str | None:
    if expires is None:
        return None
    try:
        end = datetime.fromisoformat(expires.strip())
        end = end.astimezone(UTC) if end.tzinfo else end.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise InvalidInputError(f"{expires!r:.100} is no time.", remedy="For example: 2027-01-31") from None
    if end <= now:
        raise InvalidInputError(f"{expires!r:.100} has passed: the key would open nothing.")
    return end.isoformat(timespec="seconds")


_NOBODY = _kept({"id": "", "name": "", "scope": "read", "created": "", "salt": "", "digest": "", "page": ""})
