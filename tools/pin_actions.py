"""Pins the actions of the workflows to commits: ``owner/name@v1.2.3`` becomes ``owner/name@COMMIT # v1.2.3``.

    python tools/pin_actions.py [--check] [WORKFLOW]...

A tag can be moved to other code, a commit can't. The commits are asked of ``--base``, by ``git ls-remote``. With
``--check`` nothing is written; exit 1 where something would be.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BASE = "https://github.com"
USES = re.compile(r"(?P<before>\buses:\s*)(?P<repo>[\w.-]+/[\w.-]+)(?P<path>/[\w./-]+)?@(?P<tag>v\d[\w.-]*)(?=\s|$)")


@cache
def commit_of(repo: str, tag: str, base: str) -> str:
    """The commit that a tag of a repository names. Raises SystemExit where there is no such tag."""
    asked = [f"refs/tags/{tag}", f"refs/tags/{tag}^{{}}"]  # the second is the commit of a tag with a message
    done = subprocess.run(
        ["git", "ls-remote", f"{base}/{repo}", *asked], capture_output=True, text=True, timeout=60, check=False
    )
    found = dict(reversed(line.split("\t")) for line in done.stdout.splitlines())
    commit = found.get(asked[1]) or found.get(asked[0])
    if not commit:
        raise SystemExit(f"{base}/{repo} has no tag {tag}: {done.stderr.strip()}")
    return commit


def pinned(text: str, base: str = BASE) -> str:
    """A workflow with all its actions pinned; those that are pinned stay as they are."""

    def pin(found: re.Match[str]) -> str:
        place = f"{found['repo']}{found['path'] or ''}"
        return f"{found['before']}{place}@{commit_of(found['repo'], found['tag'], base)} # {found['tag']}"

    return USES.sub(pin, text)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workflows", nargs="*", type=Path, help="all of .github/workflows, if none is named")
    parser.add_argument("--check", action="store_true", help="only say whether all are pinned")
    parser.add_argument("--base", default=BASE, help="where the repositories are")
    options = parser.parse_args(arguments)
    changed = 0
    for path in options.workflows or sorted((ROOT / ".github" / "workflows").glob("*.yml")):
        text = path.read_text("utf-8")
        if options.check:
            loose = [f"{found['repo']}@{found['tag']}" for found in USES.finditer(text)]
            changed += bool(loose)
            print(f"{path.name}: {', '.join(dict.fromkeys(loose)) or 'pinned'}")
        elif (now := pinned(text, options.base)) != text:
            path.write_text(now, "utf-8")
            changed += 1
            print(f"{path.name}: pinned")
    return 1 if options.check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
