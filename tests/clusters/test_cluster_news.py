"""What came since the images were grouped, new groups of chosen images, and members in doubt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from imagefinder import ImageFinder
from imagefinder.clusters import state
from imagefinder.errors import InvalidInputError, NotFoundError

SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "images"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of the sample photos in groups, and pictures that came later: pages of writing, noise, and photos that
    were there already in another size. Never changed."""
    home = tmp_path_factory.mktemp("news")
    later = home / "later"
    later.mkdir()
    photos = sorted(SAMPLES.rglob("*.jpg"))
    for number in range(8):
        written = Image.new("RGB", (400, 560), "white")
        for line in range(20, 540, 14):
            ImageDraw.Draw(written).text((20, line), f"{number} about the lines of a page " * 2, fill="black")
        written.save(later / f"page-{number}.png")
        Image.effect_noise((400, 560), 60 + number).save(later / f"noise-{number}.png")
        with Image.open(photos[9 * number]) as image:
            image.convert("RGB").reduce(2).save(later / f"again-{number}.png")
    with ImageFinder.open(home / "index", model="fast") as finder:
        finder.add(SAMPLES)
        finder.cluster(stability=2)
        finder.add(later)
    return home


@pytest.fixture
def finder(original: Path, tmp_path: Path, copy_index: Callable[[Path, Path], Path]) -> Iterator[ImageFinder]:
    copy_index(original / "index", tmp_path / "index")
    with ImageFinder.open(tmp_path / "index") as finder:
        yield finder


def labels(finder: ImageFinder) -> dict[str, int]:
    return {record.id: record.extra.get("cluster", -2) for record in finder.records()}


def named(finder: ImageFinder, start: str) -> set[str]:
    return {record.id for record in finder.records() if Path(record.uri).name.startswith(start)}


def test_news_tell_what_fits_and_what_would_be_new(finder: ImageFinder) -> None:
    before, news = labels(finder), finder.clusters.news()
    since = finder.clusters.since()
    assert news.came == since["came"] == 24
    assert sum(news.fit.values()) <= since["fit"] and since["unfit"] >= 10, since
    assert sum(c.size for c in news.clusters) + news.rest + sum(news.fit.values()) == 24
    assert news.clusters and min(c.size for c in news.clusters) >= 5
    strangers = named(finder, "page-") | named(finder, "noise-")
    assert all(c.medoid in strangers for c in news.clusters)
    taken = [c.name.casefold() for c in finder.clusters]
    assert not {c.name.casefold() for c in news.clusters} & set(taken), "a new group has a name of its own"
    assert labels(finder) == before and finder.clusters.since() == since, "nothing changed"
    assert finder.clusters.news() == news


def test_news_are_taken_in_and_taken_back(finder: ImageFinder) -> None:
    news, before, was = finder.clusters.news(), labels(finder), finder.clusters.clustering
    since = finder.clusters.since()
    made = finder.clusters.take_in(news.key)
    now = labels(finder)
    assert {c.label: (c.name, c.size) for c in news.clusters}.items() <= {
        c.label: (c.name, c.size) for c in made.clusters
    }.items()
    assert all(now[id] == before[id] or now[id] in {c.label for c in news.clusters} for id in now), (
        "none moved among the old"
    )
    for cluster in news.clusters:
        assert sum(label == cluster.label for label in now.values()) == cluster.size
    assert finder.clusters.since()["came"] == 0 and finder.clusters.news().came == 0
    facts = finder.clusters.to_dict()
    assert all(c["measured"] == c["size"] for c in facts["clusters"]), "measured with what came"
    joined = [c for c in finder.clusters if c.label in news.fit]
    assert joined and all(c.stability is None for c in joined), "nobody resampled what came"
    assert was.grouped != made.grouped
    finder.clusters.undo()
    assert labels(finder) == before and finder.clusters.since() == since | {"advice": finder.clusters.since()["advice"]}
    assert finder.clusters.clustering.grouped == was.grouped


def test_images_like_those_taken_in_are_no_strangers_any_more(finder: ImageFinder, tmp_path: Path) -> None:
    more = tmp_path / "more"
    more.mkdir()
    for number in range(3):
        Image.effect_noise((400, 560), 64.5 + number).save(more / f"more-{number}.png")
    finder.clusters.take_in()
    noise = {labels(finder)[id] for id in named(finder, "noise-")} - {-1}
    finder.add(more)
    assert {labels(finder)[id] for id in named(finder, "more-")} <= noise


