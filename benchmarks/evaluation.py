"""What measuring one's own search costs: CPU seconds, and memory beyond that of opening the index.

    python benchmarks/evaluation.py INDEX [--by folder | --labels FILE]

Every image with a label is a query, all are ranked; then 200 searches, as for a list of queries.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path
from typing import Any

from common import save

from imagefinder.catalog.question_tables import Asked, Questions
from imagefinder.finder import ImageFinder

SEARCHES = 200


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("--by", default="folder")
    parser.add_argument("--labels", type=Path)
    given = parser.parse_args()
    with ImageFinder.open(given.index, read_only=True) as finder:
        finder.search("a dog", 10)
        finder.vectors()
        opened = peak_mb()
        started = time.process_time()
        found = finder.evaluate(given.labels) if given.labels else finder.evaluate(by=given.by)
        labels_s, labels_mb = time.process_time() - started, peak_mb()
        records = finder.records()[:: max(1, len(finder) // SEARCHES)][:SEARCHES]
        questions = Questions(tuple(Asked(image=r.id, right={records[0].id: 1.0}) for r in records[1:]))
        started = time.process_time()
        finder.evaluate(queries=questions)
        queries_s, queries_mb = time.process_time() - started, peak_mb()
        labels = found.searches[0]
        row: dict[str, Any] = {
            "images": len(finder),
            "queries": labels.queries,
            "labels": len(labels.classes),
            "by_labels_cpu_s": round(labels_s, 1),
            "by_labels_mb_more": round(labels_mb - opened),
            "searches": len(questions.asked),
            "searches_cpu_s": round(queries_s, 1),
            "searches_mb_more": round(queries_mb - opened),
            "measures": {name: one.to_dict() for name, one in labels.measures.items()},
        }
    save("evaluation", row)


if __name__ == "__main__":
    main()
