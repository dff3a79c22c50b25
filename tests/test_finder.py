"""ImageFinder as a library: searching, reading, removing."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagefinder import ImageFinder
from imagefinder.errors import (
    InvalidFilterError,
    InvalidInputError,
    InvalidQueryError,
    ModelMismatchError,
    NotFoundError,
)
from imagefinder.types import image_id

SAMPLES = Path(__file__).resolve().parents[1] / "examples" / "images"


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImageFinder]:
    """The sample images with the default model."""
    with ImageFinder.open(tmp_path_factory.mktemp("finder") / "index") as finder:
        finder.add(SAMPLES / "captions.csv")
        yield finder


def plain_cosines(finder: ImageFinder, query: np.ndarray) -> list[str]:
    """The oracle: ids by falling cosine with every vector."""
    ids, vectors = finder.vectors()
    return [ids[i] for i in np.argsort(-(vectors @ query), kind="stable")]


def test_similar_ranks_as_a_plain_scan_does(finder: ImageFinder) -> None:
    ids, vectors = finder.vectors()
    for row in (0, len(ids) // 2, len(ids) - 1):
        expected = [id for id in plain_cosines(finder, vectors[row]) if id != ids[row]][:10]
        hits = finder.similar(ids[row], k=10)
        assert [h.rank for h in hits] == list(range(1, 11))
        scores = {id: float(vectors[ids.index(id)] @ vectors[row]) for id in expected}
        np.testing.assert_allclose([h.score for h in hits], list(scores.values()), atol=2e-3)
        assert len(set(expected) & {h.id for h in hits}) >= 9  # ties within float16 may swap at the end


def test_every_way_to_give_the_same_picture_finds_it_first(finder: ImageFinder) -> None:
    record = finder.records()[7]
    path = Path(record.uri)
    with Image.open(path) as picture:
        for query in (path, str(path), path.read_bytes(), picture.convert("RGB")):
            hit = finder.search(query, k=1)[0]
            assert hit.uri == record.uri
            assert hit.score > 0.98


def test_words_find_what_they_name(finder: ImageFinder) -> None:
    wanted = [r for r in finder.records() if r.caption and "butterfly" in r.caption.lower()]
    if not wanted:
        pytest.skip("no butterfly among the samples")
    hits = finder.search("a butterfly", k=10)
    assert {h.id for h in hits} & {r.id for r in wanted}


def test_arithmetic_moves_the_answer(finder: ImageFinder) -> None:
    path = Path(finder.records()[3].uri)
    towards = {h.id: h.score for h in finder.search([path, ("a flower", 2)], k=len(finder))}
    away = {h.id: h.score for h in finder.search([path, ("a flower", -2)], k=len(finder))}
    flowers = [h.id for h in finder.search("a flower", k=5)]
    others = [h.id for h in finder.search("a flower", k=len(finder))][-5:]
    gain = {id: towards[id] - away[id] for id in [*flowers, *others]}
    assert min(gain[id] for id in flowers) > max(gain[id] for id in others)


def test_a_sum_of_ids_is_the_sum_of_their_vectors(finder: ImageFinder) -> None:
    ids, vectors = finder.vectors()
    query = vectors[1] + 2 * vectors[5] - 0.5 * vectors[9]
    expected = [id for id in plain_cosines(finder, query) if id not in (ids[1], ids[5], ids[9])]
    hits = finder.search(f"id:{ids[1]} + 2:id:{ids[5]} - 0.5:id:{ids[9]}", k=5)
    assert len({h.id for h in hits} & set(expected[:6])) == 5


def test_filters_offset_and_min_score(finder: ImageFinder) -> None:
    everything = finder.search("an animal", k=50)
    later = finder.search("an animal", k=10, offset=10)
    assert [h.id for h in later] == [h.id for h in everything][10:20]
    assert later[0].rank == 11
    floor = everything[20].score
    assert all(h.score >= floor for h in finder.search("an animal", k=50, min_score=floor))
    wide = finder.search("an animal", k=50, filter="width >= 300 and not height = 320")
    assert wide and all(h.record.width >= 300 and h.record.height != 320 for h in wide)
    assert all(h.record.width == 320 for h in finder.search("an animal", k=50, filter={"width": 320}))


def test_folder_filter_answers_only_from_that_folder(finder: ImageFinder) -> None:
    folder = finder.records()[0].folder
    hits = finder.search("something", k=500, filter=f'folder = "{folder}"')
    assert {h.record.folder for h in hits} == {folder}
    assert len(hits) == len(finder.records(f'folder = "{folder}"'))


def test_wrong_calls_say_what_is_wrong(finder: ImageFinder) -> None:
    with pytest.raises(InvalidQueryError):
        finder.search("")
    with pytest.raises(InvalidInputError):
        finder.search("dog", k=0)
    with pytest.raises(InvalidFilterError):
        finder.search("dog", filter="width >>> 3")
    with pytest.raises(NotFoundError):
        finder.similar(image_id("nowhere"))
    with pytest.raises(ValueError):
        finder.search(b"not an image")
    with pytest.raises(NotFoundError, match="space"):
        finder.vectors("no-such-space")
    with pytest.raises(InvalidInputError):
        finder.remove()


def test_vectors_have_the_shapes_they_promise(finder: ImageFinder) -> None:
    ids, searched = finder.vectors()
    assert searched.dtype == np.float32
    assert len(ids) == len(searched) == len(finder)
    np.testing.assert_allclose(np.linalg.norm(searched, axis=1), 1, atol=1e-4)
    assert ids == sorted(ids)
    assert finder.vectors(raw=True)[1].shape == (len(finder), 1280)


def test_hits_and_records_show_as_pictures_in_a_notebook(finder: ImageFinder) -> None:
    hits = finder.search("an animal", k=3)
    html = hits._repr_html_()
    assert html.count("data:image/") == 3
    assert finder.records()[:2]
    assert "<script" not in html
    assert "data:image/" in finder.records()._repr_html_()


def test_a_caption_can_not_smuggle_html(tmp_path: Path) -> None:
    Image.new("RGB", (32, 32), "red").save(tmp_path / "a.png")
    (tmp_path / "t.csv").write_text('path,caption\na.png,"<script>alert(1)</script>"\n')
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        finder.add(tmp_path / "t.csv")
        assert "<script" not in finder.records()._repr_html_()


def test_remove_by_path_folder_and_filter(tmp_path: Path, make_image) -> None:  # type: ignore[no-untyped-def]
    for i in range(6):
        path = tmp_path / f"album/{i % 2}/{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        make_image(i).save(path)
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        finder.add(tmp_path / "album")
        assert finder.remove(tmp_path / "album/0/0.png") == 1
        assert finder.remove(tmp_path / "album/1") == 3
        with pytest.raises(NotFoundError):
            finder.remove(tmp_path / "album/1")
        assert finder.remove(filter="uri ~ '4.png'") == 1
        assert [Path(r.uri).name for r in finder.records()] == ["2.png"]
        assert (tmp_path / "album/0/0.png").exists()


def test_an_index_remembers_its_model(tmp_path: Path, make_image) -> None:  # type: ignore[no-untyped-def]
    make_image().save(tmp_path / "a.png")
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        finder.add(tmp_path / "a.png")
    with ImageFinder.open(tmp_path / "index") as finder:
        assert finder.search(tmp_path / "a.png", k=1)[0].score > 0.99
    with pytest.raises(ModelMismatchError, match="--model"):
        ImageFinder.open(tmp_path / "index", model="default")
    with pytest.raises(NotFoundError):
        ImageFinder.open(tmp_path / "other", create=False)
    with pytest.raises(NotFoundError, match="default"):
        ImageFinder.open(tmp_path / "third", model="defautl")


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_smallest_collections_can_be_searched(tmp_path: Path, make_image, n: int) -> None:  # type: ignore[no-untyped-def]
    for i in range(n):
        make_image(i).save(tmp_path / f"{i}.png")
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        assert not len(finder)
        with pytest.raises(NotFoundError, match="no images"):
            finder.search("dog")
        finder.add(*(tmp_path / f"{i}.png" for i in range(n)))
        assert finder.search(make_image(0), k=5)[0].uri == str(tmp_path / "0.png")
        assert len(finder.search("anything", k=5)) == n


def test_pictures_of_any_mode_can_be_queries(finder: ImageFinder) -> None:
    for mode in ("L", "P", "RGBA", "CMYK", "I;16", "1"):
        picture = Image.new(mode, (50, 70))
        assert finder.search(picture, k=1)
    buffer = io.BytesIO()
    Image.new("RGB", (50, 70), "green").save(buffer, "WEBP")
    assert finder.search(buffer.getvalue(), k=1)