def test_some_of_the_new_groups_are_taken_in(finder: ImageFinder) -> None:
    news, before = finder.clusters.news(), labels(finder)
    made = finder.clusters.take_in(news.key, [])
    assert [c.label for c in made.clusters] == [c.label for c in made.clusters if c.label < news.clusters[-1].label]
    assert sum(label == -1 for label in labels(finder).values()) == finder.clusters.sizes()[-1] == made.n_noise
    assert labels(finder) == before
    assert made.centres.shape[0] == len(made.clusters) and len(made.tree) == len(made.clusters) - 1


def test_news_that_are_out_of_date_are_not_taken_in(finder: ImageFinder) -> None:
    news, was = finder.clusters.news(), finder.clusters.clustering.name
    finder.remove(sorted(named(finder, "noise-"))[0])
    with pytest.raises(InvalidInputError, match="have changed"):
        finder.clusters.take_in(news.key)
    with pytest.raises(InvalidInputError, match="no new cluster"):
        finder.clusters.take_in(clusters=[0])
    assert finder.clusters.clustering.name == was
    finder.cluster(4, method="kmeans", stability=0)
    assert finder.clusters.news().came == 0
    with pytest.raises(InvalidInputError, match="No image came"):
        finder.clusters.take_in()


def test_many_corrections_do_not_make_one_forget_what_came(finder: ImageFinder) -> None:
    news, grouped = finder.clusters.news(), finder.clusters.clustering.grouped
    first = finder.clusters[0]
    for number in range(state.KEPT + 3):
        finder.clusters.rename(first.label, f"name {number}")
    finder.clusters.move([first.medoid], first.label)
    later = finder.clusters.news()
    assert (later.came, later.rest, len(later.clusters)) == (news.came, news.rest, len(news.clusters))
    assert finder.clusters.clustering.grouped == grouped, "when it was grouped is no matter of names"


def test_a_group_is_made_of_chosen_images(finder: ImageFinder) -> None:
    before = finder.clusters.clustering
    pages = sorted(named(finder, "page-"))
    made = finder.clusters.create(pages, "  Pages of  writing")
    assert made.name == "Pages of writing" and made.size == 8 and made.named and made.sure is None
    assert {labels(finder)[id] for id in pages} == {made.label}
    with pytest.raises(InvalidInputError, match="called 'pages of writing' already"):
        finder.clusters.create(pages[:1], "pages of writing")
    with pytest.raises(NotFoundError):
        finder.clusters.create([], "Nothing")
    finder.cluster(5, method="kmeans", stability=0)
    assert finder.clusters.find("Pages of writing").size >= 8 and {labels(finder)[id] for id in pages} == {made.label}
    finder.clusters.undo()
    finder.clusters.undo()
    assert [c.name for c in finder.clusters] == [c.name for c in before.clusters]
    unnamed = finder.clusters.create(pages)
    assert unnamed.name and not unnamed.named


def test_members_in_doubt_are_answered(finder: ImageFinder) -> None:
    cluster = max(finder.clusters, key=lambda c: c.size)
    doubts = finder.clusters.borderline(cluster.name, 10)
    assert len(doubts) == 10 and [d.margin for d in doubts] == sorted(d.margin for d in doubts)
    assert all(labels(finder)[d.id] == cluster.label and cluster.label not in d.others for d in doubts)
    kept, moved = doubts[0], doubts[1]
    size = finder.clusters.sizes()[cluster.label]
    finder.clusters.move(kept.id, cluster.label)
    finder.clusters.move(moved.id, moved.others[0])
    assert finder.clusters.clustering.find(cluster.label).size == size - 1
    rest = [d.id for d in finder.clusters.borderline(cluster.label, 1000)]
    assert kept.id not in rest and moved.id not in rest and len(rest) == size - 2
    new = {d.id for d in finder.clusters.borderline(cluster.label, 1000, new=True)}
    came = named(finder, "again-") | named(finder, "noise-") | named(finder, "page-")
    assert new == set(rest) & came


def test_keeping_an_image_where_it_is_reads_no_vectors(finder: ImageFinder, monkeypatch: pytest.MonkeyPatch) -> None:
    first = finder.clusters[0]
    monkeypatch.setattr("imagefinder.clusters.edit.with_vectors", lambda *_: pytest.fail("vectors were read"))
    finder.clusters.move(first.representatives, first.label)
    now = finder.clusters.clustering
    assert np.flatnonzero(now.pinned).tolist() == sorted(now.ids.index(id) for id in first.representatives)
    finder.clusters.undo()
    assert not finder.clusters.clustering.pinned.any()


def test_how_sure_a_name_is(finder: ImageFinder) -> None:
    sure = [c.sure for c in finder.clusters]
    assert all(s is None or 0 <= s <= 1 for s in sure) and max(s or 0 for s in sure) > 0.5
    given = finder.clusters.rename(finder.clusters[0].label, "What I call it")
    assert given.sure is None, "whoever gives a name is sure"
