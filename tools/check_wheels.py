"""Says for which systems and versions of Python all that ImageFinder needs comes as wheels, so that nobody compiles.

    python tools/check_wheels.py [--extra NAME]... [--write docs/releasing.md]

The plain install and each extra are resolved as pip would there, by ``uv pip compile`` with wheels only: for each of
Linux, Windows and macOS, and Python 3.11 to 3.14. It wants uv and a package index; the environment markers of
``pyproject.toml`` are followed. With ``--write`` the table goes between the marks of a page. Exit 1: a package that is
needed has no wheel somewhere that ``pyproject.toml`` does not leave out.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
SYSTEMS = {  # as uv calls them
    "Linux x86-64": "x86_64-manylinux_2_28",
    "Linux ARM64": "aarch64-manylinux_2_28",
    "Windows x86-64": "x86_64-pc-windows-msvc",
    "macOS ARM64": "aarch64-apple-darwin",
    "macOS x86-64": "x86_64-apple-darwin",
}
PLAIN = "plain"
ALL_OF_IT = "all"  # is the sum of others
MACOS = "14.0"  # the oldest that onnxruntime has wheels for
BEGIN, END = "<!-- wheels -->", "<!-- wheels end -->"
_REASONS = (
    re.compile(r"Because ([\w.-]+?)(?:[<>=!][^ ]*)? has no (?:usable )?wheels"),
    re.compile(r"only ([\w.-]+)[^\n]*? (?:is|are) available"),
    re.compile(r"([\w.-]+)(?:==[\w.]+)? ha(?:s|ve) no wheels"),
)


def extras() -> list[str]:
    """All that a user may install: the plain package, and each extra."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    return [PLAIN, *sorted(set(declared) - {ALL_OF_IT, "dev"})]


def lacking(chosen: Sequence[str], system: str, python: str, uv: str) -> str:
    """What stands in the way of installing these extras there from wheels alone; empty if nothing does."""
    command = [uv, "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--no-config", "--only-binary", ":all:"]
    command += ["--python-platform", SYSTEMS[system], "--python-version", python, str(ROOT / "pyproject.toml")]
    command += [word for extra in chosen if extra != PLAIN for word in ("--extra", extra)]
    env = {**os.environ, "MACOSX_DEPLOYMENT_TARGET": MACOS}
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", env=env, check=False)
    return "" if done.returncode == 0 else _reason(done.stderr)


def _reason(said: str) -> str:
    """What uv said, as the name of a package if it says one, else as its first line."""
    text = re.sub(r"\s+", " ", said)
    for reason in _REASONS:
        if found := reason.search(text):
            return found[1]
    return text.strip()[:120] or "uv says nothing"


def look_at_all(chosen: Sequence[str], uv: str, at_once: int = 2) -> dict[tuple[str, str, str], str]:
    """What is lacking, by extra, system and Python. Only where not all can be had together, each is asked for alone."""

    def look(place: tuple[str, str]) -> dict[str, str]:
        if not lacking(chosen, *place, uv):
            return dict.fromkeys(chosen, "")
        return {extra: lacking([extra], *place, uv) for extra in chosen}

    places = [(system, python) for system in SYSTEMS for python in PYTHONS]
    with ThreadPoolExecutor(at_once) as pool:
        found = dict(zip(places, pool.map(look, places), strict=True))
    return {(extra, *place): found[place][extra] for extra in chosen for place in places}


def table(found: dict[tuple[str, str, str], str]) -> str:
    """The rows of extras, with a column for each system: the versions of Python for which there are wheels."""
    rows = [f"| | {' | '.join(SYSTEMS)} |", f"|---|{'---|' * len(SYSTEMS)}"]
    for extra in dict.fromkeys(place[0] for place in found):
        cells = []
        for system in SYSTEMS:
            bad = {python: found[extra, system, python] for python in PYTHONS if found[extra, system, python]}
            good = [python for python in PYTHONS if python not in bad]
            lacks = "; ".join(f"not {python} ({what})" for python, what in bad.items())
            cells.append(
                "all"
                if not bad
                else ", ".join([*good, lacks])
                if good
                else f"none ({', '.join(dict.fromkeys(bad.values()))})"
            )
        rows.append(f"| {'plain install' if extra == PLAIN else f'`[{extra}]`'} | {' | '.join(cells)} |")
    return "\n".join(rows)


def write(page: Path, text: str, day: str) -> None:
    """Put the table between the marks of a page. Raises ValueError where they are missing."""
    before, mark, rest = page.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise ValueError(f"{page} has no {BEGIN} and {END}")
    page.write_text(f"{before}{BEGIN}\n{text}\n\nResolved {day}, with what the index had then.\n{END}{after}", "utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--extra", action="append", choices=extras(), help="only this one; may be repeated")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the table into this page")
    options = parser.parse_args(arguments)
    if (uv := shutil.which("uv")) is None:
        print("uv is not there: pip install uv", file=sys.stderr)
        return 2
    found = look_at_all(options.extra or extras(), uv)
    text = table(found)
    print(text)
    for place, what in found.items():
        if what:
            print(f"no wheels: {' / '.join(place)}: {what}", file=sys.stderr)
    if options.write:
        write(options.write, text, datetime.now(UTC).date().isoformat())
    return 1 if any(found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
