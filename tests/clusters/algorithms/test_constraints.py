"""What a person said of clusters holds when clustering runs again, whatever it finds."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from imagefinder.clusters.algorithms.constraints import Constraints, reconcile


def constraints(former: list[int], **said: object) -> Constraints:
    pinned = np.zeros(len(former), bool)
    pinned[list(said.pop("pinned", []))] = True  # type: ignore[call-overload]
    return Constraints(np.array(former, np.int32), pinned, **said)  # type: ignore[arg-type]


def points(n: int) -> np.ndarray:
    return np.arange(n, dtype=np.float32)[:, None]


def test_named_clusters_keep_their_label_and_others_fill_the_gaps() -> None:
    former = [7, 7, 7, 3, 3, 3, 1, 1]
    found = np.array([0, 0, 0, 1, 1, 1, 2, 2], np.int32)
    new = reconcile(points(8), found, constraints(former, named=frozenset([7])))
    assert new.tolist() == [7, 7, 7, 0, 0, 0, 1, 1]


def test_a_locked_cluster_stays_exactly() -> None:
    former = [2, 2, 0, 0, 0, 1]
    found = np.array([-1, -1, 0, 0, 1, 1], np.int32)  # held images were not clustered
    new = reconcile(points(6), found, constraints(former, locked=frozenset([2])))
    assert new[:2].tolist() == [2, 2] and 2 not in new[2:]


def test_merged_images_stay_together() -> None:
    former = [5] * 6 + [0] * 3
    found = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2], np.int32)
    new = reconcile(points(9), found, constraints(former, joined=frozenset([5])))
    assert new.tolist() == [5] * 6 + [0] * 3


def test_split_images_stay_apart() -> None:
    former = [0] * 4 + [4] * 3 + [1] * 2
    found = np.array([0] * 7 + [1] * 2, np.int32)
    new = reconcile(points(9), found, constraints(former, apart=((0, 4),)))
    assert new.tolist() == [0] * 4 + [4] * 3 + [1] * 2


def test_a_moved_image_stays_where_it_was_put_even_if_that_cluster_is_gone() -> None:
    former = [0, 0, 0, 1, 9]
    found = np.array([0, 0, 0, 0, 0], np.int32)
    new = reconcile(points(5), found, constraints(former, pinned=[3, 4]))
    assert new[3] == 1 and new[4] == 9 and len({*new[:3].tolist()}) == 1


@settings(max_examples=60)
@given(st.data())
def test_wishes_hold_for_any_data(data: st.DataObject) -> None:
    n = data.draw(st.integers(2, 30))
    former = data.draw(st.lists(st.integers(-2, 4), min_size=n, max_size=n))
    found = np.array(data.draw(st.lists(st.integers(-1, 5), min_size=n, max_size=n)), np.int32)
    labels = st.sets(st.integers(0, 4), max_size=2).map(frozenset)
    locked, joined, named = data.draw(labels), data.draw(labels), data.draw(labels)
    apart = data.draw(st.sampled_from([(), ((0, 1),), ((2, 3), (3, 4))]))
    pinned = data.draw(st.sets(st.integers(0, n - 1), max_size=4))
    said = constraints(former, locked=locked, joined=joined, named=named, apart=apart, pinned=pinned)
    new = reconcile(points(n), found, said)
    assert new.dtype == np.int32 and new.min() >= -1
    for label in locked:
        mine = [i for i, f in enumerate(former) if f == label]
        assert all(new[i] == label for i in mine)
        others = [i for i in range(n) if i not in mine and new[i] == label]
        assert not others
    for label in joined - locked:
        homes = {int(new[i]) for i, f in enumerate(former) if f == label and i not in pinned}
        assert len(homes) <= 1 or any(label in pair for pair in apart)
    for i in pinned:
        if former[i] >= 0:
            assert new[i] == former[i]
