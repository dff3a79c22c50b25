"""Compares the installed packages that ImageFinder needs with a list of known weaknesses.

    python tools/check_dependencies.py [--seconds 20]

The list is that of https://osv.dev, asked once for all packages, or else PyPI's own, asked for each. Exit 1: a package
has a known weakness that is fixed in a later release. A list that can't be had is said loudly and is no failure:
whether a change may go in must not depend on somebody else's server.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from queue import Empty, Queue
from typing import Any

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

OSV = "https://api.osv.dev/v1"
PYPI = "https://pypi.org/pypi"
SECONDS = 20.0  # for all of it
AT_ONCE = 16


@dataclass(frozen=True)
class Weakness:
    """One known weakness of an installed package, and the first releases without it."""

    package: str
    version: str
    id: str
    fixed: tuple[str, ...]

    @property
    def is_mendable(self) -> bool:
        return any(_newer(fixed, self.version) for fixed in self.fixed)

    def __str__(self) -> str:
        return f"{self.package} {self.version}: {self.id}, fixed in {', '.join(self.fixed) or 'no release'}"


def needed(root: str = "imagefinder", extras: tuple[str, ...] = ("all", "train")) -> dict[str, str]:
    """The installed packages that a package needs, with these extras, and what they need, by name: their versions."""
    found: dict[str, str] = {}
    waiting = [(root, frozenset(extras))]
    seen = set()
    while waiting:
        name, wanted = waiting.pop()
        if (name, wanted) in seen:
            continue
        seen.add((name, wanted))
        try:
            there = distribution(name)
        except PackageNotFoundError:  # of an extra that is not installed
            continue
        if name != root:
            found[canonicalize_name(name)] = there.version.partition("+")[0]
        for line in there.requires or ():
            one = Requirement(line)
            environments = [{**default_environment(), "extra": extra} for extra in ("", *wanted)]
            if one.marker is None or any(one.marker.evaluate(where) for where in environments):
                waiting.append(
                    (one.name, frozenset(one.extras) | (wanted if canonicalize_name(one.name) == root else frozenset()))
                )
    return found


def from_osv(packages: dict[str, str], end: float) -> list[Weakness]:
    """What osv.dev knows of these versions. Raises OSError or ValueError."""
    names = sorted(packages)
    queries = [{"package": {"name": n, "ecosystem": "PyPI"}, "version": packages[n]} for n in names]
    answer = _ask(f"{OSV}/querybatch", end, {"queries": queries})["results"]
    ids = {(name, one["id"]) for name, row in zip(names, answer, strict=True) for one in row.get("vulns", ())}
    facts = _all_of({id: f"{OSV}/vulns/{id}" for _, id in ids}, end)
    return [Weakness(name, packages[name], id, _fixes_of_osv(facts[id], name)) for name, id in sorted(ids)]


def _fixes_of_osv(facts: Any, name: str) -> tuple[str, ...]:
    mine = [one for one in facts["affected"] if canonicalize_name(one.get("package", {}).get("name", "")) == name]
    ranges = [row for one in mine for row in one.get("ranges", ()) if row["type"] == "ECOSYSTEM"]
    return tuple(event["fixed"] for row in ranges for event in row["events"] if "fixed" in event)


def from_pypi(packages: dict[str, str], end: float) -> list[Weakness]:
    """What PyPI knows of these versions. Raises OSError or ValueError."""
    answers = _all_of({name: f"{PYPI}/{name}/{version}/json" for name, version in packages.items()}, end)
    return [
        Weakness(name, packages[name], one["id"], tuple(one.get("fixed_in") or ()))
        for name in sorted(answers)
        for one in answers[name]["vulnerabilities"]
        if not one.get("withdrawn")
    ]


def _all_of(urls: dict[str, str], end: float) -> dict[str, Any]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(urls, pool.map(lambda url: _ask(url, end), urls.values()), strict=True))


def _ask(url: str, end: float, body: Any = None) -> Any:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time is up")
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=min(left, 5.0)) as answer:
        return json.loads(answer.read(16_000_000))


def _newer(a: str, b: str) -> bool:
    try:
        return Version(a) > Version(b)
    except InvalidVersion:
        return False


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long all of it may take")
    options = parser.parse_args(arguments)
    packages, asked = needed(), Queue[list[Weakness] | str]()
    # In a thread that nothing waits for: looking a name up has no time limit of its own.
    threading.Thread(target=lambda: asked.put(ask_all(packages, options.seconds)), daemon=True).start()
    try:
        found = asked.get(timeout=options.seconds)
    except Empty:
        found = f"no answer in {options.seconds:g} s"
    if isinstance(found, list):
        return report(packages, found)
    print("!" * 100)
    print(f"NOT CHECKED: no list of known weaknesses can be had for the {len(packages)} packages: {found}")
    print("!" * 100)
    return 0


def ask_all(packages: dict[str, str], seconds: float) -> list[Weakness] | str:
    """What the first list that can be had says; why there is none."""
    why = []
    for source in (from_osv, from_pypi):
        try:
            return source(packages, time.monotonic() + seconds / 2)
        except (OSError, ValueError, KeyError, TypeError) as error:
            why.append(f"{source.__name__}: {error}")
    return "; ".join(why)


def report(packages: dict[str, str], found: list[Weakness]) -> int:
    """Print what was found; the exit code."""
    for one in found:
        print(f"{'MEND' if one.is_mendable else 'known'}  {one}")
    bad = sum(one.is_mendable for one in found)
    print(f"{len(packages)} packages compared with the list of known weaknesses: {bad} to mend.")
    return 1 if bad else 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)
