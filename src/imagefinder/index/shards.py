"""Runs in shards: processes on one machine or many each take a part of the images of all sources, and what they store
ends as one index. A small document says which of them have ended; the one that ends last does what concerns the whole
index."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from imagefinder._util.places import Place
from imagefinder.errors import IndexDamagedError, InvalidInputError
from imagefinder.images.inside import holder_of, inside
from imagefinder.index.jsonfile import read_json, write_json
from imagefinder.index.said import Home
from imagefinder.results import ShardRun

FILE = "shards.json"
MOST = 10_000  # shards
BLOCK = 1000  # rows of a table whose pictures one shard takes together: it is read row group by row group
ROUNDS = 8  # that are kept, the newest
_SHARD = re.compile(r"\s*([0-9]{1,9})\s*/\s*([0-9]{1,9})\s*", re.ASCII)
_TIMES = {str: str}
_ROUND = {"of": int, "sources": [str], "begun": _TIMES, "done": _TIMES, "finished": str}
_SHAPE = {"rounds": [_ROUND]}


@dataclass(frozen=True, slots=True)
class Shard:
    """The part ``number``, from 1, of ``of`` parts of all images. Which part an image belongs to depends on its URI
    alone: not on the machine, on the order, or on other images. What is read as one is in one part: an archive with its
    members, a PDF or video with its pages or frames, 1,000 rows of a table that holds pictures itself."""

    number: int
    of: int

    @classmethod
    def read(cls, text: str | Shard) -> Shard:
        """The shard that a text such as ``3/16`` names. Raises InvalidInputError."""
        if isinstance(text, Shard):
            return text
        found = _SHARD.fullmatch(text) if isinstance(text, str) else None
        number, of = (int(found[1]), int(found[2])) if found else (0, 0)
        if not 1 <= number <= of <= MOST:
            raise InvalidInputError(
                f"There is no shard {text!r:.60}.",
                remedy=f"Give I/N, such as 3/16 for the third of 16: I from 1 to N, and N up to {MOST:,}.",
            )
        return cls(number, of)

    def has(self, uri: str) -> bool:
        """Whether the image with this URI is in this part."""
        return self.takes(key_of(uri))

    def takes(self, key: int) -> bool:
        """The same by the ``key_of`` its URI."""
        return key % self.of == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def key_of(uri: str) -> int:
    """A number of 64 bits by which images are shared out: that of the file that holds an image, where it is one of
    several."""
    place = inside(uri)
    return digest(f"{place.table}#{place.row // BLOCK}" if place else holder_of(uri))


def digest(text: str) -> int:
    """64 bits of BLAKE2b. They must never change: which shard an image is in depends on them."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "backslashreplace"), digest_size=8).digest(), "big")


@dataclass(slots=True)
class Round:
    """The runs of all ``of`` shards over the same sources, those named by their URIs, or none for all known ones.
    ``begun`` says when those began that have not ended, and ``done`` when the others ended, by their numbers;
    ``finished`` when what concerns the whole index was done last. Times are ISO 8601 in UTC."""

    of: int
    sources: tuple[str, ...]
    begun: dict[str, str] = field(default_factory=dict)
    done: dict[str, str] = field(default_factory=dict)
    finished: str = ""

    def to_dict(self) -> dict[str, Any]:
        row = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**row, "sources": list(self.sources)}

    @property
    def missing(self) -> list[int]:
        """The shards that have not ended, those that have not even begun among them."""
        return [n for n in range(1, self.of + 1) if str(n) not in self.done]

    def told(self) -> dict[str, Any]:
        """What people are told of it, see ``results.IndexInfo``."""
        running = sorted(int(n) for n in self.begun)
        finished = self.finished or None
        row = {"of": self.of, "sources": list(self.sources), "running": running}
        return {**row, "missing": self.missing, "finished": finished}

    @property
    def name(self) -> str:
        """What tells it from others in the names of locks."""
        return f"{self.of}-{digest(chr(0).join(self.sources)):016x}"


