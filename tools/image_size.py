"""How large the image is: its packages as pip would choose them for each variant and machine, unpacked.

    python tools/image_size.py                        a table, by asking the package index
    python tools/image_size.py --variant cpu --machine x86_64 --largest 15

Nothing is installed. pip says which wheels it would take; of each only the table of contents is fetched. A package
without a wheel for that machine makes pip fail: that variant can't be built there. What the build compiles and takes
out is not in these figures.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[1]
PYTHON = "3.13"
EXTRAS = "buckets,otel,postgres,qdrant"  # those of the Dockerfile
MACHINES = ("x86_64", "aarch64")
GLIBC = range(41, 16, -1)  # minor versions, newest first: Debian 13 has 2.41
ABSENT = {"aarch64": ("openTSNE",)}  # left out there by pyproject.toml, whose marks pip compares with this machine
MB = 1e6


class Distant(io.RawIOBase):
    """A file of a web server, of which only what is read is fetched."""

    def __init__(self, web: httpx.Client, url: str) -> None:
        self._web, self._url, self._at = web, url, 0
        self._size = int(web.head(url).raise_for_status().headers["content-length"])

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        end = min(self._size, self._at + len(buffer))
        if end <= self._at:
            return 0
        answer = self._web.get(self._url, headers={"range": f"bytes={self._at}-{end - 1}"}).raise_for_status()
        data = answer.content if answer.status_code == 206 else answer.content[self._at : end]
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def chosen(variant: str, machine: str, extras: str) -> dict[str, str]:
    """The URL of each wheel, by its package. Raises CalledProcessError where pip finds none that fits."""
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in GLIBC] + [f"manylinux2014_{machine}"]
    gpu = ["onnxruntime-gpu[cuda,cudnn]"] if variant == "cuda" else []
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--dry-run"]
    command += ["--ignore-installed", "--report", "-", "--only-binary", ":all:", "--target", "unused"]
    command += ["--python-version", PYTHON, "--implementation", "cp", *(f"--platform={one}" for one in platforms)]
    wanted = [one for one in requirements(extras) if not one.startswith(ABSENT.get(machine, ()))]
    done = subprocess.run([*command, *wanted, *gpu], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)["install"]
    wheels = {one["metadata"]["name"].lower(): one["download_info"]["url"] for one in found}
    if gpu:
        del wheels["onnxruntime"]
    return wheels


def requirements(extras: str) -> Iterator[str]:
    """Ours and those of the extras, from pyproject.toml."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    yield from project["dependencies"]
    for extra in filter(None, extras.split(",")):
        yield from project["optional-dependencies"][extra]


def unpacked(web: httpx.Client, url: str) -> int:
    """The bytes of a wheel's files."""
    if url.startswith("file://"):
        with zipfile.ZipFile(url.removeprefix("file://")) as wheel:
            return sum(member.file_size for member in wheel.infolist())
    with zipfile.ZipFile(io.BufferedReader(Distant(web, url), 1 << 18)) as wheel:
        return sum(member.file_size for member in wheel.infolist())


def our_own() -> int:
    package = ROOT / "src" / "imagefinder"
    return sum(p.stat().st_size for p in package.rglob("*") if p.is_file() and "__pycache__" not in p.parts)


def sizes(variant: str, machine: str, extras: str) -> dict[str, int]:
    """Bytes by package, the largest first; with ours."""
    with httpx.Client(follow_redirects=True, timeout=120) as web:
        found = {name: unpacked(web, url) for name, url in chosen(variant, machine, extras).items()}
    found["imagefinder, with its models"] = our_own()
    return dict(sorted(found.items(), key=lambda row: -row[1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--variant", choices=("cpu", "cuda"), action="append")
    parser.add_argument("--machine", choices=MACHINES, action="append")
    parser.add_argument("--extras", default=EXTRAS)
    parser.add_argument("--largest", type=int, default=0, metavar="N", help="show the N largest packages as well")
    given = parser.parse_args()
    print("| variant | machine | packages | MB |\n|---|---|---:|---:|")
    for variant in given.variant or ("cpu", "cuda"):
        for machine in given.machine or MACHINES:
            try:
                found = sizes(variant, machine, given.extras)
            except subprocess.CalledProcessError as error:
                why = [line for line in error.stderr.splitlines() if line.startswith("ERROR")]
                print(f"| {variant} | {machine} | | no: {why[-1][:120] if why else error} |")
                continue
            print(f"| {variant} | {machine} | {len(found)} | {sum(found.values()) / MB:,.0f} |", flush=True)
            for name, size in list(found.items())[: given.largest]:
                print(f"| | | {name} | {size / MB:,.0f} |")


if __name__ == "__main__":
    main()
