"""The keys of an index, and its audit log."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import addressed
import database
import pytest
from command import run_cli, run_process
from hypothesis import given
from hypothesis import strategies as st

from imagefinder import ImageFinder
from imagefinder._util.acting import Actor, acting, actor
from imagefinder._util.hiding import hidden, secret
from imagefinder.errors import IndexDamagedError, IndexFolderError, InvalidInputError, NotFoundError
from imagefinder.index import audit, shared
from imagefinder.index.audit import Audit
from imagefinder.index.keys import Keys, page_proof


@pytest.fixture(params=["folder", "postgres"])
def documents(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Those of an index, twice: as two servers have them."""
    if request.param == "folder":
        yield tmp_path, tmp_path
        return
    monkeypatch.setattr(shared, "_folder_of", lambda site: addressed._made(tmp_path / site.name))
    server: database.Server = request.getfixturevalue("postgres")
    at = server.address()
    with ImageFinder.open(at, model="fast"), shared.documents_at(at) as one, shared.documents_at(at) as two:
        yield one, two


def test_a_key_opens_until_it_is_removed_wherever_it_is_asked_for(documents: tuple[Path, Path]) -> None:
    mine, theirs = Keys(documents[0]), Keys(documents[1])
    assert theirs.list() == () and len(theirs) == 0
    made = mine.add("anna", "write", requests_per_minute=60, upload_bytes_per_day=10**9)
    assert made.secret is not None and len(made.secret) == 64
    found = theirs.find(made.secret)
    assert found is not None and found.secret is None
    assert (found.name, found.scope, found.requests_per_minute) == ("anna", "write", 60)
    assert theirs.find_page(page_proof(made.secret)) == found
    assert theirs.find(page_proof(made.secret)) is None and theirs.find_page(made.secret) is None
    other = theirs.add("Zoe")
    assert [key.name for key in mine.list()] == ["anna", "Zoe"] and other.scope == "read"
    with pytest.raises(InvalidInputError, match="already"):
        theirs.add("ANNA")
    mine.remove("ANNA")
    assert theirs.find(made.secret) is None and theirs.find_page(page_proof(made.secret)) is None
    assert len(theirs) == 1
    with pytest.raises(NotFoundError, match="Zoe"):
        mine.remove("anna")
    entries = Audit(documents[1]).list()
    assert [(e.action, e.names) for e in entries] == [
        ("key-removed", ("anna",)),
        ("key-added", ("Zoe (read)",)),
        ("key-added", ("anna (write)",)),
    ]
    assert {(e.by, e.by_kind) for e in entries} == {(actor().name, "account")}


def test_a_key_is_nowhere_in_the_index(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    made = keys.add("anna")
    assert made.secret is not None and made.secret not in repr(made)
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()).decode()
    chance = made.secret.rsplit("_", 1)[1]
    assert chance not in stored and page_proof(made.secret).split(".")[1] not in stored and chance not in repr(made)
    assert keys.add("bert").secret != made.secret