def load_rounds(documents: Place) -> list[Round]:
    """The rounds of an index, the newest last. What can't be read is as if it were not there: the shards that end from
    then on are noted again."""
    try:
        rows = read_json(documents / FILE, _SHAPE, "")["rounds"]
    except (FileNotFoundError, NotADirectoryError, IndexDamagedError):
        return []
    return [Round(**{**row, "sources": tuple(row["sources"])}) for row in rows if 1 <= row["of"] <= MOST]


def slots(documents: Place) -> list[str]:
    """The names of the locks that shards hold which have begun and not ended; those that were killed hold theirs no
    more."""
    return [slot(one, number) for one in load_rounds(documents) for number in one.begun]


def slot(round: Round, number: int | str) -> str:
    return f"shard-{number}-{round.name}"


class Turn:
    """The run of one shard over these sources, see ``Round``."""

    def __init__(self, index: Home, shard: Shard, sources: Sequence[str]) -> None:
        self._index = index
        self.shard = shard
        self._round = Round(shard.of, tuple(sources))
        self.slot = slot(self._round, shard.number)
        self.last = False  # whether no other is to come
        self.done: Mapping[str, str] = {}  # after ``end``

    def begin(self) -> None:
        """Note that it has begun. One that had ended before begins a new round, unless all had, and whatever concerns
        the whole index was cut short."""

        def change(round: Round) -> None:
            if self._me in round.done:
                again = len(round.done) == round.of and not round.finished
                round.done = {n: at for n, at in round.done.items() if again and n != self._me}
            round.begun[self._me], round.finished = _now(), ""

        self._change(change)

    def end(self, missing: bool) -> bool:
        """Note that all images of the shard are stored. Whether it is the last of its round. It has not ended if it
        named a source that is ``missing`` on this machine."""

        def change(round: Round) -> None:
            if missing and round.sources:
                return
            round.begun.pop(self._me, None)
            round.done[self._me] = _now()
            round.finished = "" if not round.missing else round.finished

        round = self._change(change)
        self.last, self.done = not round.missing and self._me not in round.begun, round.done
        return self.last

    def told(self) -> ShardRun:
        """What the report says of it, after ``end``."""
        missing = tuple(n for n in range(1, self.shard.of + 1) if str(n) not in self.done)
        return ShardRun(self.shard.number, self.shard.of, missing)

    @property
    def _me(self) -> str:
        return str(self.shard.number)

    def _change(self, change: Callable[[Round], None]) -> Round:
        with self._index.writing:
            rounds = load_rounds(self._index.documents)
            mine = next((one for one in rounds if one.name == self._round.name), None)
            mine = mine or Round(self._round.of, self._round.sources)
            change(mine)
            _save(self._index, [*(one for one in rounds if one.name != mine.name), mine])
        return mine


Sharing = Callable[[Turn], AbstractContextManager[None]]  # the run of a shard, which begins its turn


@contextmanager
def alone(indexing: AbstractContextManager[Any], turn: Turn) -> Iterator[None]:
    """The turn of a shard in an index that one process holds: one after the other."""
    with indexing:
        turn.begin()
        yield


def note_finished(index: Home, *, alone: bool = False) -> None:
    """Note that what concerns the whole index has been done, for all that is stored. ``alone``: while no shard was
    running, so those that have begun and not ended were killed."""
    with index.writing:
        rounds = load_rounds(index.documents)
        if any(not one.finished or (alone and one.begun) for one in rounds):
            for one in rounds:
                one.finished, one.begun = _now(), {} if alone else one.begun
            _save(index, rounds)


def ranges(numbers: Sequence[int]) -> str:
    """Ascending numbers for people: "1-4, 7"."""
    runs: list[list[int]] = []
    for n in numbers:
        if runs and n == runs[-1][-1] + 1:
            runs[-1][1:] = [n]
        else:
            runs.append([n])
    return ", ".join("-".join(map(str, run)) for run in runs)


def _save(index: Home, rounds: Sequence[Round]) -> None:
    write_json(index.documents / FILE, {"rounds": [one.to_dict() for one in rounds[-ROUNDS:]]})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
