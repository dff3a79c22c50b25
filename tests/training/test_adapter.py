"""What an adapter may do to a space, and when it stays away."""

from __future__ import annotations

import numpy as np
import pytest

from imagefinder.errors import InvalidInputError
from imagefinder.evaluation.retrieval import score_labels
from imagefinder.training.adapter import Chosen, fit_adapter
from imagefinder.training.export import check_parity
from imagefinder.training.labels import Examples, examples_of
from imagefinder.types import Record
from imagefinder.vectors.transform import LinearTransform


def examples(labels: list[str]) -> Examples:
    ids = [f"{i:04}" for i in range(len(labels))]
    return examples_of(dict(zip(ids, labels, strict=True)), [Record(id=id, uri=id, content_hash=id) for id in ids])


def collection(noise: float, count: int = 240, seed: int = 0) -> tuple[np.ndarray, list[str], LinearTransform]:
    """Raw vectors in which six classes differ in 4 of 24 dimensions, and far more in the others by chance."""
    random = np.random.default_rng(seed)
    classes = np.arange(count) % 6
    raw = random.standard_normal((count, 24)) * noise
    raw[:, :4] = random.standard_normal((6, 4))[classes] + 0.3 * random.standard_normal((count, 4))
    raw = (raw + 3).astype(np.float32)
    base = LinearTransform.fit([raw], kind="center", prior_mean=np.zeros(24, np.float32))
    return raw, [f"class {c}" for c in classes], base


def fit(raw: np.ndarray, labels: list[str], base: LinearTransform, given: int, **options: object) -> Chosen:
    return fit_adapter(raw, np.arange(given), examples(labels[:given]), base, **options)  # type: ignore[arg-type]


def test_it_finds_what_tells_the_classes_apart() -> None:
    raw, labels, base = collection(noise=1.0)
    chosen = fit(raw, labels, base, 120)
    assert chosen.adapter is not None
    before = score_labels(base.apply(raw[120:]), labels[120:])
    adapted = chosen.adapter.apply(raw)
    centred = LinearTransform.fit([adapted], kind="center", prior_mean=np.zeros(adapted.shape[1], np.float32))
    after = score_labels(centred.apply(adapted[120:]), labels[120:])
    assert after.map_at_r > before.map_at_r + 0.15 and after.recall_at_1 > before.recall_at_1
    assert chosen.after.map_at_r > chosen.before.map_at_r
    assert chosen.candidates[0]["map_at_r"] >= chosen.candidates[-1]["map_at_r"]
    np.testing.assert_allclose(np.linalg.norm(adapted, axis=1), 1, atol=1e-5)


def test_the_exported_graph_gives_the_same() -> None:
    raw, labels, base = collection(noise=1.0)
    for methods in (["lda"], ["logistic-100"]):
        adapter = fit(raw, labels, base, 120, recipes=methods).adapter
        assert adapter is not None
        worst = check_parity(adapter.graph(), {"base_image": raw}, {"image": adapter.apply(raw)})
        assert worst < 1e-5


def test_the_same_seed_gives_the_same_adapter() -> None:
    raw, labels, base = collection(noise=1.0)
    first, second = (fit(raw, labels, base, 60, seed=3) for _ in range(2))
    assert first.candidates == second.candidates and first.adapter is not None and second.adapter is not None
    np.testing.assert_array_equal(first.adapter.apply(raw), second.adapter.apply(raw))


def test_labels_by_chance_leave_the_space_as_it_is() -> None:
    raw, labels, base = collection(noise=1.0)
    stayed = 0
    for seed in range(4):
        shuffled = np.random.default_rng(seed).permutation(labels).tolist()
        chosen = fit(raw, shuffled, base, 120, recipes=["lda", "logistic-10"], seed=seed)
        stayed += chosen.adapter is None
        assert chosen.adapter is not None or (chosen.name == "untouched" and chosen.before == chosen.after)
    assert stayed >= 3


def test_too_few_images_of_every_class_are_refused() -> None:
    raw, labels, base = collection(noise=1.0)
    for given in (6, 12):  # one and two of each class
        with pytest.raises(InvalidInputError, match="four different images"):
            fit(raw, labels, base, given)


def test_an_unknown_method_is_refused() -> None:
    raw, labels, base = collection(noise=1.0)
    with pytest.raises(InvalidInputError, match=r"'magic'.*wccn"):
        fit(raw, labels, base, 60, recipes=["magic"])
