"""Images in buckets: what a run reads and stores, and what it makes of a cloud's troubles. The server is moto's."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from command import run_cli
from far_buckets import KEY, SECRET, Moto, Proxy, environment
from PIL import Image

from imagefinder import ImageFinder
from imagefinder.errors import FetchError, InvalidInputError, MissingExtraError
from imagefinder.images.loader import Loader
from imagefinder.images.refs import ref_of
from imagefinder.images.remote import blocks
from imagefinder.images.sources import open_source
from imagefinder.ingest import watch
from imagefinder.results import IngestReport
from imagefinder.types import Limits, SkipCode


def jpeg(seed: int, size: tuple[int, int] = (48, 40)) -> bytes:
    buffer = io.BytesIO()
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), np.uint8)
    Image.fromarray(coarse).resize(size).save(buffer, "JPEG")
    return buffer.getvalue()


def tar(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


class Bucket:
    """A bucket of the test, changed behind the library's back."""

    def __init__(self, moto: Moto) -> None:
        self._client, self.name = moto.client(), moto.bucket()
        self.uri = f"s3://{self.name}"

    def put(self, key: str, data: bytes) -> None:
        self._client.put_object(Bucket=self.name, Key=key, Body=data)

    def delete(self, *keys: str) -> None:
        for key in keys:
            self._client.delete_object(Bucket=self.name, Key=key)

    def keys(self) -> set[str]:
        return {o["Key"] for o in self._client.list_objects_v2(Bucket=self.name).get("Contents", ())}


@pytest.fixture
def bucket(moto: Moto) -> Bucket:
    return Bucket(moto)


@pytest.fixture
def finder(tmp_path: Path) -> Iterator[ImageFinder]:
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        yield finder


def counts(report: IngestReport) -> dict[str, int]:
    names = ("added", "updated", "unchanged", "moved", "removed", "kept")
    return {name: getattr(report, name) for name in names if getattr(report, name)}


def uris(finder: ImageFinder) -> set[str]:
    return {record.uri for record in finder.records()}


def test_what_has_not_changed_is_never_read_again(finder: ImageFinder, bucket: Bucket, far: Proxy) -> None:
    for key in ("shop/a.jpg", "shop/deep/é b#1%2F.JPG", "shop/notes.txt", "shop/.hidden/x.jpg", "elsewhere/e.jpg"):
        bucket.put(key, jpeg(len(key)))
    assert counts(finder.add(f"{bucket.uri}/shop/")) == {"added": 2}
    assert uris(finder) == {f"{bucket.uri}/shop/a.jpg", f"{bucket.uri}/shop/deep/é b#1%2F.JPG"}
    assert len(far.objects()) == 2
    (deep,) = (r for r in finder.records() if "deep" in r.uri)
    assert (deep.folder, deep.bytes) == ("deep", len(jpeg(len("shop/deep/é b#1%2F.JPG")))) and deep.mtime
    assert "remote_version" not in deep.to_dict()
    far.asked.clear()
    assert counts(finder.add()) == {"unchanged": 2}
    assert not far.objects()
    (source,) = finder.list_sources()
    assert (source.uri, source.kind, source.state) == (f"{bucket.uri}/shop", "bucket", "there")


def test_what_changed_moved_and_went_is_seen(finder: ImageFinder, bucket: Bucket, far: Proxy) -> None:
    for n in range(4):
        bucket.put(f"{n}.jpg", jpeg(n))
    finder.add(bucket.uri)
    finder.tag([r.id for r in finder.records() if r.uri.endswith("2.jpg")], add=["dear"])
    far.asked.clear()
    bucket.put("0.jpg", jpeg(70))
    bucket.put("0.jpg", jpeg(71))
    bucket.delete("1.jpg", "2.jpg")
    bucket.put("renamed/2.jpg", jpeg(2))
    assert counts(finder.add()) == {"updated": 1, "moved": 1, "removed": 1, "unchanged": 1}
    assert sorted(far.objects()) == [f"/{bucket.name}/0.jpg", f"/{bucket.name}/renamed/2.jpg"]
    (moved,) = finder.records("tags = dear")
    assert moved.uri == f"{bucket.uri}/renamed/2.jpg"
    assert len(Loader(Limits()).read(ref_of(moved)).data) == len(jpeg(2))


