"""The comparison of two pictures: copies are known whatever was done to them, look-alikes are not taken for copies."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cache
from pathlib import Path

import duplicates as bench  # the benchmark's edits
import numpy as np
import pytest
from PIL import Image, ImageOps

from imagefinder.duplicates.matching.align import align
from imagefinder.duplicates.matching.features import Features, features_of, mirrored
from imagefinder.duplicates.matching.tiers import Tier
from imagefinder.duplicates.matching.verify import Verdict, verify

SAMPLES = Path(__file__).resolve().parents[3] / "examples" / "images"
PHOTOS = [*sorted(SAMPLES.glob("town/*.jpg")), *sorted(SAMPLES.glob("animals/*.jpg"))[:4]]


def photo(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def features(image: Image.Image) -> Features:
    return features_of(image, *image.size)


def compared(a: Image.Image, b: Image.Image) -> Verdict:
    return verify(features(a), features(b))


@cache
def original_of(path: Path) -> tuple[Image.Image, Features]:
    """A photo and its features, computed once for all edits of it."""
    return (image := photo(path)), features(image)


@pytest.mark.parametrize("name", bench.EDITS)
def test_an_edited_copy_is_the_same_picture(name: str) -> None:
    for i, path in enumerate(PHOTOS):
        original, known = original_of(path)
        edited = features(bench.EDITS[name](original, np.random.default_rng(i)))
        for verdict in (verify(known, edited), verify(edited, known)):
            assert verdict.tier is Tier.SAME_PICTURE, (path.name, verdict)
            assert verdict.evidence


def test_different_photos_are_not_the_same_picture() -> None:
    every = [features_of(photo(p), 300, 300) for p in sorted(SAMPLES.rglob("*.jpg"))[::12]]
    verdicts = [verify(a, b) for a, b in itertools.combinations(every, 2)]
    assert len(verdicts) > 100
    assert all(v.tier is None for v in verdicts)


def test_the_edit_is_named_and_measured() -> None:
    original = photo(PHOTOS[0])
    turned = compared(original, original.rotate(5, Image.Resampling.BICUBIC))
    assert turned.angle == pytest.approx(5, abs=0.3)
    assert "rotated by 5°" in turned.edits
    small = compared(original, original.resize((original.width // 2, original.height // 2)))
    assert small.scale == pytest.approx(2, rel=0.02)
    assert small.edits == ("resized",)
    flipped = compared(original, ImageOps.mirror(original))
    assert (flipped.mirrored, flipped.edits) == (True, ("mirrored",))
    assert "100% of the overlap agrees" in flipped.evidence


def test_the_framed_one_of_the_two_is_known() -> None:
    original = photo(PHOTOS[0])
    framed = ImageOps.expand(original, border=original.width // 10, fill="navy")
    found = compared(original, framed).comparison
    assert found is not None
    assert found.framed == (False, True)
    assert found.overlaps[1] == pytest.approx(
        original.width * original.height / (framed.width * framed.height), abs=0.03
    )


def test_a_crop_that_takes_away_sky_leaves_no_border_behind() -> None:
    for path in PHOTOS:
        original = photo(path)
        crop = original.crop((0, original.height // 8, original.width, original.height))
        found = compared(original, crop).comparison
        assert found is not None
        assert found.framed == (False, False), path.name


@pytest.mark.parametrize("name", ["elephant", "capybara", "lion", "frog"])
def test_what_is_left_of_a_thing_on_white_is_no_picture_that_got_a_border(name: str) -> None:
    whole = photo(SAMPLES / "animals" / f"{name}.jpg")
    w, h = whole.size
    found = compared(whole, whole.crop((w // 5, h // 5, w - w // 8, h - h // 8))).comparison
    assert found is not None
    assert found.framed == (False, False)


def test_the_same_place_with_another_thing_in_it_is_no_copy() -> None:
    """As a camera on a tripod takes it: the surroundings agree to the pixel, the thing does not."""
    place, first, second = photo(PHOTOS[0]), photo(PHOTOS[4]), photo(PHOTOS[5])
    size = (place.width * 6 // 10, place.height * 6 // 10)
    shots = []
    for thing in (first, second):
        shot = place.copy()
        shot.paste(thing.resize(size), (place.width // 5, place.height // 5))
        shots.append(shot)
    verdict = compared(*shots)
    assert verdict.tier is not Tier.SAME_PICTURE
    assert verdict.comparison is None or verdict.comparison.agreement < 0.8


def test_a_garment_in_another_colour_is_no_copy() -> None:
    hue, saturation, value = photo(PHOTOS[0]).convert("HSV").split()
    strong = Image.merge("HSV", (hue.point(lambda h: 10), saturation.point(lambda s: 200), value))
    half = np.asarray(strong.convert("RGB")).copy()
    other = Image.merge("HSV", (hue.point(lambda h: 150), saturation.point(lambda s: 200), value))
    original = Image.fromarray(half.copy())
    half[half.shape[0] // 2 :] = np.asarray(other.convert("RGB"))[half.shape[0] // 2 :]
    assert compared(original, Image.fromarray(half)).tier is not Tier.SAME_PICTURE


def test_pictures_that_show_nothing_prove_nothing(make_image: Callable[..., Image.Image]) -> None:
    white = Image.new("RGB", (300, 200), "white")
    assert compared(white, white.copy()).tier is None
    assert compared(white, photo(PHOTOS[0])).tier is None


def test_a_smooth_picture_is_compared_as_a_whole(make_image: Callable[..., Image.Image]) -> None:
    smooth = make_image(3, (300, 200))
    assert compared(smooth, smooth.resize((200, 133))).tier is Tier.SAME_PICTURE
    assert compared(smooth, smooth.transpose(Image.Transpose.ROTATE_90)).tier is Tier.SAME_PICTURE
    assert compared(smooth, make_image(4, (300, 200))).tier is None


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 3), (8, 8)])
def test_odd_sizes_do_no_harm(size: tuple[int, int], make_image: Callable[..., Image.Image]) -> None:
    odd = make_image(5, (600, 600)).resize(size)
    assert compared(odd, photo(PHOTOS[0])).tier is None
    compared(odd, odd)


def test_the_features_of_a_mirrored_picture_need_no_computing() -> None:
    original = photo(PHOTOS[1])
    computed = features_of(ImageOps.mirror(original), *original.size)
    derived = mirrored(features_of(original, *original.size))
    np.testing.assert_array_equal(derived.grey, computed.grey)
    found = align(computed, derived)
    assert found is not None
    assert not found.mirrored
    assert found.inliers > 0.8 * len(computed.points)
    np.testing.assert_allclose(found.matrix, [[1, 0, 0], [0, 1, 0]], atol=0.05)
