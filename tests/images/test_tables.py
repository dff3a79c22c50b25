"""What is read from tables: paths or URLs, and what stands beside them."""

from __future__ import annotations

import csv
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from imagefinder.errors import InvalidTableError
from imagefinder.images.places import located, places
from imagefinder.images.sources import open_source
from imagefinder.images.tables import read_rows
from imagefinder.types import ImageRef, Skipped


def plant(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


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


def rows_of(folder: Path, data: bytes) -> list[tuple[str, dict[str, Any]]]:
    (folder / "t.csv").write_bytes(data)
    return list(read_rows(folder / "t.csv"))


@pytest.mark.parametrize(
    ("data", "caption"),
    [
        ("path,caption\na.jpg,one\u2028two\n".encode(), "one\u2028two"),
        (b"path,caption\na.jpg,one\x0ctwo\x1cthree\n", "one\x0ctwo\x1cthree"),
        (b"path,caption\na.jpg,one\x85 two\x93\n", "one… two“"),
        ("path\tcaption\na.jpg\tÄ\n".encode("utf-16"), "Ä"),
        (b"\xfe\xff" + "path;caption\na.jpg;Ä\n".encode("utf-16-be"), "Ä"),
        (b'path,caption\na.jpg,"one\ntwo"\n', "one\ntwo"),
        (b'path,caption\r\na.jpg,"one\r\ntwo"\r\n', "one\r\ntwo"),
        (b"path,caption\ra.jpg,one\r", "one"),
        (b'"a, b, c";path;caption\n1;a.jpg;one\n', "one"),
        (b'"a\n,,,b";path;caption\n1;a.jpg;one\n', "one"),
        (b"\r\n  \n\npath,caption\na.jpg,one\n", "one"),
        (b"path,caption\na.jpg,0012\n", "0012"),
        (b"path,caption\na.jpg,1.50\n", "1.50"),
        (b"path,caption\na.jpg," + b"z" * 200_000 + b"\n", "z" * 200_000),
    ],
)
def test_a_table_is_read_however_it_was_written(tmp_path: Path, data: bytes, caption: str) -> None:
    ((place, columns),) = rows_of(tmp_path, data)
    assert (place, columns["caption"]) == ("a.jpg", caption)


def test_a_path_that_looks_like_a_number_is_kept_as_it_is(tmp_path: Path) -> None:
    assert [place for place, _ in rows_of(tmp_path, b"path,n\n1.50,1.50\ntrue,2\n")] == ["1.50", "true"]


def test_a_quotation_mark_that_is_never_closed_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidTableError, match="never closed"):
        rows_of(tmp_path, b'path,caption\na.jpg,"one\n' + b"b.jpg,two\n" * 200_000)


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


@given(st.lists(CELLS, max_size=5), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]), st.sampled_from(",;\t|"))
def test_any_text_comes_back_from_a_table(
    tmp_path_factory: pytest.TempPathFactory, captions: list[str], encoding: str, delimiter: str
) -> None:
    text = StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows([("path", "caption"), *(("a.jpg", c) for c in captions)])
    rows = rows_of(tmp_path_factory.getbasetemp(), text.getvalue().encode(encoding))
    assert [columns.get("caption", "") for _, columns in rows] == [c.strip() for c in captions]


@given(st.binary(max_size=60), st.sampled_from([b"", b"path,caption\n", b"\xff\xfep\0a\0t\0h\0\n\0", b"PAR1"]))
def test_any_bytes_are_a_table_or_an_error_of_ours(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, start: bytes
) -> None:
    for name in ("t.csv", "t.parquet"):
        path = tmp_path_factory.getbasetemp() / name
        path.write_bytes(start + data)
        try:
            for place, _ in read_rows(path):
                assert place
        except InvalidTableError as error:
            assert error.message


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