def test_an_emptied_bucket_does_not_empty_the_index(finder: ImageFinder, bucket: Bucket, far: Proxy) -> None:
    bucket.put("x/1.jpg", jpeg(1))
    bucket.put("x/2.jpg", jpeg(2))
    finder.add(f"{bucket.uri}/x")
    bucket.delete("x/1.jpg", "x/2.jpg")
    report = finder.add()
    assert counts(report) == {"kept": 2} and "it is empty" in report.skipped[0].reason
    assert counts(finder.add(allow_removal=True)) == {"removed": 2}


def test_throttling_and_cut_answers_cost_no_image(finder: ImageFinder, bucket: Bucket, far: Proxy) -> None:
    for n in range(6):
        bucket.put(f"{n}.jpg", jpeg(n))
    far.fail(503, "SlowDown", times=3)
    far.cut(times=2)
    report = finder.add(bucket.uri)
    assert counts(report) == {"added": 6} and not report.skipped
    stored = {r.uri.rpartition("/")[2]: r.bytes for r in finder.records()}
    assert stored == {f"{n}.jpg": len(jpeg(n)) for n in range(6)}


def test_one_object_that_fails_stops_no_other(finder: ImageFinder, bucket: Bucket, far: Proxy) -> None:
    for n in range(3):
        bucket.put(f"{n}.jpg", jpeg(n))
    bucket.put("empty.jpg", b"")
    far.fail(403, "AccessDenied", times=50, of="/1.jpg")
    report = finder.add(bucket.uri)
    assert counts(report) == {"added": 2}
    said = {s.uri.rpartition("/")[2]: s.code for s in report.skipped}
    assert said == {"1.jpg": SkipCode.PERMISSION, "empty.jpg": SkipCode.EMPTY}
    far.fail(500, "InternalError", times=0)
    assert counts(finder.add()) == {"added": 1, "unchanged": 2}


def test_too_large_an_object_is_not_fetched(tmp_path: Path, bucket: Bucket, far: Proxy) -> None:
    bucket.put("large.jpg", jpeg(1, (400, 400)))
    with ImageFinder.open(tmp_path / "index", model="fast", limits=Limits(max_bytes=5000)) as finder:
        report = finder.add(bucket.uri)
    assert [s.code for s in report.skipped] == [SkipCode.TOO_MANY_BYTES] and not far.objects()


@pytest.mark.parametrize("status, code, says", [(403, "InvalidAccessKeyId", "denied"), (404, "NoSuchBucket", "bucket")])
def test_a_bucket_that_can_not_be_read_keeps_its_images(
    finder: ImageFinder, bucket: Bucket, far: Proxy, status: int, code: str, says: str
) -> None:
    bucket.put("1.jpg", jpeg(1))
    finder.add(bucket.uri)
    far.fail(status, code, times=100)
    report = finder.add()
    (missing,) = report.missing
    assert says in missing.reason and len(finder) == 1
    with pytest.raises(FetchError, match=says) as raised:
        finder.add(f"{bucket.uri}/other")
    for text in (str(raised.value), repr(raised.value), json.dumps(report.to_dict())):
        assert SECRET not in text and KEY not in text
    assert raised.value.__cause__ is None and raised.value.__suppress_context__


def test_keys_are_written_nowhere(tmp_path: Path, bucket: Bucket, far: Proxy) -> None:
    bucket.put("1.jpg", jpeg(1))
    bucket.put("bad.jpg", b"no picture")
    home = tmp_path / "index"
    said = [run_cli("index", bucket.uri, "--index", home, "--json"), run_cli("info", "--index", home, "--json")]
    said += [
        run_cli("index", f"s3://{KEY}:{SECRET}@bucket/x", "--index", home),
        run_cli("sources", "list", "--index", home),
    ]
    assert said[0].returncode == 0 and said[2].returncode == 2
    assert far.keys == {KEY}
    texts = [text for one in said for text in (one.stdout, one.stderr)]
    files = [path.read_bytes() for path in home.rglob("*") if path.is_file() and "points" not in path.parts]
    assert not any(secret in text for text in texts for secret in (KEY, SECRET))
    assert files and not any(secret.encode() in data for data in files for secret in (KEY, SECRET))
    with ImageFinder.open(home) as finder:
        assert not any(secret in str(r.to_payload()) for r in finder.records() for secret in (KEY, SECRET))