@given(st.data())
def test_what_is_not_the_key_itself_opens_nothing(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    keys = Keys(tmp_path_factory.mktemp("keys"))
    right = str(keys.add("anna").secret)
    at = data.draw(st.integers(0, len(right) - 1))
    wrong = right[:at] + data.draw(st.characters()) + right[at + 1 :]
    assert (keys.find(wrong) is None) == (wrong != right)
    for text in (right[:-1], right + "x", right.upper(), f" {right}", data.draw(st.text())):
        assert keys.find(text) is None and keys.find_page(text) is None


class _InTwoDays(datetime):
    """A clock that is two days fast."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> _InTwoDays:
        return super().now(tz) + timedelta(days=2)


def test_a_key_ends_when_it_is_said_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = Keys(tmp_path)
    with pytest.raises(InvalidInputError, match="passed"):
        keys.add("old", expires="2020-01-01")
    with pytest.raises(InvalidInputError, match="no time"):
        keys.add("odd", expires="tomorrow")
    late = keys.add("late", expires="2999-12-31T12:00:00+02:00")
    assert late.expires == "2999-12-31T10:00:00+00:00" and not late.expired
    short = keys.add("short", expires=(datetime.now(UTC) + timedelta(days=1)).isoformat())
    assert not short.expired
    monkeypatch.setattr("imagefinder.index.keys.datetime", _InTwoDays)
    assert short.expired and not late.expired
    found = keys.find(str(short.secret))
    assert found is not None and found.expired
    with pytest.raises(InvalidInputError, match="passed"):
        keys.add("shorter", expires=short.expires)


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 81, "-a", "<b>", "a/b"])
def test_odd_names_limits_and_scopes_are_refused(tmp_path: Path, name: str) -> None:
    keys = Keys(tmp_path)
    with pytest.raises(InvalidInputError):
        keys.add(name)
    with pytest.raises(InvalidInputError, match="read, write, admin"):
        keys.add("a", "owner")  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="1 or more"):
        keys.add("a", requests_per_minute=0)
    assert not (tmp_path / "keys.jsonl").exists() and Audit(tmp_path).list() == ()


def test_of_a_damaged_file_no_key_is_good(tmp_path: Path) -> None:
    """A line that can't be read may be the one that removes a key."""
    keys = Keys(tmp_path)
    made = keys.add("anna")
    keys.remove("anna")
    path = tmp_path / "keys.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1].replace(b"removed", b"rem0ved"))
    with pytest.raises(IndexDamagedError, match=r"keys\.jsonl"):
        keys.find(str(made.secret))


def test_keys_are_made_by_many_at_once(documents: tuple[Path, Path]) -> None:
    def work(who: int) -> None:
        keys = Keys(documents[who % 2])
        for n in range(5):
            keys.add(f"key {who} {n}")

    threads = [threading.Thread(target=work, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Keys(documents[0])) == 20 and len(Audit(documents[1]).list()) == 20


# --- the audit log ------------------------------------------------------------------------------------------------


def test_what_was_removed_and_by_whom(sample_index: Path, tmp_path: Path) -> None:
    pictures = Path(__file__).resolve().parents[2] / "examples" / "images" / "food"
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        finder.add(pictures)
        uris = finder.columns(["uri"], sort="uri")["uri"]
        with acting(Actor("anna", "key")):
            finder.remove(uris[0], uris[1])
        with acting(Actor("bert", "user")):
            finder.forget_source(pictures, remove_images=True)
        entries = finder.audit.list()
        assert [(e.action, e.count, e.by, e.by_kind) for e in entries] == [
            ("forgotten", len(uris) - 2, "bert", "user"),
            ("removed", 2, "anna", "key"),
        ]
        assert sorted(entries[1].names) == uris[:2]
        assert finder.audit.list(1, 1) == entries[1:] == finder.audit.list(by="anna")
        assert finder.audit.list(action="trashed") == ()
        assert all(datetime.fromisoformat(e.time).utcoffset() == timedelta(0) for e in entries)
        with pytest.raises(InvalidInputError, match="trashed"):
            finder.audit.list(action="burnt")


def test_trash_and_back_and_gone(tmp_path: Path, make_image: object) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        make_image(1).save(folder / name)  # type: ignore[operator]
    make_image(2).save(folder / "c.png")  # type: ignore[operator]
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        finder.add(folder)
        finder.duplicates()
        (group,) = finder.copies.latest()["groups"]
        finder.copies.trash([(group["keep"]["id"], [group["members"][0]["id"]])])
        finder.copies.undo()
        (folder / "c.png").unlink()
        finder.add(folder)
        found = [(e.action, e.names) for e in finder.audit.list()]
    moved = group["members"][0]["uri"]
    assert found == [("gone", (str(folder / "c.png"),)), ("restored", (moved,)), ("trashed", (moved,))]


def test_it_is_bounded_by_the_oldest_files(documents: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "FULL", 1000)
    monkeypatch.setattr(audit, "KEPT", 3)
    logs = [Audit(one) for one in documents]
    for n in range(60):
        logs[n % 2].add("removed", [f"/pictures/{n}.jpg"])
    names = [e.names[0] for e in logs[0].list(1000)]
    assert names == [f"/pictures/{n}.jpg" for n in range(59, 59 - len(names), -1)]
    assert 8 < len(names) < 30
    many = [f"/pictures/{n}/{'x' * 600}" for n in range(1000)]
    logs[0].add("removed", many)
    (entry,) = logs[1].list(1)
    assert entry.count == 1000 and len(entry.names) == audit.NAMED and max(map(len, entry.names)) == audit.LONGEST


def test_a_line_that_was_cut_short_or_changed_is_passed_over(tmp_path: Path) -> None:
    told: list[str] = []
    log = Audit(tmp_path, told.append)
    for name in "abc":
        log.add("removed", [name])
    path = tmp_path / "audit" / "000001.jsonl"
    first, second, third = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + second.replace(b'"b"', b'"x"') + third[:-5])
    log.add("removed", ["d"])
    assert [e.names[0] for e in log.list()] == ["d", "a"] and "1 of its lines" in told[0]


def test_an_index_that_is_only_read_gets_no_keys(sample_index: Path, copy_index: object, tmp_path: Path) -> None:
    home = copy_index(sample_index, tmp_path / "index")  # type: ignore[operator]
    with ImageFinder.open(home, read_only=True) as finder:
        assert finder.keys.list() == () and finder.audit.list() == ()
        for change in (lambda: finder.keys.add("a"), lambda: finder.keys.remove("a")):
            with pytest.raises(IndexFolderError):
                change()


# --- the commands -------------------------------------------------------------------------------------------------


def test_the_commands_beside_a_process_that_holds_the_index(
    sample_index: Path, copy_index: object, tmp_path: Path
) -> None:
    home = copy_index(sample_index, tmp_path / "index")  # type: ignore[operator]
    with ImageFinder.open(home) as finder:
        assert "no keys" in run_cli("keys", "list", "--index", home).stderr
        made = run_process("keys", "add", "shop", "--scope", "write", "--requests", 600, "--uploads", "1.5 GB",
                           "--expires", "2999-01-01", "--index", home)  # fmt: skip
        assert made.returncode == 0, made.stderr
        found = finder.keys.find(made.stdout.strip())
        assert found is not None and found.scope == "write" and found.upload_bytes_per_day == 1_500_000_000
        listed = run_cli("keys", "list", "--index", home)
        assert "write  shop" in listed.stdout and "600 requests a minute" in listed.stdout and "2999" in listed.stdout
        rows = json.loads(run_cli("keys", "list", "--json", "--index", home).stdout)["keys"]
        assert [row["name"] for row in rows] == ["shop"] and "digest" not in str(rows)
        assert run_cli("keys", "add", "shop", "--index", home).returncode == 2
        assert run_cli("keys", "add", "x", "--uploads", "much", "--index", home).returncode == 2
        assert run_cli("keys", "remove", "shop", "--index", home).returncode == 0
        assert finder.keys.list() == ()
    told = run_cli("audit", "--index", home)
    assert "key-removed 1  shop" in told.stdout.splitlines()[0] and actor().name in told.stdout
    rows = json.loads(run_cli("audit", "--json", "--action", "key-added", "--index", home).stdout)["entries"]
    assert [(row["count"], row["names"]) for row in rows] == [(1, ["shop (write)"])]
    assert run_cli("audit", "--by", "nobody", "--index", home).returncode == 1
    assert run_cli("audit", "--action", "x", "--index", home).returncode == 2
    assert run_cli("keys", "list", "--index", tmp_path / "none").returncode == 3


# --- what is hidden -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:s3cret@host/db", "postgresql://me:***@host/db"),
        ("https://u:a:b@host/x?token=s3cret&k=1", "https://u:***@host/x?token=***&k=1"),
        ("https://h/x?X-Amz-Signature=s3cret", "https://h/x?X-Amz-Signature=***"),
        ("Authorization: Bearer s3cret", "Authorization: ***"),
        ("sent bearer s3cret, and", "sent bearer ***, and"),
        ("cookie: imagefinder-key-1=s3cret; a=b", "cookie: ***"),
        (f"imf_{'0' * 16}_{'s' * 43}", "imf_***"),
        ("/photos/a=b/c.jpg at 12:30", "/photos/a=b/c.jpg at 12:30"),
        ("http://127.0.0.1:8642/ and me@home", "http://127.0.0.1:8642/ and me@home"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str, shown: str) -> None:
    assert hidden(text) == shown


@given(st.text(st.characters(codec="utf-8"), min_size=4), st.text(), st.text())
def test_a_known_secret_is_hidden_wherever_it_stands(known: str, before: str, after: str) -> None:
    with secret([known]):
        assert known not in hidden(before + known + after).replace("***", "") or set(known) <= {"*"}
