"""Says under which licences the packages are that ImageFinder needs, and fails on one that is not allowed.

    python tools/licences.py [--out reports/licences.md] [--json reports/licences.json]

It looks at the packages that are installed beside it: those that a plain install needs, and those of every extra but
``train``. Exit 1: a package has a licence outside ``ALLOWED``, or says none; or THIRD_PARTY_NOTICES.md, which tells
people the same of the packages that ``pyproject.toml`` names, lacks one of them or says something else.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import Distribution, distribution
from pathlib import Path

from check_dependencies import needed
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
NOTICES = ROOT / "THIRD_PARTY_NOTICES.md"
# By their identifiers (SPDX). All may be used by a program under Apache-2.0 that installs them beside itself.
ALLOWED = {
    *(
        "Apache-2.0",
        "Apache-2.0 WITH LLVM-exception",
        "MIT",
        "MIT-0",
        "MIT-CMU",
        "HPND",
        "ISC",
        "0BSD",
        "Zlib",
        "Unlicense",
        "BSL-1.0",
        "CC0-1.0",
    ),
    *("BSD-2-Clause", "BSD-3-Clause", "BSD", "PSF-2.0", "Python-2.0", "CNRI-Python"),
    *("MPL-2.0", "LGPL-2.1", "LGPL-3.0", "LGPL-3.0-only", "LGPL-3.0-or-later", "LGPL-2.1-or-later"),
}
# What packages say in words of their own, by its beginning, in small letters.
WORDS = {
    "apache": "Apache-2.0",
    "mit license": "MIT",
    "mit": "MIT",
    "the mit license": "MIT",
    "bsd 3-clause": "BSD-3-Clause",
    "3-clause bsd": "BSD-3-Clause",
    "new bsd": "BSD-3-Clause",
    "modified bsd": "BSD-3-Clause",
    "bsd-3": "BSD-3-Clause",
    "bsd 2-clause": "BSD-2-Clause",
    "simplified bsd": "BSD-2-Clause",
    "bsd license": "BSD",
    "bsd": "BSD",
    "isc": "ISC",
    "python software foundation": "PSF-2.0",
    "license agreement for matplotlib": "PSF-2.0",
    "psf": "PSF-2.0",
    "mozilla public license 2.0": "MPL-2.0",
    "gnu lesser general public license v3 or later": "LGPL-3.0-or-later",
    "gnu lesser general public license v3": "LGPL-3.0",
    "copyright (c) numpy": "BSD-3-Clause",
    "historical permission notice": "HPND",
    "zlib": "Zlib",
    "the unlicense": "Unlicense",
    "public domain": "CC0-1.0",
}
# What a package says nowhere that a program reads, with where it was read by a person.
KNOWN = {"resvg-py": ("MIT", "the text in its dist-info/licenses/LICENSE")}
_OPERATOR = re.compile(r"\s+(AND|OR)\s+|[()]|\s*;\s*|\s*/\s*(?=[A-Z])")


@dataclass(frozen=True)
class Licence:
    """What an installed package says of its licence: ``terms`` are the identifiers in it; ``either`` where one of them
    is enough."""

    package: str
    version: str
    said: str
    terms: tuple[str, ...]
    either: bool = False

    @property
    def is_allowed(self) -> bool:
        fits = [term in ALLOWED for term in self.terms]
        return bool(fits) and (any(fits) if self.either else all(fits))


def said_by(package: Distribution) -> str:
    """What a package says: by its expression, its classifiers, or a short text."""
    facts = package.metadata
    if expression := facts.get("License-Expression"):
        return str(expression)
    classes = [one.rpartition(" :: ")[2] for one in facts.get_all("Classifier") or () if one.startswith("License :: ")]
    text = str(facts.get("License") or "").strip()
    first = text.splitlines()[0].strip() if text else ""
    # "BSD License" tells less than "BSD-3-Clause", which many have beside it.
    if first and len(text) < 60 and terms_of(first)[0][:1] and terms_of(first)[0][0] in ALLOWED - {"BSD"}:
        return first
    useful = [one for one in classes if one != "OSI Approved"]
    return " AND ".join(useful) or first


def terms_of(said: str) -> tuple[tuple[str, ...], bool]:
    """The identifiers in what a package says, and whether one of them is enough."""
    either = bool(re.search(r"\s+OR\s+", said)) and not re.search(r"\s+AND\s+", said)
    parts = [part.strip() for part in _OPERATOR.split(said) if part and part.strip() not in ("AND", "OR", "")]
    return tuple(dict.fromkeys(_identifier(part) for part in parts if part)), either


def _identifier(text: str) -> str:
    if text in ALLOWED:
        return text
    plain = text.lower().strip().removeprefix("the ")
    for words in sorted(WORDS, key=len, reverse=True):
        if plain.startswith(words):
            return WORDS[words]
    return text


def licences(packages: Iterable[str]) -> list[Licence]:
    """What each of the installed packages says."""
    found = []
    for name in sorted(packages):
        there = distribution(name)
        said = KNOWN[name][0] if name in KNOWN else said_by(there)
        terms, either = terms_of(said)
        found.append(Licence(name, there.version, said, terms, either))
    return found


def named() -> set[str]:
    """The packages that pyproject.toml itself names, but those that only tests and training need."""
    lines = [Requirement(one) for one in distribution("imagefinder").requires or ()]
    apart = ("dev", "train")
    wanted = [r for r in lines if r.marker is None or not any(r.marker.evaluate({"extra": one}) for one in apart)]
    extras = [r for r in lines if r.marker is not None and r.marker.evaluate({"extra": "all"})]
    return {canonicalize_name(r.name) for r in [*wanted, *extras]} - {"imagefinder"}


def notice_faults(text: str, found: Sequence[Licence], wanted: Iterable[str]) -> list[str]:
    """Where the notices lack a package, or tell of another licence than the package does."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    told = {canonicalize_name(name): (cell, row[-1]) for row in rows for cell in row[:1] for name in _names(cell)}
    faults = []
    for one in found:
        if one.package not in wanted:
            continue
        if one.package not in told:
            faults.append(f"THIRD_PARTY_NOTICES.md lacks {one.package} ({one.said})")
            continue
        cell, licence = told[one.package]
        beside = re.search(rf"\b{re.escape(one.package)} \(([^)]*)\)", cell, re.IGNORECASE)
        written = beside[1] if beside else licence
        missing = [term for term in one.terms if _family(term) not in written]
        if len(missing) == len(one.terms) if one.either else missing:
            faults.append(f"THIRD_PARTY_NOTICES.md says {written!r} of {one.package}, which says {one.said!r}")
    return faults


