"""Training through ``ImageFinder`` and the command line, on pictures drawn here."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import run_cli
from PIL import Image, ImageDraw

from imagefinder import ImageFinder
from imagefinder.errors import ImageFinderError, InvalidInputError, NotFoundError
from imagefinder.training import export
from imagefinder.training import on_vectors as teaching

KINDS = ("discs", "stripes", "squares")
EACH = 10


def draw(kind: str, seed: int) -> Image.Image:
    random = np.random.default_rng(seed)
    picture = Image.new("RGB", (120, 100), tuple(random.integers(0, 120, 3).tolist()))
    pen, colour = ImageDraw.Draw(picture), tuple(random.integers(130, 256, 3).tolist())
    for i in range(6):
        x, y = random.integers(0, 90, 2).tolist()
        if kind == "discs":
            pen.ellipse((x, y, x + 26, y + 26), fill=colour)
        elif kind == "squares":
            pen.rectangle((x, y, x + 22, y + 22), outline=colour, width=3)
        else:
            pen.line((0, 18 * i + x // 9, 120, 18 * i + x // 9), fill=colour, width=5)
    return picture


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pictures, ``labels.csv``, ``captions.csv`` and an index of them; tests copy the index."""
    folder = tmp_path_factory.mktemp("drawn")
    (folder / "pictures").mkdir()
    with (folder / "labels.csv").open("w", newline="") as labels, (folder / "captions.csv").open("w") as captions:
        rows, said = csv.writer(labels), csv.writer(captions)
        rows.writerow(["filename", "label"])
        said.writerow(["filename", "caption"])
        for number, kind in enumerate(KINDS):
            for i in range(EACH):
                name = f"pictures/{kind}-{i}.png"
                draw(kind, 100 * number + i).save(folder / name)
                rows.writerow([name, kind])
                said.writerow([name, f"a picture of {kind}"])
                said.writerow([name, f"many {kind}, drawn by hand"])
        rows.writerow(["pictures/gone.png", "discs"])
    with ImageFinder.open(folder / "index") as finder:
        finder.add(folder / "pictures")
    return folder


@pytest.fixture
def index(drawn: Path, tmp_path: Path, copy_index: Callable[[Path, Path], Path]) -> Path:
    return copy_index(drawn / "index", tmp_path / "index")


def test_what_is_learnt_does_not_depend_on_where_the_files_lie(drawn: Path, tmp_path: Path) -> None:
    reports = []
    for place in ("here", "elsewhere/further/down"):
        shutil.copytree(drawn / "pictures", tmp_path / place)
        with ImageFinder.open(tmp_path / place.replace("/", "-") / "index") as finder:
            finder.add(tmp_path / place)
            name = {record.id: Path(record.uri).stem for record in finder.records()}
            assert list(name.values()) != sorted(
                name.values()
            )  # ids, which are made of paths, have orders of their own
            kinds = {id: stem.partition("-")[0] for id, stem in name.items()}
            spoken = {id: [f"a picture of {kind}"] for id, kind in kinds.items()}
            made = [
                finder.train_classifier(kinds, hidden=8),
                finder.train_adapter(kinds),
                finder.train_words(spoken),
            ]
            classes, _ = finder.predict(drawn / "pictures" / "discs-3.png")
            reports.append([(m.before, m.after, m.chosen) for m in made] + [classes[0].label, classes[0].confidence])
    *first, sure = reports[0]
    *second, as_sure = reports[1]
    assert first == second
    assert sure == pytest.approx(as_sure, abs=1e-3)


