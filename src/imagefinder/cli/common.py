"""What the commands share: options, output, errors as messages and exit codes."""

from __future__ import annotations

import atexit
import gc
import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from glob import glob, has_magic
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from imagefinder import settings
from imagefinder._util.addresses import is_address, shown_address
from imagefinder._util.files import expanded
from imagefinder._util.ray_address import FOUND
from imagefinder._util.systems import WINDOWS
from imagefinder.errors import ImageFinderError, InvalidInputError
from imagefinder.images.remote.schemes import is_remote

if TYPE_CHECKING:
    from imagefinder.finder import ImageFinder
    from imagefinder.types import Limits, Skipped

OK, NOTHING_FOUND, WRONG_USE, FAILED, INTERRUPTED = 0, 1, 2, 3, 130

# Control characters, those that turn the direction of a line or break it, and halves of characters.
_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

_INDEX_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]*")
Command = TypeVar("Command", bound=Callable[..., Any])


class UserPath(click.Path):
    """A path of the file system, in which ``~`` is the user's home, also where no shell replaces it: in ``--out=~/x``
    and in what a program passes on."""

    def __init__(self, **options: Any) -> None:
        super().__init__(path_type=Path, **options)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(expanded(value), param, ctx)

    def fail(self, message: str, *where: Any, **more: Any) -> NoReturn:
        super().fail(message.replace(r"\\", "\\"), *where, **more)  # a path of Windows, as it was written


class IndexPlace(UserPath):
    """The folder of an index, or its address, which stays a text."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return value if isinstance(value, str) and is_address(value) else super().convert(value, param, ctx)


class NamedPlace(IndexPlace):
    """``NAME=PLACE``, or a place alone, whose name is then empty: both as a pair."""

    def split_envvar_value(self, rv: str) -> list[str]:
        return rv.split()  # not at colons, which an address has too

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, tuple):
            return value
        name, sign, place = str(value).partition("=")
        if not sign or not _INDEX_NAME.fullmatch(name) or os.path.lexists(str(value)):
            name, place = "", str(value)
        return name, super().convert(place, param, ctx)


class Place(click.ParamType[str]):
    """The path, URL or id of an image, or the path or URL of a source. In a path ``~`` is the user's home."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        return str(expanded(text)) if text.startswith("~") else text


def there(context: click.Context, parameter: click.Parameter, places: Sequence[str]) -> tuple[str, ...]:
    """Places given one after the other; on Windows, whose shells don't do it, ``*.jpg`` is replaced by what is called
    so. What nothing is called stays as it is."""
    if not WINDOWS:
        return tuple(places)
    found = [(place, glob(place) if has_magic(place) and not is_remote(place) else []) for place in places]
    return tuple(name for place, names in found for name in sorted(names) or [place])


PLACE = Place()
FILE, FILE_THERE = UserPath(dir_okay=False), UserPath(dir_okay=False, exists=True)
FOLDER, FOLDER_THERE = UserPath(file_okay=False), UserPath(file_okay=False, exists=True)


def index_option(command: Command) -> Command:
    return click.option(
        "--index",
        "index_dir",
        metavar="PLACE",
        type=IndexPlace(file_okay=False),
        help="Folder of the index, or its address: postgresql://USER@HOST/DATABASE/NAME or qdrant://HOST:PORT/NAME.  "
        "[default: $IMAGEFINDER_INDEX, or the user's data folder]",
    )(command)


class LateCommand(click.Command):
    """A command with further parameters that ``late`` makes when it is used, in the place ``at``: what they are made of
    is imported then only, so that the program starts without it."""

    def __init__(self, *args: Any, late: Callable[[], list[click.Parameter]], at: int, **options: Any) -> None:
        super().__init__(*args, **options)
        self._late, self._at = late, at

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        found = super().get_params(ctx)
        return [*found[: self._at], *self._late(), *found[self._at :]]


def ray_option(command: Command) -> Command:
    return click.option(
        "--ray",
        is_flag=False,
        flag_value=FOUND,
        metavar="[ADDRESS]",
        help="Compare vectors on a cluster of Ray: that at HOST:PORT, or the one here.  [default: threads]",
    )(command)


def json_option(command: Command) -> Command:
    return click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")(command)


def limits() -> Limits:
    from imagefinder.types import Limits

    return Limits(allow_private_addresses=settings.ALLOW_PRIVATE.on)


def short_life() -> None:
    """For a command that imports much, and ends: its objects, of which nearly all stay to the end, are looked through
    for garbage less often, and not once more when the process ends. That is .05 s of .6."""
    usual = gc.get_threshold()
    gc.set_threshold(20_000)
    click.get_current_context().call_on_close(lambda: gc.set_threshold(*usual))
    atexit.register(gc.freeze)


READING_WAIT_S = 10.0  # for a process to answer that has just taken the index


