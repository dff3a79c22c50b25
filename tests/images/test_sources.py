"""What is found in folders and tables, and what is left out."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from imagefinder.errors import ImageError, InvalidInputError, InvalidTableError, NotFoundError
from imagefinder.images import files
from imagefinder.images.ignore import IGNORE_FILE
from imagefinder.images.loader import Loader
from imagefinder.images.sources import open_source
from imagefinder.types import ImageRef, Limits, SkipCode, Skipped


def plant(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def found(root: Path, **options: object) -> list[str]:
    refs = [item for item in open_source(str(root), **options).scan() if isinstance(item, ImageRef)]  # type: ignore[arg-type]
    return [os.path.relpath(ref.uri, root) for ref in refs]


def test_a_folder_is_searched_to_the_bottom_in_order(tmp_path: Path) -> None:
    plant(tmp_path, "b.JPG", "a.png", "z/y/x.webp", "notes.txt", "z/song.mp3")
    assert found(tmp_path) == ["a.png", "b.JPG", "z/y/x.webp"]
    (ref,) = (r for r in open_source(str(tmp_path / "z")).scan() if isinstance(r, ImageRef))
    stat = (tmp_path / "z/y/x.webp").stat()
    assert (ref.uri, ref.folder, ref.size, ref.mtime_ns) == (str(tmp_path / "z/y/x.webp"), "y", 1, stat.st_mtime_ns)


def test_what_nobody_wants_is_left_out(tmp_path: Path) -> None:
    plant(
        tmp_path,
        ".hidden.jpg",
        ".cache/a.jpg",
        "@eaDir/a.jpg",
        "#recycle/a.jpg",
        "node_modules/x/a.jpg",
        "__MACOSX/a.jpg",
        "in/a.jpg",
    )
    assert found(tmp_path) == ["in/a.jpg"]


def test_formats_that_can_not_be_read_are_named(tmp_path: Path) -> None:
    plant(tmp_path, "large.psb", "print.EPS", "a.jpg")
    skipped = [i for i in open_source(str(tmp_path)).scan() if isinstance(i, Skipped)]
    assert [(Path(s.uri).name, s.code) for s in skipped] == [
        ("large.psb", "unsupported-format"),
        ("print.EPS", "unsupported-format"),
    ]


def test_the_film_of_a_live_photo_is_no_picture_of_its_own(tmp_path: Path) -> None:
    plant(tmp_path, "IMG_1.HEIC", "IMG_1.MOV", "img_2.jpg", "IMG_2.mov", "IMG_3.MOV", "poster.jpg", "poster.mp4")
    seen = {Path(item.uri).name for item in open_source(str(tmp_path)).scan()}  # as images, or as skipped
    assert seen == {"IMG_1.HEIC", "img_2.jpg", "IMG_3.MOV", "poster.jpg", "poster.mp4"}


def test_globs(tmp_path: Path) -> None:
    plant(tmp_path, "a.png", "b.jpg", "old/c.png", "new/d.png", "new/drafts/e.png")
    assert found(tmp_path, include=["*.png"]) == ["a.png", "new/d.png", "new/drafts/e.png", "old/c.png"]
    assert found(tmp_path, exclude=["old/", "drafts/"]) == ["a.png", "b.jpg", "new/d.png"]
    assert found(tmp_path, include=["new/**"], exclude=["drafts"]) == ["new/d.png"]
    with pytest.raises(InvalidInputError):
        found(tmp_path, include=["!"])


IGNORES = {
    "": "*.png\n!keep.png\n/top.jpg\nskipped/\n# a comment\n\n**/deep/*.jpg\n",
    "sub": "!back.png\nlocal.jpg\n",
    "sub/inner": "*\n!only.jpg\n",
}
TREE = [
    f"{folder}{name}"
    for folder in ("", "sub/", "sub/inner/", "skipped/", "x/deep/", "sub/skipped/more/")
    for name in ("keep.png", "top.jpg", "back.png", "local.jpg", "only.jpg", "other.jpg")
]


@pytest.mark.skipif(shutil.which("git") is None, reason="git is the oracle")
def test_ignore_files_mean_what_they_mean_to_git(tmp_path: Path) -> None:
    plant(tmp_path, *TREE)
    for folder, text in IGNORES.items():
        (tmp_path / folder / IGNORE_FILE).write_text(text)
        (tmp_path / folder / ".gitignore").write_text(text)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    answer = subprocess.run(
        ["git", "-C", str(tmp_path), "ls-files", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=True,
    )
    expected = {line for line in answer.stdout.splitlines() if not Path(line).name.startswith(".")}
    assert expected
    assert set(found(tmp_path)) == expected


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux only")
def test_a_name_that_is_no_text_is_skipped(tmp_path: Path) -> None:
    (Path(os.fsdecode(bytes(tmp_path) + b"/caf\xe9.jpg"))).write_bytes(b"x")
    (item,) = open_source(str(tmp_path)).scan()
    assert isinstance(item, Skipped)
    assert item.code == "bad-name"
    item.uri.encode()


def test_links_are_followed_but_never_in_a_circle(tmp_path: Path) -> None:
    plant(tmp_path, "album/a.jpg", "else/b.jpg")
    (tmp_path / "album/loop").symlink_to(tmp_path / "album")
    (tmp_path / "album/other").symlink_to(tmp_path / "else")
    (tmp_path / "album/dead.jpg").symlink_to(tmp_path / "nowhere.jpg")
    assert found(tmp_path / "album") == ["a.jpg", "other/b.jpg"]
    assert [i.code for i in open_source(str(tmp_path / "album")).scan() if isinstance(i, Skipped)] == ["not-found"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_can_not_be_read_is_said_and_hides_what_is_in_it(tmp_path: Path) -> None:
    plant(tmp_path, "open/a.jpg", "shut/b.jpg")
    (tmp_path / "shut").chmod(0)
    source = open_source(str(tmp_path))
    items = list(source.scan())
    (tmp_path / "shut").chmod(0o755)
    assert [i.code for i in items if isinstance(i, Skipped)] == ["permission"]
    assert source.is_hidden(str(tmp_path / "shut/b.jpg"))
    assert not source.is_hidden(str(tmp_path / "open/a.jpg"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in folders")
@pytest.mark.timeout(20)
def test_what_is_no_regular_file_is_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe would wait for ever for someone to write; here nobody does."""
    plant(tmp_path, "z.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "device.jpg").symlink_to("/dev/zero")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "t.csv").write_text("path\npipe.jpg\nfolder.jpg\ndevice.jpg\nz.jpg\n")
    with socket.socket(socket.AF_UNIX) as listening:
        monkeypatch.chdir(tmp_path)  # a socket's path may not be long
        listening.bind("socket.jpg")
    in_folder, in_table = (list(open_source(str(p)).scan()) for p in (tmp_path, tmp_path / "t.csv"))
    for items, refused in ((in_folder, 3), (in_table, 3)):
        assert [Path(i.uri).name for i in items if isinstance(i, ImageRef)] == ["z.jpg"]
        assert [i.code for i in items if isinstance(i, Skipped)] == [SkipCode.NOT_AN_IMAGE] * refused
    for name in ("pipe.jpg", "socket.jpg", "device.jpg"):
        (item,) = open_source(str(tmp_path / name)).scan()
        assert isinstance(item, Skipped) and item.code == SkipCode.NOT_AN_IMAGE
        with pytest.raises(ImageError) as caught:  # as when it takes a file's place after the scan
            Loader(Limits()).read(ImageRef(str(tmp_path / name)))
        assert caught.value.code == SkipCode.NOT_AN_IMAGE
    with pytest.raises(InvalidTableError):
        list(open_source(str(tmp_path / "pipe.csv")).scan())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in folders")
@pytest.mark.timeout(20)
def test_a_pipe_that_takes_a_files_place_at_the_last_moment_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    monkeypatch.setattr(files, "look", lambda path: None)
    with pytest.raises(ImageError) as caught:
        Loader(Limits()).read(ImageRef(str(tmp_path / "pipe.jpg")))
    assert caught.value.code == SkipCode.NOT_AN_IMAGE


def test_names_that_no_file_can_have(tmp_path: Path) -> None:
    for name in ("a\0b.jpg", "x" * 5000 + ".jpg", "\ud800.jpg"):
        with pytest.raises(ImageError) as caught:
            Loader(Limits()).read(ImageRef(str(tmp_path / name)))
        assert caught.value.code == SkipCode.NOT_FOUND
        with pytest.raises(NotFoundError) as missing:
            open_source(str(tmp_path / name))
        str(missing.value).encode()


def test_an_ignore_file_that_can_not_be_read_is_said(tmp_path: Path) -> None:
    plant(tmp_path, "folder/a.jpg", "link/a.jpg")
    (tmp_path / "folder" / IGNORE_FILE).mkdir()
    (tmp_path / "link" / IGNORE_FILE).symlink_to("nowhere")
    items = list(open_source(str(tmp_path)).scan())
    assert [Path(i.uri).name for i in items] == [IGNORE_FILE, IGNORE_FILE]  # nothing that it may have left out
    assert [i.code for i in items if isinstance(i, Skipped)] == [SkipCode.NOT_AN_IMAGE, SkipCode.NOT_FOUND]


def test_an_ignore_file_from_windows_or_with_a_pattern_that_is_none(tmp_path: Path) -> None:
    plant(tmp_path, "a.png", "b.jpg")
    (tmp_path / IGNORE_FILE).write_bytes(b"\xef\xbb\xbf*.png\r\n")
    assert found(tmp_path) == ["b.jpg"]
    (tmp_path / IGNORE_FILE).write_text("!\n")
    with pytest.raises(InvalidInputError, match=IGNORE_FILE):
        found(tmp_path)


def test_a_folder_may_be_deeper_than_calls_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / "deep"
    deep.mkdir()
    monkeypatch.chdir(deep)
    for _ in range(sys.getrecursionlimit() + 200):
        os.mkdir("a")
        os.chdir("a")
    plant(Path(), "x.jpg")
    try:
        items = [i for i in open_source(str(deep)).scan() if isinstance(i, ImageRef)]
    finally:
        while Path.cwd() != deep:
            os.chdir("..")
            shutil.rmtree("a")
    assert [Path(i.uri).name for i in items] == ["x.jpg"]


def test_a_source_that_goes_away_after_it_was_opened(tmp_path: Path) -> None:
    plant(tmp_path, "folder/a.jpg")
    file, folder = open_source(str(tmp_path / "folder/a.jpg")), open_source(str(tmp_path / "folder"))
    shutil.rmtree(tmp_path / "folder")
    assert [i.code for i in file.scan() if isinstance(i, Skipped)] == [SkipCode.NOT_FOUND]
    assert len(list(folder.scan())) == 1
    assert folder.is_bare()
    assert folder.is_hidden(str(tmp_path / "folder/a.jpg"))


def test_a_url_that_is_none_is_left_to_the_fetch(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("url\nhttp://[\n")
    for source in ("http://[", str(tmp_path / "t.csv")):
        (ref,) = open_source(source).scan()
        assert isinstance(ref, ImageRef)
        with pytest.raises(ImageError) as caught:
            Loader(Limits(allow_private_addresses=True)).read(ref)
        assert caught.value.code == SkipCode.FETCH_FAILED


def test_a_source_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        open_source(str(tmp_path / "none"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_an_ignore_file_is_read_however_it_was_saved(tmp_path: Path, encoding: str) -> None:
    plant(tmp_path, "a.jpg", "privé/b.jpg", "c.jpg")
    (tmp_path / IGNORE_FILE).write_bytes("privé/\r\nc.jpg\r\n".encode(encoding))
    assert [Path(i.uri).name for i in open_source(str(tmp_path)).scan()] == ["a.jpg"]


def test_an_ignore_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    plant(tmp_path, "a.jpg")
    (tmp_path / IGNORE_FILE).write_bytes(b"\x89PNG\0\0\0\rIHDR")
    with pytest.raises(InvalidInputError, match="not a text file"):
        list(open_source(str(tmp_path)).scan())
