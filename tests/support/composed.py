"""The files of ``deploy/`` as the programs read them that use them: the compose files with their variables and
``extends``, and the Dockerfiles with what they set."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
COMPOSE = DEPLOY / "compose"
_VARIABLE = re.compile(r"\$(?:\$|\{(?P<name>[A-Z_]+)(?:(?P<sign>:-|:\?)(?P<word>[^}]*))?\})")


def composed(name: str, **variables: str) -> dict[str, Any]:
    """A compose file with its variables and ``extends`` put in, by the rules of the specification: mappings are merged,
    lists follow each other, all else is replaced. Raises ValueError for a variable that must be given."""
    found = _read(COMPOSE / name, variables)
    found["services"] = {service: _extended(found, service, variables) for service in found["services"]}
    return found


def _read(path: Path, variables: dict[str, str]) -> dict[str, Any]:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")

    def put_in(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: put_in(one) for key, one in value.items()}
        if isinstance(value, list):
            return [put_in(one) for one in value]
        return _VARIABLE.sub(lambda match: _value(match, variables), value) if isinstance(value, str) else value

    found: dict[str, Any] = put_in(yaml.safe_load(path.read_text("utf-8")))
    return found


def _value(match: re.Match[str], variables: dict[str, str]) -> str:
    if match[0] == "$$":
        return "$"
    given = variables.get(match["name"], "")
    if not given and match["sign"] == ":?":
        raise ValueError(match["word"])
    return given or match["word"] or ""


def _extended(found: dict[str, Any], service: str, variables: dict[str, str]) -> dict[str, Any]:
    own = dict(found["services"][service])
    base = own.pop("extends", None)
    if base is None:
        return own
    file = _read(COMPOSE / base["file"], variables) if "file" in base else found
    merged: dict[str, Any] = _merged(_extended(file, base["service"], variables), own)
    return merged


def _merged(base: Any, own: Any) -> Any:
    if isinstance(base, dict) and isinstance(own, dict):
        return base | {key: _merged(base[key], own[key]) if key in base else own[key] for key in own}
    if isinstance(base, list) and isinstance(own, list):
        return base + [one for one in own if one not in base]
    return own


class Dockerfile:
    """The last stage of a Dockerfile: ``env``, and the words of ``entrypoint``, ``command`` and ``health``, which must
    be in exec form."""

    def __init__(self, path: Path) -> None:
        parsing = pytest.importorskip("dockerfile_parse", reason="dockerfile-parse is not installed")
        with path.open("rb") as file:
            self.steps = [(s["instruction"], s["value"]) for s in parsing.DockerfileParser(fileobj=file).structure]
        last = max(n for n, (instruction, _) in enumerate(self.steps) if instruction == "FROM")
        self.last = self.steps[last:]
        self.env: dict[str, str] = {}
        for value in self.all("ENV"):
            self.env |= dict(pair.split("=", 1) for pair in shlex.split(value))
        self.entrypoint: list[str] = json.loads(self.one("ENTRYPOINT"))
        self.command: list[str] = json.loads(self.one("CMD"))

    def all(self, instruction: str) -> list[str]:
        return [value for name, value in self.last if name == instruction]

    def one(self, instruction: str) -> str:
        (value,) = self.all(instruction)
        return value

    @property
    def health(self) -> list[str]:
        words: list[str] = json.loads(self.one("HEALTHCHECK").partition("CMD ")[2])
        return words