def read_parquet(folder: Path, columns: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    parquet.write_table(pa.table(columns), folder / "t.parquet")
    return list(read_rows(folder / "t.parquet"))


def test_the_path_stands_beside_the_bytes_of_an_image_in_parquet(tmp_path: Path) -> None:
    """As data sets of Hugging Face have it."""
    images = [{"bytes": b"\x01" * 50, "path": "a.jpg"}, {"bytes": b"\x01", "path": None}, None]
    assert read_parquet(tmp_path, {"image": images, "label": [1, 2, 3]}) == [("a.jpg", {"label": 1})]


def test_bytes_in_parquet_are_left_out(tmp_path: Path) -> None:
    columns = {
        "path": ["a.jpg"], "raw": [b"\x01"], "list": [[b"\x01"]], "pairs": [[{"b": b"\x01"}]], "a.b": ["dot"],
        "box": [{"x": 1, "raw": b"\x01", "deep": {"raw": b"\x01", "name": "n"}}], "only": [{"raw": b"\x01"}],
    }  # fmt: skip
    assert read_parquet(tmp_path, columns) == [("a.jpg", {"a.b": "dot", "box": '{"x": 1, "deep": {"name": "n"}}'})]
    with pytest.raises(InvalidTableError, match="columns are: name"):
        read_parquet(tmp_path, {"image": [b"\x01"], "name": ["x"]})


def test_times_and_numbers_of_any_size_in_parquet(tmp_path: Path) -> None:
    columns = {
        "path": ["a.jpg"],
        "exact": pa.array([1_600_000_000_000_000_001], pa.timestamp("ns")),
        "late": pa.array([10**12], pa.timestamp("s")),
        "day": [datetime(2020, 5, 17)],
        "big": pa.array([2**64 - 1], pa.uint64()),
        "caption": [["one", "two"]],
    }
    ((_, read),) = read_parquet(tmp_path, columns)
    assert read["exact"].startswith("2020-09-13") and read["late"]
    assert (read["day"], read["big"], read["caption"]) == ("2020-05-17T00:00:00", str(2**64 - 1), "one two")


def test_parquet_that_is_damaged_in_the_middle(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"path": [f"{i}.jpg" for i in range(5000)]}), tmp_path / "t.parquet")
    data = bytearray((tmp_path / "t.parquet").read_bytes())
    data[20:400] = bytes(380)
    (tmp_path / "t.parquet").write_bytes(data)
    with pytest.raises(InvalidTableError, match=r"t\.parquet"):
        list(open_source(str(tmp_path / "t.parquet")).scan())


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


def test_a_column_named_like_something_computed_gets_a_prefix(tmp_path: Path) -> None:
    plant(tmp_path, "a.jpg")
    (item,) = table(tmp_path / "t.csv", "path,Cluster,blur,label\na.jpg,7,0.5,x\n")
    assert isinstance(item, ImageRef)
    assert item.metadata == {"csv_cluster": 7, "csv_blur": 0.5, "label": "x"}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('path,name\na.jpg,one\nb.jpg,"13 inch\nc.jpg,two\nd.jpg,three\n', 3),
        ('path,name\na.jpg,"13" screen\nb.jpg,two\n', 2),
        ('path,name\na.jpg,"13 inch\nb.jpg,two\nc.jpg,"15 inch\n', 2),
        ('path,name\na.jpg,"13 inch\nb.jpg,two\nc.jpg,15 inch"\nd.jpg,x\n', 2),
        ("\n\nsep=;\npath;name\na.jpg;one\nb.jpg;two;x\n", 6),
        ("path,name\na.jpg,one,two\n", 2),
        ("path,name\r\na.jpg,one\r\n\r\nb.jpg,two,x\r\n", 4),
        ('path,name,n\na.jpg,"13 inch\nb.jpg,two,3\nc.jpg,15 inch"\nd.jpg,x,4\n', 2),
        ('path,name\na.jpg,"13 inch\nb.jpg,15 inch"\nc.jpg,x\n', 2),
        ('name,path\n"13 inch,a.jpg\n15 inch",b.jpg\n', 2),
        ('path,name\n"a.jpg,one\nb.jpg,two",x\n', 2),
    ],
)
def test_a_malformed_row_is_an_error_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    with pytest.raises(InvalidTableError, match=rf"t\.csv, line {line}:"):
        rows_of(tmp_path, text.encode())


