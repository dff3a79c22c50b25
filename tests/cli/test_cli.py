"""The command line as a person and as a program use it: real files, and real processes where it matters."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from command import run_cli, run_process
from edited import edit_json
from PIL import Image

SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "images"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pictures, one broken, and an index of them."""
    folder = tmp_path_factory.mktemp("cli")
    pictures = sorted(SAMPLES.rglob("*.jpg"))
    (folder / "album").mkdir()
    for path in (pictures[0], pictures[len(pictures) // 2], pictures[-1]):
        (folder / "album" / path.name).write_bytes(path.read_bytes())
    (folder / "album" / "broken.jpg").write_bytes(pictures[0].read_bytes()[:2000])
    done = run_process("index", folder / "album", "--index", folder / "index", "--model", "fast", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["added"] == 3
    return folder


@pytest.fixture
def search(home: Path) -> Run:
    return lambda *arguments: run_cli("search", "--index", home / "index", *arguments)


def test_the_index_report_has_the_promised_keys(home: Path) -> None:
    done = run_cli("index", home / "album", "--index", home / "index", "--json")
    report = json.loads(done.stdout)
    assert list(report) == [
        "seen", "added", "updated", "unchanged", "moved", "removed", "skipped", "seconds", "images_per_second", "total",
    ]  # fmt: skip
    assert (report["seen"], report["unchanged"], report["total"]) == (4, 3, 3)
    (skipped,) = report["skipped"]
    assert set(skipped) == {"uri", "code", "reason", "remedy"}
    assert skipped["uri"].endswith("broken.jpg")


def test_index_without_a_source_goes_over_the_known_ones(home: Path) -> None:
    done = run_cli("index", "--index", home / "index", "--json")
    assert json.loads(done.stdout)["unchanged"] == 3
    assert run_process("index", "--index", home / "index", "--strict").returncode == 1


def test_the_search_answer_has_the_promised_keys(search: Run) -> None:
    done = search("an animal", "-k", "2", "--json")
    answer = json.loads(done.stdout)
    promised = {"took_ms", "stages", "space", "total", "hits", "unknown_words", "notice", "surely", "maybe"}
    assert set(answer) == promised | {"approximate"}
    assert [h["rank"] for h in answer["hits"]] == [1, 2]
    assert {"rank", "id", "uri", "score", "width", "height", "format", "folder"} <= set(answer["hits"][0])
    assert list(answer["hits"][0])[:4] == ["rank", "id", "uri", "score"]


def test_a_search_by_file_and_by_id_agree(home: Path, search: Run) -> None:
    path = sorted((home / "album").glob("[!b]*.jpg"))[0]
    first = json.loads(search(path, "--json").stdout)["hits"][0]
    assert first["uri"] == str(path)
    others = [h["uri"] for h in json.loads(search(f"id:{first['id']}", "--json").stdout)["hits"]]
    assert str(path) not in others
    assert len(others) == 2


def test_every_shape_of_output_holds_the_same_hits(search: Run) -> None:
    uris = [h["uri"] for h in json.loads(search("dog", "--json").stdout)["hits"]]
    assert [json.loads(line)["uri"] for line in search("dog", "--jsonl").stdout.splitlines()] == uris
    assert [row["uri"] for row in csv.DictReader(io.StringIO(search("dog", "--csv").stdout))] == uris
    assert search("dog", "-f").stdout.splitlines() == uris
    assert search("dog", "-f", "-0").stdout.split("\0")[:-1] == uris
    human = search("dog").stdout
    assert all(uri in human for uri in uris)
    assert "\x1b" not in human


def test_copies_and_a_contact_sheet(search: Run, tmp_path: Path) -> None:
    assert search("dog", "--copy-to", tmp_path / "found", "--sheet", tmp_path / "sheet.png").returncode == 0
    assert len(list((tmp_path / "found").iterdir())) == 3
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 300


def test_previews_are_drawn_when_asked_for(search: Run) -> None:
    assert "▀" in search("dog", "--preview").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["search"], 2, "QUERY"),
        (["search", "dog", "--filter", "width >>"], 2, "width"),
        (["search", "./none.jpg"], 2, "none.jpg"),
        (["search", "dog", "-k", "0"], 2, "-k"),
        (["search", "dog", "--json", "--csv"], 2, "one of"),
        (["search", "dog", "--filter", "width > 100000"], 1, "Nothing"),
        (["search", "id:00000000-0000-0000-0000-000000000000"], 3, "no image"),
        (["remove"], 2, "Name"),
        (["remove", "/no/such.jpg"], 3, "such.jpg"),
        (["nonsense"], 2, "nonsense"),
        (["index", "/no/such/folder"], 3, "/no/such/folder"),
        (["models", "info", "defalt"], 3, "default"),
    ],
)
def test_wrong_use_is_told_with_its_exit_code(home: Path, arguments: list[str], code: int, word: str) -> None:
    takes_index = arguments[0] in ("search", "remove", "index")
    done = run_cli(*arguments, *(["--index", home / "index"] if takes_index else []))
    assert done.returncode == code, done.stderr
    assert word in done.stderr


