"""Memory that is kept from one picture to the next shows in no picture."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from imagefinder import ImageFinder
from imagefinder.errors import ImageError
from imagefinder.images.blocks import KEPT, kept_blocks
from imagefinder.images.decode import read_file
from imagefinder.images.files import open_file
from imagefinder.models.preprocess import half_squash
from imagefinder.types import ImageRef, Limits, SkipCode

SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "images"


def blocks() -> int:
    return int(Image.core.get_blocks_max())


def test_blocks_are_kept_until_the_last_has_ended() -> None:
    usual = blocks()
    first, second = kept_blocks(), kept_blocks()
    first.__enter__()
    second.__enter__()
    assert blocks() == max(KEPT, usual)
    first.__exit__(None, None, None)
    assert blocks() == max(KEPT, usual)
    with pytest.raises(KeyError), kept_blocks():
        raise KeyError
    second.__exit__(None, None, None)
    assert blocks() == usual


def test_a_run_keeps_them(tmp_path: Path) -> None:
    usual, found = blocks(), []
    with ImageFinder.open(tmp_path / "index") as finder:
        finder.add(SAMPLES, progress=lambda now: found.append((now.stage, blocks())))
    assert {kept for stage, kept in found if stage == "indexing"} >= {max(KEPT, usual)}
    assert blocks() == usual


def test_pictures_in_turn_and_side_by_side_are_as_each_alone(make_image: Callable[..., Image.Image]) -> None:
    pictures = [make_image(n, (300 + 40 * n, 500 - 20 * n)) for n in range(6)]
    sizes = [64, 96, 64, 128, 96, 64]
    alone = [half_squash(*pair).copy() for pair in zip(pictures, sizes, strict=True)]
    in_turn = [half_squash(*pair) for pair in zip(pictures, sizes, strict=True)]
    with ThreadPoolExecutor(3) as pool:
        beside = list(pool.map(half_squash, pictures * 5, sizes * 5))
    for i, found in enumerate([*in_turn, *beside]):
        np.testing.assert_array_equal(found, alone[i % len(alone)])


@pytest.mark.parametrize(("told", "whole"), [(0, 70_000), (10, 70_000), (70_000, 70_000), (90_000, 70_000)])
def test_a_file_is_read_whole_whatever_its_size_was_said_to_be(
    told: int, whole: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that grows or is cut while it is read, and those of systems that tell no size."""
    content = bytes(range(256)) * (whole // 256)
    (tmp_path / "a").write_bytes(content)

    mode = (tmp_path / "a").stat().st_mode
    with monkeypatch.context() as patched:
        patched.setattr("os.fstat", lambda number: SimpleNamespace(st_mode=mode, st_size=told))
        assert read_file(ImageRef(str(tmp_path / "a")), Limits()).data == content
        assert read_file(ImageRef(str(tmp_path / "a")), Limits(max_bytes=len(content))).data == content
        with pytest.raises(ImageError) as caught:
            read_file(ImageRef(str(tmp_path / "a")), Limits(max_bytes=len(content) - 1))
    assert caught.value.code == SkipCode.TOO_MANY_BYTES


def test_no_more_room_is_taken_than_the_file_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(bytes(5000))
    asked: list[int] = []

    class Watched:
        def __init__(self, *args: object) -> None:
            self._file = open_file(*args)  # type: ignore[arg-type]

        def __enter__(self) -> Watched:
            return self

        def __exit__(self, *error: object) -> None:
            self._file.close()

        def fileno(self) -> int:
            return self._file.fileno()

        def read(self, size: int) -> bytes:
            asked.append(size)
            return self._file.read(size)

    monkeypatch.setattr("imagefinder.images.decode.open_file", Watched)
    assert len(read_file(ImageRef(str(tmp_path / "a")), Limits()).data) == 5000
    assert asked == [5001]