def test_profiles_name_keys_and_server(
    tmp_path: Path, bucket: Bucket, far: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put("1.jpg", jpeg(1))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_REGION"):
        monkeypatch.delenv(name)
    (tmp_path / "config").write_text(f"[profile shop]\nendpoint_url = {far.url}\nregion = us-east-1\n")
    (tmp_path / "credentials").write_text("[shop]\naws_access_key_id = OFTHESHOP\naws_secret_access_key = x/y\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_PROFILE", "shop")
    assert [r.uri for r in open_source(bucket.uri).scan()] == [f"{bucket.uri}/1.jpg"]
    assert far.keys == {"OFTHESHOP"}
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)  # the environment goes before
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    assert len(list(open_source(bucket.uri).scan())) == 1 and far.keys == {"OFTHESHOP", KEY}
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(InvalidInputError, match="no AWS profile 'nobody'"):
        list(open_source(bucket.uri).scan())
    (tmp_path / "credentials").write_text(f"[shop\n{SECRET}")
    monkeypatch.setenv("AWS_PROFILE", "shop")
    with pytest.raises(InvalidInputError) as raised:
        list(open_source(bucket.uri).scan())
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    "address", ["s3://", "s3://key:secret@bucket/a", "s3://bucket:80/a", "hf://datasets/only", "s3://b/table.csv"]
)
def test_addresses_that_name_nothing(finder: ImageFinder, address: str) -> None:
    with pytest.raises(InvalidInputError) as raised:
        finder.add(address)
    assert "secret" not in str(raised.value)


def test_an_object_that_is_changed_while_it_is_read(finder: ImageFinder, bucket: Bucket, far: Proxy) -> None:
    """What is stored is one state, whole, and the next run knows whether it is still that."""
    bucket.put("1.jpg", jpeg(1))
    listed = threading.Event()

    def change(said: str) -> None:
        if said.startswith("GET") and "list-type" not in said and not listed.is_set():
            listed.set()
            bucket.put("1.jpg", jpeg(60))

    far.before = change
    finder.add(bucket.uri)
    (record,) = finder.records()
    assert record.bytes == len(jpeg(60)) and Loader(Limits()).read(ref_of(record)).data == jpeg(60)
    assert counts(finder.add()) == {"unchanged": 1}