def test_a_search_explains_itself(search: Run, tmp_path: Path) -> None:
    told = search("strawberry - grass", "--explain", "--sheet", tmp_path / "why.png")
    lines = told.stdout.splitlines()
    assert told.returncode == 0 and len(lines) == 6, "a hit and its reasons"
    assert all(" -grass " in line and "strawberry " in line for line in lines[1::2])
    assert search("strawberry - grass", "--sheet", tmp_path / "plain.png").stdout.splitlines() == lines[::2]
    drawn, plain = (Image.open(tmp_path / name) for name in ("why.png", "plain.png"))
    assert drawn.size == plain.size and drawn.tobytes() != plain.tobytes()
    hits = json.loads(search("strawberry - grass", "--explain", "--json").stdout)["hits"]
    for hit in hits:
        shares = [reason["share"] for reason in hit["why"]["reasons"] if "share" in reason]
        assert len(shares) == 2 and sum(shares) == pytest.approx(hit["score"], abs=2e-3)
    rows = list(csv.DictReader(io.StringIO(search("strawberry - grass", "--explain", "--csv").stdout)))
    assert [json.loads(row["why"]) for row in rows] == [hit["why"] for hit in hits]


def test_an_error_is_json_too_when_json_is_wanted(home: Path) -> None:
    done = run_process("search", "x", "--index", home / "none", "--json")
    assert done.returncode == 3
    assert set(json.loads(done.stdout)["error"]) == {"code", "message", "remedy"}


def test_info_models_and_doctor(home: Path) -> None:
    about = json.loads(run_cli("info", "--index", home / "index", "--json").stdout)
    assert about["images"] == 3
    assert about["sources"][0]["uri"] == str(home / "album")
    names = {m["alias"] for m in json.loads(run_cli("models", "list", "--json").stdout)["models"]}
    assert {"default", "fast"} <= names
    assert json.loads(run_cli("models", "info", "default", "--json").stdout)["licence"] == "Apache-2.0"
    done = run_cli("doctor", "--index", home / "index", "--json")
    assert json.loads(done.stdout)["ok"] is True, done.stdout
    for command in (["info", "--index", home / "index"], ["models", "list"], ["models", "info", "fast"]):
        assert run_cli(*command).stdout


def test_the_index_can_come_from_the_environment(home: Path) -> None:
    done = run_cli("info", "--json", IMAGEFINDER_INDEX=str(home / "index"))
    assert json.loads(done.stdout)["images"] == 3


