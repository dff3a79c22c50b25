"""Plans: sizes are those measured, machines hold what they are to hold, and warnings come in time."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagefinder.errors import InvalidInputError, NotFoundError
from imagefinder.planning import QUANTIZATIONS, Assumptions, Plan, Space, Wanted, make_plan, read_assumptions
from imagefinder.planning.measured import FILE, embedding_ms, measured, slopes
from imagefinder.planning.nodes import clusters
from imagefinder.planning.sizes import sizes

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results" / "scaling.json"
STORES = list(QUANTIZATIONS)
EACH = [(store, kind) for store, kinds in QUANTIZATIONS.items() for kind in kinds]


def planned(images: float, store: str = "qdrant", assumed: Assumptions | None = None, **more: Any) -> Plan:
    return make_plan(Wanted(images, store, **more), assumed)


def rows(part: str, store: str) -> list[dict[str, Any]]:
    return [row for row in measured()[part] if row["store"] == store]


def test_the_package_has_what_the_benchmark_wrote() -> None:
    assert FILE.read_bytes() == RESULTS.read_bytes()


@pytest.mark.parametrize("store", ["folder", "postgresql"])
def test_the_slopes_go_through_what_was_measured(store: str) -> None:
    found = slopes(store)
    for row in rows("graph", store):
        n = row["images"]
        assert found.query_ms(n) == pytest.approx(row["query_cpu_ms"], rel=found.spread - 1)
        assert 3600 * found.build_hours(n) == pytest.approx(row["build_cpu_s"], rel=found.spread - 1)
    for row in rows("records", store):
        wrote = row["write_cpu_ms"]
        assert found.write_client_ms + found.write_server_ms == pytest.approx(sum(wrote.values()), rel=0.2)


@pytest.mark.parametrize("store", ["folder", "postgresql"])
def test_disk_and_memory_are_what_a_measured_index_took(store: str) -> None:
    """Of 256 dimensions in one space, without records: what was measured of 300,000 images and more."""
    wanted, assumed = Wanted(1, store, spaces=(Space(256, 256),)), Assumptions(hot_records=0)
    for row in rows("graph", store)[-2:]:
        memory = sizes(wanted, assumed).memory * row["images"]
        fixed = 165e6 if store == "folder" else 0  # of the process
        assert memory == pytest.approx(row["resident_bytes"], rel=0.05, abs=fixed)
    for row in rows("records", store):
        graphs = sizes(Wanted(1, store), assumed).graphs
        disk = (sizes(Wanted(1, store), assumed).disk - graphs) * row["images"]
        assert disk == pytest.approx(sum(row["bytes"].values()), rel=0.1)


def test_the_disk_of_another_benchmark_s_index_is_foretold() -> None:
    """22,914 real images, whose records are others than those the slopes come from; too few for a graph."""
    row = json.loads((RESULTS.parent / "stores.json").read_text("utf-8"))["sizes"]["22914"]
    log = 2**25  # bytes of the engine's log in a folder, whatever it holds
    for store, name, fixed in (("postgresql", "postgres", 0), ("folder", "folder", log)):
        one = sizes(Wanted(1, store), Assumptions())
        assert (one.disk - one.graphs) * row["images"] + fixed == pytest.approx(row["bytes"][name], rel=0.06)


def test_a_larger_file_takes_longer_to_decode() -> None:
    small, large = embedding_ms("default", 30_000), embedding_ms("default", 4_000_000)
    assert large[0] - small[0] == pytest.approx(large[1] - small[1]) and large[1] > 2 * small[1] > 0


def test_quantised_vectors_take_a_half_and_a_sixteenth() -> None:
    kept = planned(1e7).sizes
    assert kept["int8"].vectors == kept["none"].vectors / 2
    assert kept["binary"].vectors == kept["none"].vectors / 16
    assert kept["int8"].graphs == kept["none"].graphs
    assert kept["int8"].disk > kept["none"].disk  # the vectors themselves stay


@settings(deadline=None, max_examples=60)
@given(
    images=st.floats(1, 5e9),
    which=st.sampled_from(EACH),
    qps=st.floats(0.1, 500),
    dims=st.integers(8, 2048),
    largest=st.sampled_from([64, 512]),
)
def test_machines_hold_what_they_are_to_hold(
    images: float, which: tuple[str, str], qps: float, dims: int, largest: int
) -> None:
    assumed = Assumptions(largest_node_gib=largest)
    wanted = Wanted(
        images, which[0], quantization=which[1], queries_per_second=qps, spaces=(Space(dims, dims),), embed_ms=20
    )
    size = sizes(wanted, assumed)
    for one in clusters(wanted, assumed, size):
        part = images / one.parts
        assert (
            part * size.memory * assumed.growth <= (one.gib - assumed.system_gib) * 2**30 * assumed.memory_share * 1.001
        )
        assert part * size.disk <= one.disk_gb * 1e9
        assert which[0] != "qdrant" or images / one.shards <= assumed.shard_images * 1.001
        assert one.gib <= largest and one.replicas >= wanted.copies
        assert which[0] != "folder" or (one.shards, one.replicas) == (1, 1)
        assert (
            which[0] == "folder"
            or qps * one.per_machine * one.query_ms / 1e3 / one.vcpus / one.replicas <= assumed.busy_share * 1.001
        )


@pytest.mark.parametrize("store", STORES)
def test_more_images_take_more_of_everything(store: str) -> None:
    plans = [planned(n, store) for n in (1e5, 1e6, 1e7, 1e8)]
    for what in ("month", "bucket_month"):
        costs = [getattr(plan, what) for plan in plans]
        assert costs == sorted(costs)
    hours = [plan.wanted.images * plan.indexing.worker_ms for plan in plans]
    assert hours == sorted(hours)
    assert [plan.cluster.query_ms for plan in plans[2:]] == sorted(plan.cluster.query_ms for plan in plans[2:])


@pytest.mark.parametrize("gpu", [False, True])
def test_workers_end_in_the_night_where_nothing_else_takes_longer(gpu: bool) -> None:
    plan = planned(2e7, hours=8, gpu=gpu)
    run = plan.indexing
    assert run.hours <= 8 and not [text for text in plan.warnings if "Indexing takes" in text]
    computed = plan.wanted.images * run.worker_ms / 3.6e6 / run.vcpus
    assert computed <= run.embed_hours
    assert bool(run.gpus) == gpu


def test_gpus_take_the_network_off_the_processors() -> None:
    with_, without = planned(1e7, gpu=True).indexing, planned(1e7).indexing
    assert with_.worker_ms < without.worker_ms / 2 and with_.vcpus <= without.vcpus


def test_half_the_hours_take_twice_the_workers() -> None:
    long, short = (planned(2e7, hours=hours, assumed=Assumptions(worker_vcpus=1)).indexing for hours in (40, 20))
    assert short.vcpus == pytest.approx(2 * long.vcpus, rel=0.2)


def test_a_narrow_network_takes_more_workers() -> None:
    wide, narrow = (planned(2e7, assumed=Assumptions(network_gbit=gbit)).indexing for gbit in (10, 0.1))
    assert narrow.workers > wide.workers
    assert narrow.read_gbit <= narrow.workers * 0.1 * 1.001


def test_more_searches_take_more_processors() -> None:
    few, many = (planned(1e8, queries_per_second=rate) for rate in (10, 20_000))
    assert many.cluster.vcpus * many.cluster.machines > few.cluster.vcpus * few.cluster.machines
    assert many.fronts.machines > few.fronts.machines
    waits = many.waits["as planned"]
    assert waits is not None and waits.busy <= 0.55


def test_prices_change_costs_and_nothing_else() -> None:
    usual, names = (
        Assumptions(),
        ("vcpu_hour", "gib_hour", "gpu_hour", "ssd_gb_month", "bucket_gb_month", "bucket_1000_reads"),
    )
    dear = dataclasses.replace(usual, **{name: 2 * getattr(usual, name) for name in names})
    one, two = planned(1e8, gpu=True), planned(1e8, gpu=True, assumed=dear)
    assert two.month == pytest.approx(2 * one.month) and two.indexing.cost == pytest.approx(2 * one.indexing.cost)
    assert two.bucket_month == pytest.approx(2 * one.bucket_month)
    assert dataclasses.replace(two.cluster, month=0) == dataclasses.replace(one.cluster, month=0)
    assert two.waits == one.waits


def test_what_goes_beyond_what_was_measured_is_said() -> None:
    def said(plan: Plan, text: str) -> bool:
        return any(text in warning for warning in plan.warnings)

    assert not said(planned(5e5, "folder"), "extrapolated") and said(planned(5e6, "folder"), "extrapolated")
    assert said(planned(1e9), "Indexing takes") and not said(planned(1e6), "Indexing takes")
    assert said(planned(1e9), "no server of Qdrant") and not said(planned(1e6, "postgresql"), "Qdrant's engine")
    assert said(planned(1e9, "postgresql"), "does not divide") and not said(
        planned(1e7, "postgresql"), "does not divide"
    )
    assert said(planned(1e7, "postgresql"), "maintenance_work_mem")
    assert not said(planned(1e5, "postgresql"), "maintenance_work_mem")
    assert said(planned(1e6, quantization="binary"), "binary finds much less")
    wide = planned(1e6, quantization="binary", spaces=(Space(1536, 1536),), embed_ms=20)
    assert not said(wide, "binary finds much less")
    assert said(planned(1e8, p95_ms=5), "95 of 100") and not said(planned(1e8), "95 of 100")
    assert said(planned(1e6, "folder", queries_per_second=5000), "More searches come")


def test_a_plan_is_json_with_all_that_was_assumed() -> None:
    made = json.loads(json.dumps(planned(1e9, "postgresql", gpu=True).to_dict(), allow_nan=False))
    assert set(made["assumed"]["values"]) == {one["name"] for one in Assumptions().describe()}
    assert made["cluster"]["shards"] > 1 and made["search_ms"]["as planned"]["p95"] > 0
    assert made["measured"]["images"] == 1_000_000
    assert set(made["bytes_per_image"]) == {"halfvec"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"images": 0}, {"images": -1}, {"images": 1e20}, {"images": math.nan}, {"images": math.inf}, {"images": "many"},
        {"images": True}, {"image_bytes": 0}, {"replicas": 0}, {"queries_per_second": 0}, {"p95_ms": -1}, {"hours": 0},
        {"quantization": "int4"}, {"store": "folder", "replicas": 2}, {"store": "postgresql", "quantization": "int8"},
        {"spaces": (Space(0, 0),), "embed_ms": 1}, {"spaces": (Space(10, 20),), "embed_ms": 1}, {"embed_ms": 0},
    ],
)  # fmt: skip
def test_a_wrong_wish_is_an_error(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        Wanted(**{"images": 1e6, **wrong})
    assert caught.value.remedy


def test_a_store_and_a_model_that_there_are_not_are_errors() -> None:
    with pytest.raises(NotFoundError, match="there are: folder, postgresql, qdrant"):
        Wanted(1e6, "milvus")
    with pytest.raises(NotFoundError, match="was not measured"):
        Wanted(1e6, model="clip-b32")
    with pytest.raises(InvalidInputError, match="don't fit one machine"):
        planned(1e9, "folder")
    with pytest.raises(InvalidInputError, match="don't fit 1,000 machines"):
        planned(1e12)


def test_prices_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "prices.toml").write_text("vcpu_hour = 0.05\ngrowth = 2\n")
    (tmp_path / "prices.json").write_text('{"vcpu_hour": 0.05, "growth": 2}')
    expected = Assumptions(vcpu_hour=0.05, growth=2)
    assert read_assumptions(tmp_path / "prices.toml") == read_assumptions(tmp_path / "prices.json") == expected


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.toml", "vcpu_hours = 1", "Did you mean vcpu_hour?"),
        ("a.toml", "nothing_like_it = 1", "There are: vcpu_hour"),
        ("a.toml", "vcpu_hour = 'much'", "is no number"),
        ("a.toml", "vcpu_hour = nan", "is no number"),
        ("a.json", '{"vcpu_hour": true}', "is no number"),
        ("a.toml", "vcpu_hour = -1", "may be 0 to"),
        ("a.toml", "memory_share = 2", "may be 0.05 to 0.95"),
        ("a.toml", "vcpu_hour", "can't be read"),
        ("a.json", "[1]", "holds no names"),
        ("a.json", "[" * 100_000, "can't be read"),
        ("missing.toml", None, "can't be read"),
    ],
)
def test_a_wrong_file_of_prices_is_an_error(tmp_path: Path, name: str, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(InvalidInputError) as caught:
        read_assumptions(tmp_path / name)
    assert said in str(caught.value) and caught.value.remedy


def test_every_default_is_within_its_bounds(tmp_path: Path) -> None:
    file = tmp_path / "all.json"
    file.write_text(json.dumps({one["name"]: one["value"] for one in Assumptions().describe()}))
    assert read_assumptions(file) == Assumptions()
