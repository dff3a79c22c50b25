"""Tries an installed ImageFinder as a user does: index, search, cluster, a map, the page and the API.

    python tools/smoke.py [--images examples/images]

It runs the program ``imagefinder`` of this Python, in an empty folder, with no variables that lead to the checkout. It
needs nothing but the package: no network, no tests, no extras. Exit 1: something is not as it should be.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
UNWANTED = ("PYTHONPATH", "IMAGEFINDER_INDEX", "IMAGEFINDER_API_KEY")
WAIT_S = 120.0  # for a server to answer, and to end
WINDOWS = os.name == "nt"


def program() -> list[str]:
    """The program that pip has made for this Python."""
    made = Path(sysconfig.get_path("scripts")) / ("imagefinder.exe" if WINDOWS else "imagefinder")
    return [str(made)] if made.exists() else [sys.executable, "-m", "imagefinder"]


class Trial:
    """Runs commands in a folder, with an index there."""

    def __init__(self, folder: Path, images: Path) -> None:
        self.folder, self.images = folder, images
        kept = {name: value for name, value in os.environ.items() if name not in UNWANTED}
        self.env = {**kept, "IMAGEFINDER_INDEX": str(folder / "index ü")}

    def run(self, *arguments: object, code: int = 0) -> str:
        words = [*program(), *map(str, arguments)]
        print("$ imagefinder", *words[len(program()) :], flush=True)
        done = subprocess.run(words, cwd=self.folder, env=self.env, capture_output=True, timeout=600, check=False)
        out, err = (text.decode("utf-8", "replace") for text in (done.stdout, done.stderr))
        if done.returncode != code or "Traceback" in err:
            raise SystemExit(f"exit code {done.returncode} instead of {code}\n{out}\n{err}")
        return out

    def json(self, *arguments: object) -> Any:
        return json.loads(self.run(*arguments, "--json"))


def check(right: bool, what: str) -> None:
    if not right:
        raise SystemExit(f"WRONG: {what}")


def commands(trial: Trial) -> None:
    """What a user types first."""
    print(trial.run("--version").strip(), platform.platform(), platform.python_version(), flush=True)
    folders = {}
    for name in ("food", "vehicles"):
        folders[name] = trial.folder / "pictures ü" / name
        shutil.copytree(trial.images / name, folders[name])
    number = sum(1 for folder in folders.values() for _ in folder.iterdir())
    report = trial.json("index", folders["food"].parent)
    check(report["added"] == number and not report["skipped"], f"{number} images are indexed: {report}")
    check(trial.json("index")["unchanged"] == number, "a second run finds nothing new")
    hits = trial.json("search", "fruit", "-k", "3")["hits"]
    check([Path(hit["uri"]).parent.name for hit in hits] == ["food"] * 3, f"fruit is food: {hits}")
    first = trial.json("search", hits[0]["uri"], "-k", "1")["hits"][0]
    check(first["uri"] == hits[0]["uri"], "an image finds itself")
    check(len(trial.json("cluster", "-n", "2", "--method", "kmeans")["clusters"]) == 2, "there are two clusters")
    trial.run("map", "--out", trial.folder / "map.html")
    check((trial.folder / "map.html").stat().st_size > 10_000, "the map is drawn")
    trial.run("duplicates", code=1)  # there are none
    trial.run("backup", trial.folder / "backup.tar")
    trial.run("restore", trial.folder / "backup.tar", "--index", trial.folder / "restored")
    trial.run("search", "/no/such/file.jpg", code=2)
    check(trial.json("doctor")["ok"], "the doctor finds no fault")


def page(trial: Trial) -> None:
    """The server answers, and ends when it is told to."""
    words = [*program(), "serve", "--no-browser", "--auto-port", "--no-key"]
    print("$ imagefinder", *words[len(program()) :], flush=True)
    console = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP} if WINDOWS else {}  # type: ignore[attr-defined, unused-ignore]
    with subprocess.Popen(words, cwd=trial.folder, env=trial.env, stderr=subprocess.PIPE, **console) as server:
        try:
            url = _url(server)
            with urllib.request.urlopen(f"{url}v1/index", timeout=WAIT_S) as answer:
                check(json.load(answer)["images"] > 0, "the API tells of the index")
            with urllib.request.urlopen(url, timeout=WAIT_S) as answer:
                check(b"<title>ImageFinder" in answer.read(), "the page is there")
            server.send_signal(signal.CTRL_BREAK_EVENT if WINDOWS else signal.SIGTERM)  # type: ignore[attr-defined, unused-ignore]
            server.communicate(timeout=WAIT_S)
        finally:
            server.kill()
    check(WINDOWS or server.returncode == 0, f"the server ends well: {server.returncode}")
    trial.run("info")  # the index is free again


def _url(server: subprocess.Popen[bytes]) -> str:
    """Where it says that it is."""
    end = time.monotonic() + WAIT_S
    assert server.stderr is not None
    said = b""
    while time.monotonic() < end and (line := server.stderr.readline()):
        said += line
        if b" at http" in line:
            return line.partition(b" at ")[2].split()[0].decode()
    raise SystemExit(f"WRONG: the server says nothing of its address\n{said.decode('utf-8', 'replace')}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, default=ROOT / "examples" / "images", help="the sample images")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="imagefinder-smoke-", ignore_cleanup_errors=True) as folder:
        trial = Trial(Path(folder).resolve(), options.images.resolve())
        commands(trial)
        page(trial)
    print("All is well.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
