"""Texts where the system's encoding is not UTF-8: consoles, pipes and files of Windows."""

from __future__ import annotations

import ast
import io
import json
import os
import sys

import pytest
from layout import PACKAGE

import imagefinder.cli
from imagefinder.cli import common

TEXT_CALLS = {"open", "read_text", "write_text", "fdopen", "TextIOWrapper", "NamedTemporaryFile"}
NAMED = "Жук ü 犬.jpg"


def unencoded(tree: ast.AST) -> list[int]:
    """The lines on which a text is read or written in an encoding that is the system's."""
    return [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Call) and is_unencoded(node)]


def is_unencoded(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    given = {key.arg: key.value for key in call.keywords}
    if name in ("run", "Popen", "check_output"):
        return "text" in given or "universal_newlines" in given
    if name not in TEXT_CALLS or "encoding" in given:
        return False
    if name == "read_text":
        return not call.args
    if name in ("write_text", "TextIOWrapper"):
        return len(call.args) < 2
    values = [a.value for a in [*call.args, *given.values()] if isinstance(a, ast.Constant)]
    modes = [v for v in values if isinstance(v, str) and v and set(v) <= set("rwxabt+")]
    return bool(modes) and all("b" not in mode for mode in modes)


def test_the_look_at_the_code_sees_what_it_looks_for() -> None:
    bad = "open(p, 'w'); p.read_text(); p.write_text(t); os.fdopen(h, 'r'); TextIOWrapper(f); run(c, text=True)"
    good = "open(p, 'rb'); p.read_text('utf-8'); p.write_text(t, 'utf-8'); open(p, 'w', encoding='utf-8'); f.open('xb')"
    assert len(unencoded(ast.parse(bad))) == 6 and not unencoded(ast.parse(good))


def test_every_text_is_read_and_written_in_an_encoding_that_is_named() -> None:
    may = {"images/worker.py", "organising/zipping.py"}  # numbers of /proc; members of a ZIP are bytes
    found = [
        f"{path.relative_to(PACKAGE).as_posix()}:{line}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for line in unencoded(ast.parse(path.read_text("utf-8")))
        if path.relative_to(PACKAGE).as_posix() not in may
    ]
    assert not found


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "cp932", "utf-8"])
def test_what_a_console_lacks_is_written_as_an_escape(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding, write_through=True) for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)

    def command(**options: object) -> int:
        common.tell(f"hit {NAMED}")
        common.say(f"skipped {NAMED}")
        common.print_json({"uri": NAMED})
        return 0

    monkeypatch.setattr(imagefinder.cli.cli, "main", command)
    with pytest.raises(SystemExit):
        imagefinder.cli.main()
    lines = out.buffer.getvalue().decode(encoding).splitlines()  # type: ignore[attr-defined]
    assert lines[0] == f"hit {NAMED}".encode(encoding, "backslashreplace").decode(encoding)
    assert json.loads(lines[1]) == {"uri": NAMED}, "a program gets the name itself, in whatever encoding"
    assert err.buffer.getvalue().decode(encoding).strip().startswith("skipped ")  # type: ignore[attr-defined]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8"])
def test_paths_for_programs_are_the_bytes_of_the_system(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding, write_through=True)
    monkeypatch.setattr(sys, "stdout", out)
    common.print_paths([NAMED, "half \udcff"], "\0")
    assert out.buffer.getvalue().split(b"\0")[:2] == [os.fsencode(NAMED), b"half \xff"]  # type: ignore[attr-defined]


@pytest.mark.skipif(sys.platform == "win32", reason="the zone is a variable on POSIX")
@pytest.mark.parametrize("zone", ["UTC", "America/St_Johns", "Pacific/Kiritimati", "Etc/GMT+12"])
def test_times_are_the_same_in_every_zone(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    from imagefinder.images import dates

    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert dates.of_file(0) == "1970-01-01T00:00:00+00:00"
        assert dates.of_file(-(10**18)) == "1938-04-24T22:13:20+00:00"  # which Windows itself can't say
        assert dates.of_file(1_700_000_000_123_456_789) == "2023-11-14T22:13:20+00:00"
    finally:
        monkeypatch.undo()
        time.tzset()
