"""From the API's JSON to the library's own objects."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from imagefinder.results import Assigned, BackfillReport, Explanation, Hits, IndexInfo, IngestReport, Marked
from imagefinder.types import Hit, Record, Skipped, Why

if TYPE_CHECKING:
    from imagefinder.clusters.algorithms.choose_k import Choice
    from imagefinder.clusters.borderline import Doubt
    from imagefinder.clusters.clustering import Cluster
    from imagefinder.clusters.news import News
    from imagefinder.duplicates.report import Beside, DuplicateReport, Group
    from imagefinder.evaluation.of_index import Assessment
    from imagefinder.ocr.read import ReadReport
    from imagefinder.quality.measure import Outlier, QualityReport
    from imagefinder.training.predict import Classified, Prediction
    from imagefinder.training.report import Training
    from imagefinder.vectors.variance import PcaReport

Row = Mapping[str, Any]
OF_HITS = ("rank", "score", "copies", "sure", "why", "other_parts")


def record_of(row: Row) -> Record:
    return Record.from_payload(row["id"], {k: v for k, v in row.items() if k != "id"})


def hits_of(response: Row) -> Hits:
    hits = [
        Hit(
            rank=row["rank"],
            score=row["score"],
            record=record_of({k: v for k, v in row.items() if k not in OF_HITS}),
            copies=tuple(row.get("copies", ())),
            sure=row.get("sure"),
            why=Why.from_dict(row["why"]) if row.get("why") else None,
            other_parts=tuple(row.get("other_parts", ())),
        )
        for row in response["hits"]
    ]
    stages = {name.removesuffix("_ms"): ms for name, ms in response["stages"].items()}
    return Hits(
        hits,
        space=response["space"],
        total=response["total"],
        took_ms=response["took_ms"],
        stages=stages,
        unknown_words=response.get("unknown_words", ()),
        notice=response.get("notice"),
        surely=response.get("surely"),
        maybe=response.get("maybe"),
        approximate=response.get("approximate", False),
    )


def explanation_of(response: Row) -> Explanation:
    from imagefinder.images.heat import map_of_png

    sent = response["map"]
    map = map_of_png(b64decode(sent.partition(",")[2])) if sent else None
    text_at = tuple(response.get("text_at", ()))
    return Explanation(response["id"], Why.from_dict(response["why"]), map, response["how"], text_at)


def info_of(response: Row) -> IndexInfo:
    """The server's own facts stand beside those of the index, ``version`` in front of it."""
    row = {**response, "version": response["format_version"]}
    known = {name: row[name] for name in IndexInfo.__dataclass_fields__ if name in row}
    return IndexInfo(**{**known, "notices": tuple(row.get("notices", ())), "shards": tuple(row.get("shards", ()))})


def report_of(result: Row, skipped: tuple[Skipped, ...]) -> IngestReport:
    kinds: dict[str, Any] = {"clusters": Assigned, "concepts": Marked}
    told = {name: kind(**result[name]) if result.get(name) else None for name, kind in kinds.items()}
    filled = tuple(BackfillReport(row["model"], row["filled"]) for row in result.get("filled", ()))
    missing = tuple(Skipped(**row) for row in result.get("missing", ()))
    left = tuple(one for one in skipped if one not in missing)
    known = _known(IngestReport, result)
    return IngestReport(**{**known, "skipped": left, "missing": missing, "filled": filled, **told})


def cluster_of(row: Row) -> Cluster:
    from imagefinder.clusters.clustering import Cluster

    return Cluster.from_dict(_known(Cluster, row))


def news_of(row: Row) -> News:
    from imagefinder.clusters.news import News

    facts = {name: row[name] for name in ("key", "came", "rest", "too_many")}
    fit = {one["label"]: one["came"] for one in row["fit"]}
    return News(fit=fit, clusters=tuple(cluster_of(one) for one in row["clusters"]), **facts)


def doubt_of(row: Row) -> Doubt:
    from imagefinder.clusters.borderline import Doubt

    return Doubt(row["id"], row["margin"], tuple(row["others"]))


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


def read_of(result: Row, skipped: tuple[Skipped, ...]) -> ReadReport:
    from imagefinder.ocr.read import ReadReport

    return ReadReport(**{**_known(ReadReport, result), "skipped": skipped})


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


def assessment_of(result: Row, missing: int) -> Assessment:
    from imagefinder.evaluation.of_index import Assessment

    return Assessment.from_dict({**result, "missing": missing})


def variance_of(result: Row) -> PcaReport:
    import numpy as np

    from imagefinder.vectors.variance import PcaReport

    variance = np.array(result["variance"], np.float64)
    return PcaReport(result["images"], result["dim"], variance, result["searched_components"])


def prediction_of(uri: str, response: Row) -> Prediction:
    from imagefinder.training.predict import Prediction

    return Prediction(uri, response["class"], response["confidence"], tuple(response["classes"].items()))


def duplicates_of(response: Row) -> DuplicateReport:
    from imagefinder.duplicates.report import DuplicateReport

    return DuplicateReport(
        groups=tuple(_group_of(row) for row in response["groups"]),
        images=response["images"],
        compared=response["compared"],
        decided=response["decided"],
        skipped=tuple(Skipped(**row) for row in response["skipped"]),
        seconds=response["seconds"],
        one_file=tuple(map(tuple, response.get("one_file", ()))),
        one_picture=tuple(map(tuple, response.get("one_picture", ()))),
        kept=response.get("kept", 0),
        unkept=response.get("unkept", ""),
        indexed=response.get("indexed", 0),
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
            hold=m.get("hold", ""),
            beside=_beside_of(m),
            onto=tuple(m.get("onto", ())),
        )
        for m in row["members"]
    ]
    return Group(_file_of(row["keep"]), row["reason"], tuple(members), _beside_of(row["keep"]))


def _beside_of(row: Row) -> Beside:
    from imagefinder.duplicates.report import Beside

    return Beside(tuple((file["uri"], file["bytes"]) for file in row.get("along", ())), tuple(row.get("names", ())))


def _file_of(row: Row) -> Record:
    """What a report of duplicates says of an image: the facts of its file."""
    return Record(id=row["id"], **{k: v for k, v in row.items() if k != "id" and k in _FACTS})


_FACTS = ("uri", "content_hash", "bytes", "width", "height", "format", "taken_at")


def _known(kind: Any, row: Row) -> dict[str, Any]:
    """The fields of a dataclass that are there; those of a newer server are passed over."""
    return {name: row[name] for name in kind.__dataclass_fields__ if name in row}
