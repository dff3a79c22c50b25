"""What a cluster of Ray is told and does, tried in this process: the rows that travel, claims, reading, the checks."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagefinder import ImageFinder
from imagefinder._util.ray_address import AUTO, FOUND, LOCAL, checked_address
from imagefinder._util.ray_cluster import cause_of
from imagefinder._util.threads import one_blas_thread
from imagefinder._version import __version__
from imagefinder.cli import main
from imagefinder.errors import (
    FetchError,
    ImageError,
    ImageFinderError,
    IndexLockedError,
    InvalidInputError,
    MissingExtraError,
    ModelError,
    NotFoundError,
    ServerError,
    UnreachableError,
)
from imagefinder.images.loader import Loader
from imagefinder.ingest.claims import Claim, Claims, Wanted
from imagefinder.ingest.distributed import spread, stages
from imagefinder.ingest.distributed.carried import CarriedModel
from imagefinder.ingest.distributed.rows import Chunk, from_table, to_table
from imagefinder.ingest.plan import Known
from imagefinder.ingest.reading import Read, Reader, Undecoded
from imagefinder.models.registry import load_model
from imagefinder.types import ImageRef, Limits, Skipped, image_id


def ref_of(path: Path) -> ImageRef:
    found = path.stat()
    return ImageRef(str(path), found.st_size, found.st_mtime_ns, path.parent.name, str(path.parent))


@pytest.fixture
def files(tmp_path: Path) -> list[ImageRef]:
    for n in range(4):
        pixels = np.random.default_rng(n % 3).integers(0, 256, (24, 32, 3), np.uint8)  # the last is as the first
        Image.fromarray(pixels).save(tmp_path / f"{n}.png")
    (tmp_path / "4.png").write_bytes((tmp_path / "1.png").read_bytes()[:300])
    return [ref_of(path) for path in sorted(tmp_path.iterdir())]


def reader(claims: Claims, known: dict[str, Known] | None = None) -> Reader:
    embedder = load_model("fast", threads=1)
    return Reader(Loader(Limits(), embedder.short_side), embedder, claims.take, (known or {}).get, False)


# --- claims -----------------------------------------------------------------------------------------------------------


def test_one_image_of_a_content_is_embedded_and_asking_again_changes_nothing() -> None:
    claims = Claims({"old": "there"})
    first, second = Wanted("new", "a"), Wanted("new", "b")
    for _ in range(2):  # as when a worker is lost, and its work is done again
        assert claims.take([first, second, Wanted("old", "c")]) == [
            Claim(alone=True),
            Claim(waits=True),
            Claim(copy_of="there"),
        ]


def test_a_record_that_needs_more_than_its_image_is_not_made_by_a_worker() -> None:
    claims = Claims({}, contents=["known", "gone"], said=["said", "before"])
    wanted = [
        Wanted("gone", "a"),
        Wanted("said", "b"),
        Wanted("x", "c", known="before"),
        Wanted("y", "d", known="known"),
    ]
    assert [claim.alone for claim in claims.take(wanted)] == [False, False, False, True]


# --- rows -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_rows_arrive_as_they_were_sent(dtype: type, files: list[ImageRef]) -> None:
    pa = pytest.importorskip("pyarrow")
    pixels = np.arange(2 * 3 * 4 * 3).reshape(2, 3, 4, 3).astype(dtype)[:, :, ::-1]
    chunk = Chunk(
        files, {"x": Known("id", 1, 2, "hash", "source")}, [Skipped("a", "b", "c")], [0], {"reading": (1.0, 0.5)}
    )
    table = pa.concat_tables([to_table(chunk, pixels), to_table(Chunk()), to_table("text", pixels[:1])])
    (one, found), (empty, nothing), (text, last) = from_table(table)
    assert one == chunk and empty == Chunk() and text == "text" and nothing is None
    assert found is not None and found.dtype == dtype and np.array_equal(found, pixels)
    assert last is not None and np.array_equal(last, pixels[:1])


# --- reading ----------------------------------------------------------------------------------------------------------


def test_a_chunk_is_read_as_on_one_machine(files: list[ImageRef]) -> None:
    with one_blas_thread():
        whole = reader(Claims({})).embed(files)
    chunk = Chunk(files)
    pixels = stages.read_chunk(chunk, reader(Claims({})), 2)
    stages.embed_chunk(load_model("fast", threads=1), chunk, pixels)
    assert [type(one) for one in chunk.results] == [Read, Read, Read, Read, Undecoded]
    for one, other in zip(chunk.results, whole, strict=True):
        if isinstance(one, Read) and isinstance(other, Read):
            assert replace(one, vectors=None) == replace(other, vectors=None)
            assert (one.vectors is None) == (other.vectors is None) == one.waits
            for name, row in (one.vectors or {}).items():
                assert row.tobytes() == (other.vectors or {})[name].tobytes()
        else:
            assert one == other


def test_what_a_machine_does_not_see_is_left_to_the_one_that_listed_it(files: list[ImageRef]) -> None:
    Path(files[1].uri).unlink()
    Path(files[2].uri).write_bytes(Path(files[0].uri).read_bytes() + b"\0")
    chunk = Chunk(files)
    pixels = stages.read_chunk(chunk, reader(Claims({})), 2)
    assert chunk.results[1:3] == files[1:3] and isinstance(chunk.results[4], Undecoded)
    assert pixels.shape[0] == len(chunk.fresh) and 2 not in chunk.fresh


def test_a_file_that_was_only_touched_is_its_own_copy(files: list[ImageRef]) -> None:
    content = Loader(Limits()).read(files[0]).content_hash
    known = {files[0].uri: Known("id", 1, 2, content, "")}
    (one,) = reader(Claims({}), known).embed(files[:1])
    assert isinstance(one, Read) and one.copy_of == "id" and one.vectors is None


# --- models -----------------------------------------------------------------------------------------------------------


def test_a_model_of_the_package_travels_by_name_and_another_with_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = load_model("fast", threads=1)
    assert CarriedModel.of(fast).files == {} and CarriedModel.of(fast).open(1).spec == fast.spec
    monkeypatch.setattr("imagefinder.ingest.distributed.carried.BUNDLED", tmp_path)
    carried = pickle.loads(pickle.dumps(CarriedModel.of(fast)))
    assert f"{fast.spec.name}/spec.json" in carried.files
    assert carried.open(1).spec.fingerprint == fast.spec.fingerprint
    with pytest.raises(ModelError, match="another version"):
        replace(carried, fingerprint="0").open(1)


# --- machines ---------------------------------------------------------------------------------------------------------


def test_each_source_is_looked_for_on_each_machine(files: list[ImageRef], tmp_path: Path) -> None:
    far = ImageRef("https://pictures.example/a.jpg", source="far")
    samples = spread.samples_of([far, *files, replace(files[0], source="other")])
    assert samples == [files[0], files[2], files[4], replace(files[0], source="other")]
    assert stages.look(samples) == (__version__, [])
    Path(files[2].uri).unlink()
    Path(files[4].uri).write_bytes(b"")
    assert stages.look(samples)[1] == [files[2].uri, files[4].uri]
    with pytest.raises(NotFoundError, match=r"10\.0\.0\.7 of the cluster doesn't see .*2\.png") as caught:
        spread.check_node("10.0.0.7", *stages.look(samples))
    assert "mount" in caught.value.remedy
    with pytest.raises(InvalidInputError, match=r"has ImageFinder 0\.0\.1"):
        spread.check_node("10.0.0.7", "0.0.1", [])


def test_a_machine_that_loses_its_mount_ends_the_run(files: list[ImageRef]) -> None:
    missed: Counter[str] = Counter()
    chunk = Chunk(results=[*files], nodes=["10.0.0.7"])
    with pytest.raises(NotFoundError, match=r"10\.0\.0\.7"):
        for _ in range(spread.UNSEEN):
            spread._check_missed(missed, chunk)
    assert spread.UNSEEN < missed["10.0.0.7"] <= spread.UNSEEN + len(files)


# --- addresses and errors ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [FOUND, AUTO, LOCAL, "10.0.0.5:6379", "head.example:6379", "[::1]:6379"])
def test_addresses_of_clusters(address: str) -> None:
    assert checked_address(address) == address


@pytest.mark.parametrize("address", ["ray://head:10001", "~/Pictures", "head", "http://head:8265", "head:port"])
def test_what_is_no_address_of_a_cluster(address: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as caught:
        checked_address(address)
    assert caught.value.remedy


def test_a_folder_behind_the_option_is_not_taken_for_an_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``--ray FOLDER`` names no source: it is said, and no index is made."""
    monkeypatch.setattr(
        sys, "argv", ["imagefinder", "index", "--ray", str(tmp_path), "--index", str(tmp_path / "index")]
    )
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2 and "no address of a cluster" in capsys.readouterr().err
    assert not (tmp_path / "index").exists()


