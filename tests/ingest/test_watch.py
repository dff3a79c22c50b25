"""``index --watch`` goes on whatever happens to its sources: one long run with all of it."""

from __future__ import annotations

import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image

from imagefinder import ImageFinder

WATCH = """
import faulthandler, signal, sys
from imagefinder.cli import main
from imagefinder.ingest import watch
faulthandler.register(signal.SIGUSR1)
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests in the background ignores Ctrl-C
watch.POLL_MS = 50
main()
"""
PATIENCE_S = 120.0  # only a failing test waits so long

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a console's Ctrl-C can't be sent to one process there")


class Watch:
    """A process that watches; what it says is looked at line by line."""

    def __init__(self, index: Path, *sources: Path) -> None:
        command = [sys.executable, "-c", WATCH, "index", *sources, "--watch", "--model", "fast", "--index", index]
        self.index, self.said = index, list[str]()
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.process = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._lines.put(line)
        self._lines.put("")

    def line(self) -> str:
        """The next line, empty at the end. A process that has come to a halt tells where."""
        try:
            return self._lines.get(timeout=PATIENCE_S)
        except queue.Empty:
            os.kill(self.process.pid, signal.SIGUSR1)
            with suppress(queue.Empty):
                while True:
                    self.said.append(self._lines.get(timeout=5))
            raise AssertionError("".join(self.said)) from None

    def until_said(self, *words: str) -> str:
        """Wait for a line with all of these words."""
        while True:
            line = self.line()
            assert line, "".join(self.said)
            self.said.append(line)
            if all(word in line for word in words):
                return line

    def until(self, right: Callable[[set[str]], bool]) -> set[str]:
        """Wait until the images of the index are as they should be; it is looked at whenever the process has said that
        it has gone over all."""
        while not right(found := self.images()):
            self.until_said("The index holds")
        return found

    def images(self) -> set[str]:
        with ImageFinder.open(self.index, read_only=True, wait_s=PATIENCE_S) as reader:
            return {Path(record.uri).name for record in reader.records()}


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[Callable[..., Watch]]:
    started: list[Watch] = []

    def start(*sources: Path) -> Watch:
        started.append(Watch(tmp_path / "index", *sources))
        return started[-1]

    yield start
    for watch in started:
        watch.process.kill()
        watch.process.communicate()


def test_watching_goes_on_through_all_that_happens_to_sources(
    tmp_path: Path, watching: Callable[..., Watch], make_image: Callable[..., Image.Image]
) -> None:
    def draw(path: Path, n: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        make_image(n).save(path.with_name(f".{path.name}.part"), "PNG")
        path.with_name(f".{path.name}.part").rename(path)

    pics, other, listed, table = (tmp_path / name for name in ("pics", "other", "listed", "table.csv"))
    for n in range(12):
        draw(pics / f"p{n}.png", n)
    for n in range(20, 24):
        draw(other / f"o{n}.png", n)
        draw(listed / f"l{n}.png", 10 + n)

    def write_table(*numbers: int) -> None:
        """As editors do: a new file takes the place of the old one."""
        new = tmp_path / "new.csv"
        new.write_text("path\n" + "".join(f"listed/l{n}.png\n" for n in numbers))
        new.rename(table)

    write_table(20)
    watch = watching(pics, other, table)
    watch.until_said("Watching")
    assert len(watch.images()) == 17

    for numbers in ((20, 21), (20, 21, 22)):
        write_table(*numbers)
        watch.until(lambda images, last=numbers[-1]: f"l{last}.png" in images)

    whole = tmp_path / "whole.png"
    draw(whole, 60)
    data = whole.read_bytes()
    (other / "half.png").write_bytes(data[: len(data) // 2])
    draw(other / "beside.png", 61)
    images = watch.until(lambda images: "beside.png" in images)
    assert "half.png" not in images
    with (other / "half.png").open("ab") as file:
        file.write(data[len(data) // 2 :])
    watch.until(lambda images: "half.png" in images)

    pics.rename(tmp_path / "away")
    watch.until_said("Source missing", str(pics))
    draw(other / "meanwhile.png", 62)
    images = watch.until(lambda images: "meanwhile.png" in images)
    assert {f"p{n}.png" for n in range(12)} < images
    draw(tmp_path / "away" / "back.png", 63)
    (tmp_path / "away").rename(pics)
    watch.until(lambda images: "back.png" in images)

    table.unlink()
    watch.until_said("Source missing", str(table))
    write_table(20, 21, 22, 23)
    images = watch.until(lambda images: "l23.png" in images)
    assert {"l20.png", "l21.png", "l22.png"} < images

    draw(other / "new" / "deep" / "first.png", 64)
    watch.until(lambda images: "first.png" in images)
    draw(other / "new" / "deep" / "second.png", 65)
    watch.until(lambda images: "second.png" in images)

    for n in (20, 21, 22):
        (other / f"o{n}.png").unlink()
    watch.until(lambda images: not {"o20.png", "o21.png", "o22.png"} & images)
    for path in pics.iterdir():
        path.unlink()
    watch.until_said("stay in the index", str(pics))
    assert {f"p{n}.png" for n in range(12)} < watch.images()
    shutil.rmtree(other / "new")
    watch.until(lambda images: not {"first.png", "second.png"} & images)

    os.kill(watch.process.pid, signal.SIGINT)
    while line := watch.line():
        watch.said.append(line)
    assert watch.process.wait() == 0
    assert not [line for line in watch.said if "Traceback" in line or "Error" in line]
