"""What only those may ask for who sit at the server's machine: what writes into its folders, or opens its windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagefinder._util.hosts import is_loopback
from imagefinder.server.errors import RefusedError
from imagefinder.server.revealing import has_desktop
from imagefinder.server.settings import place_of

if TYPE_CHECKING:
    from fastapi import Request

    from imagefinder.server.settings import ServerSettings

FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")  # a proxy speaks for somebody elsewhere


def is_local(settings: ServerSettings, request: Request) -> bool:
    """Whether a request comes from the server's own machine, and no proxy has sent it on."""
    if request.client is None or not is_loopback(request.client.host) or settings.proxy_user is not None:
        return False
    return not any(name in request.headers for name in FORWARDED)


def may_place(settings: ServerSettings, request: Request) -> bool:
    """Whether files may be copied and moved into folders here."""
    return settings.may_add_folders and is_local(settings, request)


def may_reveal(settings: ServerSettings, request: Request) -> bool:
    """Whether files can be shown in the file manager here."""
    return is_local(settings, request) and has_desktop()


def check_local(settings: ServerSettings, request: Request, *, desktop: bool = False) -> None:
    """Raise RefusedError for a request from elsewhere, and where there is no file manager to be opened."""
    if not is_local(settings, request):
        raise RefusedError(403, "This is for those who sit at the server's machine.", code="not-local")
    if desktop and not has_desktop():
        raise RefusedError(409, "There is no desktop at the server's machine.", code="no-desktop")


def check_folder(settings: ServerSettings, folder: str) -> str:
    """The path of a folder that files may be put into: one that images may be added from. Raises RefusedError."""
    place = place_of(folder)
    if "://" in place or not settings.may_add(place):
        raise RefusedError(
            403, f"Files may not be put into {place} from here.", remedy="Start the server with --allow-folder DIR."
        )
    return place
