"""Commands are imported when they are called: the help of all of them imports none, and says what they say."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from imagefinder.cli import COMMANDS, cli

LOADED = "import sys; from imagefinder.cli import cli; cli.main({}, standalone_mode=False); print(*sys.modules)"
HEAVY = {"numpy", "PIL", "onnxruntime", "tokenizers", "qdrant_edge", "sklearn", "scipy", "cv2", "httpx", "asyncio"}


def loaded(*words: str) -> set[str]:
    """The modules that a command imports, of one that ends well."""
    code = LOADED.format(list(words))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_the_help_imports_no_command() -> None:
    found = loaded("--help")
    assert not HEAVY & found
    ours = {name for name in found if name.startswith("imagefinder.cli.")}
    assert ours == {"imagefinder.cli.late"}
    assert not {"imagefinder.types", "imagefinder.results", "imagefinder.finder"} & found


@pytest.mark.parametrize("name", ["search", "tag", "info"])
def test_the_help_of_a_command_imports_no_other(name: str) -> None:
    found = loaded(name, "--help")
    assert not HEAVY & found and "imagefinder.finder" not in found
    others = {place.partition(".")[0] for place, _ in COMMANDS.values()} - {COMMANDS[name][0].partition(".")[0]}
    assert not {f"imagefinder.cli.{other}" for other in others} & found


@pytest.mark.parametrize("width", [60, 80, 100])
def test_the_help_is_that_of_the_commands(width: int) -> None:
    plain = click.Group("imagefinder", commands=dict(cli.commands), help=cli.help)
    plain.context_settings, plain.params = cli.context_settings, cli.params
    said = [
        CliRunner().invoke(group, ["--help"], terminal_width=width, max_content_width=width) for group in (cli, plain)
    ]
    first, second = (one.stdout.partition("Commands:") for one in said)
    assert first[2] == second[2] and first[2].count("\n  ") >= len(COMMANDS)


def test_a_command_that_is_not_there() -> None:
    done = CliRunner().invoke(cli, ["searhc"])
    assert done.exit_code == 2 and "No such command 'searhc'" in done.stderr


def test_commands_can_be_added_and_taken_away() -> None:
    cli.add_command(click.Command("largest", help="The largest images."))
    try:
        assert "largest" in CliRunner().invoke(cli, ["--help"]).stdout
        assert "The largest images" in CliRunner().invoke(cli, ["--help"]).stdout
    finally:
        del cli.commands["largest"]
    assert set(cli.commands) == set(COMMANDS) and len(cli.commands) == len(COMMANDS)
