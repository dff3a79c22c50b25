"""Names of files, folders, groups, tags, labels and captions never steer a terminal, in whatever command shows them."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from command import run_cli

import imagefinder.cli
from imagefinder import ImageFinder
from imagefinder.cli import common
from imagefinder.cli.common import shown, styled, tell

ODD = "\x1b[31m\u202eodd\x07\n\x9bname"
ESCAPED = shown(ODD)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index in which everything that has a name has an odd one."""
    home = tmp_path_factory.mktemp("odd") / ODD
    samples = sorted((Path(__file__).resolve().parents[2] / "examples" / "images").rglob("*.jpg"))[:24]
    rows = []
    for i, path in enumerate(samples):
        place = home / f"{ODD}{i % 2}" / f"{i:02}{ODD}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(path.read_bytes())
        rows.append({"filename": place, "caption": f"thing {ODD}", "tags": ODD, "label": f"{ODD}{i % 2}", ODD: ODD})
    (home / f"broken{ODD}.jpg").write_bytes(b"\xff\xd8no")
    (home / f"copy{ODD}.jpg").write_bytes(samples[0].read_bytes())
    with (home / f"{ODD}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    with ImageFinder.open(home / "index", model="fast") as finder:
        finder.add(home, home / f"{ODD}.csv")
        clustering = finder.cluster(2, method="kmeans")
        index = finder._collection.index
        for record in finder.records():
            index.store.merge_payload([record.id], {"cluster_name": ODD, "tags": [ODD], "class": ODD})
        names = [json.dumps(cluster.name) for cluster in clustering.clusters]
        for path in (home / "index" / "runs").rglob("*.json"):  # as another version may have let it be named
            text = path.read_text("utf-8")
            for name in names:
                text = text.replace(name, json.dumps(ODD))
            path.write_text(text, "utf-8")
    return home


COMMANDS = [
    ("search", "thing", "-k", "30"),
    ("search", "thing", "--csv"),
    ("search", "thing", "--filter", "folder = nothing\x1b[31m"),
    ("search", "/no/such/\x1b[31m\u202efile.jpg"),
    ("search", "{first}"),
    ("clusters",),
    ("clusters", "show", "0"),
    ("clusters", "show", ODD),
    ("clusters", "tree"),
    ("clusters", "rename", "0", ODD),
    ("clusters", "move", "{first}", "--to", "1"),
    ("cluster", "--method", "kmeans", "-n", "2"),
    ("choose-k", "--max", "4"),
    ("map", "--method", "pca", "--out", "{home}/map.csv"),
    ("pca",),
    ("duplicates",),
    ("duplicates", "--plan", "{home}/plan.json"),
    ("duplicates", "apply", "{home}/plan.json"),
    ("duplicates", "undo"),
    ("duplicates", "decide", "keep-both", "{first}", "{second}"),
    ("duplicates", "decisions"),
    ("outliers",),
    ("quality",),
    ("export", "clusters", "--out", "{home}/clusters.csv"),
    ("export", "clusters", "--folders", "{home}/folders"),
    ("export", "model", "--out", "{home}/model"),
    ("evaluate", "--labels", "{table}"),
    ("train", "classifier", "--labels", "{table}", "--name", "mine"),
    ("predict", "{first}"),
    ("predict", "{first}", "/no/such/\x1b[31m\u202efile.jpg"),
    ("concept", "save", ODD, "thing", "--like", "{first}"),
    ("tags", "list"),
    ("tags", "rename", ODD, f"{ODD} other"),
    ("tags", "remove", f"{ODD} other"),
    ("concept", "list"),
    ("concept", "rename", ODD, f"{ODD} other"),
    ("concept", "refresh"),
    ("concept", "remove", ODD),
    ("read",),
    ("train", "classifier", "--by", "folder", "--name", "other"),
    ("tag", "{first}", "--add", ODD),
    ("tag", "{first}", "--caption", ODD),
    ("tag", "/no/such/\x1b[31m\u202efile.jpg", "--add", "x"),
    ("info",),
    ("sources", "list"),
    ("sources", "rename", "{home}/nothing", "{home}"),
    ("sources", "move", "{home}", "{home}/away"),
    ("sources", "forget", "{home}/nothing"),
    ("spaces", "list"),
    ("spaces", "use", ODD),
    ("index", "{home}"),
    ("index", "{home}/nothing"),
    ("index",),
    ("models", "info", ODD),
    ("remove", "{second}"),
    ("download", "{home}/down", "--urls", "{table}"),
    ("backup", "{home}/backup.tar"),
    ("restore", "{home}/backup.tar", "--index", "{home}/restored"),
    ("copy", "{home}/index", "{home}/copied"),
    ("keys", "add", ODD),
    ("keys", "list"),
    ("audit",),
    ("plan", "--images", "1e6", "--embed-ms", "20"),
    ("doctor",),
]
WITHOUT_INDEX = ("models", "doctor", "download", "restore", "copy")
ANYTHING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def used(arguments: tuple[str, ...], home: Path) -> list[str]:
    first, second = sorted(home.glob("*0/*.jpg"))[:2]
    places = {"home": home, "table": home / f"{ODD}.csv", "first": first, "second": second}
    return [re.sub(r"\{(\w+)\}", lambda found: str(places[found[1]]), argument) for argument in arguments]


def test_no_command_passes_on_what_steers_a_terminal(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Colours are stripped where there is no terminal, so they are left out, and what else is there is seen."""
    monkeypatch.setattr(click, "style", lambda text, **how: text)
    monkeypatch.setattr(common.click, "style", lambda text, **how: text)
    monkeypatch.setattr("click.utils.should_strip_ansi", lambda *given, **more: False)
    shown_by = set()
    for arguments in COMMANDS:
        options = [] if arguments[0] in WITHOUT_INDEX else ["--index", str(home / "index")]
        done = run_cli(*used(arguments, home), *options)
        assert "bug in ImageFinder" not in done.stderr, (arguments, done.stderr)
        if "--csv" not in arguments:
            found = ANYTHING.search(done.stdout + done.stderr)
            assert found is None, (arguments, found, done.stdout, done.stderr)
        if ESCAPED in done.stdout + done.stderr:
            shown_by.add(arguments[:2])
    assert shown_by >= {
        ("search", "thing"), ("clusters",), ("clusters", "show"), ("duplicates",), ("outliers",), ("info",), ("index",),
        ("sources", "list"), ("predict", "{first}"), ("duplicates", "decisions"), ("map", "--method"),
    }  # fmt: skip


def test_the_commands_are_all_here() -> None:
    left_out = {"serve", "key", "mcp", "demo", "assign"}
    assert {arguments[0] for arguments in COMMANDS} == set(imagefinder.cli.COMMANDS) - left_out


def test_a_line_of_a_result_holds_any_text(capsys: pytest.CaptureFixture[str]) -> None:
    tell("a\x1b[31m", styled("b\u202e", dim=True), "\ud83d C:\\new\\table.csv", "\U0001f600")
    assert capsys.readouterr().out == "a\\x1b[31mb\\u202e\\ud83d C:\\new\\table.csv\U0001f600\n"


def test_every_line_goes_through_one_place() -> None:
    """So that what a command prints of a name is escaped, whoever writes the next command."""
    folder = Path(common.__file__).parent
    printing = re.compile(r"click\.s?echo\(|(?<![\w.])print\(|click\.style\(")
    direct = [path.name for path in folder.glob("*.py") if printing.search(path.read_text("utf-8"))]
    assert sorted(direct) == ["common.py", "preview.py"]  # which draws pictures


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "cp437", "utf-16"])
def test_a_console_of_few_characters_stops_no_command(home: Path, encoding: str) -> None:
    some = (("search", "thing"), ("clusters",), ("info",), ("index", "{home}/nothing"), ("search", "--json", "x"))
    for arguments in some:
        done = subprocess.run(
            [sys.executable, "-m", "imagefinder", *used(arguments, home), "--index", str(home / "index")],
            capture_output=True, env={**os.environ, "PYTHONIOENCODING": encoding}, timeout=200,
        )  # fmt: skip
        assert b"bug" not in done.stderr and b"Traceback" not in done.stderr, (arguments, done.stderr)
        assert done.stdout or done.stderr
