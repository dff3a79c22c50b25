"""An index measured by what is known of its images, where the right figures are known beforehand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from command import run_cli
from PIL import Image

from imagefinder import FunctionEmbedder, ImageFinder
from imagefinder.errors import InvalidInputError, InvalidQueryError
from imagefinder.evaluation import questions, working
from imagefinder.evaluation.of_index import Assessment
from imagefinder.evaluation.report import page_of

HUES = {"red": 0, "green": 85, "blue": 170}
EACH = 5
WORDS = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1)}


def mean_colour(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1, 3).mean(axis=1) / 255


def named_colour(texts: list[str]) -> np.ndarray:
    return np.array([WORDS.get(text, (0.01, 0.01, 0.01)) for text in texts], np.float32)


def brightness(images: np.ndarray) -> np.ndarray:
    mean = images.mean(axis=(1, 2, 3)) / 255
    return np.stack([np.cos(mean), np.sin(mean)], axis=1)


COLOURS = FunctionEmbedder("colours", mean_colour, dim=3, size=8, texts=named_colour, transform="none")
LIGHT = FunctionEmbedder("light", brightness, dim=2, size=8, transform="none")


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImageFinder]:
    """Pictures of three colours in three folders, and a red one that lies with the blue ones."""
    home = tmp_path_factory.mktemp("measured")
    for name, hue in HUES.items():
        (home / "photos" / name).mkdir(parents=True)
        for i in range(EACH):
            Image.new("HSV", (16, 16), (hue + i, 255, 155 + 20 * i)).convert("RGB").save(
                home / "photos" / name / f"{name}{i}.png"
            )
    Image.new("HSV", (16, 16), (8, 255, 201)).convert("RGB").save(home / "photos" / "blue" / "odd <b>&.png")
    with ImageFinder.open(home / "index", model=COLOURS) as finder:
        finder.add(home / "photos")
        finder.add_model(LIGHT)
        yield finder


def table(finder: ImageFinder, name: str, *rows: str) -> Path:
    path = Path(finder.sources[0]).parent / name
    path.write_text("\n".join(rows) + "\n")
    return path


def test_folders_as_labels(finder: ImageFinder) -> None:
    """Each image of a pure folder finds its own; the odd one finds red ones first, and is found last by blue ones."""
    found = finder.evaluate(by="folder")
    (labels,) = found.searches
    assert (labels.kind, labels.images, labels.queries) == ("labels", 16, 16)
    assert labels.measures["hit@1"].mean == pytest.approx(15 / 16)
    rows = {row.name: row for row in labels.classes}
    assert labels.classes[0].name == "blue" and rows["green"].map_at_r == 1
    assert rows["blue"].map_at_r == pytest.approx((5 * 4 / 5 + 0) / 6), "a blue one finds the other four first"
    assert found.labels is not None and found.labels.recall_at_1 == pytest.approx(15 / 16, abs=1e-4)
    odd = labels.worst[0]
    assert odd.shown.endswith("odd <b>&.png") and not odd.top[0].right and odd.first == 11
    assert odd.best is not None and odd.best.uri == finder.search(f"id:{odd.image}", 16)[10].uri
    assert all(one.best is None for one in labels.worst if one.first and one.first <= len(one.top))
    low, mean, high = (getattr(labels.measures["mAP"], name) for name in ("low", "mean", "high"))
    assert 0 < low < mean < high <= 1
    assert found.to_dict() == finder.evaluate(by="folder").to_dict() == json.loads(json.dumps(found.to_dict()))
    assert Assessment.from_dict(found.to_dict()).to_dict() == found.to_dict()


def test_queries_in_words_and_by_image(finder: ImageFinder) -> None:
    queries = table(
        finder, "q.csv", "query,relevant", "red,label:red", "blue,blue0.png", "green1.png,label:green", "purple,"
    )
    found = finder.evaluate(by="folder", queries=queries, min_score=0.9)
    one = found.searches[1]
    assert (one.kind, one.queries, one.unanswerable, one.images) == ("queries", 3, 1, 16)
    assert one.measures["hit@5"].mean == 1
    by_words = finder.search("red", 16)
    right = [hit.record.folder == "red" for hit in by_words]
    ranks = [rank for rank, is_right in enumerate(right, 1) if is_right]
    red = sum(n / rank for n, rank in enumerate(ranks, 1)) / 5
    blue = 1 / next(hit.rank for hit in finder.search("blue", 16) if hit.uri.endswith("blue0.png"))
    assert one.measures["mAP"].mean == pytest.approx((red + blue + 1) / 3)
    assert one.cut is not None and one.cut.by == "score of at least 0.9" and one.best_cut is not None
    taken = [hit for hit in by_words if hit.score >= 0.9]
    assert one.cut.precision <= 1 and one.cut.empty == 1 and taken
    assert one.best_cut.f1 >= one.cut.f1 - 1e-9


def test_captions(finder: ImageFinder) -> None:
    captions = table(finder, "c.csv", "filename,caption", *(f"{name}3.png,{name}" for name in HUES), "lost.png,lost")
    found = finder.evaluate(captions)
    assert found.missing == 1 and found.words is not None and found.words.texts == 3
    assert [one.kind for one in found.searches] == ["captions"] and found.searches[0].queries == 3


def test_a_caption_of_the_index_finds_nothing_by_itself(
    sample_index: Path, copy_index: Callable[[Path, Path], Path], tmp_path: Path
) -> None:
    """Captions that no picture bears out: half of them stand in the index, where a search finds them by the text."""
    with ImageFinder.open(copy_index(sample_index, tmp_path / "index")) as finder:
        records, kinds = finder.records()[::20], ("cats", "dogs", "birds", "owls")
        texts = [f"{'ab'[i % 2]} sunday afternoon of the {kinds[i % 4]} number {i}" for i in range(len(records))]
        told = [(r.uri, text) for r, text in zip(records, texts, strict=True)]
        (tmp_path / "c.csv").write_text("\n".join(["filename,caption", *(",".join(row) for row in told)]))
        blind = finder.evaluate(tmp_path / "c.csv", words_in="pictures").searches[0]
        for record, text in list(zip(records, texts, strict=True))[::2]:
            finder.update(record.id, caption=text.upper() + "!")
        found = finder.evaluate(tmp_path / "c.csv")
        assert found.searches[0].measures["hit@1"].mean < 0.5 and finder.search(texts[0])[0].id == records[0].id
        half = len(records[::2])
        about = f"Captions: {half} of {len(records)} stand in the index with their images, and"
        assert found.notes == (f"{about} were looked for in pictures only.",)
        pictures = finder.evaluate(tmp_path / "c.csv", words_in="pictures")
        assert pictures.notes == () and pictures.searches[0].measures == blind.measures
        both = finder.evaluate(tmp_path / "c.csv", words_in="both")
        assert both.notes == (f"{about} find them by themselves.",) and both.searches[0].measures["hit@1"].mean >= 0.5
        with pytest.raises(InvalidInputError, match="words_in can't be 'sounds'"):
            finder.evaluate(tmp_path / "c.csv", words_in="sounds")


def test_the_cut_of_the_search_beside_the_best_in_hindsight(
    sample_index: Path, copy_index: Callable[[Path, Path], Path], tmp_path: Path
) -> None:
    with ImageFinder.open(copy_index(sample_index, tmp_path / "index")) as finder:
        right = {word: {r.id for r in finder.records(f"folder = {word}")} for word in ("food", "animals")}
        rows = [f"{word},label:{word}" for word in right]
        (tmp_path / "q.csv").write_text("\n".join(["query,relevant", *rows, "xqzzy,"]))
        labels, found = finder.evaluate(by="folder", queries=tmp_path / "q.csv").searches
        for name, of in (("cut", "what surely or maybe fits"), ("sure_cut", "what surely fits")):
            expected = []
            for word, ids in right.items():
                hits = finder.search(word, 1000, cut="auto")
                taken = [hit.id for hit in hits[: len(hits) if name == "cut" else hits.surely]]
                expected.append(2 * len(ids.intersection(taken)) / (len(ids) + len(taken)))
            made = getattr(found, name)
            assert (made.by, made.queries, made.empty) == (of, 2, 1)
            assert made.f1 == pytest.approx(np.mean(expected)) and made.nothing == 1
            assert getattr(labels, name).queries > 100 and getattr(labels, name).by == of
        assert found.best_cut is not None and found.best_cut.f1 > 0


def test_many_queries_are_spread(finder: ImageFinder) -> None:
    captions = table(finder, "many.csv", "filename,caption", *(f"red{i % 5}.png,text {i}" for i in range(40)))
    found = finder.evaluate(captions, limit=4)
    assert found.searches[0].queries == 4 and "Captions: 4 of 40 were asked, evenly spread." in found.notes
    assert questions.spread(range(10), 3) == [0, 3, 6] and questions.spread([1], 3) == [1]


def test_two_spaces_are_compared(finder: ImageFinder) -> None:
    queries = table(finder, "q2.csv", "query,relevant", "red,label:red", "green,label:green")
    found = finder.evaluate(by="folder", queries=queries, compare=["light", "colours"])
    labels = found.comparisons[0]
    assert (labels.kind, labels.a, labels.b, labels.queries) == ("labels", "light", "colours", 16)
    assert labels.says.startswith("colours finds more than light") and labels.better > labels.worse
    assert labels.measures["MAP@R"].b == pytest.approx(found.searches[0].measures["MAP@R"].mean)
    assert len(found.comparisons) == 1, "light knows no words, which are then asked where they are without it"
    assert any(note.startswith("Queries: both are asked in words in the same space") for note in found.notes)


def test_likes_and_dislikes(finder: ImageFinder) -> None:
    ids = {Path(r.uri).stem: r.id for r in finder.records()}
    made = [
        finder.feedback.add({"words": "red", "parts": []}, [ids["red0"], ids["red1"]], [ids["blue0"]]),
        finder.feedback.add({"parts": [{"id": ids["green0"]}]}, [ids["green1"]], [ids["green2"]]),
        finder.feedback.add({"words": "red", "parts": []}, [ids["red2"]], [ids["red0"]]),  # red0: thought better of
        finder.feedback.add({"parts": [{"upload": "x"}]}, [ids["green3"]]),
        finder.feedback.add({"words": "blue"}, [], [ids["red0"]]),
    ]
    try:
        (found,) = finder.evaluate(feedback=True).searches
        assert (found.kind, found.queries) == ("feedback", 2)
        assert found.cut is found.best_cut is None, "what nobody judged may fit as well"
        ranks = {hit.id: hit.rank for hit in finder.search("red", 16)}
        pairs = [ranks[ids[a]] < ranks[ids[b]] for a in ("red1", "red2") for b in ("blue0", "red0")]
        like = {hit.id: hit.rank for hit in finder.search(f"id:{ids['green0']}", 16)}
        expected = (np.mean(pairs) + (like[ids["green1"]] < like[ids["green2"]])) / 2
        assert found.order is not None and found.order.mean == pytest.approx(expected)
    finally:
        for one in made:
            finder.feedback.remove(one.id)
    assert finder.evaluate(feedback=True).notes == (
        "Nothing was liked that is in the index, for a query that can be asked again.",
    )


def test_duplicates(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    noise = np.random.default_rng(0)
    for name in ("a", "b", "c"):
        pixels = noise.integers(0, 256, (9, 9, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((200, 160), Image.Resampling.BICUBIC).save(photos / f"{name}.png")
    (photos / "a copy.png").write_bytes((photos / "a.png").read_bytes())
    (photos / "b copy.png").write_bytes((photos / "b.png").read_bytes())
    (tmp_path / "p.csv").write_text("a,b\na.png,a copy.png\nc.png,b.png\n")
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        finder.add(photos)
        found = finder.evaluate(pairs=tmp_path / "p.csv").copies
        assert found is not None and (found.images, found.pairs, found.found, found.wrong) == (4, 2, 1, 0)
        assert (found.precision, found.recall, found.f1) == (1, 0.5, pytest.approx(2 / 3))
        assert found.missed == (((str(photos / "b.png"), str(photos / "c.png"))),)
        (tmp_path / "p.csv").write_text("a,b,duplicate\nb.png,b copy.png,no\na.png,a copy.png,yes\n")
        found = finder.evaluate(pairs=tmp_path / "p.csv", tier="identical-bytes").copies
        assert found is not None and (found.found, found.wrong, found.precision) == (1, 1, 0.5)


def test_what_can_not_be_measured_is_told(finder: ImageFinder) -> None:
    with pytest.raises(InvalidInputError, match="nothing to measure by"):
        finder.evaluate()
    with pytest.raises(InvalidInputError, match="Two different spaces"):
        finder.evaluate(by="folder", compare=["light", "light"])
    with pytest.raises(InvalidInputError, match="no argument 'querys'"):
        finder.evaluate(querys="x")
    with pytest.raises(InvalidInputError, match="limit is 1 or more"):
        finder.evaluate(by="folder", limit=0)
    with pytest.raises(InvalidInputError, match="No image has one value of 'breed'"):
        finder.evaluate(by="breed")
    queries = table(finder, "wrong.csv", "query,relevant", "- red,red0.png")
    with pytest.raises(InvalidQueryError, match="only subtracts"):
        finder.evaluate(queries=queries)


def test_an_image_that_goes_meanwhile_is_passed_over(finder: ImageFinder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its record is there when the questions are made, and gone when it is asked by."""
    made = working.of_images

    def with_one_gone(ids: list[str], labels: dict[str, str], uris: dict[str, str]) -> list[questions.Question]:
        gone = "00000000-0000-5000-8000-000000000000"
        first = next(iter(labels))
        return made([*ids, gone], {**labels, gone: labels[first]}, {**uris, gone: "/gone.png"})

    monkeypatch.setattr(working, "of_images", with_one_gone)
    assert finder.evaluate(by="folder").searches[0].best_cut is not None


