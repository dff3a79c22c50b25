"""Pictures in the terminal: the kitty and iTerm2 protocols where they are spoken, half blocks where asked for."""

from __future__ import annotations

import os
import shutil
import sys
from base64 import b64encode
from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import click

from imagefinder.cli.common import tell

if TYPE_CHECKING:
    from PIL.Image import Image

    from imagefinder.types import Limits

ROWS = 8  # height of a preview in text lines
SHOWN = 10  # pictures previewed at most


def protocol() -> str | None:
    """The graphics protocol this terminal says it speaks."""
    term, program = os.environ.get("TERM", ""), os.environ.get("TERM_PROGRAM", "")
    if os.environ.get("KITTY_WINDOW_ID") or "kitty" in term or program in ("ghostty", "WezTerm"):
        return "kitty"
    if program in ("iTerm.app", "vscode", "mintty") or os.environ.get("LC_TERMINAL") == "iTerm2":
        return "iterm2"
    return None


def show_pictures(uris: Sequence[str], *, forced: bool | None, limits: Limits) -> None:
    """Draw the first pictures below each other; does nothing where the terminal can't and nobody insisted."""
    from imagefinder.images.loader import Loader
    from imagefinder.plots import picture_of

    speaks = protocol() if sys.stdout.isatty() else None
    if forced is False or (forced is None and speaks is None):
        return
    draw = {"kitty": kitty, "iterm2": iterm2, None: half_blocks}[speaks]
    loader = Loader(limits, 240)
    for rank, uri in enumerate(uris[:SHOWN], start=1):
        picture = picture_of(loader, uri)
        if picture is not None:
            tell(f"{rank}. {uri}")
            click.echo(draw(picture))
    loader.close()


def _png(picture: Image) -> bytes:
    small = picture.copy()
    small.thumbnail((480, 240))
    buffer = BytesIO()
    small.save(buffer, "PNG")
    return buffer.getvalue()


def iterm2(picture: Image) -> str:
    """OSC 1337, as iTerm2 documents it."""
    data = b64encode(_png(picture)).decode()
    return f"\x1b]1337;File=inline=1;height={ROWS};preserveAspectRatio=1:{data}\a"


def kitty(picture: Image) -> str:
    """The kitty graphics protocol: PNG in chunks of at most 4,096 base64 characters."""
    data = b64encode(_png(picture)).decode()
    chunks = [data[i : i + 4096] for i in range(0, len(data), 4096)]
    parts = []
    for i, chunk in enumerate(chunks):
        first = f"a=T,f=100,r={ROWS}," if i == 0 else ""
        parts.append(f"\x1b_G{first}m={int(i < len(chunks) - 1)};{chunk}\x1b\\")
    return "".join(parts)


def half_blocks(picture: Image) -> str:
    """Two pixels a character cell in 24-bit colour: works in nearly every terminal of today."""
    width = min(shutil.get_terminal_size().columns, 4 * ROWS)
    small = picture.convert("RGB")
    small.thumbnail((width, 2 * ROWS))
    even = small.height + small.height % 2
    import numpy as np

    pixels = np.asarray(small.crop((0, 0, small.width, even)))
    lines = ("".join(map(_cell, pixels[y], pixels[y + 1])) + "\x1b[0m" for y in range(0, even, 2))
    return "\n".join(lines)


def _cell(upper: Iterable[int], lower: Iterable[int]) -> str:
    return "\x1b[38;2;{};{};{};48;2;{};{};{}m▀".format(*upper, *lower)