def test_a_classifier_gives_a_space_and_classes(drawn: Path, index: Path) -> None:
    with ImageFinder.open(index) as finder:
        stages: list[str] = []
        made = finder.train_classifier(
            drawn / "labels.csv", hidden=12, use=True, progress=lambda now: stages.append(now.stage)
        )
        assert made.name == "classifier" and made.images == 3 * EACH and made.missing == ("pictures/gone.png",)
        assert made.held_out == 6 and made.before is not None and made.after is not None
        assert {"measuring", "training", "filling the space"} <= set(stages)
        ids, vectors = finder.vectors()
        assert vectors.shape == (3 * EACH, 12) and finder.info().spaces["classifier"]["current"] == ["image"]
        buffer = BytesIO()
        draw("stripes", 999).save(buffer, "PNG")
        found, skipped = finder.predict(drawn / "pictures" / "discs-0.png", buffer.getvalue(), draw("squares", 998))
        assert [p.label for p in found] == ["discs", "stripes", "squares"] and not skipped
        assert all(0.33 < p.confidence <= 1 and len(p.classes) == 3 for p in found)
        report = finder.classify()
        assert report.images == 3 * EACH and sum(report.classes.values()) == 3 * EACH
        discs = finder.records("class = discs and class_confidence > 0.3")
        assert sum("discs" in r.uri for r in discs) >= 0.9 * len(discs) > 0
        assert len(finder.similar(ids[0], 3)) == 3
        words = finder.search("red discs", 3)
        assert len(words) == 3  # words are looked for where they were before
    with ImageFinder.open(index) as finder:  # and from the disk
        stored = json.loads((index / "models" / "classifier" / "spec.json").read_text())
        assert stored["report"]["after"] == made.to_dict()["after"] and stored["classes"] == sorted(KINDS)
        finder.use_space("efficientnet-lite2")
        finder.drop_space("classifier")
        assert not (index / "models" / "classifier").exists()
        with pytest.raises(NotFoundError, match="no classifier"):
            finder.predict(drawn / "pictures" / "discs-0.png")


def test_a_new_image_gets_a_vector_of_the_trained_space(drawn: Path, index: Path, tmp_path: Path) -> None:
    with ImageFinder.open(index) as finder:
        name = finder.train_classifier(drawn / "labels.csv", use=True).name
        (tmp_path / "more").mkdir()
        draw("discs", 555).save(tmp_path / "more" / "new.png")
        finder.add(tmp_path / "more")
        ids, vectors = finder.vectors(name)
        place = ids.index(finder.get(str(tmp_path / "more" / "new.png")).id)
        fresh = finder.embed_images([draw("discs", 555)], name)
        assert float(vectors[place] @ fresh[0]) > 0.999


def test_an_adapter_is_kept_only_where_it_helps(index: Path, tmp_path: Path) -> None:
    with ImageFinder.open(index) as finder:
        by_id = {r.id: Path(r.uri).name.split("-")[0] for r in finder.records()}
        made = finder.train_adapter({**by_id, "nobody": "discs"}, name="shapes", methods=["lda", "logistic-100"])
        assert made.missing == ("nobody",) and made.before is not None and made.after is not None
        if made.name:
            assert made.after.map_at_r > made.before.map_at_r  # type: ignore[attr-defined]
            assert finder.vectors("shapes")[1].shape[0] == 3 * EACH
            with pytest.raises(InvalidInputError, match="already"):
                finder.train_adapter(by_id, name="shapes")
        (tmp_path / "alike").mkdir()
        for kind, seed, width in [(kind, seed, 100 + i) for seed, kind in enumerate(KINDS[:2]) for i in range(8)]:
            draw(kind, seed).resize((width, 100)).save(tmp_path / "alike" / f"{kind}-{width}.png")
        finder.add(tmp_path / "alike")
        told_apart = {r.id: Path(r.uri).name.split("-")[0] for r in finder.records() if "alike" in r.uri}
        nothing = finder.train_adapter(told_apart, methods=["lda"])
        assert nothing.before is not None and nothing.before.map_at_r == 1.0  # type: ignore[attr-defined]
        assert nothing.name is None and nothing.chosen == "untouched" and nothing.notes
        assert "adapter" not in {s.name for s in finder.spaces()}


