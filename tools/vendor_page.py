"""Fetches the third-party parts of the web page into ``src/imagefinder/server/page/vendor``.

    python tools/vendor_page.py           fetch the pinned packages again and write VENDOR.json
    python tools/vendor_page.py --check   compare the files there with VENDOR.json; needs no network

Packages come through ``npm pack``, whose archive must have the SHA-512 pinned here. A file is taken as it is, except
that bare imports ("preact") become relative ones, as a browser without a build step needs them.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

VENDOR = Path(__file__).resolve().parents[1] / "src" / "imagefinder" / "server" / "page" / "vendor"
OURS = {"preact.js", "VENDOR.json"}  # files there that are our own
BARE_IMPORTS = {'from"preact"': 'from"./preact-core.js"'}


@dataclass(frozen=True, slots=True)
class Package:
    """``files`` maps a path in the package to a name in ``vendor``; ``licence_file`` is copied as licences/NAME.txt."""

    name: str
    version: str
    integrity: str  # of the archive, as in a lock file
    licence: str
    files: dict[str, str] = field(default_factory=dict)
    licence_file: str = "LICENSE"


PACKAGES = [
    Package(
        "world-atlas",
        "2.0.2",
        "sha512-IXfV0qwlKXpckz1FhwXVwKRjiIhOnWttOskm5CtxMsjgE/MXAYRHWJqgXOpM8IkcPBoXnyTU5lFHcYa5ChG0LQ==",
        "ISC",
        {"land-110m.json": "land-110m.json"},
    ),
    Package(
        "preact",
        "10.29.8",
        "sha512-ej2aVZ+vZ8WO7tvlQWRM9N63A0KzF9q4mWJfDUHgYaIofWY9hu74QdnQrjoPMmZi2/nZ5gN0bJCQF49xQqx09Q==",
        "MIT",
        {"dist/preact.module.js": "preact-core.js", "hooks/dist/hooks.module.js": "preact-hooks.js"},
    ),
    Package(
        "htm",
        "3.1.1",
        "sha512-983Vyg8NwUE7JkZ6NmOqpCZ+sh1bKv2iYTlUkzlWmA5JD2acKoxd4KVxbMmxX/85mtfdnDmTFoNKcg5DGAvxNQ==",
        "Apache-2.0",
        {"dist/htm.module.js": "htm.js"},
    ),
    Package(
        "swagger-ui-dist",
        "5.35.0",
        "sha512-U06rpMtW9V3XPGOBeamTUSr0Z09jMX4IJuANpE/EZbAhw0G8CgwrzU4YmXkn/h0wCDNsXdGarTNNHC3sU8yVUQ==",
        "Apache-2.0",
        {
            "swagger-ui-bundle.js": "swagger-ui-bundle.js",
            "swagger-ui-bundle.js.LICENSE.txt": "licences/swagger-ui-bundle.txt",
            "swagger-ui.css": "swagger-ui.css",
        },
    ),
]


def fetch(package: Package, folder: Path) -> tarfile.TarFile:
    """The package's archive, checked against its pinned hash."""
    command = ["npm", "pack", f"{package.name}@{package.version}", "--silent", "--pack-destination", str(folder)]
    name = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1]
    data = (folder / name).read_bytes()
    found = "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()
    if found != package.integrity:
        sys.exit(f"{package.name} {package.version}: the archive's hash is {found}, pinned is {package.integrity}")
    return tarfile.open(folder / name)


def member(archive: tarfile.TarFile, path: str) -> bytes:
    stream = archive.extractfile(f"package/{path}")
    if stream is None:
        sys.exit(f"The archive holds no file {path}")
    return stream.read()


def adapted(data: bytes) -> bytes:
    """The module with relative imports, and without the line that names a source map we don't ship."""
    whole = data.decode().removesuffix("\n").split("\n")  # not splitlines: U+2028 may stand in a script's text
    lines = [line for line in whole if not line.startswith(("//# source", "/*# source"))]
    text = "\n".join(lines) + "\n"
    for bare, relative in BARE_IMPORTS.items():
        text = text.replace(bare, relative)
    return text.encode()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def update() -> None:
    """Write the files of all packages and VENDOR.json."""
    (VENDOR / "licences").mkdir(parents=True, exist_ok=True)
    entries = []
    for package in PACKAGES:
        with tempfile.TemporaryDirectory() as folder, fetch(package, Path(folder)) as archive:
            taken = {name: adapted(member(archive, path)) for path, name in package.files.items()}
            taken[f"licences/{package.name}.txt"] = member(archive, package.licence_file)
        for name, data in taken.items():
            (VENDOR / name).write_bytes(data)
        entries.append(
            {
                "name": package.name,
                "version": package.version,
                "licence": package.licence,
                "integrity": package.integrity,
                "sha256": {name: sha256(data) for name, data in sorted(taken.items())},
            }
        )
    (VENDOR / "VENDOR.json").write_text(json.dumps({"packages": entries}, indent=2) + "\n", "utf-8")


def check() -> list[str]:
    """What differs between the files and VENDOR.json, one line each."""
    entries = json.loads((VENDOR / "VENDOR.json").read_text("utf-8"))["packages"]
    wrong = []
    if [(e["name"], e["version"]) for e in entries] != [(p.name, p.version) for p in PACKAGES]:
        wrong.append("VENDOR.json lists other packages than this script")
    expected = {name: digest for entry in entries for name, digest in entry["sha256"].items()}
    there = {p.relative_to(VENDOR).as_posix(): p for p in VENDOR.rglob("*") if p.is_file()}
    wrong += [f"{name} is missing" for name in sorted(expected.keys() - there.keys())]
    wrong += [f"{name} is in no package" for name in sorted(there.keys() - expected.keys() - OURS)]
    both = sorted(expected.keys() & there.keys())
    return wrong + [f"{n} has been changed" for n in both if sha256(there[n].read_bytes()) != expected[n]]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only compare the files with VENDOR.json")
    if not parser.parse_args().check:
        update()
    if wrong := check():
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
