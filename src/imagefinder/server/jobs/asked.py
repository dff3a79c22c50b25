"""How clients ask for a job, and name its kind."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field

from imagefinder.errors import InvalidInputError
from imagefinder.server.jobs.kinds import JOBS, known
from imagefinder.server.requests import Body


def _valid(kind: str) -> str:
    try:
        return known(kind)
    except InvalidInputError as error:
        raise ValueError(error.message) from None


def _name_all(schema: dict[str, Any]) -> None:
    schema["enum"] = [*JOBS]


Kind = Annotated[str, AfterValidator(_valid), Field(json_schema_extra=_name_all)]


class JobRequest(Body):
    """A job to run in the background. The options depend on its kind."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"kind": "index", "options": {"sources": ["https://example.com/cat.jpg"]}},
                {"kind": "cluster", "options": {"n_clusters": 20}},
                {"kind": "train", "options": {"what": "classifier", "by": "tags"}},
            ]
        },
    )
    kind: Kind
    options: dict[str, Any] = Field(default_factory=dict)
