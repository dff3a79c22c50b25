"""Groups in which every member was compared with the group's best, so that no chain of likenesses joins strangers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

Pair = tuple[int, int]


def stars(order: Sequence[int], edges: Iterable[Pair], apart: Callable[[int, int], bool]) -> dict[int, list[int]]:
    """The members of each group by its representative.

    Going through ``order``, best first, each image that is in no group yet takes those it has an edge to and that are
    in none either, unless ``apart`` says of it and one already taken that they may not be together.
    """
    near = neighbours(edges)
    place = {image: i for i, image in enumerate(order)}
    taken: set[int] = set()
    groups: dict[int, list[int]] = {}
    for centre in order:
        if centre in taken:
            continue
        members: list[int] = []
        for other in sorted(near.get(centre, ()), key=place.__getitem__):
            if other not in taken and not any(apart(other, m) for m in (centre, *members)):
                members.append(other)
        if members:
            groups[centre] = members
            taken.update((centre, *members))
    return groups


def two_steps(order: Sequence[int], edges: Iterable[Pair]) -> Iterator[Pair]:
    """Pairs that have no edge but a common neighbour that is one's best: where ``stars`` might leave a duplicate out.

    A crop of a crop may be found through the larger crop only; compared with the original itself it joins its group.
    """
    near = neighbours(edges)
    place = {image: i for i, image in enumerate(order)}
    done: set[Pair] = set()
    for image, around in near.items():
        best = min(around, key=place.__getitem__)
        if place[best] > place[image]:
            continue
        for other in around:
            pair = (min(best, other), max(best, other))
            if other not in (best, *near[best]) and pair not in done:
                done.add(pair)
                yield pair


def neighbours(edges: Iterable[Pair]) -> dict[int, set[int]]:
    """The images that each has an edge to."""
    near: dict[int, set[int]] = {}
    for a, b in edges:
        near.setdefault(a, set()).add(b)
        near.setdefault(b, set()).add(a)
    return near