def test_empty_cells_at_the_end_may_be_left_out(tmp_path: Path) -> None:
    """As spreadsheets export them."""
    rows = rows_of(tmp_path, b"path,caption,price,note\na.jpg,one,2,x\nb.jpg,two\nc.jpg\nd.jpg,,3,\n")
    assert rows == [
        ("a.jpg", {"caption": "one", "price": 2, "note": "x"}),
        ("b.jpg", {"caption": "two"}),
        ("c.jpg", {}),
        ("d.jpg", {"price": 3}),
    ]


@pytest.mark.parametrize("cell", ["see\nb.jpg, the large one", "https://x.org/1.jpg,\nhttps://x.org/2.jpg", "a,\nb,c"])
def test_a_cell_of_several_lines_is_no_fault(tmp_path: Path, cell: str) -> None:
    ((_, columns),) = rows_of(tmp_path, f'path,note\na.jpg,"{cell}"\n'.encode())
    assert columns["note"] == cell


@pytest.mark.parametrize(
    "text",
    [
        "sep=;\nTitle;Image Src\nx;a.jpg\n",
        '"sep=|"\r\ntitle|IMAGE LINK\r\nx|a.jpg\r\n',
        "title\timage_link\tlink\nx\ta.jpg\thttps://shop.example/p/1\n",
        "url,Image URL,title\nhttps://shop.example/p/1,a.jpg,x\n",
        "ID,Images,title,\n7,a.jpg,x,,\n",
        " Picture ;title\na.jpg;x\n",
        "title,thumbnail_image\nx,a.jpg\n",
    ],
)
def test_columns_are_found_as_shops_name_them(tmp_path: Path, text: str) -> None:
    ((place, columns),) = rows_of(tmp_path, text.encode())
    assert (place, columns.get("title", columns.get("Title"))) == ("a.jpg", "x")


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("https://x.org/a,b.jpg", ["https://x.org/a,b.jpg"]),
        ("https://x.org/1.jpg, https://x.org/2.jpg", ["https://x.org/1.jpg", "https://x.org/2.jpg"]),
        ("https://x.org/1|https://x.org/2", ["https://x.org/1", "https://x.org/2"]),
        ("https://x.org/1.jpg;\n //cdn.org/2.jpg ", ["https://x.org/1.jpg", "//cdn.org/2.jpg"]),
        ("https://p.org/?u=https://x.org/1.jpg", ["https://p.org/?u=https://x.org/1.jpg"]),
        ('["https://x.org/1.jpg", {"src": "b.png"}]', ["https://x.org/1.jpg", "b.png"]),
        ("/a/b.jpg,/c/d.png", ["/a/b.jpg", "/c/d.png"]),
        ("my photo, 1.jpg", ["my photo, 1.jpg"]),
        ("[draft] a.jpg", ["[draft] a.jpg"]),
    ],
)
def test_several_places_in_a_cell(cell: str, found: list[str]) -> None:
    assert places(cell) == found


@pytest.mark.parametrize(
    ("place", "uri"),
    [
        ("img\\a b.png", "{}/img/a b.png"),
        ("file://{}/img/a%20b.png", "{}/img/a b.png"),
        ("file://localhost{}/img/a%20b.png", "{}/img/a b.png"),
        ("with\\sign.png", "{}/with\\sign.png"),
        ("//cdn.example.org/x.png", "https://cdn.example.org/x.png"),
        ("//localhost:8000/x.png", "https://localhost:8000/x.png"),
        ("HTTPS://a.org/x\\y.png", "HTTPS://a.org/x\\y.png"),
    ],
)
def test_a_place_as_any_system_writes_it(tmp_path: Path, place: str, uri: str) -> None:
    plant(tmp_path, "img/a b.png", "with\\sign.png")
    assert located(place.format(tmp_path), str(tmp_path)) == uri.format(tmp_path)
