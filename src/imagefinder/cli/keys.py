"""``imagefinder keys`` and ``imagefinder audit``: who may use an index, and who removed what."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from imagefinder import settings
from imagefinder.cli.common import NOTHING_FOUND, OK, index_option, json_option, plural, print_json, say, tell

UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


class Size(click.ParamType[int]):
    """A number of bytes, such as 500MB."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,6})?)\s*([kmgt]?)b?", str(value).strip(), re.IGNORECASE)
        if found is None:
            self.fail(f"{value!r} is no number of bytes, such as 500MB.", param, ctx)
        return int(float(found[1]) * UNITS[found[2].lower()])


SIZE = Size()


@click.group()
def keys() -> None:
    """Make, list and remove the keys with which people and programs use the servers of an index.

    \b
      imagefinder keys add anna --scope write      prints the key, once
      imagefinder keys add shop --expires 2027-01-31 --requests 600
      imagefinder keys list
      imagefinder keys remove anna

    A key of the scope `read` may search and look, `write` may change the collection, `admin` may also make keys, see
    the audit log and forget for good. Servers see each change at once, without a restart. To rotate a key, make another
    with a new name, then remove the old one. The key that a server is started with is one of the scope `admin`.
    """


@keys.command()
@click.argument("name")
@click.option("--scope", type=click.Choice(["read", "write", "admin"]), default="read", show_default=True)
@click.option("--expires", metavar="TIME", help="When it ends: a date or a time, in UTC if it names no zone.")
@click.option("--requests", type=click.IntRange(1), metavar="N", help="Requests a minute that a server lets it make.")
@click.option("--uploads", type=SIZE, metavar="SIZE", help="How much it may add to a server in a day, such as 2GB.")
@index_option
@json_option
def add(
    name: str,
    scope: str,
    expires: str | None,
    requests: int | None,
    uploads: int | None,
    index_dir: Path | str | None,
    as_json: bool,
) -> int:
    """Make a key called NAME, and print it. It is shown this once: the index keeps a digest of it."""
    from imagefinder.index.keys import Keys
    from imagefinder.index.shared import documents_at

    with documents_at(index_dir or settings.default_index()) as documents:
        key = Keys(documents).add(
            name,
            scope,  # type: ignore[arg-type]
            expires=expires,
            requests_per_minute=requests,
            upload_bytes_per_day=uploads,
        )
    if as_json:
        print_json({**key.to_dict(), "key": key.secret})
        return OK
    tell(str(key.secret))
    say(f"The key {key.name} may {DOES[scope]}. Keep it now: it is not shown again.")
    return OK


DOES = {
    "read": "search and look",
    "write": "search and change the collection",
    "admin": "do everything, also make keys",
}


@keys.command("list")
@index_option
@json_option
def list_(index_dir: Path | str | None, as_json: bool) -> int:
    """List the keys of the index: name, scope, when made, when they end, and their limits."""
    from imagefinder.index.keys import Keys
    from imagefinder.index.shared import documents_at

    with documents_at(index_dir or settings.default_index()) as documents:
        found = Keys(documents).list()
    if as_json:
        print_json({"keys": [key.to_dict() for key in found]})
        return OK
    for key in found:
        end = f", {'ended' if key.expired else 'ends'} {key.expires[:16]}" if key.expires else ""
        requests = f", {plural(key.requests_per_minute, 'request')} a minute" if key.requests_per_minute else ""
        uploads = f", {key.upload_bytes_per_day:,} bytes a day" if key.upload_bytes_per_day else ""
        tell(f"{key.scope:<5}  {key.name}  (made {key.created[:10]}{end}{requests}{uploads})")
    if not found:
        say("The index has no keys. Its servers ask for the key that they are started with.")
    return OK


@keys.command()
@click.argument("name")
@index_option
def remove(name: str, index_dir: Path | str | None) -> int:
    """Remove the key called NAME. It opens nothing from now on, nor does a page that was opened with it."""
    from imagefinder.index.keys import Keys
    from imagefinder.index.shared import documents_at

    with documents_at(index_dir or settings.default_index()) as documents:
        Keys(documents).remove(name)
    say(f"The key {name.strip()} is removed.")
    return OK


@click.command()
@click.option("-k", "k", type=click.IntRange(1), default=50, show_default=True, help="How many entries.")
@click.option("--action", metavar="ACTION", help="Only these, such as removed, trashed, restored, key-added.")
@click.option("--by", metavar="NAME", help="Only what this key, user or account did.")
@index_option
@json_option
def audit(k: int, action: str | None, by: str | None, index_dir: Path | str | None, as_json: bool) -> int:
    """Show what was removed, trashed and restored, which keys were made and removed, when and by whom.

    The newest comes first. Who did it is a key of the index, a user that a proxy let in, or an account of the machine.
    Of many images the first 100 are named.
    """
    from imagefinder.index.audit import Audit
    from imagefinder.index.shared import documents_at

    with documents_at(index_dir or settings.default_index()) as documents:
        found = Audit(documents, say).list(k, action=action, by=by)
    if as_json:
        print_json({"entries": [entry.to_dict() for entry in found]})
        return OK
    for entry in found:
        names = ", ".join(entry.names[:3]) + (", ..." if entry.count > 3 else "")
        tell(f"{entry.time[:19]}  {entry.by} ({entry.by_kind})  {entry.action} {entry.count:,}  {names}")
    if not found:
        say("There are no such entries." if action or by else "Nothing was removed, trashed or restored yet.")
    return OK if found else NOTHING_FOUND