def open_finder(
    index_dir: Path | str | None, *, create: bool = False, new_model: str | None = None, read_only: bool = False
) -> ImageFinder:
    """The index in ``index_dir``, by default the user's. ``new_model`` is for an index that has none yet; commands that
    change nothing open it ``read_only``, so that they run beside others."""
    from imagefinder.finder import ImageFinder

    path = index_dir or settings.default_index()
    if new_model:
        from imagefinder.index.shared import has_spaces

        new_model = None if has_spaces(path) else new_model
    if read_only:
        return ImageFinder.open(path, create=False, limits=limits(), read_only=True, wait_s=READING_WAIT_S)
    return ImageFinder.open(path, create=create, model=new_model, limits=limits())


def open_to_compute(index_dir: Path | str | None) -> ImageFinder:
    """The index for a command that keeps what it computes if it can: for reading if another process holds it, or where
    it can't be written."""
    from imagefinder.errors import IndexLockedError, StorageError

    try:
        return open_finder(index_dir)
    except (IndexLockedError, StorageError):
        return open_finder(index_dir, read_only=True)


def shown_place(index_dir: Path | str) -> str:
    """Where an index is, for people: an address without its password."""
    return shown_address(index_dir) if isinstance(index_dir, str) else str(index_dir)


def print_json(value: Any) -> None:
    click.echo(_UNSHOWN.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=not _is_utf8())))


def shown(text: str) -> str:
    """A text from a file, a table, a server or a person, to stand in a line for people: what would steer a terminal,
    break the line or turn its direction is written as an escape, such as \\x1b."""
    return _UNSHOWN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def print_paths(paths: Sequence[str], end: str) -> None:
    """Paths or URLs on stdout, each with ``end`` behind it: the very bytes, unless people read them on a terminal."""
    if sys.stdout.isatty():
        click.echo("".join(shown(path) + end for path in paths), nl=False)
    elif isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.flush()
        sys.stdout.buffer.write(b"".join(os.fsencode(path + end) for path in paths))
        sys.stdout.buffer.flush()
    else:  # what a caller has put in the place of the system's
        sys.stdout.write("".join(path + end for path in paths))


def _is_utf8() -> bool:
    return (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "") == "utf8"


class Styled(str):
    """A part of a line in a style of ``click.style``."""

    how: dict[str, Any]


def styled(text: str, **how: Any) -> Styled:
    part = Styled(text)
    part.how = how
    return part


def tell(*parts: str) -> None:
    """A line of a result for people, on stdout. Every such line goes this way, for it may hold what others wrote."""
    click.echo("".join(click.style(shown(p), **p.how) if isinstance(p, Styled) else shown(p) for p in parts))


def say(text: str = "") -> None:
    """A line for people: on stderr, so that stdout holds results only."""
    click.echo(shown(text), err=True)


def say_skipped(skipped: Sequence[Skipped], shown: int = 20) -> None:
    for item in skipped[:shown]:
        remedy = f" {item.remedy}" if item.remedy else ""
        say(f"  skipped {item.uri}: {item.reason}{remedy} [{item.code}]")
    if len(skipped) > shown:
        say(f"  ... and {len(skipped) - shown} more; --json lists them all")


def comma_list(text: str | None) -> list[str]:
    """ "a, b" as ["a", "b"]."""
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def plural(n: int, thing: str) -> str:
    return f"{n:,} {thing}" if n == 1 else f"{n:,} {thing}s"


def human_bytes(n: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if n < 1000:
            return f"{n:.0f} {unit}" if unit in ("B", "kB") else f"{n:.1f} {unit}"
        n /= 1000
    return f"{n:.1f} TB"


def report_error(error: BaseException, arguments: Sequence[str]) -> int:
    """Tell the person (or the program, with --json) what went wrong; returns the exit code."""
    if isinstance(error, BrokenPipeError):  # whoever read our output has seen enough
        sys.stderr.close()
        return OK
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return WRONG_USE
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        say("Stopped.")
        return INTERRUPTED
    code, message, remedy, exit_code = _explain(error)
    if "--json" in arguments:
        print_json({"error": {"code": code, "message": message, "remedy": remedy}})
    say(f"Error: {message}")
    if remedy:
        say(f"       {remedy}")
    return exit_code


def _explain(error: BaseException) -> tuple[str, str, str, int]:
    if isinstance(error, click.UsageError):
        where = error.ctx.command_path if error.ctx else "imagefinder"
        return "wrong-use", error.format_message(), f"See: {where} --help", WRONG_USE
    if isinstance(error, click.ClickException):
        return "failed", error.format_message(), "", FAILED
    if isinstance(error, ImageFinderError):
        exit_code = WRONG_USE if isinstance(error, InvalidInputError) else FAILED
        return type(error).__name__, error.message, error.remedy, exit_code
    if settings.DEBUG.on:
        import traceback

        traceback.print_exception(error)
    message = f"{type(error).__name__}: {error}"
    return "unexpected", message, "This is a bug in ImageFinder; IMAGEFINDER_DEBUG=1 shows where.", FAILED