def test_feedback_is_something_to_learn_from(index: Path) -> None:
    with ImageFinder.open(index) as finder:
        with pytest.raises(InvalidInputError, match="nothing to learn"):
            finder.train_adapter()
        with pytest.raises(InvalidInputError, match="Nothing was liked"):
            finder.train_adapter(feedback=True)
        ids = {kind: [r.id for r in finder.records() if kind in r.uri] for kind in KINDS}
        finder.feedback.add({"text": "discs"}, ids["discs"][:8], ids["stripes"][:4])
        finder.feedback.add({"text": "squares"}, ids["squares"][:8], ids["stripes"][:4])
        made = finder.train_adapter(feedback=True, methods=["lda"])
        assert made.images == 20 and made.facts["classes"] == 6
        assert made.before is not None and made.before.queries >= 4  # type: ignore[attr-defined]


def test_what_the_index_knows_is_something_to_learn_from(index: Path) -> None:
    with ImageFinder.open(index) as finder:
        for kind in KINDS:
            some = [record for record in finder.records() if kind in record.uri]
            finder.tag([record.id for record in some], add=[kind])
            for record in some:
                finder.update(record.id, caption=f"a picture of {kind}")
        assert finder.train_classifier(by="tags").facts["classes"] == sorted(KINDS)
        assert finder.train_words().facts["captions"] == 3 * EACH
    told = run_cli("train", "adapter", "--by", "tags", "--method", "lda", "--index", index, "--json")
    assert json.loads(told.stdout)["images"] == 3 * EACH


def test_captions_teach_words(drawn: Path, index: Path) -> None:
    with ImageFinder.open(index) as finder:
        made = finder.train_words(drawn / "captions.csv", use=True)
        assert made.name == "my-words" and made.facts["captions"] == 6 * EACH
        assert finder.text_space == "my-words" and finder.info().spaces["efficientnet-lite2"]["current"] == ["image"]
        hits = finder.search("many stripes", EACH)
        assert sum("stripes" in hit.uri for hit in hits) >= 0.8 * EACH
        again = finder.train_words(drawn / "captions.csv")  # from the model's words, not from those taught
        assert again.name == "my-words-2" and again.after == made.after


