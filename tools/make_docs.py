"""Makes docs/command-line.md from the program's own help, docs/openapi.json from the server's own description, and the
table of clustering methods in docs/groups.md from ``METHODS``.

python tools/make_docs.py            write it
python tools/make_docs.py --check    fail if what is there is out of date
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import click

from imagefinder import settings
from imagefinder.cli import cli
from imagefinder.clusters.algorithms.methods import DEFAULT, METHODS, Method

DOCS = Path(__file__).resolve().parents[1] / "docs"
HEAD = """# Command line

<!-- Made by tools/make_docs.py; change the help texts in src/imagefinder/cli instead. -->

Exit codes: 0 done; 1 nothing found (and, where a command says so, some images skipped); 2 wrong use; 3 failed; 130
stopped with Ctrl-C. With `--json` there is one JSON object on stdout, also for an error
(`{"error": {"code", "message", "remedy"}}`); everything for people goes to stderr.

"""
METHODS_BEGIN = "<!-- clusters/algorithms/methods.py -->"
METHODS_END = "<!-- end -->"
FILTERS = """
## Filters

`--filter` takes conditions on the [fields of a record](index-format.md#records) and on the columns of a table:

| write | meaning |
|---|---|
| `folder = shoes`, `width >= 800`, `price != 5` | comparisons: `=` `!=` `<` `<=` `>` `>=` |
| `caption ~ "red bike"` | contains, whatever the case |
| `format in (PNG, GIF)` | one of these |
| `has caption` | the field is there |
| `taken_at >= 2020 and taken_at < 2020-05` | a year, month or day stands for the whole of it |
| `not (folder = old or has caption)` | `and`, `or`, `not`, parentheses, in any case |

A missing field fulfils no comparison, so `folder != x` is true of it. A list such as `tags` fulfils a comparison when
one of its elements does. Put quotes around values that hold spaces or signs.
"""


def help_of(command: click.Command, name: str, parent: click.Context | None = None) -> list[str]:
    """The help of a command and of those below it, as sections."""
    context = click.Context(command, info_name=name, parent=parent, max_content_width=100, terminal_width=100)
    sections = [f"## {context.command_path}\n\n```\n{command.get_help(context).rstrip()}\n```\n"]
    if isinstance(command, click.Group):
        for child in command.commands.values():
            sections += help_of(child, child.name or "", context)
    return sections


def page() -> str:
    rows = "".join(f"| `{s.name}` | {s.help} |\n" for s in settings.SETTINGS)
    environment = f"\n## Environment\n\n| variable | meaning |\n|---|---|\n{rows}"
    return HEAD + "\n".join(help_of(cli, "imagefinder")) + FILTERS + environment


def openapi() -> str:
    """The description of the HTTP API, frozen so that a change of it is seen."""
    from imagefinder.finder import ImageFinder
    from imagefinder.server.app import create_app

    with tempfile.TemporaryDirectory() as folder, ImageFinder.open(folder) as finder:
        app = create_app(finder)
        app.state.serving.close()
        return json.dumps({**app.openapi(), "info": {**app.openapi()["info"], "version": "v1"}}, indent=1) + "\n"


def with_methods(text: str) -> str:
    """The text of docs/groups.md with the table of methods as it is now."""
    before, begin, rest = text.partition(METHODS_BEGIN)
    _, end, after = rest.partition(METHODS_END)
    rows = "".join(
        f"| {_name(name)} | {row.summary} | {_number(row)} | {_noise(row)} |\n" for name, row in METHODS.items()
    )
    head = "| `--method` | what it does | number of groups | noise |\n|---|---|---|---|\n"
    return f"{before}{begin}\n{head}{rows}{end}{after}"


def _name(name: str) -> str:
    return f"`{name}`" + " (default)" * (name == DEFAULT)


def _number(row: Method) -> str:
    if not row.counts:
        return "found"
    return "`-n`, or that of the communities" if row.needs_count else "found, or `-n`"


def _noise(row: Method) -> str:
    return "`-1`" if row.noise else "none"


def main() -> int:
    groups = DOCS / "groups.md"
    made = {
        DOCS / "command-line.md": page(),
        DOCS / "openapi.json": openapi(),
        groups: with_methods(groups.read_text("utf-8")),
    }
    if "--check" not in sys.argv[1:]:
        for path, text in made.items():
            path.write_text(text, "utf-8")
        return 0
    stale = [path for path, text in made.items() if not path.is_file() or path.read_text("utf-8") != text]
    for path in stale:
        print(f"docs/{path.name} is out of date: make docs")
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main())
