"""The drawing that helps to choose a number of clusters."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from PIL import Image

from imagefinder.errors import InvalidInputError
from imagefinder.plots import plot_choose_k

KS = [2, 3, 5, 8, 13, 21, 40]


def draw(
    path: Path, ks: list[int] = KS, elbow: int | None = 5, suggested: int | None = 21, **more: list[float]
) -> Path:
    inertia, silhouette = [100 / k for k in ks], [0.3 - abs(k - 21) / 100 for k in ks]
    error = [math.nan if k == 3 else 0.02 for k in ks]
    plot_choose_k(ks, inertia, silhouette, error, elbow=elbow, suggested=suggested, path=path, **more)
    return path


def test_each_measure_given_gets_its_panel(tmp_path: Path) -> None:
    draw(tmp_path / "two.png")
    draw(tmp_path / "new" / "four.png", calinski_harabasz=[1.0] * 7, davies_bouldin=[math.nan] * 7)
    with Image.open(tmp_path / "two.png") as two, Image.open(tmp_path / "new" / "four.png") as four:
        assert two.width == four.width and four.height > 1.4 * two.height


@pytest.mark.parametrize("ks", [[1], [7], [2, 3]])
def test_few_numbers_of_clusters_can_be_drawn(ks: list[int], tmp_path: Path) -> None:
    assert draw(tmp_path / "few.png", ks, elbow=ks[0], suggested=ks[-1]).stat().st_size > 5000


def test_the_same_numbers_give_the_same_file(tmp_path: Path) -> None:
    assert draw(tmp_path / "a.svg").read_bytes() == draw(tmp_path / "b.svg").read_bytes()


def test_wrong_input_leaves_the_former_file(tmp_path: Path) -> None:
    (tmp_path / "plot.txt").write_text("mine")
    with pytest.raises(InvalidInputError, match="extension"):
        draw(tmp_path / "plot.txt")
    with pytest.raises(InvalidInputError, match="one value"):
        draw(tmp_path / "plot.png", davies_bouldin=[1.0])
    assert [p.name for p in tmp_path.iterdir()] == ["plot.txt"]
