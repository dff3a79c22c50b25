"""The kept result of the last search for duplicates, and the hashes that the next one need not compute again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from imagefinder.duplicates.report import DuplicateReport
from imagefinder.errors import IndexDamagedError, NotFoundError
from imagefinder.index.runs import drop_former, load_run, read_run, save_run
from imagefinder.types import Record

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Hashes: TypeAlias = npt.NDArray[np.int8]

KIND = "duplicates"


def keep_run(index: Path, report: DuplicateReport, records: Sequence[Record], hashes: Hashes | None) -> None:
    """Keep the report and the hashes int8 (len(records), 63) in place of those before. Raises StorageError."""
    import numpy as np

    from imagefinder.duplicates.matching.hashes import BITS

    if hashes is None:  # this search needed none; those of the one before stay good
        known = kept_hashes(index)
        contents, signs = list(known), np.array(list(known.values()), np.int8).reshape(len(known), BITS)
    else:
        read = np.flatnonzero(hashes.any(axis=1))
        contents, signs = [records[i].content_hash for i in read.tolist()], hashes[read]
    arrays = {"contents": np.array(contents, np.str_), "hashes": np.packbits(signs > 0, axis=1)}
    drop_former(index, save_run(index, KIND, report.to_dict(), arrays))


def kept_hashes(index: Path) -> dict[str, Hashes]:
    """Perceptual hashes, int8 (63,), by content hash. A damaged run is as good as none: they are computed again."""
    import numpy as np

    from imagefinder.duplicates.matching.hashes import BITS

    try:
        arrays = read_run(lambda: load_run(index, KIND), lambda run: run.arrays())
        signs = np.unpackbits(arrays["hashes"], axis=1, count=BITS).astype(np.int8) * 2 - 1
        return dict(zip(arrays["contents"].tolist(), signs, strict=True))
    except (NotFoundError, IndexDamagedError, KeyError, ValueError):
        return {}
