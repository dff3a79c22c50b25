"""Maps and orders of very many images come in parts, and colours as a byte for each."""

from __future__ import annotations

from base64 import b64decode
from uuid import uuid4

import numpy as np
import pytest

from imagefinder._util.uuids import Ids, packed, unpacked
from imagefinder.catalog.snapshot import Coded, Column
from imagefinder.maps.maps import Map
from imagefinder.maps.projections import Projection
from imagefinder.server.map_values import GONE, LAST, MOST_KINDS, NONE, REST, values_of
from imagefinder.store import coded as kept


def column(values: list[object], names: dict[object, str | None] | None = None) -> Column:
    ids = sorted(str(uuid4()) for _ in values)
    coded = Coded(kept.Coded.of(values))
    return Column(packed(ids), coded.codes, coded.values, names or {})


def map_of(ids: np.ndarray) -> Map:
    projection = Projection("pca", np.zeros((len(ids), 2), np.float32), {})
    return Map("0001", Ids(ids), projection, np.zeros(len(ids), bool), {})


def told(values: list[object], field: str = "x", names: dict[object, str | None] | None = None) -> dict[str, object]:
    found = column(values, names)
    answer = values_of(map_of(found.ids), found, field)
    return {**answer, "codes": list(b64decode(answer["codes"]))}


def test_ids_are_the_same_as_texts_and_as_bytes() -> None:
    ids = [str(uuid4()) for _ in range(300)]
    rows = packed(ids)
    assert rows.shape == (300, 16) and unpacked(rows) == ids and packed(np.array(ids)).tolist() == rows.tolist()
    assert packed([ids[0].upper()]).tolist() == rows[:1].tolist()
    few = Ids(rows)
    assert few == tuple(ids) and tuple(few) == tuple(ids) and few[7] == ids[7] and few[3:5] == ids[3:5]
    assert few != ids[1:] and few == Ids(rows.copy()) and ids[9] in few
    assert len(packed([])) == 0
    with pytest.raises(ValueError):
        packed(["not an id"])


def test_few_values_are_kinds_the_commonest_first() -> None:
    answer = told(["b", "a", "b", None, "", "b", "a", "c"])
    kinds = answer["kinds"]
    assert [(k["value"], k["count"], k["code"]) for k in kinds] == [("b", 3, 2), ("a", 2, 3), ("c", 1, 4)]
    assert answer["codes"] == [2, 3, 2, NONE, NONE, 2, 3, 4]
    assert answer["missing"] == 2 and answer["scale"] is None and answer["rest"] == 0 and answer["total"] == 8


def test_rare_kinds_share_a_colour() -> None:
    answer = told(["often", "often", *(f"kind {i}" for i in range(300))])
    assert len(answer["kinds"]) == MOST_KINDS and answer["rest"] == 301 - MOST_KINDS
    assert answer["codes"].count(REST) == 301 - MOST_KINDS and max(answer["codes"]) < GONE


def test_clusters_have_names_and_minus_one_is_none() -> None:
    answer = told([0, -1, 1, 0, *range(40)], "cluster", {0: "cats", 1: None})
    assert answer["codes"][1] == NONE and answer["scale"] is None
    assert answer["kinds"][0] == {"code": 2, "value": 0, "name": "cats", "count": 3}
    assert [k["name"] for k in answer["kinds"] if k["value"] == 1] == [""]


def test_many_numbers_and_dates_are_a_scale_without_its_extremes() -> None:
    numbers = told([*range(1000), 10**9, None])
    assert numbers["scale"]["is_date"] is False and numbers["scale"]["high"] < 1000 and numbers["missing"] == 1
    assert numbers["codes"][0] == 2 and numbers["codes"][1000] == LAST and numbers["codes"][1001] == NONE
    dates = told([f"2020-01-{1 + i % 28:02}T10:{i % 60:02}:00" for i in range(100)])
    assert dates["scale"]["is_date"] and 1577800000000 < dates["scale"]["low"] < dates["scale"]["high"] < 1580500000000
    assert dates["kinds"] is None


def test_an_image_that_has_gone_is_told() -> None:
    found = column(["a", "b", "c"])
    shown = np.concatenate([found.ids, packed([str(uuid4())])])
    answer = values_of(map_of(shown), found, "x")
    assert list(b64decode(answer["codes"]))[3] == GONE and answer["missing"] == 0
    nothing = values_of(map_of(shown), Column(found.ids[:0], found.codes[:0], [], {}), "x")
    assert list(b64decode(nothing["codes"])) == [GONE] * 4