def test_an_archive_that_is_changed_while_it_is_read(
    finder: ImageFinder, bucket: Bucket, far: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks of two states are never put together: it is left out, what is known of it stays, and the next run is
    right."""
    monkeypatch.setattr(blocks, "BLOCK", 4096)
    monkeypatch.setattr(blocks.Blocks.__init__, "__defaults__", (4096,))
    members = [(f"{n}.jpg", jpeg(n)) for n in range(12)]
    bucket.put("shard.tar", tar(*members))
    assert counts(finder.add(bucket.uri)) == {"added": 12}
    bucket.put("shard.tar", tar(*members[1:], ("new.jpg", jpeg(80))))
    asked = []

    def change(said: str) -> None:
        if said.startswith("GET") and "list-type" not in said:
            asked.append(said)
            if len(asked) == 4:
                bucket.put("shard.tar", tar(*members[2:], ("newer.jpg", jpeg(81))))

    far.before = change
    report = finder.add()
    assert [s.uri for s in report.skipped] == [f"{bucket.uri}/shard.tar"] and "changed" in report.skipped[0].reason
    assert {f"{bucket.uri}/shard.tar#{n}.jpg" for n in range(12)} <= uris(finder)
    far.before = None
    finder.add()
    assert uris(finder) == {
        f"{bucket.uri}/shard.tar#{name}" for name in (*(f"{n}.jpg" for n in range(2, 12)), "newer.jpg")
    }


def test_archives_are_opened_once(finder: ImageFinder, bucket: Bucket, far: Proxy) -> None:
    samples = [(f"s{n}{e}", d) for n in range(3) for e, d in ((".jpg", jpeg(n)), (".txt", b"a cup"), (".cls", b"7"))]
    bucket.put("shard.tar", tar(*samples))
    bucket.put("loose.jpg", jpeg(1))
    assert counts(finder.add(bucket.uri)) == {"added": 4}
    (one,) = (r for r in finder.records() if r.uri.endswith("#s1.jpg"))
    assert (one.caption, one.extra["cls"]) == ("a cup", 7)
    far.asked.clear()
    assert Loader(Limits()).read(ref_of(one)).data == jpeg(1)
    assert len(far.objects()) == 1  # only its part of the archive
    far.asked.clear()
    assert counts(finder.add()) == {"unchanged": 4} and not far.objects()
    bucket.put("shard.tar", tar(*samples[:3]))
    assert counts(finder.add()) == {"unchanged": 2, "removed": 2}
    bucket.delete("shard.tar")
    assert counts(finder.add()) == {"unchanged": 1, "removed": 1}


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path, bucket: Bucket, far: Proxy) -> None:
    for n in range(160):
        bucket.put(f"{n:03d}.jpg", jpeg(n))
    far.delay_s = 0.01
    home = str(tmp_path / "index")
    command = [sys.executable, "-m", "imagefinder", "index", bucket.uri, "--index", home, "--model", "fast"]
    reached = threading.Event()
    far.before = lambda said: reached.set() if len(far.objects()) > 100 else None
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert reached.wait(120), f"only {len(far.objects())} objects were asked for"
    finally:
        running.send_signal(signal.SIGKILL) if os.name == "posix" else running.kill()
        running.wait(60)
    with ImageFinder.open(home) as finder:
        stored = len(finder)
        far.before, far.delay_s = None, 0.0
        far.asked.clear()
        report = finder.add()
        assert report.unchanged == stored and report.added == 160 - stored and len(far.objects()) == 160 - stored


def test_duplicates_in_buckets_are_shown_and_never_moved(finder: ImageFinder, bucket: Bucket, far: Proxy) -> None:
    bucket.put("a.jpg", jpeg(1, (200, 160)))
    bucket.put("b.jpg", jpeg(1, (200, 160)))
    bucket.put("c.tar", tar(("c.jpg", jpeg(1, (200, 160)))))
    finder.add(bucket.uri)
    (group,) = finder.duplicates().groups
    assert len(group.members) == 2 and all("bucket" in m.hold or "archive" in m.hold for m in group.members)
    far.asked.clear()
    with pytest.raises(InvalidInputError, match="can't be moved"):
        finder.copies.trash([(group.keep.id, [m.record.id for m in group.members])])
    assert bucket.keys() == {"a.jpg", "b.jpg", "c.tar"} and not any(a.startswith("DELETE") for a in far.asked)


def test_watching_lists_buckets_now_and_then(
    finder: ImageFinder, bucket: Bucket, far: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "FAR_S", 0.0)
    monkeypatch.setattr(watch, "POLL_MS", 50)
    bucket.put("1.jpg", jpeg(1))
    changes = finder.changes(bucket.uri)
    for n in range(3):
        next(changes)
        bucket.put(f"{n}.jpg", jpeg(n))
        finder.add(bucket.uri)
    changes.close()  # type: ignore[attr-defined]
    assert len(finder) == 3


def test_without_the_extra_it_is_named(finder: ImageFinder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(MissingExtraError, match="obstore") as raised:
        finder.add("s3://bucket/x")
    assert "imagefinder[buckets]" in raised.value.remedy


# --- many keys --------------------------------------------------------------------------------------------------------


class Lister(BaseHTTPRequestHandler):
    """Lists ``total`` keys, a thousand a page."""

    protocol_version = "HTTP/1.1"
    total = 100_000

    def log_message(self, *_: object) -> None:
        """Nothing on the screen."""

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        start = int(asked.get("continuation-token", ["0"])[0])
        end = min(start + 1000, self.total)
        rows = "".join(
            f"<Contents><Key>shop/{n % 97}/{n:07d}.jpg</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f"<ETag>&quot;{n:032x}&quot;</ETag><Size>1000</Size></Contents>"
            for n in range(start, end)
        )
        more = f"<NextContinuationToken>{end}</NextContinuationToken>" if end < self.total else ""
        truncated = "true" if more else "false"
        text = f"<ListBucketResult><IsTruncated>{truncated}</IsTruncated>{more}{rows}</ListBucketResult>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


LIST = """
import resource, sys
from itertools import islice
from imagefinder.images.sources import open_source
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
found = open_source("s3://many/shop").scan()
first = sum(1 for _ in islice(found, 5000))
before = peak()
print(first + sum(1 for _ in found), peak() - before)
"""


def test_a_hundred_thousand_keys_are_listed_in_little_memory() -> None:
    pytest.importorskip("obstore")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Lister)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        where = {**os.environ, **environment(f"http://127.0.0.1:{server.server_address[1]}")}
        done = subprocess.run([sys.executable, "-c", LIST], capture_output=True, text=True, env=where, timeout=200)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert done.returncode == 0, done.stderr
    number, grown = map(int, done.stdout.split())
    assert number == 100_000 and grown < 16_000_000, f"{grown:,} bytes more"
