"""Images in buckets through the server: their pictures, who may add them, and uploads that are kept in one."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from far_buckets import KEY, SECRET, Moto, Proxy
from fastapi.testclient import TestClient
from PIL import Image

from imagefinder.errors import InvalidInputError
from imagefinder.server.settings import ServerSettings

Serve = Callable[..., TestClient]


def png(colour: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (300, 200), (colour, 90, 200 - colour)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def bucket(moto: Moto) -> str:
    name = moto.bucket()
    moto.client().put_object(Bucket=name, Key="shop/1.png", Body=png(1))
    moto.client().put_object(Bucket=name, Key="other/2.png", Body=png(2))
    return name


def index(client: TestClient, *sources: str) -> dict[str, Any]:
    """Run a job of the kind ``index`` to its end; the error where it is refused."""
    answer = client.post("/v1/jobs", json={"kind": "index", "options": {"sources": list(sources)}})
    if answer.status_code != 202:
        return {"status": answer.status_code, **answer.json()}
    client.app.state.serving.jobs.quickly(lambda: None).result(60)  # type: ignore[attr-defined]
    job: dict[str, Any] = client.get(f"/v1/jobs/{answer.json()['id']}").json()
    while not job["finished"]:
        job = client.get(f"/v1/jobs/{job['id']}").json()
    return job


def test_pictures_of_a_bucket(serve: Serve, bucket: str, far: Proxy) -> None:
    client = serve(empty=True)
    assert index(client, f"s3://{bucket}/shop/")["result"]["added"] == 1
    (image,) = client.get("/v1/images").json()["images"]
    assert image["uri"] == f"s3://{bucket}/shop/1.png"
    small = client.get(f"/v1/images/{image['id']}/thumbnail", params={"size": 128})
    assert small.status_code == 200 and Image.open(io.BytesIO(small.content)).size == (128, 85)
    answer = client.get(f"/v1/images/{image['id']}/original")
    assert answer.content == png(1) and answer.headers["content-type"] == "image/png"
    assert client.get(f"/v1/images/{image['id']}/original", headers={"range": "bytes=0-7"}).content == png(1)[:8]
    far.fail(403, "AccessDenied", times=100)
    refused = client.get(f"/v1/images/{image['id']}/original")
    assert refused.status_code >= 400 and SECRET not in refused.text and KEY not in refused.text
    assert client.get(f"/v1/images/{image['id']}/thumbnail", params={"size": 128}).status_code == 200  # it is kept
    (source,) = client.get("/v1/sources").json()["sources"]
    assert (source["kind"], source["state"]) == ("bucket", "there")


def test_another_picture_in_its_place_is_not_shown(serve: Serve, bucket: str, moto: Moto, far: Proxy) -> None:
    client = serve(empty=True)
    index(client, f"s3://{bucket}/shop")
    (image,) = client.get("/v1/images").json()["images"]
    moto.client().put_object(Bucket=bucket, Key="shop/1.png", Body=png(77))
    assert client.get(f"/v1/images/{image['id']}/original").json()["error"]["message"].startswith("It has changed")


def test_only_allowed_buckets_are_read_with_the_keys_of_the_server(serve: Serve, bucket: str, far: Proxy) -> None:
    key = "a key that is long enough"
    client = serve(empty=True, host="0.0.0.0", key=key, folders=(f"s3://{bucket}/shop/",), hosts=("localhost",))
    client.headers["authorization"] = f"Bearer {key}"
    for place in (f"s3://{bucket}", f"s3://{bucket}/shop-not", "gs://any/x"):
        refused = index(client, place)
        assert refused["status"] == 403 and "--allow-folder s3://" in refused["error"]["remedy"], place
    assert index(client, f"s3://{bucket}/shop/../other")["error"]["code"] == "invalid-input"
    assert not far.asked
    assert index(client, f"s3://{bucket}/shop")["result"]["added"] == 1
    table = f"url\ns3://{bucket}/other/2.png\n".encode()
    answer = client.post("/v1/tables", files={"file": ("t.csv", table)})
    assert answer.status_code == 403
    assert client.get("/v1/folders").json()["folders"] == []


def test_uploads_are_kept_in_a_bucket(serve: Serve, bucket: str, moto: Moto, far: Proxy) -> None:
    def keys() -> list[str]:
        found = moto.client().list_objects_v2(Bucket=bucket, Prefix="sent/").get("Contents", ())
        return [o["Key"] for o in found]

    client = serve(empty=True, uploads=f"s3://{bucket}/sent/")
    files = [("files", ("a.png", png(5))), ("files", ("bad.png", b"no picture")), ("files", ("again.png", png(5)))]
    answer = client.post("/v1/images", files=files).json()
    (image,) = {row["id"]: row for row in answer["images"]}.values()
    assert image["uri"].startswith(f"s3://{bucket}/sent/") and [s["uri"] for s in answer["skipped"]] == ["bad.png"]
    assert [f"s3://{bucket}/{key}" for key in keys()] == [image["uri"]]
    assert client.get(f"/v1/images/{image['id']}/original").content == png(5)
    home = client.app.state.serving.finder.info().path  # type: ignore[attr-defined]
    assert not list((home / "uploads").glob("images/*")) if hasattr(home, "glob") else True
    assert client.delete(f"/v1/images/{image['id']}").status_code == 204
    assert keys() == []
    far.fail(503, "SlowDown", times=1000)
    answer = client.post("/v1/images", files={"files": ("b.png", png(6))}).json()
    assert answer["images"] == [] and "busy" in answer["skipped"][0]["reason"]
    far.fail(503, "", times=0)
    assert keys() == []


def test_uploads_need_a_bucket() -> None:
    with pytest.raises(InvalidInputError, match="can't be kept"):
        ServerSettings(uploads="/some/folder")