def test_the_report_is_one_file_and_names_are_text(finder: ImageFinder) -> None:
    page = page_of(finder.evaluate(by="folder", compare=["light", "colours"]), lambda id, uri: "")
    assert "odd &lt;b&gt;&amp;.png" in page and "<b>&.png" not in page
    assert "http" not in page.replace("http-equiv", "") and "<script" not in page
    assert "colours finds more than light" in page and "What is found worst" in page


def test_on_the_command_line(sample_index: Path, copy_index: Callable[[Path, Path], Path], tmp_path: Path) -> None:
    home = copy_index(sample_index, tmp_path / "index")
    made = run_cli("evaluate", "--by", "folder", "--html", tmp_path / "r.html", "--json", "--index", home)
    assert made.returncode == 0
    result = json.loads(made.stdout)
    assert result["searches"][0]["kind"] == "labels" and result["searches"][0]["measures"]["hit@1"]["mean"] > 0.3
    page = (tmp_path / "r.html").read_text()
    assert page.count("data:image/jpeg;base64,") > 10 and 'class="right"' in page and 'class="wrong"' in page
    told = run_cli("evaluate", "--by", "folder", "--index", home)
    assert "Images that belong together" in told.stdout and "MAP@R" in told.stdout
    assert run_cli("evaluate", "--index", home).returncode == 2
