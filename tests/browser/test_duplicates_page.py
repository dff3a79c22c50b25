"""Duplicates on the page: found, compared, kept, moved to the trash and taken back."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browsing import SAMPLES, Server, message, places, reload, settled, wait_for
from PIL import Image, ImageOps, ImageStat

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

SEEN_TWICE = sorted(SAMPLES.rglob("*.jpg"))[:90:30]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine pictures; one of them is there twice, one smaller as well, and one re-encoded."""
    folder = tmp_path_factory.mktemp("album")
    for path in [*SEEN_TWICE, *sorted(SAMPLES.rglob("*.jpg"))[100:160:10]]:
        shutil.copy(path, folder)
    shutil.copy(SEEN_TWICE[0], folder / "same-file.jpg")
    with Image.open(SEEN_TWICE[1]) as image:
        image.resize((image.width // 2, image.height // 2)).save(folder / "smaller.jpg", quality=90)
    with Image.open(SEEN_TWICE[2]) as image:
        image.save(folder / "encoded-again.webp", quality=80)
    return folder


@pytest.fixture(scope="module")
def server(serve: Callable[..., Server], folder: Path) -> Server:
    server = serve()
    server.run_job("index", sources=[str(folder)])
    return server


def report(server: Server) -> dict[frozenset[str], dict[str, Any]]:
    """The groups by the names of their files."""
    groups = server.get("/duplicates")["groups"]
    return {frozenset(Path(one["uri"]).name for one in [group["keep"], *group["members"]]): group for group in groups}


def card(page: Page, name: str) -> Locator:
    return page.get_by_test_id("duplicates-group").filter(has_text=name)


def test_duplicates_are_found(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/duplicates")
    page.get_by_role("button", name="Find duplicates").click()
    expect(page.get_by_test_id("duplicates-group")).to_have_count(3)
    settled(page)
    names = [path.name for path in SEEN_TWICE]
    copies = ["same-file.jpg", "smaller.jpg", "encoded-again.webp"]
    assert set(report(server)) == {frozenset(pair) for pair in zip(names, copies, strict=True)}
    for name, copy in zip(names, copies, strict=True):
        expect(card(page, copy)).to_contain_text(name)
        left, right = places(card(page, copy).get_by_role("listitem"))
        assert left["y"] == right["y"] and left["x"] < right["x"]  # beside each other


def test_two_are_compared(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/duplicates")
    card(page, "smaller.jpg").get_by_role("button", name="Compare").click()
    compare = page.get_by_test_id("compare")
    for mode in ("Swipe", "Difference", "Side by side"):
        compare.get_by_role("button", name=mode).click()
        expect(compare.get_by_role("button", name=mode)).to_have_attribute("aria-pressed", "true")
        expect(compare.get_by_role("img").first).to_be_visible()
    expect(compare).to_contain_text("smaller.jpg")
    page.keyboard.press("Escape")
    expect(compare).to_have_count(0)


def test_both_are_kept_and_the_decision_is_taken_back(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/duplicates")
    card(page, "encoded-again.webp").get_by_role("button", name="Keep both").click()
    expect(card(page, "encoded-again.webp")).to_have_count(0)
    [pair] = wait_for(lambda: server.get("/duplicates/decisions")["pairs"], "the decision")
    assert pair["decision"] == "keep-both"
    reload(page)
    expect(page.get_by_test_id("duplicates-group")).to_have_count(2)
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("button", name="Decisions so far").click()
    decisions = page.get_by_role("dialog", name="Decisions")
    decisions.get_by_role("button", name="Undo").click()
    expect(decisions).to_contain_text("Nothing is decided.")
    assert not server.get("/duplicates/decisions")["pairs"]
    page.keyboard.press("Escape")
    expect(decisions).to_have_count(0)
    expect(page.get_by_test_id("duplicates-group")).to_have_count(3)


def test_a_copy_goes_to_the_trash_and_comes_back(server: Server, open_page: Callable[..., Page], folder: Path) -> None:
    page = open_page(server, "/duplicates")
    card(page, "smaller.jpg").get_by_test_id("trash").click()
    question = page.get_by_test_id("confirm-trash")
    expect(question).to_contain_text("smaller.jpg")
    assert (folder / "smaller.jpg").exists()
    question.get_by_role("button", name="Move to the trash").click()
    expect(card(page, "smaller.jpg")).to_have_count(0)
    message(page, "1 file moved to the trash")
    assert not (folder / "smaller.jpg").exists()
    assert (folder / SEEN_TWICE[1].name).exists()
    assert server.get("/images", k=1)["total"] == 11
    page.get_by_test_id("undo").click()
    message(page, "Undone: ")
    assert (folder / "smaller.jpg").exists()
    wait_for(lambda: server.get("/images", k=1)["total"] == 12, "the picture to be in the index again")
    expect(card(page, "smaller.jpg")).to_be_visible()


def test_exact_copies_go_at_once_by_keys(server: Server, open_page: Callable[..., Page], folder: Path) -> None:
    page = open_page(server, "/duplicates")
    expect(page.get_by_test_id("duplicates-group")).to_have_count(3)
    for index in (0, 1):
        page.keyboard.press("j")
        expect(page.get_by_test_id("duplicates-group").nth(index)).to_be_focused()
    page.keyboard.press("n")
    expect(page.get_by_test_id("duplicates-group")).to_have_count(2)
    wait_for(lambda: server.get("/duplicates/decisions")["pairs"], "the decision")
    expect(page.get_by_test_id("undo")).to_be_visible()  # the page knows by now that it is decided
    page.keyboard.press("u")
    expect(page.get_by_test_id("duplicates-group")).to_have_count(3)
    wait_for(lambda: not server.get("/duplicates/decisions")["pairs"], "the decision to be forgotten")
    page.get_by_test_id("trash-sure").click()
    page.get_by_test_id("confirm-trash").get_by_role("button", name="Move to the trash").click()
    wait_for(lambda: len(list(folder.iterdir())) == 11, "one file to be moved")
    left = {SEEN_TWICE[0].name, "same-file.jpg"} & {path.name for path in folder.iterdir()}
    assert len(left) == 1
    page.get_by_test_id("undo").click()
    wait_for(lambda: len(list(folder.iterdir())) == 12, "the file to be back")


@pytest.fixture(scope="module")
def kinds(serve: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A photo with its video, there twice; a whole and a crop of it in a higher resolution; two names of one file."""
    folder = tmp_path_factory.mktemp("kinds")
    for place in ("phone", "copies/phone"):
        (folder / place).mkdir(parents=True)
        shutil.copy(SEEN_TWICE[0], folder / place / "IMG_1.JPG")
        (folder / place / "IMG_1.MOV").write_bytes(b"video" * 1000)
    mosaic = Image.new("RGB", (800, 600))
    for number, path in enumerate(sorted(SAMPLES.rglob("*.jpg"))[100:116]):
        with Image.open(path) as image:
            mosaic.paste(image.convert("RGB").resize((200, 150)), (number % 4 * 200, number // 4 * 150))
    mosaic.resize((400, 300)).save(folder / "whole.png")
    mosaic.crop((0, 0, 560, 600)).save(folder / "finer-crop.png")
    shutil.copy(SEEN_TWICE[1], folder / "a.jpg")
    (folder / "another-name.jpg").hardlink_to(folder / "a.jpg")
    server = serve()
    server.run_job("index", sources=[str(folder)])
    server.run_job("duplicates")
    return server


def test_files_of_one_picture_are_shown_and_move_together(kinds: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(kinds, "/duplicates")
    shot = card(page, "IMG_1.JPG")
    expect(shot.get_by_text("One picture with IMG_1.MOV")).to_have_count(2)
    shot.get_by_test_id("trash").click()
    question = page.get_by_test_id("confirm-trash")
    expect(page.get_by_role("dialog", name="Move 2 files to the trash?")).to_be_visible()
    expect(question).to_contain_text("One picture with IMG_1.MOV")
    question.get_by_role("button", name="Move to the trash").click()
    message(page, "2 files moved to the trash")
    page.get_by_test_id("undo").click()
    message(page, "Undone: ")
    expect(shot).to_be_visible()
    kinds.at_rest()


def test_nothing_is_suggested_where_each_has_something(kinds: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(kinds, "/duplicates")
    crop = card(page, "finer-crop.png")
    expect(crop).to_contain_text("The other shows 43 % more; this one shows its part in 4.0 times as many pixels.")
    expect(crop.locator(".keep-badge")).to_have_count(0)
    expect(crop.get_by_test_id("trash")).to_have_count(0)
    crop.get_by_role("button", name="Keep this one: whole.png").click()
    expect(crop.locator(".keep-badge")).to_have_count(1)
    expect(crop.get_by_test_id("trash")).to_contain_text("Move the copy to the trash")


def test_names_of_one_file_are_listed_as_no_duplicates(kinds: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(kinds, "/duplicates")
    aside = page.get_by_test_id("aside")
    expect(aside.get_by_text("another-name.jpg")).to_be_hidden()
    aside.get_by_text("1 file with several names").click()
    expect(aside.get_by_text("another-name.jpg")).to_be_visible()
    expect(page.get_by_test_id("duplicates-group").filter(has_text="another-name.jpg")).to_have_count(0)


def sample(name: str) -> Path:
    return next(SAMPLES.rglob(f"{name}.jpg"))


@pytest.fixture(scope="module")
def crops(serve: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Server:
    """Two files there twice; a mirrored crop; one turned; and one saved so coarsely that a little of it differs."""
    folder = tmp_path_factory.mktemp("crops")
    for name in ("cello", "whale"):
        shutil.copy(sample(name), folder / f"{name}.jpg")
        shutil.copy(sample(name), folder / f"{name}-again.jpg")
    with Image.open(sample("cementmixer")) as image:
        image.convert("RGB").save(folder / "mixer.png")
        left = ImageOps.mirror(image.convert("RGB").crop((0, 0, image.width // 2, image.height)))
        left.resize((image.width, 2 * image.height)).save(folder / "mixer-crop.png")
    with Image.open(sample("stethoscope")) as image:
        image.convert("RGB").save(folder / "scope.png")
        image.convert("RGB").rotate(90, expand=True).save(folder / "scope-turned.png")
    with Image.open(sample("daffodil")) as image:
        image.save(folder / "flower.jpg", quality=95)
        image.save(folder / "flower-coarse.jpg", quality=8)
    server = serve()
    server.run_job("index", sources=[str(folder)])
    server.run_job("duplicates")
    return server


def test_four_pairs_are_on_a_screen_with_their_actions_below(crops: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(crops, "/duplicates", viewport={"width": 1440, "height": 900})
    cards = page.get_by_test_id("duplicates-group")
    expect(cards).to_have_count(5)
    settled(page)
    whole = [place for place in places(cards) if place["y"] + place["height"] <= 900]
    assert len(whole) >= 4
    picture = places(cards.first.get_by_role("listitem"))[0]
    (compare,) = places(cards.first.get_by_role("button", name="Compare"))
    assert compare["y"] >= picture["y"] + picture["height"]


def test_the_whole_is_suggested_and_the_crop_lies_in_it(crops: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(crops, "/duplicates")
    pair = card(page, "mixer-crop.png")
    expect(pair.get_by_role("listitem").first).to_contain_text("mixer.png")
    expect(pair.get_by_role("listitem").first).to_contain_text("2.0 times as much of the scene")
    expect(pair.get_by_role("img", name="The frame is the part that mixer-crop.png shows")).to_be_visible()


@pytest.mark.parametrize("name", ["mixer-crop.png", "scope-turned.png"])
def test_copies_are_laid_on_each_other(crops: Server, open_page: Callable[..., Page], name: str) -> None:
    page = open_page(crops, "/duplicates")
    card(page, name).get_by_role("button", name="Compare").click()
    compare = page.get_by_test_id("compare")

    def brightness() -> float:
        """Of the middle of the part that both show: that is the left half of the mixer, and all of the other."""
        box = compare.get_by_role("figure").bounding_box()
        assert box is not None
        with Image.open(io.BytesIO(page.screenshot())) as shot:
            x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
            off = 0.25 * box["height"] if name.startswith("mixer") else 0.0
            part = shot.convert("L").crop((round(x - off - 30), round(y - 60), round(x - off + 30), round(y + 60)))
            return ImageStat.Stat(part).mean[0]

    compare.get_by_role("button", name="Swipe").click()
    wait_for(lambda: brightness() > 40, "the pictures to be there")
    compare.get_by_role("button", name="Difference").click()
    wait_for(lambda: brightness() < 12, "nothing to differ")


def test_nothing_is_preselected_where_it_is_not_certain(crops: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(crops, "/duplicates")
    pair = card(page, "flower-coarse.jpg")
    expect(pair).to_contain_text(re.compile(r"Differs in part \(9\d % the same\)"))
    expect(pair).to_contain_text(re.compile(r"Only 9\d % of what both show looks the same"))
    expect(pair.get_by_test_id("trash")).to_have_count(0)
    expect(pair.get_by_role("button", name="Keep this one")).to_have_count(2)


def test_only_identical_files_go_at_once(crops: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(crops, "/duplicates")
    region = page.get_by_role("region", name="Identical files")
    expect(region).to_contain_text("2 identical files are byte for byte the same")
    region.get_by_role("button", name="Move all 2 identical files to the trash").click()
    question = page.get_by_test_id("confirm-trash")
    expect(question.get_by_role("listitem")).to_have_count(2)
    question.get_by_role("button", name="Move to the trash").click()
    expect(page.get_by_test_id("duplicates-group")).to_have_count(3)
    expect(region).to_have_count(0)
    page.get_by_test_id("undo").click()
    expect(page.get_by_test_id("duplicates-group")).to_have_count(5)
    crops.at_rest()


@pytest.mark.parametrize("locale", ["en-US", "de-DE"])
def test_on_a_phone_identical_files_go_by_a_button_in_the_window(
    crops: Server, open_page: Callable[..., Page], locale: str
) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    page = open_page(crops, "/duplicates", locale=locale, **phone)
    page.get_by_test_id("trash-sure").wait_for()
    (button,) = places(page.get_by_test_id("trash-sure"))
    assert button["x"] >= 0 and button["x"] + button["width"] <= 390


def test_newer_pictures_are_told_of(
    crops: Server, open_page: Callable[..., Page], tmp_path_factory: pytest.TempPathFactory
) -> None:
    page = open_page(crops, "/duplicates")
    expect(page.get_by_test_id("duplicates-group")).to_have_count(5)
    expect(page.get_by_test_id("newer")).to_have_count(0)
    more = tmp_path_factory.mktemp("newer")
    shutil.copy(sample("cherimoya"), more)
    crops.run_job("index", sources=[str(more)])
    expect(page.get_by_test_id("newer")).to_contain_text("1 newer picture has not been compared yet.")
    page.get_by_test_id("newer").get_by_role("button").click()
    page.get_by_role("dialog").get_by_role("button", name="Search again").click()
    expect(page.get_by_test_id("newer")).to_have_count(0)
