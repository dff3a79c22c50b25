"""What docs/deploy.md says is done as it stands there: its commands run, in order, in one home on a few photos, with a
real database and real servers; what comes back is what the page shows."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import database
import pytest
from pages import Block, blocks

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [DOCS / "deploy.md", DOCS / "monitoring.md"]
SYSTEMD = ROOT / "deploy" / "systemd"
PATIENCE_S = 120.0
DATABASE = "postgresql://photos@db.example/shop/"
FOLDERS = ("srv/photos", "etc/imagefinder", "var/lib/imagefinder", "var/backups/imagefinder")
CURL = """#!{python}
import sys, urllib.request
*options, url = sys.argv[1:]
headers = dict(h.split(": ", 1) for flag, h in zip(options, options[1:]) if flag == "-H")
ends = "\\n" if "-w" in options else ""
print(urllib.request.urlopen(urllib.request.Request(url, headers=headers)).read().decode(), end=ends)
"""


class Operator:
    """Somebody who does what the page says. Folders of the system are in their home, ports are free ones, the database
    is that of the tests."""

    def __init__(self, home: Path, postgres: database.Server) -> None:
        self.home, self._postgres = home, postgres
        self.ports: dict[str, str] = {}
        self._servers: list[tuple[str, subprocess.Popen[bytes]]] = []
        photos = sorted((ROOT / "examples" / "images").rglob("*.jpg"))[::12]
        for place in ("Pictures", *FOLDERS):
            (home / place).mkdir(parents=True)
        for path in photos:
            shutil.copy(path, home / "Pictures")
            shutil.copy(path, home / "srv" / "photos")
        self._program("imagefinder", f'#!/bin/sh\nexec "{sys.executable}" -m imagefinder "$@"\n')
        self._program("python3", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        if not shutil.which("curl"):
            self._program("curl", CURL.format(python=sys.executable))
        (home / "state").write_text("")

    def _program(self, name: str, text: str) -> None:
        path = self.home / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def _here(self, text: str) -> str:
        text = re.sub(re.escape(DATABASE) + r"([\w-]+)", lambda found: self._postgres.address(found[1]), text)
        text = re.sub(r"(?<![\w/.-])/(?=(srv|etc|var)/)", f"{self.home}/", text)
        return re.sub(r"\b864\d\b", lambda found: self._port(found[0]), text)

    def _as_shown(self, text: str) -> str:
        """The other way round."""
        text = re.sub(r"postgresql://tester@/postgres/([\w-]+)\?host=[\w./-]+", rf"{DATABASE}\1", text)
        return re.sub(re.escape(f"{self.home}/") + "(?=(srv|etc|var)/)", "/", text)

    def _port(self, named: str) -> str:
        if named not in self.ports:
            with socket.create_server(("127.0.0.1", 0)) as free:
                self.ports[named] = str(free.getsockname()[1])
        return self.ports[named]

    def _shell(self, text: str) -> list[str]:
        return ["bash", "-euo", "pipefail", "-c", f". {self.home}/state\n{text}"]

    def _environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("IMAGEFINDER_", "XDG_"))}
        path = f"{self.home}/bin:{os.environ['PATH']}"
        return {**kept, "HOME": str(self.home), "PATH": path, "OMP_NUM_THREADS": "1"}

    def run(self, text: str) -> str:
        """Do what a block says; all that came back. What it exports is known to the blocks after it."""
        done = subprocess.run(
            self._shell(f"{self._here(text)}\nexport -p > {self.home}/state"),
            cwd=self.home, env=self._environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=PATIENCE_S,
        )  # fmt: skip
        assert done.returncode == 0, f"{text}\n{done.stdout}"
        return self._as_shown(done.stdout)

    def serve(self, text: str) -> None:
        """Start the servers of a block, and wait until they are ready; its other lines are run before."""
        lines = text.splitlines()
        starts = [line for line in lines if line.startswith("imagefinder serve")]
        self.run("\n".join(line for line in lines if line not in starts))
        for line in starts:
            said = (self.home / f"said-{len(self._servers)}").open("wb")
            server = subprocess.Popen(
                self._shell(f"exec {self._here(line)}"),
                cwd=self.home,
                env=self._environment(),
                stdout=said,
                stderr=said,
            )
            said.close()
            self._servers.append((line, server))
        for line, server in self._servers:
            self._until_ready(line, server)

    def _until_ready(self, line: str, server: subprocess.Popen[bytes]) -> None:
        port = re.search(r"--port (\d+)", self._here(line))
        assert port, line
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end and server.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port[1]}/readyz", timeout=PATIENCE_S):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        said = "".join(path.read_text() for path in self.home.glob("said-*"))
        raise AssertionError(f"{line}: {server.poll()}\n{said}")

    def leave(self) -> None:
        """End the servers, as systemd does."""
        for _, server in self._servers:
            server.send_signal(signal.SIGTERM)
        ended = [server.wait(PATIENCE_S) for _, server in self._servers]
        self._servers.clear()
        assert not any(ended), ended

    def kill(self) -> None:
        for _, server in self._servers:
            server.kill()
            server.wait(PATIENCE_S)


@pytest.fixture
def operator(tmp_path: Path, postgres: database.Server) -> Iterator[Operator]:
    made = Operator(tmp_path / "home", postgres)
    yield made
    made.kill()


def is_shown(shown: str, came: str) -> bool:
    """Whether ``shown``, in which ``...`` stands for anything, is part of what came back."""
    parts = [re.escape(part) for part in re.split(r"\.\.\.", shown.strip())]
    return re.search(".*".join(parts), came, re.DOTALL) is not None


def test_what_is_shown_is_looked_for() -> None:
    assert is_shown("a ... c\n", "x a b c y") and is_shown("a\n...", "a\nb")
    assert not is_shown("a ... c\n", "c a b") and not is_shown("a\nb", "a b")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_block_says_whether_it_is_run(page: Path) -> None:
    found = blocks(page)
    assert found
    for before, block in zip([None, *found], found, strict=False):
        if block.language == "bash":
            assert re.fullmatch(r"run|serves|needs: .+", block.note), f"without a note: {block.text}"
        else:
            assert block.language == "text" and block.note == "gives", f"without a note: {block.text}"
            assert before is not None and before.note == "run", f"of what does this come: {block.text}"


def test_a_block_without_a_note_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("## One\n\n<!-- run -->\n```bash\ntrue\n```\n\n```bash\nfalse\n```\n", "utf-8")
    assert blocks(page) == [Block("One", "run", "bash", "true\n"), Block("One", "", "bash", "false\n")]
    with pytest.raises(AssertionError, match="without a note: false"):
        test_each_block_says_whether_it_is_run(page)


@pytest.mark.skipif(os.name != "posix", reason="the commands are for a shell of POSIX")
def test_the_commands_do_what_the_page_says(operator: Operator) -> None:
    came, section, wrong = "", "", []
    for block in blocks(DOCS / "deploy.md"):
        if block.section != section:
            operator.leave()
            section = block.section
        if block.note == "run":
            came = operator.run(block.text)
        elif block.note == "serves":
            operator.serve(block.text)
        elif block.note == "gives" and not is_shown(block.text, came):
            wrong.append(f"The page shows\n{block.text}\nand there came\n{came}")
    operator.leave()
    assert not wrong, "\n\n".join(wrong)


def test_the_service_starts_what_the_page_shows() -> None:
    unit = (SYSTEMD / "imagefinder.service").read_text("utf-8")
    command = re.search(r"^ExecStart=/opt/imagefinder/bin/(.+) \$SERVE_OPTIONS$", unit, re.MULTILINE)
    assert command
    shown = next(block.text for block in blocks(DOCS / "deploy.md") if "--trusted-proxy" in block.text)
    assert f"\n{command[1]} --allow-host photos.example --trusted-proxy 127.0.0.1\n" in shown
    backup = (SYSTEMD / "imagefinder-backup.service").read_text("utf-8")
    assert "ExecStart=/opt/imagefinder/bin/imagefinder backup /var/backups/imagefinder $BACKUP_OPTIONS\n" in backup


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("this machine has no systemd")
    for path in SYSTEMD.iterdir():
        text = path.read_text("utf-8").replace("/opt/imagefinder/bin/imagefinder", sys.executable)
        (tmp_path / path.name).write_text(text)
    units = sorted(str(path) for path in tmp_path.iterdir())
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, timeout=60)
    ours = [line for line in done.stderr.splitlines() if "imagefinder" in line]
    assert done.returncode == 0 and not ours, done.stderr
