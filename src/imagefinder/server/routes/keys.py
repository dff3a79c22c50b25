"""The keys of the index, and the log of who removed what: for admins."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query
from fastapi.responses import Response
from pydantic import Field

from imagefinder.index.audit import Action
from imagefinder.index.keys import LARGEST, Scope
from imagefinder.server.access import rules
from imagefinder.server.requests import Body
from imagefinder.server.responses import ResponseBody
from imagefinder.server.state import Json, ServingDep
from imagefinder.server.strict import Router

router = Router(prefix="/v1", tags=["keys"])
Limit = Annotated[int | None, Field(ge=1, le=LARGEST)]


class NewKey(Body):
    name: Annotated[str, Field(max_length=200, examples=["anna"])]
    scope: Scope = "read"
    expires: Annotated[str | None, Field(max_length=100, description="A time, in UTC if it names no zone.")] = None
    requests_per_minute: Limit = None
    upload_bytes_per_day: Limit = None


class AKey(ResponseBody):
    id: str
    name: str
    scope: Scope
    created: str
    expires: str | None
    expired: bool
    requests_per_minute: int | None
    upload_bytes_per_day: int | None


class MadeKey(AKey):
    secret: str = Field(description="What clients send as: Authorization: Bearer SECRET. It is told this once.")


class KeyList(ResponseBody):
    keys: list[AKey]


class AuditEntry(ResponseBody):
    time: str
    by: str = Field(description="Who did it: the name of a key, a user or an account.")
    by_kind: str = Field(description="key, user, server (its own key), account, or anyone where no key is asked for.")
    action: Action
    count: int
    names: list[str] = Field(description="The first 100 of them.")


class AuditLog(ResponseBody):
    entries: list[AuditEntry]


@router.get("/keys", response_model=KeyList)
@rules(reads=True)
def list_keys(serving: ServingDep) -> Response:
    """The keys of the index, by their names, without the keys themselves."""
    return Json({"keys": [key.to_dict() for key in serving.finder.keys.list()]})


@router.post("/keys", status_code=201, response_model=MadeKey)
@rules()
def add_key(serving: ServingDep, body: NewKey) -> Response:
    """Make a key. What clients send is in this response only: the index keeps a digest of it."""
    key = serving.finder.keys.add(**body.model_dump())
    return Json({**key.to_dict(), "secret": key.secret}, 201)


@router.delete("/keys/{name}", status_code=204)
@rules()
def remove_key(serving: ServingDep, name: Annotated[str, Path(max_length=200)]) -> Response:
    """Remove a key. It opens nothing from now on, at any server of the index."""
    serving.finder.keys.remove(name)
    return Response(status_code=204)


@router.get("/audit", response_model=AuditLog)
@rules(reads=True)
def audit(
    serving: ServingDep,
    k: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=2**53)] = 0,
    action: Annotated[Action | None, Query()] = None,
    by: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """What was removed, trashed and restored, which keys were made and removed, when and by whom; the newest first."""
    return Json({"entries": [entry.to_dict() for entry in serving.finder.audit.list(k, offset, action=action, by=by)]})
