"""What is found in folders and tables, and what is left out."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from imagefinder.errors import InvalidInputError, InvalidTableError, NotFoundError
from imagefinder.images.ignore import IGNORE_FILE
from imagefinder.images.sources import open_source
from imagefinder.types import ImageRef, Skipped


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
    plant(tmp_path, "b.JPG", "a.png", "z/y/x.webp", "notes.txt", "z/movie.mp4")
    assert found(tmp_path) == ["a.png", "b.JPG", "z/y/x.webp"]
    (ref,) = (r for r in open_source(str(tmp_path / "z")).scan() if isinstance(r, ImageRef))
    stat = (tmp_path / "z/y/x.webp").stat()
    assert (ref.uri, ref.folder, ref.size, ref.mtime_ns) == (str(tmp_path / "z/y/x.webp"), "y", 1, stat.st_mtime_ns)


def test_what_nobody_wants_is_left_out(tmp_path: Path) -> None:
    plant(tmp_path, ".hidden.jpg", ".cache/a.jpg", "@eaDir/a.jpg", "node_modules/x/a.jpg", "__MACOSX/a.jpg", "in/a.jpg")
    assert found(tmp_path) == ["in/a.jpg"]


def test_formats_that_can_not_be_read_are_named(tmp_path: Path) -> None:
    plant(tmp_path, "drawing.svg", "photo.CR2", "a.jpg")
    skipped = [i for i in open_source(str(tmp_path)).scan() if isinstance(i, Skipped)]
    assert [(Path(s.uri).name, s.code) for s in skipped] == [
        ("drawing.svg", "unsupported-format"),
        ("photo.CR2", "unsupported-format"),
    ]


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


def test_a_source_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        open_source(str(tmp_path / "none"))


def table(path: Path, text: str) -> list[ImageRef | Skipped]:
    path.write_text(text, encoding="utf-8")
    return list(open_source(str(path)).scan())


def test_a_table_gives_paths_urls_and_columns(tmp_path: Path) -> None:
    plant(tmp_path, "pics/a.jpg")
    items = table(
        tmp_path / "t.csv",
        "id,Image_URL,caption,tags,price,stock,sold,code,width,empty\n"
        "7,pics/a.jpg,A tree,green; tall,9.5,3,true,007,12,\n"
        "8,https://example.org/shop/b.jpg,,,1,4,false,012,13,\n"
        "9,gone.jpg,,,1,4,false,013,13,\n"
        "10,pics/a.jpg,again,,1,4,false,014,13,\n",
    )
    first, second, third = items
    assert isinstance(first, ImageRef) and isinstance(second, ImageRef) and isinstance(third, Skipped)
    assert first.uri == str(tmp_path / "pics/a.jpg")
    assert first.metadata == {
        "csv_id": 7, "caption": "A tree", "tags": ["green", "tall"], "price": 9.5, "stock": 3, "sold": True,
        "code": "007", "csv_width": 12,
    }  # fmt: skip
    assert (second.uri, second.folder, second.mtime_ns) == ("https://example.org/shop/b.jpg", "shop", None)
    assert third.code == "not-found"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_delimiters_and_encodings(tmp_path: Path, delimiter: str) -> None:
    plant(tmp_path, "ä.jpg")
    text = f"path{delimiter}name\nä.jpg{delimiter}Ärmel\n"
    for encoding in ("utf-8", "utf-8-sig", "latin-1"):
        (tmp_path / "t.csv").write_bytes(text.encode(encoding))
        (ref,) = open_source(str(tmp_path / "t.csv")).scan()
        assert isinstance(ref, ImageRef)
        assert ref.metadata == {"name": "Ärmel"}


def test_parquet(tmp_path: Path) -> None:
    plant(tmp_path, "a.jpg")
    columns = {"photo": ["a.jpg", None], "n": [1, 2], "x": [float("nan"), 1.0], "tags": [["p", "q"], []]}
    parquet.write_table(pa.table(columns), tmp_path / "t.parquet")
    (ref,) = open_source(str(tmp_path / "t.parquet")).scan()
    assert isinstance(ref, ImageRef)
    assert ref.metadata == {"n": 1, "tags": ["p", "q"]}
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(InvalidTableError):
        list(open_source(str(tmp_path / "bad.parquet")).scan())


def test_a_column_by_name_and_a_missing_one(tmp_path: Path) -> None:
    plant(tmp_path, "a.jpg")
    (tmp_path / "t.csv").write_text("where,url\na.jpg,x\n")
    (ref,) = open_source(str(tmp_path / "t.csv"), column="Where").scan()
    assert isinstance(ref, ImageRef)
    with pytest.raises(InvalidTableError, match="where, url"):
        list(open_source(str(tmp_path / "t.csv"), column="pic").scan())
    with pytest.raises(InvalidTableError, match="--column"):
        table(tmp_path / "u.csv", "one,two\n1,2\n")
    with pytest.raises(InvalidTableError, match="empty"):
        table(tmp_path / "v.csv", "")
