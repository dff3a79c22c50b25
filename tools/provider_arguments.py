"""Writes down which arguments Google's provider for Terraform knows, for the test of deploy/cloud: the provider itself
can only be had from a registry of its own.

python tools/provider_arguments.py FOLDER    an unpacked wheel of cdktf-cdktf-provider-google

They are read from the source of the classes which that package has for each resource. Only of the blocks that
deploy/cloud uses are there rows: name of the resource and of the blocks in it, and its arguments; those with a ``*``
must be given.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hcl2

ROOT = Path(__file__).resolve().parents[1]
CLOUD = ROOT / "deploy" / "cloud" / "google"
TARGET = ROOT / "tests" / "deploy" / "google_provider.json"
OF_TERRAFORM = {"connection", "count", "depends_on", "for_each", "lifecycle", "provider", "provisioners"}


def blocks(folder: Path = CLOUD) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each block of the provider's resources and data, as ``google_sql_user`` or ``google_x.settings.ip``, with what
    is given in it."""
    for path in sorted(folder.glob("*.tf")):
        found = hcl2.loads(path.read_text("utf-8"))
        for kind, prefix in (("resource", ""), ("data", "data.")):
            for entry in found.get(kind, []):
                for name, made in entry.items():
                    if (name := name.strip('"')).startswith("google_"):
                        for body in made.values():
                            yield from _within(prefix + name, body)


def _within(name: str, body: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    given = {key: value for key, value in body.items() if not key.startswith("__")}
    yield name, given
    for key, value in given.items():
        for inner in value if isinstance(value, list) else ():
            if isinstance(inner, dict):
                yield from _within(f"{name}.{key}", inner)


def arguments(package: Path, name: str) -> list[str]:
    """The arguments of a block, by the class that the package has for it."""
    resource, *inner = name.removeprefix("data.").removeprefix("google_").split(".")
    module = f"data_google_{resource}" if name.startswith("data.") else resource
    tree = ast.parse((package / module / "__init__.py").read_text("utf-8"))
    wanted = "".join(part.title() for part in re.split(r"[_.]", ".".join([module, *inner])))
    (cls,) = (one for one in tree.body if isinstance(one, ast.ClassDef) and one.name == wanted)
    (init,) = (one for one in cls.body if isinstance(one, ast.FunctionDef) and one.name == "__init__")
    pairs = zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True)
    return sorted(f"{arg.arg}{'' if default else '*'}" for arg, default in pairs if arg.arg not in OF_TERRAFORM)


def main(folder: str) -> None:
    package = Path(folder) / "cdktf_cdktf_provider_google"
    version = re.search(r"hashicorp/google/([\d.]+)", (package / "sql_user" / "__init__.py").read_text("utf-8"))
    assert version is not None
    rows = {name: arguments(package, name) for name, _ in sorted(blocks(), key=lambda block: block[0])}
    TARGET.write_text(json.dumps({"version": version[1], "arguments": rows}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
