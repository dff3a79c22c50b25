"""Pictures inside Parquet tables, as data sets have them."""

from __future__ import annotations

import io
import json
import os
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pyarrow import parquet

from imagefinder import ImageFinder
from imagefinder._util import extras
from imagefinder.catalog.label_table import read_table
from imagefinder.clusters.export import membership, write_folders
from imagefinder.duplicates.plan import make_plan, plan_of
from imagefinder.errors import ImageError, InvalidInputError, InvalidTableError
from imagefinder.images import parquet as tables
from imagefinder.images import parquet_reader
from imagefinder.images.download import download_urls
from imagefinder.images.inside import Inside, inside
from imagefinder.images.loader import Loader
from imagefinder.images.names import copied_name
from imagefinder.images.sources import open_source
from imagefinder.types import ImageRef, Limits, Skipped

HUB = json.dumps({"info": {"features": {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}})


def picture(number: int, kind: str = "PNG") -> bytes:
    noise = random.Random(number).randbytes(3 * 8 * 8)
    file = io.BytesIO()
    Image.frombytes("RGB", (8, 8), noise).resize((64, 48)).save(file, kind)
    return file.getvalue()


def hub_shard(path: Path, numbers: range, **options: Any) -> Path:
    """A table as the hub writes it: structs of bytes and path, and labels as numbers of classes."""
    table = pa.table(
        {
            "image": [{"bytes": picture(n), "path": f"p{n}.png"} for n in numbers],
            "label": [n % 2 for n in numbers],
            "caption": [f"number {n}" for n in numbers],
        }
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table.replace_schema_metadata({"huggingface": HUB}), path, **options)
    return path


def refs(path: Path, **options: Any) -> list[ImageRef]:
    items = list(open_source(str(path), **options).scan())
    assert not [item for item in items if isinstance(item, Skipped)]
    return [item for item in items if isinstance(item, ImageRef)]


def read(ref: ImageRef) -> bytes:
    return Loader(Limits()).read(ref).data


def test_a_shard_of_the_hub(tmp_path: Path) -> None:
    path = hub_shard(tmp_path / "train-00000-of-00001.parquet", range(5), row_group_size=2)
    found = refs(path)
    assert [ref.uri for ref in found] == [f"{path}#image/{n}/p{n}.png" for n in range(5)]
    assert [read(ref) for ref in found] == [picture(n) for n in range(5)]
    assert found[3].metadata == {"label": "dog", "caption": "number 3"}
    assert (found[3].source, found[3].folder) == (str(path), tmp_path.name)
    assert found[3].id == refs(path)[3].id


def test_columns_of_bytes_and_lists(tmp_path: Path) -> None:
    plain, lists = tmp_path / "plain.parquet", tmp_path / "lists.parquet"
    columns = {"filename": ["a.png", "b.png", "c.png"], "raw/#%": [picture(0), None, picture(2)], "n": [1, 2, 3]}
    parquet.write_table(pa.table(columns), plain)
    assert [(r.uri, read(r)) for r in refs(plain)] == [
        (f"{plain}#raw%2F%23%25/0", picture(0)),
        (f"{plain}#raw%2F%23%25/2", picture(2)),
    ]
    assert [r.metadata["n"] for r in refs(plain)] == [1, 3]
    cells = [[{"bytes": picture(4), "path": None}, {"bytes": picture(5), "path": "x/y\\b.png"}], [], None]
    parquet.write_table(pa.table({"photos": cells, "n": [1, 2, 3]}), lists)
    assert [(r.uri, read(r)) for r in refs(lists)] == [
        (f"{lists}#photos/0.0", picture(4)),
        (f"{lists}#photos/0.1/b.png", picture(5)),
    ]


def test_a_row_without_bytes_names_its_file(tmp_path: Path) -> None:
    (tmp_path / "b.png").write_bytes(picture(1))
    cells = [{"bytes": picture(0), "path": "a.png"}, {"bytes": None, "path": "b.png"}, None]
    path = tmp_path / "t.parquet"
    for groups in (1, 3):
        parquet.write_table(pa.table({"image": cells, "n": [1, 2, 3]}), path, row_group_size=groups)
        found = refs(path)
        assert [ref.uri for ref in found] == [f"{path}#image/0/a.png", str(tmp_path / "b.png")]
        assert [read(ref) for ref in found] == [picture(0), picture(1)]


def test_pictures_go_before_urls_and_a_named_column_before_both(tmp_path: Path) -> None:
    columns = {"url": ["https://x.org/a.png"], "image": [picture(1)], "mask": [picture(2)], "audio": [b"RIFF"]}
    parquet.write_table(pa.table(columns), tmp_path / "t.parquet")
    for column, place in ((None, "#image/0"), ("mask", "#mask/0"), ("url", "https://x.org/a.png")):
        (ref,) = refs(tmp_path / "t.parquet", column=column)
        assert ref.uri.removeprefix(str(tmp_path / "t.parquet")) == place
    with pytest.raises(InvalidTableError, match="pictures; its columns are: n"):
        parquet.write_table(pa.table({"audio": [b"RIFF"], "n": [1]}), tmp_path / "none.parquet")
        refs(tmp_path / "none.parquet")


@given(st.lists(st.integers(0, 39), max_size=30), st.sampled_from([1, 7, 40]), st.sampled_from([500, 64_000_000]))
def test_rows_are_read_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], group: int, kept: int
) -> None:
    path = tmp_path_factory.getbasetemp() / f"any-{group}.parquet"
    if not path.exists():
        hub_shard(path, range(40), row_group_size=group)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet_reader, "KEPT_BYTES", kept)
        patch.setattr(tables, "READ_BYTES", 5 * kept)
        for n in order:
            assert read(ImageRef(Inside(str(path), "image", n).uri)) == picture(n)


