"""What is read for a fit is read once if it is little, and twice if it is much; it is the same."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from imagefinder.index import spaces


@pytest.mark.parametrize(("held", "reads"), [(10**6, 1), (50, 2), (0, 2)])
def test_batches_come_twice(held: int, reads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spaces, "HELD", held)
    begun = []

    def read() -> Iterator[tuple[list[str], np.ndarray]]:
        begun.append(1)
        for i in range(5):
            yield [f"{i}"], np.full((1, 4), i, np.float32)

    twice = spaces._Twice(read)
    first, second = list(twice), list(twice)
    assert [ids for ids, _ in first] == [ids for ids, _ in second] == [["0"], ["1"], ["2"], ["3"], ["4"]]
    assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(first, second, strict=True))
    assert len(begun) == reads


def test_what_was_not_read_to_its_end_is_read_again() -> None:
    begun = []

    def read() -> Iterator[tuple[list[str], np.ndarray]]:
        begun.append(1)
        yield from ((["a"], np.zeros((1, 4), np.float32)), (["b"], np.ones((1, 4), np.float32)))

    twice = spaces._Twice(read)
    next(iter(twice))
    assert len(list(twice)) == 2 and len(begun) == 2