def test_the_environment_chooses_what_runs_the_models(home: Path) -> None:
    checks = json.loads(run_cli("doctor", "--index", home / "index", "--json", IMAGEFINDER_PROVIDER="CPU").stdout)
    said = next(check for check in checks["checks"] if check["name"] == "providers")
    assert said["ok"] and "the default model runs on CPUExecutionProvider" in said["found"]
    done = run_cli("info", "--index", home / "index", IMAGEFINDER_PROVIDER="abacus")
    assert done.returncode == 2 and "There is no provider 'abacus'" in done.stderr


def test_rebuild_starts_over_from_the_known_sources(home: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    run_cli("index", home / "album", "--index", index, "--model", "fast")
    edit_json(index / "index.json", lambda data: [s.update(model_fingerprint="x") for s in data["spaces"].values()])
    refused = run_cli("search", "dog", "--index", index)
    assert refused.returncode == 3
    assert "--rebuild" in refused.stderr
    done = run_cli("index", "--rebuild", "--model", "fast", "--index", index, "--json")
    assert json.loads(done.stdout)["added"] == 3
    assert run_cli("search", "dog", "--index", index).returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="a console's Ctrl-C can't be sent to one process there")
def test_ctrl_c_stops_cleanly_and_the_next_run_goes_on(tmp_path: Path) -> None:
    album = tmp_path / "album"
    album.mkdir()
    for i in range(600):
        Image.effect_noise((64, 64), 10 + i % 90).save(album / f"{i}.png")
    command = [
        sys.executable,
        "-m",
        "imagefinder",
        "index",
        str(album),
        "--model",
        "fast",
        "--index",
        str(tmp_path / "i"),
    ]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs inherit it ignored
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    signal.signal(signal.SIGINT, before)
    manifest = tmp_path / "i" / "index.json"
    while child.poll() is None and not (manifest.exists() and "efficientnet" in manifest.read_text()):
        time.sleep(0.02)  # the run has begun when it has made room for its vectors
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=200)
    assert child.returncode == 130
    assert "run the same command to go on" in said
    assert "Traceback" not in said
    report = json.loads(run_cli("index", album, "--index", tmp_path / "i", "--json").stdout)
    assert report["total"] == 600
    assert report["added"] + report["unchanged"] == 600