def test_a_place_that_is_not_there_is_said(tmp_path: Path) -> None:
    path = hub_shard(tmp_path / "t.parquet", range(2))
    for uri, code in (
        (f"{path}#image/2", "not-found"),
        (f"{path}#label/0", "not-found"),
        (f"{path}#image/0.5", "not-found"),
        (f"{tmp_path}/gone.parquet#image/0", "not-found"),
    ):
        with pytest.raises(ImageError) as caught:
            read(ImageRef(uri))
        assert caught.value.code == code
    path.write_bytes(b"PAR1")
    with pytest.raises(ImageError, match="not a Parquet file"):
        read(ImageRef(f"{path}#image/0"))


@given(st.text(min_size=1), st.integers(0, 10**12), st.none() | st.integers(0, 99), st.text())
def test_a_place_comes_back_from_its_uri(column: str, row: int, part: int | None, name: str) -> None:
    uri = Inside("/data #1/t.parquet", column, row, part, name).uri
    found = inside(uri)
    assert found is not None and found.uri == uri
    assert (found.table, found.column, found.row, found.part) == ("/data #1/t.parquet", column, row, part)


@pytest.mark.parametrize("uri", ["/a/b.jpg", "/a#b/3.jpg", "https://x.org/t.parquet#image/3", "/a/t.parquet", ""])
def test_other_places_are_not_inside_a_table(uri: str) -> None:
    assert inside(uri) is None


def test_the_name_of_a_copy() -> None:
    assert copied_name("/t.parquet#image/7/a:b.png", picture(1)) == "a_b.png"
    assert copied_name("/t.parquet#image/7", picture(1, "JPEG")) == "7.jpg"
    assert copied_name("/t.parquet#image/7.2", picture(1)) == "7.2.png"


# --- in an index ------------------------------------------------------------------------------------------------------


@pytest.fixture
def finder(tmp_path: Path) -> Any:
    with ImageFinder.open(tmp_path / "index") as finder:
        yield finder