def test_without_ray_the_extra_is_named(files: list[ImageRef], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with ImageFinder.open(tmp_path / "index", model="fast") as finder, pytest.raises(MissingExtraError) as caught:
        finder.add(files[0].source, ray="local")
    assert "imagefinder[ray]" in caught.value.remedy


def test_a_cluster_that_is_not_there_is_said_at_once(files: list[ImageRef], tmp_path: Path) -> None:
    pytest.importorskip("ray")
    with (
        ImageFinder.open(tmp_path / "index", model="fast") as finder,
        pytest.raises(UnreachableError, match=r"127\.0\.0\.1:9"),
    ):
        finder.add(files[0].source, ray="127.0.0.1:9")


ERRORS = [
    ImageError("a", code="corrupt", remedy="b"),
    FetchError("a", code="timeout"),
    IndexLockedError("a", remedy="b", url="http://c"),
    UnreachableError("a", code="busy"),
    NotFoundError("a", remedy="b"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_errors_arrive_from_other_processes_as_they_were_raised(error: ImageFinderError) -> None:
    found = pickle.loads(pickle.dumps(error))
    assert type(found) is type(error) and found.args == error.args and found.__dict__ == error.__dict__
    assert str(found) == str(error)


def test_the_cause_of_a_failure_is_our_own_error_where_there_is_one() -> None:
    inner = NotFoundError("gone", remedy="look")
    wrapped = RuntimeError("ray")
    wrapped.cause = inner  # type: ignore[attr-defined]
    outer = ValueError("data")
    outer.__cause__ = wrapped
    assert cause_of(outer) is inner and cause_of(inner) is inner
    found = cause_of(RuntimeError("worker\n died"))
    assert type(found) is ServerError and "worker died" in found.message and "same again" in found.remedy


def test_ray_is_imported_for_a_cluster_only() -> None:
    code = (
        "import sys, imagefinder.cli.index, imagefinder.ingest.distributed.spread, os\n"
        "assert not [m for m in sys.modules if m.partition('.')[0] in ('ray', 'pandas', 'pyarrow')]\n"
        "assert os.environ['RAY_USAGE_STATS_ENABLED'] == '0'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "RAY_USAGE_STATS_ENABLED": "1"})


def test_ids_are_those_of_one_machine(files: list[ImageRef]) -> None:
    (one,) = reader(Claims({})).embed(files[:1])
    assert isinstance(one, Read) and one.ref.id == image_id(files[0].uri)
