"""What answers is no ImageFinder, or another one: the client says so, rather than that a name is missing."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from imagefinder.client import Client
from imagefinder.client.transport import Transport
from imagefinder.errors import ServerError

ID = "6ba7b810-9dad-51d1-80b4-00c04fd430c8"
ASKED: dict[str, Callable[[Client], Any]] = {
    "search": lambda client: client.search("red"),
    "get": lambda client: client.get(ID),
    "list": lambda client: client.list(),
    "columns": lambda client: client.columns(["id"]),
    "info": lambda client: client.info(),
    "jobs": lambda client: client.jobs(),
    "cluster": lambda client: client.cluster(),
    "clusters": lambda client: list(client.clusters),
    "rows": lambda client: client.clusters.rows(),
    "levels": lambda client: client.clusters.levels(2),
    "maps": lambda client: client.maps(),
    "feedback": lambda client: client.feedback.list(),
    "judge": lambda client: client.feedback.add({}, [ID]),
    "spaces": lambda client: client.spaces(),
    "sources": lambda client: client.list_sources(),
    "tag": lambda client: client.tag([ID], add=["a"]),
    "purge": lambda client: client.purge(),
    "decide": lambda client: client.copies.decide("keep-both", ID, ID),
}


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize("body", ["{}", "[]", '"x"', "5", "{", '{"a": {}}', "[" * 100_000, "<html>"])
def test_what_is_no_answer_of_ours_is_told(monkeypatch: pytest.MonkeyPatch, name: str, body: str) -> None:
    monkeypatch.setattr(Transport, "_try", lambda *_, **__: httpx.Response(200, text=body))
    with Client("http://127.0.0.1:9") as client:
        if (name, body) == ("rows", "[]"):
            assert ASKED[name](client) == []
            return
        with pytest.raises(ServerError, match="is no ImageFinder server"):
            ASKED[name](client)


def test_an_answer_is_copied_as_a_plain_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Transport, "_try", lambda *_, **__: httpx.Response(200, json={"total": 1, "tags": [{"a": 1}]}))
    with Client("http://127.0.0.1:9") as client:
        found = client.facets()
        for again in (copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
            assert again == found and type(again) is dict and type(again["tags"][0]) is dict
