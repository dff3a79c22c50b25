"""The modules of the page joined into few files, so that a slow connection waits for few requests.

joined/main.js          js/main.js, all that it imports, and what several of the others need
joined/views-map.js     js/views/map.js, which is imported later, with what only it needs
joined/base.js          what main.js and what it awaits while it starts have in common, if anything

In a file each module is a function of its own, called once, after those that it imports; what it exports is what the
function returns. So modules may use all of JavaScript inside, but of imports and exports only the usual forms below.
Modules elsewhere than below js/ (vendor/) are imported as they are.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from functools import cached_property

JOINED, MAIN, BASE = "joined", "main.js", "base.js"
COMMENT = re.compile(
    r"^[ \t]*/\*\*.*?\*/[ \t]*\n|^[ \t]*//[^\n]*\n", re.DOTALL | re.MULTILINE
)  # those on lines of their own
NAMES = r"\{([\w\s,$]*)\}"
IMPORT = re.compile(rf'^import\s+(?:{NAMES}|\*\s*as\s+(\w+))\s*from\s*"([^"]+)";?', re.MULTILINE)
PASSED_ON = re.compile(rf'^export\s*{NAMES}\s*from\s*"([^"]+)";?', re.MULTILINE)
LISTED = re.compile(rf"^export\s*{NAMES};?", re.MULTILINE)
DEFAULT = re.compile(r"^export\s+default\s+(?=(?:async\s+)?(?:function\*?|class)\s+(\w+))", re.MULTILINE)
DECLARED = re.compile(r"^export\s+(?=(?:const|(?:async\s+)?function\*?|class)\s+([\w$]+))", re.MULTILINE)
LATER = re.compile(r'\bimport\(\s*"([^"]+)"\s*\)')
AWAITS = re.compile(r"^\S.*\bawait\b", re.MULTILINE)
LEFT = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


class Module:
    """One module: what it imports, at once and later, and what becomes of it in a joined file."""

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text = name, COMMENT.sub("", text)
        self.imports = list(dict.fromkeys(self.address(found[-1]) for found in self._statements()))
        self.later = [self.address(found) for found in LATER.findall(self.text)]
        self.awaits = AWAITS.search(self.text) is not None

    def _statements(self) -> list[tuple[str, ...]]:
        found = [*IMPORT.finditer(self.text), *PASSED_ON.finditer(self.text)]
        return [one.groups() for one in sorted(found, key=lambda one: one.start())]

    def address(self, written: str) -> str:
        return posixpath.normpath(posixpath.join(posixpath.dirname(self.name), written))

    def joined(self, places: Mapping[str, str]) -> str:
        """The module as a constant; ``places`` says which file holds each module."""
        exports: dict[str, str] = {}

        def passed_on(found: re.Match[str]) -> str:
            exports.update({out: f"{variable(self.address(found[2]))}.{name}" for name, out in _pairs(found[1])})
            return ""

        def listed(found: re.Match[str]) -> str:
            exports.update({out: name for name, out in _pairs(found[1])})
            return ""

        def declared(found: re.Match[str]) -> str:
            exports["default" if found.re is DEFAULT else found[1]] = found[1]
            return ""

        def later(found: re.Match[str]) -> str:
            wanted = self.address(found[1])
            return f'import("./{places[wanted]}").then((all) => all.{variable(wanted)})'

        body = IMPORT.sub(self._taken, self.text)
        for pattern, work in ((PASSED_ON, passed_on), (LISTED, listed), (DEFAULT, declared), (DECLARED, declared)):
            body = pattern.sub(work, body)
        if left := LEFT.search(body):
            raise ValueError(f"{self.name}: a form that page_joined.py does not know: {left[0]}")
        body = LATER.sub(later, body).replace("import.meta.url", f'new URL("../{self.name}", import.meta.url).href')
        given = ", ".join(out if out == name else f"{out}: {name}" for out, name in exports.items())
        call = "await (async () =>" if self.awaits else "(() =>"
        return (
            f"// {self.name}\nconst {variable(self.name)} = {call} {{\n{body.strip()}\nreturn {{ {given} }};\n}})();\n"
        )

    def _taken(self, found: re.Match[str]) -> str:
        names, whole, written = found.groups()
        if whole:
            return f"const {whole} = {variable(self.address(written))};"
        taken = ", ".join(name if name == out else f"{name}: {out}" for name, out in _pairs(names))
        return f"const {{ {taken} }} = {variable(self.address(written))};"


class Joined:
    """The joined files of a page whose first module is ``entry``."""

    def __init__(self, texts: Mapping[str, str], entry: str) -> None:
        self._texts, self._entry = texts, entry
        self._modules: dict[str, Module] = {}
        self._main = self._reached(entry)
        self._later: dict[str, list[str]] = {}  # each module that is imported later, and all that it needs
        waiting = list(self._main)
        while waiting:
            for name in self._modules[waiting.pop()].later:
                if name not in self._later:
                    self._later[name] = self._reached(name)
                    waiting += self._later[name]

    def _reached(self, entry: str) -> list[str]:
        """A module after all that it imports, in the order in which they run."""
        done: dict[str, None] = {}

        def walk(name: str) -> None:
            if name in done or not self._is_own(name):
                return
            module = self._modules.setdefault(name, Module(name, self._texts[name]))
            for imported in module.imports:
                walk(imported)
            done[name] = None

        walk(entry)
        return list(done)

    def _is_own(self, name: str) -> bool:
        return name.split("/")[0] == self._entry.split("/")[0]

    @cached_property
    def places(self) -> dict[str, str]:
        """Which file holds each module. What a module awaits while it starts can't wait for the file of that one."""
        awaited = {name for one in self._main if self._modules[one].awaits for name in self._modules[one].later}
        users: dict[str, list[str]] = {}
        for entry, names in [(self._entry, self._main), *self._later.items()]:
            for name in names:
                users.setdefault(name, []).append(entry)
        return {name: self._place(entries, awaited) for name, entries in users.items()}

    def _place(self, entries: list[str], awaited: set[str]) -> str:
        if len(entries) == 1:
            return self.file(entries[0])
        return BASE if awaited & set(entries) else MAIN

    def file(self, entry: str) -> str:
        """The name of the file that an entry would have to itself."""
        return MAIN if entry == self._entry else "-".join(entry.split("/")[1:])

    def files(self) -> dict[str, str]:
        """The text of each file by its path."""
        order = list(dict.fromkeys([*self._main, *(name for names in self._later.values() for name in names)]))
        held: dict[str, list[str]] = {}
        for name in order:
            held.setdefault(self.places[name], []).append(name)
        return {f"{JOINED}/{place}": self._text(place, names) for place, names in held.items()}

    def _text(self, place: str, names: list[str]) -> str:
        needed = dict.fromkeys(one for name in names for one in self._modules[name].imports)
        lines, others = [], dict[str, list[str]]()
        for name in needed:
            if not self._is_own(name):
                lines.append(f'import * as {variable(name)} from "../{name}";')
            elif self.places[name] != place:
                others.setdefault(self.places[name], []).append(variable(name))
        lines += [f'import {{ {", ".join(found)} }} from "./{other}";' for other, found in others.items()]
        bodies = [self._modules[name].joined(self.places) for name in names]
        given = f"export {{ {', '.join(map(variable, names))} }};"
        return "\n".join([*lines, *bodies, given, ""])


def variable(name: str) -> str:
    """The constant that holds what a module exports."""
    return "$" + re.sub(r"\W", "_", name.removesuffix(".js"))


def _pairs(names: str) -> list[tuple[str, str]]:
    """``a, b as c``: each name, and what it is called after it."""
    parts = [part.split(" as ") for part in map(str.strip, names.split(",")) if part]
    return [(part[0].strip(), part[-1].strip()) for part in parts]
