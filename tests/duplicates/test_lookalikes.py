"""Pages of one template, other digits, moved things, files of several pictures: alike, and never copies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from random import Random

import lookalikes
import pytest
from PIL import Image, ImageDraw

from imagefinder.duplicates.find import Options
from imagefinder.duplicates.matching.closer import look_closer
from imagefinder.duplicates.matching.detail import fine_picture
from imagefinder.duplicates.matching.features import features_of
from imagefinder.duplicates.matching.shown import Shown, hold_of
from imagefinder.duplicates.matching.tiers import Tier
from imagefinder.duplicates.matching.verify import Verdict, verify
from imagefinder.finder import ImageFinder
from imagefinder.images.same_frames import appended, same_frames

SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "images"


def judged(a: Image.Image, b: Image.Image) -> Verdict:
    first = features_of(a, *a.size)
    return look_closer(verify(first, features_of(b, *b.size)), first, fine_picture(a), fine_picture(b))


@pytest.mark.parametrize("kind", lookalikes.KINDS)
def test_two_pages_of_one_template_are_not_one_picture(kind: str) -> None:
    for pair in lookalikes.look_alikes(kind, 1):
        assert judged(pair.first, pair.second).tier is not Tier.SAME_PICTURE, pair.variant
        assert judged(pair.second, pair.first).tier is not Tier.SAME_PICTURE, pair.variant


@pytest.mark.parametrize("kind", ["form", "number plate", "flavour", "moved thing", "score sheet"])
def test_a_page_and_its_copy_are_one_picture(kind: str) -> None:
    page = lookalikes.KINDS[kind](Random("a template"), Random("a content"))
    for edit in (lambda i: lookalikes.jpeg(i, 60), lambda i: lookalikes.jpeg(lookalikes.scaled(i, 0.6), 80)):
        assert judged(page, edit(page)).tier is Tier.SAME_PICTURE


def test_a_copy_of_which_a_part_looks_unlike_is_for_a_person_to_decide_about() -> None:
    photo = Image.open(SAMPLES / "animals" / "bear.jpg").convert("RGB")
    features = features_of(photo, *photo.size)
    verdict = verify(features, features_of(photo, *photo.size))
    assert verdict.comparison is not None and verdict.score == 1
    seen = judged(photo, photo)
    assert (seen.edits, hold_of(seen.edits, Shown(), first=True)) == (("re-encoded",), "")
    partly = replace(verdict, comparison=replace(verdict.comparison, agreement=0.8))
    seen = look_closer(partly, features, fine_picture(photo), fine_picture(photo))
    assert (seen.tier, seen.edits) == (Tier.SAME_PICTURE, ("partly unlike",))
    assert seen.evidence == "partly unlike; 80% of the overlap agrees"
    assert hold_of(seen.edits, Shown(), first=True).startswith("A part of what both show looks unlike")


@pytest.mark.parametrize("turn", [Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_180])
def test_a_sign_that_is_turned_or_mirrored_is_another_sign(turn: Image.Transpose) -> None:
    letter = Image.new("RGB", (90, 117), "white")
    ImageDraw.Draw(letter).text((12, -12), "b", "black", lookalikes.font(110))
    assert judged(letter, letter.transpose(turn)).tier is not Tier.SAME_PICTURE
    assert judged(letter, lookalikes.jpeg(letter, 80)).tier is Tier.SAME_PICTURE
    photo = Image.open(SAMPLES / "animals" / "bear.jpg").convert("RGB")
    assert judged(photo, photo.transpose(turn)).tier is Tier.SAME_PICTURE


def test_a_letter_with_dots_above_is_another_letter() -> None:
    letters = []
    for dots in (False, True):
        image = Image.new("RGB", (90, 117 if dots else 86), "white")
        draw = ImageDraw.Draw(image)
        draw.text((12, image.height - 117), "a", "black", lookalikes.font(110))
        if dots:
            draw.ellipse((20, 4, 34, 18), fill="black")
            draw.ellipse((50, 4, 64, 18), fill="black")
        letters.append(image)
    seen = [features_of(letter, *letter.size) for letter in letters]
    assert verify(*seen).tier is Tier.SAME_PICTURE  # at a first look
    assert judged(*letters).tier is not Tier.SAME_PICTURE


def test_one_more_stroke_of_a_letter_is_no_caption() -> None:
    signs = []
    for digit in "17":
        image = lookalikes.landscape(Random(1), 800, 600)
        draw = ImageDraw.Draw(image)
        draw.rectangle((250, 150, 550, 400), fill="white", outline="black", width=6)
        draw.text((290, 160), f"4{digit}", "black", lookalikes.font(190))
        signs.append(image)
    assert judged(*signs).tier is not Tier.SAME_PICTURE


def test_templates_are_in_no_group_of_copies(tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    for kind in ("form", "invoice", "number plate", "calendar", "receipt"):
        for i in range(2):
            lookalikes.KINDS[kind](Random(kind), Random(i)).save(folder / f"{kind}-{i}.png")
    copied = Image.open(folder / "form-0.png")
    copied.save(folder / "copy.jpg", quality=70)
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        finder.add(folder)
        groups = finder.duplicates(Options(tier=Tier.SIMILAR)).groups
    copies = [{Path(r.uri).name for r in (g.keep, *(m.record for m in g.members))} for g in groups if g.tier.is_copy]
    assert copies == [{"form-0.png", "copy.jpg"}]


# --- files of several pictures ------------------------------------------------------------------------------------


def pages(kind: str, numbers: list[int], **options: object) -> bytes:
    first, *others = (lookalikes.form(Random(0), Random(i)).resize((500, 700)) for i in numbers)
    buffer = BytesIO()
    first.save(buffer, kind, save_all=bool(others), append_images=others, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["TIFF", "GIF", "PNG", "WEBP"])
def test_every_page_or_frame_must_agree(kind: str) -> None:
    lossless = {"lossless": True} if kind == "WEBP" else {}
    one = pages(kind, [1, 2, 3], **lossless)
    assert same_frames(one, one) is None
    assert "3 pictures" in str(same_frames(one, pages(kind, [1], **lossless)))
    assert "picture 3 of 3" in str(same_frames(one, pages(kind, [1, 2, 4], **lossless)))


def test_the_same_pages_in_another_compression_agree() -> None:
    assert same_frames(pages("TIFF", [1, 2]), pages("TIFF", [1, 2], compression="tiff_lzw")) is None


def test_a_video_behind_a_jpeg_is_seen() -> None:
    still = pages("JPEG", [1])
    moving = still + b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 20
    assert (appended(still), appended(moving) > 5000) == (0, True)
    assert appended(still + b"\0" * 99 + b"notes") == 0
    assert "behind" in str(same_frames(still, moving))


@pytest.fixture
def add(tmp_path: Path) -> Callable[[dict[str, bytes]], list[set[str]]]:
    def copies(files: dict[str, bytes]) -> list[set[str]]:
        folder = tmp_path / "files"
        folder.mkdir()
        for name, data in files.items():
            (folder / name).write_bytes(data)
        with ImageFinder.open(tmp_path / "index", model="fast") as finder:
            finder.add(folder)
            groups = finder.duplicates().groups
        return [{Path(r.uri).name for r in (g.keep, *(m.record for m in g.members))} for g in groups]

    return copies


def test_an_animation_is_no_copy_of_a_still_or_of_another(add: Callable[[dict[str, bytes]], list[set[str]]]) -> None:
    photo = (SAMPLES / "animals" / "bear.jpg").read_bytes()
    files = {
        "fax-a.tif": pages("TIFF", [1, 2, 3]),
        "fax-b.tif": pages("TIFF", [1, 4, 5]),
        "fax-a-lzw.tif": pages("TIFF", [1, 2, 3], compression="tiff_lzw"),
        "page.png": pages("PNG", [1]),
        "photo.jpg": photo,
        "motion.jpg": photo + b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 100,
    }
    assert add(files) == [{"fax-a.tif", "fax-a-lzw.tif"}]
