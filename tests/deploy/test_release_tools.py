"""The tools of a release: what they let pass, and what they refuse."""

from __future__ import annotations

import subprocess
import tarfile
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import build_dist
import check_wheels
import licences
import pin_actions
import pytest

ROOT = Path(__file__).resolve().parents[2]
INFO = "imagefinder-1.2.3.dist-info/licenses/"


def wheel(folder: Path, names: Mapping[str, bytes]) -> Path:
    path = folder / "imagefinder-1.2.3-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as made:
        for name, data in names.items():
            made.writestr(name, data)
    return path


def sdist(folder: Path, names: Mapping[str, bytes]) -> Path:
    path = folder / "imagefinder-1.2.3.tar.gz"
    with tarfile.open(path, "w:gz") as made:
        for name, data in names.items():
            facts = tarfile.TarInfo(f"imagefinder-1.2.3/{name}")
            facts.size = len(data)
            made.addfile(facts, BytesIO(data))
    return path


def test_packages_hold_what_they_must_and_nothing_else(tmp_path: Path) -> None:
    whole = dict.fromkeys((*build_dist.IN_WHEEL, *(INFO + one for one in build_dist.LICENCES)), b"x")
    assert not build_dist.faults(wheel(tmp_path, whole))
    lacking = {name: data for name, data in whole.items() if "yardstick" not in name and "NOTICE" not in name}
    found = build_dist.faults(wheel(tmp_path, {**lacking, "tests/conftest.py": b"", "imagefinder/a.pyc": b""}))
    assert len(found) == 5 and any("lacks imagefinder/models/yardstick.onnx" in fault for fault in found)
    assert any("holds tests/conftest.py" in fault for fault in found) and any(".pyc" in fault for fault in found)
    source = dict.fromkeys(build_dist.IN_SDIST, b"x")
    assert not build_dist.faults(sdist(tmp_path, source))
    assert build_dist.faults(sdist(tmp_path, {**source, "examples/images/a.jpg": b"x"}))


def test_what_must_be_in_the_wheel_is_in_the_checkout() -> None:
    for name in build_dist.IN_WHEEL:
        assert (ROOT / "src" / name).is_file(), name
    for name in build_dist.IN_SDIST:
        assert (ROOT / name).is_file(), name


def test_two_builds_are_compared_and_the_version_is_that_of_the_tag(tmp_path: Path) -> None:
    first = build_dist.sums([wheel(tmp_path, {"a": b"1"})])
    second = build_dist.sums([wheel(tmp_path, {"a": b"2"})])
    assert not build_dist.differences(first, first)
    assert build_dist.differences(first, second) and build_dist.differences(first, {})
    packages = [wheel(tmp_path, {}), sdist(tmp_path, {})]
    assert not build_dist.version_faults(packages, "v1.2.3") and not build_dist.version_faults(
        packages, "refs/tags/v1.2.3"
    )
    assert len(build_dist.version_faults(packages, "v1.2.4")) == len(build_dist.version_faults(packages, "v1.2")) == 2


# --- licences ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "allowed"),
    [
        ("MIT", True),
        ("MIT License", True),
        ("Apache Software License", True),
        ("BSD-3-Clause AND 0BSD", True),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", True),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("GPL-3.0-only OR MIT", True),
        ("GPL-3.0-only", False),
        ("MIT AND AGPL-3.0-or-later", False),
        ("GNU General Public License v3 (GPLv3)", False),
        ("Proprietary", False),
        ("", False),
    ],
)
def test_which_licences_are_allowed(said: str, allowed: bool) -> None:
    assert licences.Licence("some", "1", said, *licences.terms_of(said)).is_allowed is allowed


def test_the_notices_agree_with_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert licences.main([]) == 0, capsys.readouterr().err


def test_notices_that_lack_or_garble_a_package_are_refused() -> None:
    found = [licences.Licence("some-thing", "1", "MIT", ("MIT",)), licences.Licence("other", "1", "MIT", ("MIT",))]
    right = "| some_thing, other | MIT |\n"
    assert not licences.notice_faults(right, found, {"some-thing", "other"})
    assert len(licences.notice_faults("| other | MIT |\n", found, {"some-thing", "other"})) == 1
    assert (
        len(licences.notice_faults("| some-thing (Apache-2.0), other | MIT |\n", found, {"some-thing", "other"})) == 1
    )
    assert not licences.notice_faults("", found, set())


# --- wheels and actions -----------------------------------------------------------------------------------------------


def test_the_table_of_wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []

    def lacking(chosen: list[str], system: str, python: str, uv: str) -> str:
        asked.append((tuple(chosen), system, python))
        return "rawpy" if "raw" in chosen and system == "macOS x86-64" and python != "3.11" else ""

    monkeypatch.setattr(check_wheels, "lacking", lacking)
    found = check_wheels.look_at_all(["plain", "raw"], "uv")
    assert len(asked) == 20 + 3 * 2, "each extra alone only where not all can be had"
    text = check_wheels.table(found)
    assert "| plain install | all | all | all | all | all |" in text
    assert "| `[raw]` | all | all | all | all | 3.11, not 3.12 (rawpy); not 3.13 (rawpy); not 3.14 (rawpy) |" in text
    page = tmp_path / "page.md"
    page.write_text(f"before\n{check_wheels.BEGIN}\nold\n{check_wheels.END}\nafter\n", "utf-8")
    check_wheels.write(page, text, "2026-11-28")
    assert page.read_text("utf-8").startswith("before\n") and "old" not in page.read_text("utf-8")
    assert "Resolved 2026-11-28" in page.read_text("utf-8") and page.read_text("utf-8").endswith("\nafter\n")
    (tmp_path / "bare.md").write_text("nothing", "utf-8")
    with pytest.raises(ValueError, match="bare"):
        check_wheels.write(tmp_path / "bare.md", text, "2026-11-28")


def test_actions_are_pinned_to_the_commit_of_their_tag(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        return subprocess.run(
            ["git", *who, "-C", str(repo), *words], check=True, capture_output=True, encoding="utf-8"
        ).stdout.strip()

    repo = tmp_path / "actions" / "checkout"
    repo.mkdir(parents=True)
    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "-m", "one")
    git("tag", "-a", "-m", "with a message", "v4.2.2")
    commit = git("rev-parse", "HEAD")
    text = "steps:\n  - uses: actions/checkout@v4.2.2\n    with:\n      x: y\n"
    now = pin_actions.pinned(text, tmp_path.as_uri())
    assert now == text.replace("@v4.2.2", f"@{commit} # v4.2.2") and pin_actions.pinned(now, tmp_path.as_uri()) == now
    with pytest.raises(SystemExit, match="no tag"):
        pin_actions.pinned("- uses: actions/checkout@v9.9.9\n", tmp_path.as_uri())


def test_it_is_said_which_actions_are_not_pinned(capsys: pytest.CaptureFixture[str]) -> None:
    assert pin_actions.main(["--check"]) in (0, 1)
    assert "release.yml: " in capsys.readouterr().out
