"""The folders of the server's machine, to choose one to add."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from fastapi.responses import Response
from pydantic import Field

from imagefinder.server import responses
from imagefinder.server.access import reads
from imagefinder.server.folders import count_below, look_into
from imagefinder.server.jobs.options import Place
from imagefinder.server.state import Json, ServingDep
from imagefinder.server.strict import Router

router = Router(prefix="/v1/folders", tags=["sources"])


class Folder(responses.ResponseBody):
    name: str
    path: str


class Shortcut(Folder):
    kind: str = Field(
        description="home, pictures, downloads, desktop, or shared: one that the server was started with."
    )


class Folders(responses.ResponseBody):
    path: str = Field(description="Empty: above the folders that the server was started with.")
    parent: str | None = Field(description="null where that may not be looked into.")
    folders: list[Folder]
    images: int = Field(description="The pictures right in this folder.")
    complete: bool = Field(description="Whether all that lies in the folder was looked at.")
    shortcuts: list[Shortcut]


class FolderCount(responses.ResponseBody):
    path: str
    images: int
    complete: bool = Field(description="Whether that is all of them: counting ends after a moment.")


@router.get("", response_model=Folders)
@reads()
def folders(serving: ServingDep, path: Annotated[Place | None, Query()] = None) -> Response:
    """The folders in a folder of the server's machine, to choose one to add."""
    return Json(look_into(path, serving.settings))


@router.get("/count", response_model=FolderCount)
@reads(costly=True)
def count(serving: ServingDep, path: Annotated[Place, Query()]) -> Response:
    """How many pictures lie in a folder and in all folders below it, as far as they can be counted in a moment."""
    return Json(count_below(path, serving.settings))
