"""The check of dependencies: what it finds, and that it neither hangs nor fails where no list can be had."""

from __future__ import annotations

import threading
from typing import Any

import check_dependencies as tool
import pytest
from packaging.requirements import Requirement


def osv(url: str, end: float, body: Any = None) -> Any:
    """What osv.dev would answer, of two weaknesses of Pillow, one of which is not mended."""
    if body is None:
        fixed = {"GHSA-1": [{"introduced": "0"}, {"fixed": "999"}], "GHSA-2": [{"introduced": "0"}]}[
            url.rsplit("/", 1)[1]
        ]
        return {"affected": [{"package": {"name": "Pillow"}, "ranges": [{"type": "ECOSYSTEM", "events": fixed}]}]}
    named = [one["package"]["name"] for one in body["queries"]]
    return {"results": [{"vulns": [{"id": "GHSA-1"}, {"id": "GHSA-2"}]} if n == "pillow" else {} for n in named]}


def pypi(url: str, end: float, body: Any = None) -> Any:
    if "pypi.org" not in url:
        raise OSError("no such host")
    found = [{"id": "PYSEC-1", "fixed_in": ["0.1"], "withdrawn": None}, {"id": "PYSEC-2", "withdrawn": "2026"}]
    return {"vulnerabilities": found if "/pillow/" in url else []}


def test_what_it_compares_is_what_the_package_needs() -> None:
    found = tool.needed()
    assert {"pillow", "onnxruntime", "fastapi", "starlette", "numpy"} <= set(found)
    assert "imagefinder" not in found and "pytest" not in found
    named = [Requirement(one) for one in tool.distribution("imagefinder").requires or () if "extra" not in one]
    assert all(one.name.lower() in found for one in named)


def test_a_weakness_that_is_mended_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tool, "_ask", osv)
    assert tool.main([]) == 1
    said = capsys.readouterr().out
    assert "MEND  pillow" in said and "known  pillow" in said and "1 to mend" in said


def test_pypi_is_asked_where_the_other_list_is_not_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tool, "_ask", pypi)
    assert tool.main([]) == 0  # mended in a release that is older than the one installed
    assert "PYSEC-1" in (said := capsys.readouterr().out) and "PYSEC-2" not in said and "0 to mend" in said


@pytest.mark.parametrize("wrong", [OSError("no route"), ValueError("no JSON"), KeyError("results"), TypeError()])
def test_a_list_that_cannot_be_had_is_said_and_no_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], wrong: Exception
) -> None:
    def ask(*given: object) -> None:
        raise wrong

    monkeypatch.setattr(tool, "_ask", ask)
    assert tool.main([]) == 0
    assert "NOT CHECKED" in capsys.readouterr().out


def test_a_server_that_never_answers_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    released = threading.Event()
    monkeypatch.setattr(tool, "_ask", lambda *given: released.wait(200))
    assert tool.main(["--seconds", "0.2"]) == 0
    released.set()
    assert "NOT CHECKED" in capsys.readouterr().out