def test_a_folder_of_shards_is_indexed_and_followed(finder: ImageFinder, tmp_path: Path) -> None:
    data = tmp_path / "data"
    first = hub_shard(data / "train-00000.parquet", range(12))
    hub_shard(data / "deep" / "train-00001.parquet", range(12, 20))
    parquet.write_table(pa.table({"path": ["a.png"]}), data / "paths.parquet")  # of paths: only when it is named
    assert finder.add(data).added == 20
    assert finder.add().unchanged == 20
    uri = f"{first}#image/3/p3.png"
    (record,) = finder.records(f"uri = '{uri}'")
    assert (record.extra["label"], record.caption, record.taken_guess) == ("dog", "number 3", None)
    finder.tag([record.id], add=["mine"])

    hub_shard(first, range(100, 101), row_group_size=5)
    parquet.write_table(
        pa.concat_tables([parquet.read_table(first), parquet.read_table(hub_shard(tmp_path / "x.parquet", range(12)))]),
        first,
    )
    report = finder.add()  # a row was put before the others: all move
    assert (report.added, report.moved, report.removed) == (1, 12, 0)
    assert [r.uri for r in finder.records("tags = mine")] == [f"{first}#image/4/p3.png"]

    first.rename(data / "renamed.parquet")
    assert finder.add().moved == 13
    assert [r.uri for r in finder.records("tags = mine")] == [f"{data}/renamed.parquet#image/4/p3.png"]

    (data / "renamed.parquet").write_bytes(b"PAR1 half")
    report = finder.add()
    assert (report.removed, [s.code for s in report.skipped], report.total) == (0, ["corrupt"], 21)


def test_what_is_inside_a_table_is_searched_shown_and_copied(finder: ImageFinder, tmp_path: Path) -> None:
    path = hub_shard(tmp_path / "t.parquet", range(12))
    finder.add(path)
    uri = f"{path}#image/5/p5.png"
    (record,) = finder.records(f"uri = '{uri}'")
    for query in (uri, Path(uri), os.path.relpath(path) + "#image/5/p5.png"):
        assert finder.search(query, k=1)[0].id == record.id, query
    assert uri not in [hit.uri for hit in finder.search(f"id:{record.id}", k=20)]  # as of any image by its id
    finder.cluster(2, method="kmeans")
    done = write_folders(membership(finder._collection.index), tmp_path / "folders", "symlink")
    assert done.rows == 12 and not done.left_out
    copies = [p for p in (tmp_path / "folders").rglob("*.png") if not p.is_symlink()]
    assert sorted(p.read_bytes() for p in copies) == sorted(picture(n) for n in range(12))
    assert read_table(path, finder.records()).labels[record.id] == "dog"
    labels = tmp_path / "labels.csv"
    labels.write_text("filename,label\np5.png,mine\n")
    assert read_table(labels, finder.records()).labels == {record.id: "mine"}


def test_a_picture_inside_a_table_is_never_moved(finder: ImageFinder, tmp_path: Path) -> None:
    for name in ("a", "b"):
        hub_shard(tmp_path / f"{name}.parquet", range(3))
    (tmp_path / "p0.png").write_bytes(picture(0))
    finder.add(tmp_path / "a.parquet", tmp_path / "b.parquet", tmp_path / "p0.png")
    report = finder.duplicates()
    holds = [member.hold for group in report.groups for member in group.members if "#" in member.record.uri]
    assert len(holds) >= 3 and all("no file of its own" in hold for hold in holds)
    removed = [file.path for group in make_plan(report).groups for file in group.remove]
    assert not [path for path in removed if "#" in path]
    pair = report.groups[0]
    with pytest.raises(InvalidInputError, match="no file of its own"):
        plan_of([(pair.keep, [m.record for m in pair.members])])


def test_pictures_are_written_by_download(tmp_path: Path) -> None:
    path = hub_shard(tmp_path / "t.parquet", range(3))
    report = download_urls(path, tmp_path / "out")
    assert (report.downloaded, report.failed) == (3, ())
    assert [(tmp_path / "out" / f"p{n}.png").read_bytes() for n in range(3)] == [picture(n) for n in range(3)]


def test_a_folder_with_shards_and_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub_shard(tmp_path / "t.parquet", range(3))
    parquet.write_table(pa.table({"path": ["a.png"]}), tmp_path / "paths.parquet")
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    (skipped,) = open_source(str(tmp_path)).scan()
    assert isinstance(skipped, Skipped) and "imagefinder[parquet]" in skipped.remedy
    assert skipped.uri == str(tmp_path / "t.parquet")
