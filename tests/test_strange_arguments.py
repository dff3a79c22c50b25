"""Methods of the library with arguments of the wrong kind, or far beyond what is meant: they do their work, or raise
one of the library's errors, which names the argument; never one from deep inside."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import odd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagefinder import ImageFinder
from imagefinder.errors import ImageFinderError, InvalidInputError

NOT_HERE = {  # what runs for ever, trains encoders, takes the index away, or writes files at odd places
    "open",
    "rebuild",
    "changes",
    "close",
    "train_autoencoder",
    "finetune_classifier",
    "serve_at",
    "pca_report",
    "purge",
    "map",
    "export",
    "export_folders",
    "export_model",
}
PROGRESS = "progress"


class Things:
    """The objects whose methods are called, and arguments that are right."""

    def __init__(self, finder: ImageFinder, home: Path) -> None:
        self.finder = finder
        ids = [r.id for r in finder.records()][:3]
        self.of = {"finder": finder, "clusters": finder.clusters, "copies": finder.copies, "feedback": finder.feedback}
        self.of["concepts"] = finder.concepts
        self.right: dict[str, Any] = {
            "sources": [str(home / "none")], "source": str(home / "none"), "old": "a", "new": "b", "images": ids[:1],
            "image": ids[0], "query": "red", "k": 2, "fields": ["id", "width"], "filter": "width > 0", "sort": "-mtime",
            "tags": ["a"], "add": ["b"], "remove": ["c"], "cluster": 0, "clusters": [0], "name": "a name", "max_k": 3,
            "label": "a",
            "space": None, "texts": ["red"], "labels": {ids[0]: "a"}, "by": "folder", "captions": {ids[0]: ["x"]},
            "model": None, "options": None, "table": str(home / "none.csv"), "n": 2, "locked": False,
            "decision": "keep-both", "first": ids[0], "second": ids[1],
            "decisions": None, "groups": [], "plan": None, "journal": None, "liked": ids[:1], "disliked": ids[1:2],
            "id": "x", "image_file": None,
        }  # fmt: skip

    def arguments(self, do: Callable[..., Any]) -> dict[str, Any]:
        """Right arguments for the parameters that have no default."""
        found = {}
        for name, p in inspect.signature(do).parameters.items():
            if p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL) or p.default is not p.empty:
                continue
            found[name] = (
                ({"words": "x"} if do.__qualname__.startswith("Feedback") else "red")
                if name == "query"
                else self.right[name]
            )
        return found


@pytest.fixture(scope="module")
def things(
    organised_index: Path, tmp_path_factory: pytest.TempPathFactory, copy_index: Callable[[Path, Path], Path]
) -> Iterator[Things]:
    home = tmp_path_factory.mktemp("arguments")
    (home / "empty").mkdir()
    with pytest.MonkeyPatch.context() as patch, ImageFinder.open(copy_index(organised_index, home / "index")) as finder:
        patch.chdir(home / "empty")  # which a path may stand for that is empty
        yield Things(finder, home)


def methods() -> list[tuple[str, str]]:
    from imagefinder.catalog.feedback import Feedback
    from imagefinder.clusters.view import Clusters
    from imagefinder.duplicates.review import Copies
    from imagefinder.search.concepts import Concepts

    classes = {"finder": ImageFinder, "clusters": Clusters, "copies": Copies, "feedback": Feedback}
    classes |= {"concepts": Concepts}
    return [
        (of, name)
        for of, cls in classes.items()
        for name, member in vars(cls).items()
        if inspect.isfunction(member) and not name.startswith("_") and name not in NOT_HERE
    ]


ODD = st.one_of(
    odd.values("width > 1", "folder", "a"),
    st.sampled_from(
        [b"bytes", object(), np.zeros(3), np.int64(5), np.float64("nan"), {1, 2}, (1, 2), len, Path("x"), 1j]
    ),
)


@pytest.mark.parametrize(("of", "name"), methods())
def test_a_wrong_argument_is_told_where_it_is_given(
    things: Things, of: str, name: str, tried: Callable[[int], settings]
) -> None:
    do = getattr(things.of[of], name)
    right = things.arguments(do)
    parameters = [
        p for p in inspect.signature(do).parameters.values() if p.name != PROGRESS and p.kind is not p.VAR_KEYWORD
    ]
    if not parameters:
        return

    def call(parameter: inspect.Parameter, value: Any) -> None:
        several = parameter.kind is parameter.VAR_POSITIONAL
        given_ = right | ({} if several else {parameter.name: value})
        try:
            do(*given_.values(), value) if several else do(**given_)
        except ImageFinderError as error:
            assert len(error.message) > 8
        except Exception as error:
            raise AssertionError(f"{of}.{name}({parameter.name}={value!r:.200}): {error!r:.300}") from error

    for parameter in parameters:
        for value in odd.GRAVE:
            call(parameter, value)
    tried(8)(given(st.sampled_from(parameters), ODD)(call))()


def test_the_error_names_the_argument(things: Things) -> None:
    finder = things.finder
    for wrong, words in (
        (lambda: finder.search("red", k="5"), "k is a whole number"),
        (lambda: finder.search("red", k=True), "k is a whole number"),
        (lambda: finder.search("red", diversity="much"), "diversity is a number"),
        (lambda: finder.search("red", liked="x"), "liked is a list of texts, not 'x'"),
        (lambda: finder.list(offset=1.5), "offset is a whole number"),
        (lambda: finder.get(5), "image is an id, a path or a URL, not 5"),
        (lambda: finder.tag(["x"], add="red"), "add is a list of texts, not 'red'"),
        (lambda: finder.add("x", workers="all"), "workers is a whole number"),
        (lambda: finder.cluster("many"), "n_clusters is a whole number"),
        (lambda: finder.cluster(n_cluster=5), "did you mean 'n_clusters'"),
        (lambda: finder.cluster(seed="x"), "seed is a whole number"),
        (lambda: finder.clusters.rename(0, 5), "name is a text, not 5"),
        (lambda: finder.outliers(2**70), "k is a whole number of 64 bits at most"),
    ):
        with pytest.raises(InvalidInputError) as told:
            wrong()
        assert words in str(told.value), told.value
