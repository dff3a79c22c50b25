"""From the API's JSON to the library's own objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from imagefinder.results import Assigned, BackfillReport, Hits, IndexInfo, IngestReport
from imagefinder.types import Hit, Record, Skipped

if TYPE_CHECKING:
    from imagefinder.clusters.algorithms.choose_k import Choice
    from imagefinder.clusters.clustering import Cluster
    from imagefinder.duplicates.report import DuplicateReport, Group
    from imagefinder.quality.measure import Outlier, QualityReport
    from imagefinder.training.predict import Classified, Prediction
    from imagefinder.training.report import Training

Row = Mapping[str, Any]


def record_of(row: Row) -> Record:
    return Record.from_payload(row["id"], {k: v for k, v in row.items() if k != "id"})


def hits_of(answer: Row) -> Hits:
    hits = [
        Hit(
            rank=row["rank"],
            score=row["score"],
            record=record_of({k: v for k, v in row.items() if k not in ("rank", "score", "copies")}),
            copies=tuple(row.get("copies", ())),
        )
        for row in answer["hits"]
    ]
    stages = {name.removesuffix("_ms"): ms for name, ms in answer["stages"].items()}
    return Hits(hits, space=answer["space"], total=answer["total"], took_ms=answer["took_ms"], stages=stages)


def info_of(answer: Row) -> IndexInfo:
    """The server's own facts stand beside those of the index, ``version`` in front of it."""
    row = {**answer, "version": answer["format_version"]}
    return IndexInfo(**{name: row[name] for name in IndexInfo.__dataclass_fields__})


def report_of(result: Row, skipped: tuple[Skipped, ...]) -> IngestReport:
    assigned = Assigned(**result["clusters"]) if result.get("clusters") else None
    filled = tuple(BackfillReport(row["model"], row["filled"]) for row in result.get("filled", ()))
    known = _known(IngestReport, result)
    return IngestReport(**{**known, "skipped": skipped, "clusters": assigned, "filled": filled})


def cluster_of(row: Row) -> Cluster:
    from imagefinder.clusters.clustering import Cluster

    return Cluster.from_dict(_known(Cluster, row))


def choice_of(result: Row) -> Choice:
    from imagefinder.clusters.algorithms.choose_k import Choice, CountScores

    return Choice(**{**result, "scores": tuple(CountScores(**row) for row in result["scores"])})


def outlier_of(row: Row) -> Outlier:
    from imagefinder.quality.measure import Outlier

    own = ("score", "from_cluster", "nearest")
    record = record_of({k: v for k, v in row.items() if k not in own})
    return Outlier(record, **{name: row[name] for name in own})


def quality_of(result: Row, skipped: tuple[Skipped, ...]) -> QualityReport:
    from imagefinder.quality.measure import QualityReport

    return QualityReport(**_known(QualityReport, result), skipped=skipped)


def training_of(result: Row) -> Training:
    from imagefinder.evaluation.retrieval import LabelScores, WordScores
    from imagefinder.training.report import Training

    scores = WordScores if result["kind"] == "words" else LabelScores
    known = _known(Training, result)
    measured = {when: scores(**known[when]) for when in ("before", "after") if known[when]}
    lists = {name: tuple(known[name]) for name in ("missing", "notes", "candidates")}
    facts = {name: value for name, value in result.items() if name not in known}
    return Training(**{**known, **measured, **lists, "facts": facts})


def classified_of(result: Row, skipped: tuple[Skipped, ...]) -> Classified:
    from imagefinder.training.predict import Classified

    return Classified(**{**_known(Classified, result), "skipped": skipped})


def prediction_of(uri: str, answer: Row) -> Prediction:
    from imagefinder.training.predict import Prediction

    return Prediction(uri, answer["class"], answer["confidence"], tuple(answer["classes"].items()))


def duplicates_of(answer: Row) -> DuplicateReport:
    from imagefinder.duplicates.report import DuplicateReport

    return DuplicateReport(
        groups=tuple(_group_of(row) for row in answer["groups"]),
        images=answer["images"],
        compared=answer["compared"],
        decided=answer["decided"],
        skipped=tuple(Skipped(**row) for row in answer["skipped"]),
        seconds=answer["seconds"],
    )


def _group_of(row: Row) -> Group:
    from imagefinder.duplicates.matching.tiers import Tier
    from imagefinder.duplicates.report import Group, Member

    members = [
        Member(
            record=_file_of(m),
            tier=Tier(m["tier"]),
            evidence=m["evidence"],
            score=m["score"],
            edits=tuple(m["edits"]),
            reference=m["reference"],
        )
        for m in row["members"]
    ]
    return Group(_file_of(row["keep"]), row["reason"], tuple(members))


def _file_of(row: Row) -> Record:
    """What a report of duplicates says of an image: the facts of its file."""
    return Record(id=row["id"], **{k: v for k, v in row.items() if k != "id" and k in _FACTS})


_FACTS = ("uri", "content_hash", "bytes", "width", "height", "format", "taken_at")


def _known(kind: Any, row: Row) -> dict[str, Any]:
    """The fields of a dataclass that are there; those of a newer server are passed over."""
    return {name: row[name] for name in kind.__dataclass_fields__ if name in row}
