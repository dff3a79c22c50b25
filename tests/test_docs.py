"""What README.md and docs/ say: links lead somewhere, commands exist, examples run, figures come from results."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import click
import pytest
from layout import ROWS
from pages import FENCE, read

from imagefinder.cli import cli

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]


def without_code(text: str) -> str:
    return FENCE.sub("", text)


def links(path: Path) -> list[str]:
    """Where the links and pictures of a page lead, those to other hosts left out."""
    found = re.findall(r"\]\(([^)\s]+)\)", without_code(read(path)))
    return [target for target in found if not re.match(r"[a-z]+:", target)]


def anchors(path: Path) -> set[str]:
    """The names that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", without_code(read(path)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        target, _, anchor = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), f"{link} leads nowhere"
        if anchor:
            assert anchor in anchors(path), f"{link}: no such heading"


def test_the_readme_leads_to_every_page() -> None:
    linked = {(ROOT / link).resolve() for link in links(README)}
    assert [name_of(page) for page in sorted(DOCS.glob("*.md")) if page not in linked] == []


def test_the_readme_begins_with_what_a_checkout_can_do() -> None:
    _, block = FENCE.findall(read(README))[0]
    assert [line.split("#")[0].strip() for line in block.splitlines()] == ["make demo", "make test"]


def test_the_readme_is_short() -> None:
    prose = re.sub(r"<!--.*?-->|\]\(.*?\)", "", without_code(read(README)))
    assert 300 < len(re.findall(r"[A-Za-z][\w'-]*", prose)) < 550


def commands(page: Path) -> list[str]:
    """The calls of the program in the blocks of a page that are no help texts and no other language."""
    blocks = (text for language, text in FENCE.findall(read(page)) if language in ("", "bash"))
    lines = (line for text in blocks if "Usage:" not in text for line in text.splitlines())
    return [line for line in lines if line.startswith("imagefinder ")]