def _names(cell: str) -> list[str]:
    """The packages in a cell of the notices; what stands in brackets and after "with" is about them."""
    plain = re.sub(r"\([^)]*\)", "", cell).split(" with ")[0].split(" needs ")[0]
    return [name for part in plain.split(",") if (name := part.strip(" `")) and re.fullmatch(r"[A-Za-z0-9._-]+", name)]


def _family(term: str) -> str:
    """What the notices call a licence: without "or later", and BSD without the number of its clauses."""
    return re.sub(r"-(only|or-later)$", "", "BSD" if term == "BSD" else term).replace("PSF-2.0", "PSF")


def table(found: Sequence[Licence]) -> str:
    rows = [f"| {one.package} | {one.version} | {one.said.replace('|', '/')} |" for one in found]
    return "\n".join(["| package | version | licence |", "|---|---|---|", *rows]) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="write the table here, as Markdown")
    parser.add_argument("--json", type=Path, help="write the list here, as JSON")
    options = parser.parse_args(arguments)
    found = licences(needed(extras=("all",)))
    wrong = [f"{o.package} {o.version}: {o.said or 'no licence'} is not allowed" for o in found if not o.is_allowed]
    wrong += notice_faults(NOTICES.read_text("utf-8"), found, named())
    for path, text in ((options.out, table(found)), (options.json, json.dumps([asdict(o) for o in found], indent=1))):
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    for fault in wrong:
        print(f"WRONG  {fault}", file=sys.stderr)
    print(f"{len(found)} packages, {len({t for o in found for t in o.terms})} licences; {len(wrong)} to look at.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