def test_values_that_are_no_numbers_are_refused(drawn: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stored(*given: Any) -> Any:  # the store itself refuses such values
        ids, raw = read(*given)
        for rows in raw.values():
            rows[3] = np.full_like(rows[3], np.nan)
        return ids, raw

    read = teaching._stored
    monkeypatch.setattr(teaching, "_stored", stored)
    with ImageFinder.open(index) as finder:
        for train in (finder.train_adapter, finder.train_classifier):
            with pytest.raises(InvalidInputError, match=r"NaN or infinite.*row 3"):
                train(drawn / "labels.csv")
        with pytest.raises(InvalidInputError, match=r"image vectors.*row 3"):
            finder.train_words(drawn / "captions.csv")
        assert not (index / "models").exists()


def test_a_training_that_is_killed_leaves_the_index_as_it_was(
    drawn: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = export._write

    def killed(path: Path, content: object) -> None:
        write(path, content)
        if path.name == "model.onnx":
            raise SystemExit  # as the process would end

    with monkeypatch.context() as patch, ImageFinder.open(index) as finder:
        patch.setattr(export, "_write", killed)
        with pytest.raises(SystemExit):
            finder.train_classifier(drawn / "labels.csv")
    assert {p.name for p in (index / "training").iterdir()} == {"classifier"} and not (index / "models").exists()
    with ImageFinder.open(index) as finder:
        assert [s.name for s in finder.spaces()] == ["efficientnet-lite2", "efficientnet-lite2-words"]
        assert finder.train_classifier(drawn / "labels.csv").name == "classifier"
        assert not list((index / "training").iterdir())


def test_the_commands(drawn: Path, index: Path) -> None:
    made = run_cli("train", "classifier", "--labels", drawn / "labels.csv", "--hidden", 8, "--index", index)
    assert made.returncode == 0 and "map at r" in made.stdout and "The space classifier is ready." in made.stdout
    assert "pictures/gone.png" in made.stderr and "imagefinder spaces use classifier" in made.stderr
    told = run_cli("predict", drawn / "pictures", "--index", index, "--json")
    rows = json.loads(told.stdout)["predictions"]
    assert len(rows) == 3 * EACH and {r["class"] for r in rows} == set(KINDS)
    assert set(rows[0]) == {"uri", "class", "confidence", "classes"}
    assert run_cli("predict", "--all", "--index", index).stdout.startswith("30 images classified by classifier.")
    taught = run_cli("train", "words", "--captions", drawn / "captions.csv", "--index", index, "--json", "--name", "w")
    assert taught.returncode == 0 and json.loads(taught.stdout)["name"] == "w"


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        (["adapter"], 2, "nothing to learn from"),
        (["adapter", "--labels", "one.csv"], 2, "Only one class"),
        (["adapter", "--labels", "few.csv"], 2, "four different images"),
        (["adapter", "--labels", "twice.csv"], 2, "two labels"),
        (["classifier", "--labels", "gone.csv"], 2, "is in the index"),
        (["classifier", "--labels", "labels.csv", "--name", "../up"], 2, "no name for a model"),
        (["classifier", "--labels", "labels.csv", "--space", "nothing"], 3, "nothing"),
        (["adapter", "--by", "folder"], 2, "Only one class"),
        (["classifier", "--by", "breed"], 2, "No image has one value of 'breed'"),
        (["classifier"], 2, "nothing to learn from"),
        (["words", "--captions", "labels.csv"], 2, "0 images have captions"),
        (["words"], 2, "0 images have captions"),
    ],
)
def test_wrong_use_is_said(drawn: Path, index: Path, command: list[str], code: int, message: str) -> None:
    from click.testing import CliRunner

    from imagefinder.cli import cli
    from imagefinder.cli.common import report_error

    tables = {
        "one.csv": "pictures/discs-0.png,discs\npictures/discs-1.png,discs\n",
        "few.csv": "pictures/discs-0.png,discs\npictures/squares-1.png,squares\n",
        "twice.csv": "pictures/discs-0.png,discs\npictures/discs-0.png,squares\n",
        "gone.csv": "nowhere.png,discs\n",
    }
    for name, text in tables.items():
        (drawn / name).write_text("filename,label\n" + text)
    arguments = [str(drawn / a) if a.endswith(".csv") else a for a in command]
    done = CliRunner().invoke(cli, ["train", *arguments, "--index", str(index)])
    assert isinstance(done.exception, ImageFinderError) and message in str(done.exception)
    assert report_error(done.exception, []) == code
    assert not (index / "models").exists()


def test_a_model_whose_file_is_broken_is_said(drawn: Path, index: Path) -> None:
    with ImageFinder.open(index) as finder:
        finder.train_classifier(drawn / "labels.csv")
    shutil.copy(drawn / "labels.csv", index / "models" / "classifier" / "model.onnx")
    with ImageFinder.open(index) as finder, pytest.raises(ImageFinderError, match="is not the file") as caught:
        finder.predict(drawn / "pictures" / "discs-0.png")
    assert "Train it again" in caught.value.remedy


@pytest.mark.parametrize(("by", "told"), [("cluster_name", True), ("cluster", True), ("folder", False), (None, False)])
def test_figures_of_labels_computed_from_the_vectors_are_called_no_evidence(by: str | None, told: bool) -> None:
    from imagefinder.training.report import Training, with_origin

    made = Training("adapter", "a", 9, (), 3, None, None, "lda", 0.1, notes=("first",))
    notes = with_origin(made, by).to_dict()["notes"]
    assert notes[0] == "first" and [f"({by})" in note and "no evidence" in note for note in notes[1:]] == [True] * told