def test_watch_takes_in_a_new_file(home: Path, tmp_path: Path) -> None:
    album = tmp_path / "album"
    album.mkdir()
    picture = next((home / "album").glob("[!b]*.jpg"))
    (album / "one.jpg").write_bytes(picture.read_bytes())
    child = subprocess.Popen(
        [sys.executable, "-m", "imagefinder", "index", album, "--index", tmp_path / "i", "--watch", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None and child.stderr is not None
    try:
        assert json.loads(child.stdout.readline())["added"] == 1
        for line in child.stderr:
            if "Watching" in line:
                break
        time.sleep(0.5)
        (album / "two.jpg").write_bytes(picture.read_bytes() + b" ")
        assert json.loads(child.stdout.readline())["added"] == 1
    finally:
        child.kill()
        child.communicate()


def test_demo_runs_on_a_folder_and_says_where_to_get_images_without_one(home: Path, tmp_path: Path) -> None:
    done = run_cli("demo", home / "album", "--index", tmp_path / "i", "--sheet", tmp_path / "demo.png")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "demo.png").stat().st_size > 1000
    bare = subprocess.run(
        [sys.executable, "-m", "imagefinder", "demo"], capture_output=True, text=True, cwd=tmp_path, timeout=200
    )
    assert bare.returncode == 3
    assert "download" in bare.stderr


def test_help_is_there_for_every_command() -> None:
    top = run_process("--help").stdout
    for command in ("demo", "index", "search", "remove", "info", "models", "doctor", "download", "evaluate"):
        assert command in top
        assert "Usage" in run_cli(command, "--help").stdout


@pytest.mark.parametrize("group", [[], ["sources"], ["models"], ["spaces"], ["train"], ["duplicates", "--help"]])
def test_a_group_alone_shows_its_help(group: list[str]) -> None:
    done = run_cli(*group)
    shown = done.stdout + done.stderr
    assert shown.startswith("Usage: ") and "\nCommands:\n" in shown
    assert (done.returncode, bool(done.stdout)) == ((0, True) if "--help" in group else (2, False))


def test_parts_examples_copies_and_diversity(home: Path, search: Run) -> None:
    hits = json.loads(search("an animal", "-k", "3", "--json").stdout)["hits"]
    path, id = hits[0]["uri"], hits[0]["id"]
    assert json.loads(search(path, "--box", "0,0,1,1", "--json").stdout)["hits"][0]["id"] == id
    liked = json.loads(search("--like", id, "--json").stdout)["hits"]
    assert liked[0]["id"] == id
    without = json.loads(search("an animal", "--dislike", id, "--json").stdout)["hits"]
    assert id not in [h["id"] for h in without]
    spread = json.loads(search("an animal", "--diversity", "0.5", "--collapse", "--json").stdout)["hits"]
    assert {id for h in spread for id in (h["id"], *h.get("copies", []))} == {h["id"] for h in without} | {id}
    for wrong in (["an animal", "--box", "0,0,1,1"], [path, "--box", "0,0,2,2"], [path, "--diversity", "2"]):
        assert search(*wrong).returncode == 2


def test_images_are_tagged_and_described(home: Path, search: Run) -> None:
    paths = [h["uri"] for h in json.loads(search("an animal", "--json").stdout)["hits"]]
    tag = lambda *arguments: run_cli("tag", *arguments, "--index", home / "index")  # noqa: E731
    assert json.loads(tag(*paths[:2], "--add", "summer", "--add", "Lake Garda", "--json").stdout) == {"changed": 2}
    assert set(search("an animal", "-f", "--filter", "tags = summer").stdout.splitlines()) == set(paths[:2])
    assert tag(paths[0], "--caption", "A dog.").returncode == 0
    assert tag(paths[0], "--caption", "A dog.").returncode == 1  # nothing to change
    assert json.loads(search(f"{paths[0]}", "-k", "1", "--json").stdout)["hits"][0]["caption"] == "A dog."
    assert json.loads(tag("--filter", "tags = summer", "--remove", "summer", "--json").stdout) == {"changed": 2}
    for wrong in ([], [paths[0]], ["--add", "x"], [*paths[:2], "--caption", "x"], [paths[0], "--add", " "]):
        assert tag(*wrong).returncode == 2
    assert tag("./none.jpg", "--add", "x").returncode == 3


def test_models_stand_side_by_side(home: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    assert run_cli("index", home / "album", "--index", index, "--model", "fast").returncode == 0
    wrong = run_cli("index", "--index", index, "--model", "defaul")
    assert wrong.returncode == 3 and "default" in wrong.stderr and "unchanged" not in wrong.stderr, "nothing was begun"
    added = run_cli("index", "--index", index, "--model", "default")
    assert added.returncode == 0 and "3 images embedded by efficientnet-lite2" in added.stderr
    spaces = json.loads(run_cli("spaces", "list", "--index", index, "--json").stdout)["spaces"]
    assert [(s["name"], s["current"]) for s in spaces][::2] == [
        ("efficientnet-lite0", ["image"]),
        ("efficientnet-lite2", []),
    ]
    picture = sorted((home / "album").glob("[!b]*.jpg"))[0]
    both = ["--space", "default,fast", "--measure", "cosine,euclidean", "--fuse", "vote", "--json"]
    hits = json.loads(run_cli("search", "--index", index, picture, *both).stdout)["hits"]
    assert hits[0]["uri"] == str(picture) and hits[0]["score"] == 1.0
    assert "in use" in run_cli("spaces", "drop", "fast", "--index", index).stderr
    assert run_cli("spaces", "use", "default", "--index", index).returncode == 0
    assert run_cli("spaces", "drop", "fast", "--index", index).returncode == 0
    assert "efficientnet-lite0" not in run_cli("spaces", "list", "--index", index).stdout
    assert "fast" in run_cli("search", "--index", index, picture, "--space", "fast").stderr


def test_odd_names_in_output(tmp_path: Path, make_image: Callable[..., Image.Image]) -> None:
    names = ["a\x1b[31mred.png", "what?.png", "n" * 251 + ".png", "猫 \u202e.png", "con.png", "line\nbreak.png"]
    (tmp_path / "p").mkdir()
    for i, name in enumerate(names):
        make_image(i).save(tmp_path / "p" / name)
    index = ("--index", tmp_path / "index")
    assert run_cli("index", *index, tmp_path / "p").returncode == 0
    paths = run_cli("search", "thing", *index, "-k", 9, "-f", "-0").stdout
    assert {Path(p).name for p in paths.split("\0") if p} == set(names)
    told = run_cli("search", "thing", *index, "-k", 9).stdout
    assert not set("\x1b\u202e") & set(told) and len(told.splitlines()) == len(names)
    assert "a\\x1b[31mred.png" in told and "line\\nbreak.png" in told
    found = json.loads(run_cli("search", "thing", *index, "-k", 9, "--json").stdout)["hits"]
    assert {Path(hit["uri"]).name for hit in found} == set(names)
    for _ in range(2):  # again: what is there already stays
        assert run_cli("search", "thing", *index, "-k", 9, "--copy-to", tmp_path / "copy").returncode == 0
    copied = [path.name for path in (tmp_path / "copy").iterdir()]
    assert len(copied) == len(names) and all(name.endswith(".png") for name in copied)
    assert not set("\x1b?\n\u202e") & set("".join(copied))
    (tmp_path / "p" / "what?.png").unlink()
    again = run_cli("search", "thing", *index, "-k", 9, "--copy-to", tmp_path / "fresh")
    assert again.returncode == 3 and "not copied" in again.stderr


@pytest.mark.parametrize("encoding", ["cp1252", "iso8859-1", "cp437"])
def test_a_console_of_few_characters_gets_every_line(
    tmp_path: Path, make_image: Callable[..., Image.Image], encoding: str
) -> None:
    (tmp_path / "p").mkdir()
    make_image(1).save(tmp_path / "p" / "猫 😀.png")
    index = ("--index", tmp_path / "index")
    assert run_process("index", *index, tmp_path / "p").returncode == 0
    done = run_process("search", "thing", *index, PYTHONIOENCODING=encoding)
    assert done.returncode == 0 and "\\u732b" in done.stdout
    made = run_process("search", "thing", *index, "--json", PYTHONIOENCODING=encoding)
    assert Path(json.loads(made.stdout)["hits"][0]["uri"]).name == "猫 😀.png"


def test_words_that_the_model_does_not_know_are_named_and_the_exit_code_says_so(search: Run) -> None:
    for text in ("\u72d7", "\U0001f600", "\u0441\u043e\u0431\u0430\u043a\u0430", "Hund"):
        done = search("--jsonl", text)
        assert (done.returncode, done.stdout) == (1, ""), text
        assert f"No word was understood: {text}. The model reads English." in done.stderr
    done = search("--json", "xqzvkw dog")
    assert done.returncode == 0 and json.loads(done.stdout)["unknown_words"] == ["xqzvkw"]
    assert "Not understood: xqzvkw. The model reads English." in done.stderr
    forced = search("-f", '"xqzvkw"')
    assert forced.returncode == 0 and len(forced.stdout.splitlines()) == 3 and "as you asked: xqzvkw" in forced.stderr


def test_a_minus_before_a_word_takes_it_away(search: Run) -> None:
    def scores(*query: str) -> list[tuple[str, float]]:
        return [(h["uri"], h["score"]) for h in json.loads(search(*query, "--json").stdout)["hits"]]

    assert scores("dog", "-grass") == scores("dog -grass") == scores("dog - 0.5:grass") != scores("dog grass")
    assert scores("-grass", "dog") == scores("dog", "-grass"), "in front it is no option either"
