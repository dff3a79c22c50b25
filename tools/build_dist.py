"""Builds the wheel and the source archive, twice, and compares them: the same commit gives the same bytes anywhere.

    python tools/build_dist.py [--tag v0.2.0] [--out dist]

It wants ``build`` and a package index, from which hatchling comes. What is built is the last commit, not what lies
beside it; its time is the time of every file (SOURCE_DATE_EPOCH). The packages and ``SHA256SUMS`` go to ``--out``.
Exit 1: the two differ, something is in them that doesn't belong there or lacks, or the version is not that of the tag.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SUMS = "SHA256SUMS"
WHEEL_MB = 45  # at most; 38 of them are the models
# What is in each, by beginnings and ends of names below the package's folder, and what is in neither.
IN_WHEEL = (
    *(f"imagefinder/models/bundled/{m}/model.int8.onnx" for m in ("efficientnet-lite0", "efficientnet-lite2")),
    *(
        "imagefinder/models/bundled/minilm-l6-v2/model.int8.onnx",
        "imagefinder/models/bundled/minilm-l6-v2/tokenizer.json",
    ),
    *("imagefinder/models/yardstick.onnx", "imagefinder/models/catalogue.json", "imagefinder/py.typed"),
    *("imagefinder/server/page/index.html", "imagefinder/server/page/js/shell.js"),
    *("imagefinder/server/page/vendor/swagger-ui-bundle.js", "imagefinder/cli/__init__.py"),
)
LICENCES = ("LICENSE", "NOTICE", "THIRD_PARTY_NOTICES.md")
IN_SDIST = ("pyproject.toml", "README.md", "CHANGELOG.md", "docs/getting-started.md", "tests/conftest.py", *LICENCES)
NOT_IN_WHEEL = ("tests/", "tools/", "benchmarks/", "docs/", "examples/", "deploy/", ".")
NOT_IN_SDIST = ("examples/images/", "benchmarks/results/", ".ci/", ".github/", ".schemathesis/")


def source(folder: Path) -> str:
    """Put the files of the last commit into a folder; the time of that commit, in seconds."""
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True).stdout
    done = subprocess.run(["tar", "-x"], cwd=folder, input=archive, check=False)
    if done.returncode:
        raise SystemExit("tar can't unpack the commit")
    told = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, check=True, capture_output=True, text=True)
    return told.stdout.strip()


def build(out: Path, python: str = sys.executable) -> list[Path]:
    """The wheel and the source archive of the last commit, built in a folder of their own."""
    with tempfile.TemporaryDirectory(prefix="imagefinder-build-") as place:
        when = source(Path(place))
        command = [python, "-m", "build", "--wheel", "--sdist", "--outdir", str(out), place]
        subprocess.run(command, check=True, env={**os.environ, "SOURCE_DATE_EPOCH": when}, stdout=subprocess.DEVNULL)
    return sorted(path for path in out.iterdir() if path.name != SUMS)


def sums(paths: Iterable[Path]) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def names_in(package: Path) -> list[str]:
    """The names of the files in a package; of the source archive without its folder."""
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as wheel:
            return wheel.namelist()
    with tarfile.open(package) as archive:
        return [name.partition("/")[2] for name in archive.getnames()]


def faults(package: Path) -> list[str]:
    """What is wrong with what a package holds."""
    names, wheel = names_in(package), package.suffix == ".whl"
    wanted, unwanted = (IN_WHEEL, NOT_IN_WHEEL) if wheel else (IN_SDIST, NOT_IN_SDIST)
    found = [f"{package.name} lacks {name}" for name in wanted if name not in names]
    found += [f"{package.name} holds {name}" for name in names if name.startswith(unwanted)]
    found += [f"{package.name} holds {name}" for name in names if name.endswith((".pyc", ".pth", ".env", "~"))]
    if wheel:
        found += [
            f"{package.name} lacks the licence {one}"
            for one in LICENCES
            if not any(name.endswith(f".dist-info/licenses/{one}") for name in names)
        ]
        if package.stat().st_size > WHEEL_MB * 1_000_000:
            found.append(f"{package.name} has {package.stat().st_size / 1e6:.1f} MB, more than {WHEEL_MB}")
    return found


def differences(first: Mapping[str, str], second: Mapping[str, str]) -> list[str]:
    names = sorted({*first, *second})
    return [f"{name} differs between two builds" for name in names if first.get(name) != second.get(name)]


def version_faults(packages: Sequence[Path], tag: str) -> list[str]:
    wanted = tag.removeprefix("refs/tags/").removeprefix("v")
    right = (f"imagefinder-{wanted}-", f"imagefinder-{wanted}.tar.gz")
    return [f"{path.name} is not version {wanted}" for path in packages if not path.name.startswith(right)]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tag", help="fail unless the version is that of this tag")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="the folder for them, which is emptied")
    options = parser.parse_args(arguments)
    shutil.rmtree(options.out, ignore_errors=True)
    packages = build(options.out)
    with tempfile.TemporaryDirectory(prefix="imagefinder-again-") as again:
        found = differences(sums(packages), sums(build(Path(again))))
    found += [fault for package in packages for fault in faults(package)]
    found += version_faults(packages, options.tag) if options.tag else []
    for fault in found:
        print(f"WRONG  {fault}", file=sys.stderr)
    lines = [f"{digest}  {name}" for name, digest in sums(packages).items()]
    (options.out / SUMS).write_text("\n".join(lines) + "\n", "utf-8")
    print("\n".join(lines))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
