"""What goes wrong with a database, as ImageFinder's errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagefinder.errors import (
    ImageFinderError,
    IndexFolderError,
    NotFoundError,
    StorageError,
    UnauthorizedError,
    UnreachableError,
)

if TYPE_CHECKING:
    import psycopg

    from imagefinder.store.postgres.address import Address

_AWAY = "Start it, or see whether host and port are right; then run again. What was stored before is safe."
_ROOM = "Make room on the disk of the database, or allow writing there, then run again."
_UNAUTHORIZED = ("28P01", "28000", "password authentication failed", "no password supplied", "no pg_hba.conf entry")
_NO_DATABASE = ("3D000", 'database "')
_NOT_ALLOWED = ("42501",)
_NO_ROOM = ("53100", "53200", "53400", "25006", "58030", "could not extend file")
_GONE = ("42P01", "3F000")
_AGAIN = ("40001", "40P01", "55P03", "23505", "23503")  # serialisation, deadlock, another was as fast


def is_lost(error: psycopg.Error) -> bool:
    """Whether the connection, or the server, went away."""
    import psycopg

    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return error.sqlstate.startswith(("08", "57P"))


def is_worth_another(error: psycopg.Error) -> bool:
    """Whether others were in the way of a transaction, which has left nothing."""
    return error.sqlstate in _AGAIN


def ours(error: psycopg.Error, address: Address) -> ImageFinderError:
    """An error of the database, without any password."""
    said = address.hide(" ".join(str(error).split())) or type(error).__name__
    state = error.sqlstate or ""

    def means(signs: tuple[str, ...]) -> bool:
        return state in signs or (not state and any(sign in said for sign in signs))

    if means(_UNAUTHORIZED):
        return UnauthorizedError(
            f"The database of {address.shown} wants another user or password: {said[:300]}",
            code="unauthorized",
            remedy="Give the password in PGPASSWORD, in ~/.pgpass, or in a file that IMAGEFINDER_STORE_KEY_FILE names.",
        )
    if means(_NO_DATABASE) and "does not exist" in said:
        return NotFoundError(
            f"There is no such database: {said[:300]}", remedy=f"Make it: createdb {address.settings.get('dbname', '')}"
        )
    if means(_NOT_ALLOWED):
        return StorageError(
            f"The user of {address.shown} may not do this: {said[:300]}", remedy="Grant it, or name another user."
        )
    if means(_NO_ROOM):
        return StorageError(f"The database of {address.shown} can't be written: {said[:300]}", remedy=_ROOM)
    if means(_GONE):
        return NotFoundError(f"The index {address.shown} is not there any more: {said[:300]}")
    if is_lost(error):
        return UnreachableError(f"The database of {address.shown} does not answer: {said[:300]}", remedy=_AWAY)
    return IndexFolderError(f"The database of {address.shown} refuses: {said[:300]}")
