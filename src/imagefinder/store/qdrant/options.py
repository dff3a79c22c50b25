"""What an address of Qdrant may say behind its "?"."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from imagefinder._util.suggest import unknown_name
from imagefinder.errors import InvalidInputError

ON = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


@dataclass(frozen=True, slots=True)
class Option:
    """One setting: what it is for, its ``choices`` by how they are written, or its bounds. What is ``kept`` belongs to
    the index: it counts when that is made, and holds for all who open it."""

    help: str
    choices: Mapping[str, Any] | None = None
    least: float = 0
    most: float = 0
    whole: bool = True
    kept: bool = False

    def read(self, name: str, text: str) -> Any:
        """Raises InvalidInputError."""
        if self.choices is not None:
            if text.lower() in self.choices:
                return self.choices[text.lower()]
            raise InvalidInputError(f"The setting {name} of an address is {_listed(self.choices)}, not {text!r:.100}.")
        try:
            number = int(text) if self.whole else float(text)
        except ValueError:
            number = math.nan
        if not self.least <= number <= self.most:
            raise InvalidInputError(
                f"The setting {name} of an address is a number from {self.least:g} to {self.most:g}, not {text!r:.100}."
            )
        return number


def _listed(choices: Iterable[str]) -> str:
    *first, last = choices
    return f"{', '.join(first)} or {last}"


OPTIONS = {
    "tls": Option("Whether the server speaks TLS, as `qdrants://` says as well.", ON),
    "grpc": Option("Whether points travel by gRPC, which takes less work.", ON),
    "grpc_port": Option("The port of gRPC, 6334 if not given.", least=1, most=65_535),
    "ef": Option("How much of the HNSW graph a search looks at.", least=1, most=100_000),
    "oversampling": Option(
        "How many times as many quantised vectors are compared again exactly.", least=1, most=100, whole=False
    ),
    "shards": Option("Into how many shards the points are divided.", least=1, most=1000, kept=True),
    "replicas": Option("On how many servers each shard is.", least=1, most=100, kept=True),
    "m": Option("Edges of each point in the HNSW graph.", least=4, most=512, kept=True),
    "ef_construct": Option("How carefully the HNSW graph is made.", least=4, most=10_000, kept=True),
    "quantization": Option(
        "Which smaller copy of the vectors is searched first.",
        {"none": None, "int8": "int8", "binary": "binary"},
        kept=True,
    ),
    "vectors": Option(
        "Where the vectors that are searched lie; a quantised copy stays in memory.",
        {"memory": "memory", "disk": "disk"},
        kept=True,
    ),
}


def read_options(given: Mapping[str, str]) -> dict[str, Any]:
    """The values of settings by name. Raises InvalidInputError and NotFoundError."""
    found = {}
    for name, text in given.items():
        if name not in OPTIONS:
            raise unknown_name("setting of an address", name, list(OPTIONS))
        found[name] = OPTIONS[name].read(name, text)
    return found


def kept(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those that belong to the index."""
    return {name: value for name, value in options.items() if OPTIONS[name].kept}
