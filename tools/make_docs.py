"""Makes the parts of the documentation that have a source elsewhere.

python tools/make_docs.py            write them
python tools/make_docs.py --check    fail if what is there is out of date

docs/openapi.json is made from the server, docs/images/architecture.svg from the imports. In README.md and in docs/, the
text between two comments is made anew:

    <!-- made: help index download -->    the help of commands
    <!-- made: tasks add-images -->       all commands by task, from the pages of docs/commands
    <!-- made: environment -->            the environment variables
    <!-- made: clusterers -->             the methods of clustering
    <!-- made: figures maps -->           a table from benchmarks/results
    <!-- made: packages -->               what the package consists of
    <!-- made: flow search -->            the calls of one kind of work
    <!-- made: plan --images 1e8 -->      what imagefinder plan says
    <!-- made: plans machines -->         plans side by side
    <!-- made: assumptions -->            what plans assume
    <!-- made: values -->                 the values of the Helm chart
    <!-- end -->
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import docs_architecture
import docs_benchmarks
import docs_chart
import docs_commands
import docs_flows
import docs_plan
import docs_tokens

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
BLOCK = re.compile(r"(<!-- made: (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)
MAKERS: dict[str, Callable[..., str]] = {
    "help": docs_commands.help_of,
    "tasks": docs_commands.tasks,
    "environment": docs_commands.environment,
    "clusterers": docs_commands.clusterers,
    "figures": docs_benchmarks.figures,
    "packages": docs_architecture.packages,
    "flow": docs_flows.flow,
    "plan": docs_plan.plan,
    "plans": docs_plan.plans,
    "assumptions": docs_plan.assumptions,
    "values": docs_chart.values,
    "tokens": docs_tokens.table,
}


def openapi() -> str:
    """The description of the HTTP API, frozen so that a change of it is seen."""
    from imagefinder.finder import ImageFinder
    from imagefinder.server.app import create_app

    with tempfile.TemporaryDirectory() as folder, ImageFinder.open(folder) as finder:
        app = create_app(finder)
        app.state.serving.close()
        return json.dumps({**app.openapi(), "info": {**app.openapi()["info"], "version": "v1"}}, indent=1) + "\n"


def fill(text: str) -> str:
    """A page with what is between its comments made anew. A comment that names nothing known is a ``KeyError``."""

    def made(found: re.Match[str]) -> str:
        kind, *names = found[2].split()
        return f"{found[1]}\n{MAKERS[kind](*names)}\n{found[3]}"

    return BLOCK.sub(made, text)


def made_files() -> dict[Path, str]:
    """What README.md and all files of docs/ should hold."""
    pages = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
    drawn = {DOCS / "openapi.json": openapi(), DOCS / "images" / "architecture.svg": docs_architecture.picture()}
    return drawn | {path: fill(path.read_text("utf-8")) for path in pages}


def main() -> int:
    made = made_files()
    stale = [path for path, text in made.items() if not path.is_file() or path.read_text("utf-8") != text]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is out of date: make docs")
        return int(bool(stale))
    for path in stale:
        path.write_text(made[path], "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