def resolve(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that is called, and the words after its name."""
    command: click.Command = cli
    while isinstance(command, click.Group):
        if words and words[0] in command.commands:
            command, words = command.commands[words[0]], words[1:]
        elif command.name == "duplicates":
            command = command.commands["find"]  # need not be named
        else:
            break
    return command, words


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=name_of)
def test_commands_and_their_options_exist(page: Path) -> None:
    for line in commands(page):
        line = re.sub(r"\$\([^)]*\)", "X", line)  # what another program says
        call = re.split(r"\s{3,}|\s\|\s|\s&&\s|\s>\s", line)[0]  # a remark, or another program, may follow
        command, words = resolve(shlex.split(call, comments=True)[1:])
        assert command is not cli, f"no such command: {line}"
        known = {
            name
            for option in command.get_params(click.Context(command))
            for name in (*option.opts, *option.secondary_opts)
        }
        for word in words:
            if re.match(r"--?[a-zA-Z0]", word):
                assert word.partition("=")[0] in known, f"{command.name} has no {word}: {line}"


@pytest.mark.parametrize("page", [README, DOCS / "library.md"], ids=name_of)
def test_the_first_example_in_python_runs(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for picture in sorted((ROOT / "examples" / "images").rglob("*.jpg"))[::12]:
        shutil.copy(picture, pictures)
    shutil.copy(picture, tmp_path / "beach.jpg")
    monkeypatch.chdir(tmp_path)
    code = next(text for language, text in FENCE.findall(read(page)) if language == "python")
    exec(compile(code.replace("~/Pictures", "pictures"), name_of(page), "exec"), {})
    assert capsys.readouterr().out.count(str(pictures)) == 5


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_examples_in_python_compile(page: Path) -> None:
    for language, text in FENCE.findall(read(page)):
        if language == "python":
            compile(text, name_of(page), "exec")


def test_every_result_has_its_table_with_its_script() -> None:
    text = read(DOCS / "benchmarks.md")
    for result in sorted((ROOT / "benchmarks" / "results").glob("*.json")):
        assert f"Made by `benchmarks/{result.stem}.py`" in text
        assert (ROOT / "benchmarks" / f"{result.stem}.py").is_file()


@pytest.fixture
def make_docs(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "tools")
    import make_docs

    return make_docs


def test_what_stands_between_the_comments_is_made_anew(make_docs: ModuleType) -> None:
    page = "Before.\n<!-- made: figures maps -->\n| an old figure |\n<!-- end -->\nAfter.\n"
    made = make_docs.fill(page)
    assert "old" not in made and "| `tsne` (default) | 0.9" in made
    assert made.startswith("Before.") and made.endswith("After.\n")
    assert make_docs.fill(made) == made
    with pytest.raises(KeyError):
        make_docs.fill(page.replace("maps", "nonsense"))


def test_an_old_page_is_reported(
    make_docs: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- made: figures five -->\n<!-- end -->\n")
    monkeypatch.setattr(make_docs, "ROOT", tmp_path)
    monkeypatch.setattr(make_docs, "made_files", lambda: {page: make_docs.fill(page.read_text())})
    monkeypatch.setattr(sys, "argv", ["make_docs.py", "--check"])
    assert make_docs.main() == 1 and "page.md is out of date" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["make_docs.py"])
    assert make_docs.main() == 0
    monkeypatch.setattr(sys, "argv", ["make_docs.py", "--check"])
    assert make_docs.main() == 0


def test_a_command_without_a_page_is_an_error(make_docs: ModuleType) -> None:
    with pytest.raises(ValueError, match="cluster"):
        make_docs.docs_commands.tasks("search", "map")


def test_the_picture_of_the_layout_shows_every_part(make_docs: ModuleType) -> None:
    drawn = make_docs.docs_architecture.picture()
    parts = [part for row in ROWS[:-1] for part in row]
    assert re.findall(r'class="name" x="[\d.]+" y="[\d.]+" font-size="15">(\w+)<', drawn) == [
        part for row in reversed(ROWS[:-1]) for part in row
    ]
    table = make_docs.docs_architecture.packages()
    assert all(f"| `{part}" in table for part in parts)
    assert "uses index, store, vectors</text>" in drawn


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("nowhere.at_all", "no module"),
        ("finder.ImageFinder.find_nothing", "imagefinder.finder has no ImageFinder.find_nothing"),
        ("finder.ImageFinder.add\n    ingest.guard.losses", "imagefinder.finder does not use ingest.guard.losses"),
    ],
)
def test_a_flow_that_is_no_longer_true_is_an_error(
    make_docs: ModuleType, monkeypatch: pytest.MonkeyPatch, lines: str, fault: str
) -> None:
    monkeypatch.setitem(make_docs.docs_flows.FLOWS, "old", lines)
    with pytest.raises(ValueError, match=fault):
        make_docs.docs_flows.flow("old")


def test_the_changelog_says_where_modules_are_now() -> None:
    table = re.findall(r"^\| `imagefinder\..+? \| (.+?) \|$", read(ROOT / "CHANGELOG.md"), re.MULTILINE)
    moved = [name for row in table for name in re.findall(r"`(imagefinder\.[\w.]+)`", row)]
    assert len(moved) > 15
    for name in moved:
        assert find_spec(name), name
    stay = re.findall(r"`(\.[a-z.]+)`", read(ROOT / "CHANGELOG.md").partition("are where they were")[0][-200:])
    assert len(stay) == 9 and all(find_spec(f"imagefinder{name}") for name in stay)


def test_each_promise_has_a_test_that_holds_it() -> None:
    promised = re.search(
        r"^## What is promised\n(.*?)^## ", read(DOCS / "limits-and-security.md"), re.DOTALL | re.MULTILINE
    )
    assert promised is not None
    rows = [row for row in promised[1].splitlines() if row.startswith("| ")][2:]
    assert rows
    for row in rows:
        named = re.findall(r"`([\w/]+\.py)::(?:\w+::)?(\w+)`", row)
        assert named, f"{row}: no test"
        for path, test in named:
            code = read(ROOT / "tests" / path)
            assert re.search(rf"^(?: *def |class )?{test}\b", code, re.MULTILINE), f"{path} has no {test}"
