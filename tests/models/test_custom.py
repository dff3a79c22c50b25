"""Models of one's own: any object of the protocol, a function, and names for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import imagefinder
from imagefinder import FunctionEmbedder, ImageFinder
from imagefinder.errors import InvalidInputError, ModelError, ModelMismatchError, NotFoundError
from imagefinder.models import registry

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (30, 40, 210), "white": (250, 250, 250)}


def mean_colour(images: np.ndarray) -> np.ndarray:
    assert images.dtype == np.uint8 and images.shape[1:] == (16, 16, 3)
    return images.reshape(len(images), -1, 3).mean(axis=1) / 255


def colour_names(texts: Sequence[str]) -> np.ndarray:
    return np.array([np.array(COLOURS.get(text.split()[-1], (128, 128, 128))) / 255 for text in texts])


@pytest.fixture(autouse=True)
def _nothing_stays_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pictures").mkdir()
    for name, colour in COLOURS.items():
        Image.new("RGB", (40, 30), colour).save(tmp_path / "pictures" / f"{name}.png")
    Image.new("RGB", (40, 30), (200, 60, 60)).save(tmp_path / "pictures" / "reddish.png")
    return tmp_path


def embedder(**options: object) -> FunctionEmbedder:
    return FunctionEmbedder("mean-colour", mean_colour, dim=3, size=16, **options)  # type: ignore[arg-type]


def test_an_index_by_a_function(folder: Path) -> None:
    mine = embedder(transform="none")
    with ImageFinder.open(folder / "index", model=mine) as finder:
        assert finder.add(folder / "pictures").added == 5
        assert finder.models == ["mean-colour"] and finder.embedder is mine
        best = finder.search(folder / "pictures" / "red.png", k=2)
        assert [Path(hit.uri).stem for hit in best] == ["red", "reddish"]
        ids, vectors = finder.vectors(raw=True)
        by_uri = {finder.get(id).uri: row for id, row in zip(ids, vectors, strict=True)}
        expected = np.array(COLOURS["green"]) / 255
        np.testing.assert_allclose(by_uri[str(folder / "pictures" / "green.png")], expected, atol=1e-3)
        with pytest.raises(NotFoundError, match="doesn't understand"):
            _ = finder.text_space


def test_texts_by_a_function(folder: Path) -> None:
    with ImageFinder.open(folder / "index", model=embedder(texts=colour_names)) as finder:
        finder.add(folder / "pictures")
        for name in ("red", "green", "blue"):
            assert Path(finder.search(f"something {name}", k=1)[0].uri).stem == name
        norms = np.linalg.norm(finder.embed_words(["red", "blue"]), axis=1)
        np.testing.assert_allclose(norms, 1, atol=1e-5)


def test_an_index_made_by_a_function_asks_for_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ImageFinder.open(folder / "index", model=embedder(transform="none")) as finder:
        finder.add(folder / "pictures")
    monkeypatch.setattr(registry, "_registered", {})  # as in another process
    with ImageFinder.open(folder / "index") as finder:
        assert len(finder) == 5 and finder.models == ["mean-colour"]
        some = finder.columns(["id"])["id"][0]
        assert len(finder.similar(some, k=4)) == 4  # needs no model: its vector is stored
        with pytest.raises(NotFoundError, match="mean-colour"):
            finder.search(folder / "pictures" / "red.png")
        with pytest.raises(NotFoundError, match="mean-colour"):
            finder.add()
    imagefinder.register(embedder(transform="none"))
    with ImageFinder.open(folder / "index") as finder:
        assert Path(finder.search(folder / "pictures" / "red.png", k=1)[0].uri).stem == "red"
    with pytest.raises(ModelMismatchError, match="another version"):
        ImageFinder.open(folder / "index", model=embedder(transform="none", version="2"))


def test_a_registered_model_is_found_by_its_name_beside_others(folder: Path) -> None:
    imagefinder.register(embedder())
    with ImageFinder.open(folder / "index", model="fast") as finder:
        finder.add(folder / "pictures")
        assert finder.add_model("mean-colour").filled == 5
        assert {space.model for space in finder.spaces()} == {"efficientnet-lite0", "mean-colour"}
        hits = finder.search(folder / "pictures" / "blue.png", k=1, spaces=["mean-colour"])
        assert Path(hits[0].uri).stem == "blue"
        brightness = FunctionEmbedder("brightness", lambda batch: mean_colour(batch)[:, :1], dim=1, size=16)
        assert finder.add_model(brightness).model == "brightness"


class ByHand:
    """Fulfils the protocol without our help, as a client of some service would."""

    def __init__(self) -> None:
        self.spec = embedder().spec
        self.short_side, self.provider, self.asked = 32, "a service", 0

    def preprocess(self, image: Image.Image) -> np.ndarray:
        return np.asarray(image.resize((1, 1)), np.float32)

    def embed_images(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        self.asked += len(batch)
        return {"image": batch.reshape(len(batch), 3) / 255}


def test_any_object_of_the_protocol_will_do(folder: Path) -> None:
    service = ByHand()
    with ImageFinder.open(folder / "index", model=service) as finder:  # type: ignore[arg-type]
        finder.add(folder / "pictures")
        assert service.asked == 5 and finder.provider == "a service"


@pytest.mark.parametrize(
    ("made", "word"),
    [
        (lambda: FunctionEmbedder("A name!", mean_colour, dim=3), "a-z"),
        (lambda: FunctionEmbedder("x", mean_colour, dim=0), "dim"),
        (lambda: FunctionEmbedder("x", mean_colour, dim=3, size=0), "pixels"),
        (lambda: imagefinder.register(FunctionEmbedder("default", mean_colour, dim=3)), "another name"),
    ],
)
def test_what_can_not_be_is_refused(made: Callable[[], object], word: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        made()
    assert word in f"{caught.value.message} {caught.value.remedy}"


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    Image.new("RGB", (20, 20), "red").save(tmp_path / "a.png")
    yield tmp_path


@pytest.mark.parametrize(
    ("function", "word"),
    [
        (lambda images: np.zeros((len(images), 4)), "4"),
        (lambda images: np.full((len(images), 3), np.nan), "not finite"),
    ],
)
def test_a_function_that_gives_something_else_is_named(
    small: Path, function: Callable[[np.ndarray], np.ndarray], word: str
) -> None:
    with (
        ImageFinder.open(small / "index", model=FunctionEmbedder("wrong", function, dim=3)) as finder,
        pytest.raises(ModelError, match=word),
    ):
        finder.add(small / "a.png")
