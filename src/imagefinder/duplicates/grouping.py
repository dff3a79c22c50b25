"""From related pairs to groups: a star around the best image, with what was decided about pairs honoured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from imagefinder.duplicates.decisions import Decisions
from imagefinder.duplicates.matching.best_copy import Copy, best_first, reason
from imagefinder.duplicates.matching.onto import Onto, turned_back
from imagefinder.duplicates.matching.shown import Shown, edits_of, hold_of
from imagefinder.duplicates.matching.stars import Pair, stars
from imagefinder.duplicates.matching.tiers import Tier
from imagefinder.duplicates.report import Group, Member

NOTHING_CUT = Shown()
GROUPED = (Tier.SAME_PICTURE, Tier.SAME_SCENE, Tier.SIMILAR)  # the first stands for all stricter ones


@dataclass(frozen=True, slots=True)
class Content:
    """All images of one content: the best of them, its number among all images, and the others, best first."""

    best: Copy
    number: int
    twins: tuple[Copy, ...] = ()

    def is_gone(self, there: Mapping[str, str]) -> bool:
        """Whether none of its images is ``there``: in the index, with this content."""
        return not _is_there(self.best, there)


@dataclass(frozen=True, slots=True)
class Edge:
    """What relates two contents. ``content`` is the share of each that is not an added border, ``shown`` which of them
    shows more, ``onto`` how the second lies on the first."""

    tier: Tier
    evidence: str
    score: float
    edits: tuple[str, ...] = ()
    content: tuple[float, float] = (1.0, 1.0)
    shown: Shown = NOTHING_CUT
    onto: Onto = ()

    def swapped(self) -> Edge:
        """The same, with the second for the first."""
        onto = turned_back(self.onto)
        return replace(self, content=self.content[::-1], shown=self.shown.swapped(), onto=onto)


def by_content(copies: Sequence[Copy], rules: Sequence[str]) -> list[Content]:
    """The images gathered by content hash, in the order they first come up."""
    same: dict[str, list[int]] = {}
    for i, copy in enumerate(copies):
        same.setdefault(copy.record.content_hash or copy.record.id, []).append(i)
    found = []
    for numbers in same.values():
        alike = [copies[i] for i in numbers]
        first, *others = best_first(alike, rules)
        found.append(Content(alike[first], numbers[first], tuple(alike[i] for i in others)))
    return found


def left_of(content: Content, there: Mapping[str, str], rules: Sequence[str]) -> Content:
    """The images of a content that are still ``there``, content hashes by id; as it was where none is."""
    alike = [copy for copy in (content.best, *content.twins) if _is_there(copy, there)]
    if len(alike) == 1 + len(content.twins):
        return content
    if not alike:
        return replace(content, twins=())
    first, *others = best_first(alike, rules)
    return replace(content, best=alike[first], twins=tuple(alike[i] for i in others))


def _is_there(copy: Copy, there: Mapping[str, str]) -> bool:
    return there.get(copy.record.id) == copy.record.content_hash


def _of_picture(copy: Copy) -> tuple[float, float, float]:
    return copy.content, copy.shown, copy.true


class Grouping:
    """Groups of ``contents``, whose numbers in the list are those of ``edges``. ``decided`` counts the pairs left out
    because somebody decided so."""

    def __init__(
        self, contents: Sequence[Content], edges: Mapping[Pair, Edge], decisions: Decisions, rules: Sequence[str]
    ) -> None:
        self._contents, self._decisions, self._rules = contents, decisions, rules
        self._edges = {pair: edge for pair, edge in edges.items() if not self._apart(*pair)}
        self._twins = {i: c.twins for i, c in enumerate(contents) if c.twins and not self._apart(i, i)}
        self.decided = len(edges) - len(self._edges) + sum(bool(c.twins) for c in contents) - len(self._twins)
        self._copies = self._with_frames()
        self._order = best_first(self._copies, rules)
        self._second: set[int] = set()  # members of groups of duplicates, which looser groups leave to their best

    def _apart(self, a: int, b: int) -> bool:
        first, second = self._contents[a].best.record, self._contents[b].best.record
        return self._decisions.get(first.content_hash, second.content_hash) is not None

    def _with_frames(self) -> list[Copy]:
        copies = [c.best for c in self._contents]
        for pair, edge in self._edges.items():
            for number, *own in zip(pair, edge.content, edge.shown.shares, edge.shown.true, strict=True):
                content, shown, true = map(min, own, _of_picture(copies[number]))
                copies[number] = replace(copies[number], content=content, shown=shown, true=true)
        return copies

    def groups(self, tier: Tier) -> Iterator[Group]:
        """The groups of a tier; asked for SAME_PICTURE first, which holds the stricter ones too."""
        copies = tier.rank <= Tier.SAME_PICTURE.rank
        edges = [
            pair
            for pair, edge in self._edges.items()
            if (edge.tier is tier or (copies and edge.tier.rank <= tier.rank)) and not self._second & set(pair)
        ]
        found = stars(self._order, edges, self._apart)
        if copies:
            self._second = {m for members in found.values() for m in members}
            found.update({i: [] for i in self._twins if i not in found and i not in self._second})
        for centre, members in found.items():
            yield self._group(centre, members, with_twins=copies)

    def _group(self, centre: int, numbers: Sequence[int], *, with_twins: bool) -> Group:
        keep = self._copies[centre]
        twins = self._twins if with_twins else {}
        members = [self._member(c, Edge(Tier.IDENTICAL_BYTES, "identical bytes", 1.0)) for c in twins.get(centre, ())]
        others = [*twins.get(centre, ())]
        for number in numbers:
            edge = self._edges[min(centre, number), max(centre, number)]
            alike = (self._copies[number], *twins.get(number, ()))
            members += [self._member(copy, edge, number < centre) for copy in alike]
            others += alike
        rivals = [c for c in others if not c.reference] or others  # what a reference is kept against
        return Group(keep.record, reason(keep, rivals, self._rules), tuple(members))

    @staticmethod
    def _member(copy: Copy, edge: Edge, first: bool = True) -> Member:
        """A member as seen from the image kept; ``first``: it is the first of the edge."""
        edits = edits_of(edge.edits, edge.shown, first)
        hold = hold_of(edge.edits, edge.shown, first, edge.score) if edge.tier.is_copy else ""
        evidence = edge.evidence.replace(", ".join(edge.edits), ", ".join(edits), 1) if edge.edits else edge.evidence
        onto = turned_back(edge.onto) if first else edge.onto
        return Member(copy.record, edge.tier, evidence, edge.score, edits, copy.reference, hold, onto=onto)
