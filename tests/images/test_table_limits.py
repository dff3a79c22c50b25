"""Tables of strangers: what is too much is refused with the limit's name, and what is read is read row by row."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from imagefinder.errors import InvalidTableError
from imagefinder.images import csv_lines, table_limits
from imagefinder.images.places import places
from imagefinder.images.sources import open_source
from imagefinder.images.tables import read_rows
from imagefinder.types import ImageRef


def refused(path: Path) -> str:
    with pytest.raises(InvalidTableError) as caught:
        list(read_rows(path))
    assert caught.value.remedy
    return caught.value.message


def test_a_csv_file_of_too_many_columns_or_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "t.csv"
    table.write_text("url," + ",".join(f"c{i}" for i in range(100_000)) + "\n")
    assert refused(table) == "t.csv has 100,001 columns; 2,000 are allowed."
    monkeypatch.setattr(table_limits, "ROWS", 1500)
    table.write_text("url\n" + "a.jpg\n" * 3000)
    assert "2,000 rows; 1,500 are allowed" in refused(table)
    monkeypatch.setattr(table_limits, "CELLS", 500)
    table.write_text("url,b\n" + "a.jpg,1\n" * 1200)
    assert "2,000 cells; 500 are allowed" in refused(table)


def test_a_csv_file_of_one_endless_row_or_of_empty_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "t.csv"
    for text in ("url\n" + "x" * 5_000_000, "url\n" + '"\n",' * 1_500_000, "x" * 5_000_000):
        table.write_text(text)
        assert "in one row; 4,000,000 are allowed" in refused(table)
    monkeypatch.setattr(csv_lines, "LINES", 1000)
    table.write_text("\n" * 2000)
    assert "1,001 lines and more; 1,000 are allowed" in refused(table)


def test_a_large_csv_file_is_never_in_memory(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    row = "picture.jpg," + "text " * 400 + "\n"
    table.write_text("url,caption\n" + row * 5000)
    rows = read_rows(table)
    next(rows)
    tracemalloc.start()
    try:
        assert sum(1 for _ in rows) == 4999
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_lines_are_told_apart_and_counted_however_they_end(tmp_path: Path, encoding: str, end: str) -> None:
    table = tmp_path / "t.csv"
    text = end * 30 + f"sep=;{end}url;caption{end}a.jpg;é{end}b.jpg;ü{end}c.jpg;x;y{end}"
    table.write_bytes(text.encode(encoding))
    found, rows = [], read_rows(table)
    with pytest.raises(InvalidTableError, match="line 35"):
        for place, metadata in rows:
            found.append((place, metadata["caption"]))
    assert found == [] or found == [("a.jpg", "é"), ("b.jpg", "ü")]  # types are told by the first rows


def test_a_text_that_only_ends_in_another_encoding(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_bytes(b"url,caption\n" + b"a.jpg,x\n" * 200_000 + "b.jpg,é\n".encode("cp1252"))
    assert list(read_rows(table))[-1] == ("b.jpg", {"caption": "é"})


def test_cells_that_a_search_could_go_over_again_and_again() -> None:
    for cell in (
        "http://x" + " " * 300_000 + "y",
        " " * 300_000 + "y",
        "a.jpg " * 50_000,
        "[" * 300_000,
        "//" + "a." * 150_000,
        "http://x/1.jpg" + " , " * 100_000 + "z",
    ):
        assert places(cell)
    assert places("http://x/1.jpg   ,  http://x/2.jpg;//x/3.jpg") == ["http://x/1.jpg", "http://x/2.jpg", "//x/3.jpg"]
    assert places(" a b.jpg ;c.png ; d.gif") == ["a b.jpg", "c.png", "d.gif"]


# --- Parquet ----------------------------------------------------------------------------------------------------------


def parquet(path: Path, **columns: object) -> Path:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pa.table(columns), path, compression="zstd")
    return path


def repeated(text: str, n: int) -> object:
    pa = pytest.importorskip("pyarrow")
    return pa.DictionaryArray.from_arrays(pa.array([0] * n, pa.int8()), [text])


def test_a_parquet_file_of_few_bytes_and_many_rows(tmp_path: Path) -> None:
    table = parquet(tmp_path / "t.parquet", uri=repeated("a.jpg", 6_000_000))
    assert table.stat().st_size < 100_000
    assert refused(table) == "t.parquet has 6,000,000 rows; 5,000,000 are allowed."
    (skipped,) = open_source(str(tmp_path)).scan() or [None]
    assert skipped is not None and not isinstance(skipped, ImageRef) and "rows" in skipped.reason


def test_a_parquet_file_of_many_columns(tmp_path: Path) -> None:
    assert "2,501 columns" in refused(parquet(tmp_path / "t.parquet", uri=["a"], **{f"c{i}": [1] for i in range(2500)}))


def test_a_text_that_comes_again_and_again_is_held_once(tmp_path: Path) -> None:
    n, long = 3000, "x" * 90_000
    table = parquet(tmp_path / "t.parquet", uri=[f"{i}.jpg" for i in range(n)], about=repeated(long, n))
    rows = read_rows(table)
    next(rows)
    tracemalloc.start()
    try:
        assert all(metadata["about"] == long for _, metadata in rows)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_a_parquet_file_that_unpacks_to_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pa = pytest.importorskip("pyarrow")
    big = parquet(tmp_path / "big.parquet", uri=["a.jpg"] * 4000, about=repeated("x" * 900_000, 4000))
    assert "bytes in 4,000 rows; 300,000,000 are allowed" in refused(big)
    numbers = pa.ListArray.from_arrays(pa.array([0, 6_000_000], pa.int32()), pa.array([1] * 6_000_000, pa.int8()))
    listed = parquet(tmp_path / "list.parquet", uri=["a.jpg"], numbers=numbers)
    assert refused(listed) == "list.parquet has 6,000,000 values in the column numbers; 5,000,000 are allowed."
    cell = parquet(tmp_path / "cell.parquet", uri=["a.jpg"], about=["x" * 3_000_000])
    assert "bytes in the column about; 2,000,000 are allowed" in refused(cell)
    texts = pa.ListArray.from_arrays(pa.array([0, 2000], pa.int32()), repeated("x" * 200_000, 2000))
    assert "bytes in 1 rows" in refused(parquet(tmp_path / "texts.parquet", uri=["a.jpg"], tags=texts))
    monkeypatch.setattr("imagefinder.images.parquet.TEXT", 1_000_000)
    many = parquet(
        tmp_path / "many.parquet", uri=[f"{i}.jpg" for i in range(20_000)], about=repeated("x" * 100, 20_000)
    )
    assert "bytes and more in its cells; 1,000,000 are allowed" in refused(many)


def test_one_picture_in_every_row_is_read_a_few_at_a_time(tmp_path: Path) -> None:
    from imagefinder.images.parquet import ParquetTable

    picture = b"\x89PNG\r\n\x1a\n" + bytes(40_000_000)
    pa = pytest.importorskip("pyarrow")
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 50, pa.int8()), pa.array([picture], pa.binary())).cast(
        pa.binary()
    )
    table = ParquetTable(parquet(tmp_path / "t.parquet", image=column))
    sizes = [len(cells) for cells in table.cells("image", 0)]
    table.close()
    assert sum(sizes) == 50 and max(sizes) == 1


@pytest.mark.parametrize("kind", ["text", "numbers", "picture"])
def test_a_page_that_unpacks_to_more_than_the_foot_of_the_table_says(tmp_path: Path, kind: str) -> None:
    """A few bytes, of which a header says that they are two gigabytes."""
    pa = pytest.importorskip("pyarrow")
    png = b"\x89PNG\r\n\x1a\n"
    column = {"text": ["a", "b"] * 50, "numbers": [1, 2] * 50, "picture": pa.array([png] * 100, pa.binary())}[kind]
    path = parquet(tmp_path / "t.parquet", uri=["a.jpg"] * 100, other=column)
    data = bytearray(path.read_bytes())
    from pyarrow.parquet import ParquetFile

    from imagefinder.images.parquet import ParquetTable

    with ParquetFile(path) as file:
        start = file.metadata.row_group(0).column(1).dictionary_page_offset
    assert data[start : start + 3] == b"\x15\x04\x15"  # field 1: a dictionary, and field 2: its size, unpacked
    end = start + 3 + next(i for i, byte in enumerate(data[start + 3 :]) if byte < 128) + 1
    huge = bytes([0xFE, 0xFF, 0xFF, 0xFF, 0x0F])  # 2**31 - 1
    data[start + 3 : end] = huge
    path.write_bytes(data)
    table = ParquetTable(path)
    with pytest.raises(InvalidTableError, match="a page of 2,147,483,647 bytes in a column of"):
        list(table.cells("other", 0) if kind == "picture" else table.rows())


def test_the_pages_of_every_kind_of_table_are_read(tmp_path: Path) -> None:
    """What a page says of itself, against what the foot says of all pages of the column."""
    pa = pytest.importorskip("pyarrow")
    from pyarrow.parquet import ParquetFile, write_table

    from imagefinder.images.parquet_pages import memory_of

    texts = pa.array([f"text {i % 100}" for i in range(5000)])
    columns = {"text": texts, "number": pa.array(range(5000)), "list": pa.array([[1, 2, 3]] * 5000)}
    table = pa.table({**columns, "struct": pa.array([{"x": "p" * 50, "y": None}] * 5000)})
    for n, options in enumerate(
        (
            {},
            {"data_page_version": "2.0"},
            {"compression": "zstd", "use_dictionary": False},
            {"compression": "none", "write_statistics": False, "row_group_size": 700},
            {"data_page_size": 1000, "write_page_index": True, "use_dictionary": False},
        )
    ):
        path = tmp_path / f"{n}.parquet"
        write_table(table, path, **options)
        with ParquetFile(path) as file, path.open("rb") as raw:
            for g in range(file.metadata.num_row_groups):
                group = file.metadata.row_group(g)
                for chunk in map(group.column, range(group.num_columns)):
                    assert 0 < memory_of(raw, chunk) <= chunk.total_uncompressed_size
            assert file.read().equals(table)
