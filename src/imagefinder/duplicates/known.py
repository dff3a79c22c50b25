"""What earlier searches for duplicates found out, by content: perceptual hashes, and the verdicts on pairs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from imagefinder._util.places import Place
from imagefinder.duplicates.grouping import Edge
from imagefinder.duplicates.matching.edits import Detail
from imagefinder.duplicates.matching.shown import Shown
from imagefinder.duplicates.matching.tiers import Tier
from imagefinder.errors import IndexDamagedError, NotFoundError
from imagefinder.index.runs import Run, drop_older, load_run, read_run, save_run

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Hashes: TypeAlias = npt.NDArray[np.int8]

KIND = "verdicts"
RULES = 3  # raised when pictures are compared in another way: what was found out before is then forgotten
Contents: TypeAlias = tuple[str, str]  # the content hashes of the first and the second picture of a pair


@dataclass(slots=True)
class Known:
    """``hashes`` are perceptual hashes, int8 (63,), by content hash. ``verdicts`` have None for two pictures that have
    nothing in common. Of ``strangers`` only the first look is known: that they are no copies. Each pair is there in one
    order."""

    hashes: dict[str, Hashes] = field(default_factory=dict)
    verdicts: dict[Contents, Edge | None] = field(default_factory=dict)
    strangers: set[Contents] = field(default_factory=set)

    def has(self, pair: Contents, *, closely: bool) -> bool:
        """Whether two contents were compared; ``closely``: not only by the first look."""
        ways = (pair, pair[::-1])
        return any(way in self.verdicts or (not closely and way in self.strangers) for way in ways)

    @property
    def pairs(self) -> int:
        """How many were compared."""
        return len(self.verdicts) + len(self.strangers)

    def verdict(self, pair: Contents) -> Edge | None:
        """What was found, as seen from the first of two."""
        found = self.verdicts.get(pair[::-1])
        return found.swapped() if found else self.verdicts.get(pair)

    def add(self, pair: Contents, found: Edge | None, *, closely: bool) -> None:
        if closely:
            self.verdicts[pair] = found
            self.strangers -= {pair, pair[::-1]}
        else:
            self.strangers.add(pair)

    def only(self, contents: Collection[str], pairs: Iterable[Contents] | None = None) -> Known:
        """What is known of ``contents``, and of ``pairs`` of them."""
        there = set(contents)
        wanted = None if pairs is None else {way for pair in pairs for way in (pair, pair[::-1])}

        def stays(pair: Contents) -> bool:
            return there.issuperset(pair) and (wanted is None or pair in wanted)

        return Known(
            {content: found for content, found in self.hashes.items() if content in there},
            {pair: found for pair, found in self.verdicts.items() if stays(pair)},
            {pair for pair in self.strangers if stays(pair)},
        )


def load_known(index: Place) -> Known:
    """What is kept in an index. What is damaged, or of a version that compares in another way, is as good as none."""
    try:
        return read_run(lambda: load_run(index, KIND), _read)
    except (NotFoundError, IndexDamagedError, KeyError, ValueError, IndexError, TypeError):
        return Known()


def keep_known(index: Place, known: Known) -> None:
    """Keep it in place of what was kept before: 16 bytes a content, 24 with its hash, and 8 a pair; some 200 more for
    a pair that has something in common. Raises StorageError; what was kept before is then untouched."""
    import numpy as np

    from imagefinder.duplicates.matching.hashes import BITS

    of_pairs = (c for pair in (*known.verdicts, *known.strangers) for c in pair)
    contents = [c for c in dict.fromkeys((*known.hashes, *of_pairs)) if _is_hash(c)]
    number = {c: i for i, c in enumerate(contents)}
    hashed = [c for c in contents if c in known.hashes]
    compared, strangers = (
        [pair for pair in pairs if number.keys() >= set(pair)] for pairs in (known.verdicts, sorted(known.strangers))
    )
    edges = [(i, edge) for i, pair in enumerate(compared) if (edge := known.verdicts[pair]) is not None]
    signs = np.array([known.hashes[c] for c in hashed], np.int8).reshape(len(hashed), BITS)
    text = json.dumps([[i, *_row(edge)] for i, edge in edges], ensure_ascii=False).encode()
    arrays: dict[str, npt.NDArray[Any]] = {
        "contents": np.frombuffer(bytes.fromhex("".join(contents)), np.uint8).reshape(len(contents), 16),
        "hashed": np.array([number[c] for c in hashed], np.int32),
        "hashes": np.packbits(signs > 0, axis=1),
        "pairs": _numbered(compared, number),
        "strangers": _numbered(strangers, number),
        "edges": np.frombuffer(text, np.uint8),
    }
    facts = {"rules": rules(), "images": len(contents), "pairs": len(compared) + len(strangers)}
    save_run(index, KIND, facts, arrays)
    drop_older(index, KIND, 1)


def rules() -> str:
    """A digest of how pictures are compared: ``RULES``, and every threshold."""
    from imagefinder.duplicates import judging
    from imagefinder.duplicates.matching import (
        align,
        changes,
        closer,
        detail,
        enlarged,
        features,
        hashes,
        residue,
        shown,
        sketch,
        verify,
    )
    from imagefinder.images import same_frames

    compared = (align, changes, closer, detail, enlarged, features, hashes, residue, shown, sketch, verify)
    modules = (*compared, judging, same_frames)
    constants = [
        (module.__name__, name, value)
        for module in modules
        for name, value in sorted(vars(module).items())
        if name.isupper() and isinstance(value, int | float | str | tuple)
    ]
    return hashlib.blake2b(repr((RULES, constants)).encode(), digest_size=16).hexdigest()


def _read(run: Run) -> Known:
    import numpy as np

    from imagefinder.duplicates.matching.hashes import BITS

    if run.facts.get("rules") != rules():
        return Known()
    arrays = run.arrays()
    contents = [row.tobytes().hex() for row in arrays["contents"]]
    signs = np.unpackbits(arrays["hashes"], axis=1, count=BITS).astype(np.int8) * 2 - 1
    hashes = dict(zip((contents[i] for i in arrays["hashed"].tolist()), signs, strict=True))
    pairs, strangers = (
        [(contents[a], contents[b]) for a, b in arrays[name].tolist()] for name in ("pairs", "strangers")
    )
    verdicts: dict[Contents, Edge | None] = dict.fromkeys(pairs)
    for number, *row in json.loads(arrays["edges"].tobytes()):
        verdicts[pairs[number]] = _edge(*row)
    return Known(hashes, verdicts, set(strangers))


def _numbered(pairs: list[Contents], number: dict[str, int]) -> npt.NDArray[np.int32]:
    import numpy as np

    return np.array([(number[a], number[b]) for a, b in pairs], np.int32).reshape(len(pairs), 2)


def _is_hash(content: str) -> bool:
    try:
        return len(bytes.fromhex(content)) == 16 and len(content) == 32
    except ValueError:
        return False


def _row(edge: Edge) -> tuple[Any, ...]:
    shown = edge.shown.shares, edge.shown.scale, edge.shown.detail
    return edge.tier.value, edge.evidence, edge.score, edge.edits, edge.content, shown, edge.onto


def _edge(
    tier: str,
    evidence: str,
    score: float,
    edits: list[str],
    content: tuple[float, float],
    shown: tuple[tuple[float, float], float, str],
    onto: list[float],
) -> Edge:
    (mine, other), ((first, second), scale, detail) = content, shown
    seen = Shown((first, second), scale, Detail(detail))
    return Edge(Tier(tier), evidence, score, tuple(edits), (mine, other), seen, tuple(onto))
