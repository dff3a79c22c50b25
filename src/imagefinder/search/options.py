"""``SearchOptions``: the options of a search. The library, the command line, the API, the client and MCP take their
options, help texts and bounds from here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, get_args

from imagefinder.errors import InvalidInputError

if TYPE_CHECKING:
    from imagefinder.store.filters.parse import Filter

Fuse: TypeAlias = Literal["rrf", "vote", "mean"]
WordsIn: TypeAlias = Literal["both", "pictures", "texts"]
Measure: TypeAlias = Literal["cosine", "euclidean"]
Cut: TypeAlias = Literal["auto"]
ABOUT = "about"


@dataclass(frozen=True, slots=True)
class About:
    """The description of an option: ``help`` in one sentence, the ``kind`` of its value (``tuple`` for several texts),
    its ``default``, and the values that are allowed."""

    name: str
    help: str
    kind: type
    default: Any
    least: int | None = None
    most: int | None = None
    choices: tuple[str, ...] = ()


def _metadata(help: str, kind: type | None = None, **bounds: Any) -> dict[str, Any]:
    """The metadata of a field; ``kind`` where its default does not show it."""
    return {ABOUT: (help, kind, bounds)}


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How many hits there are, which images can be hits, and how they are ranked.

    ``same_cluster``: only the cluster of the query image, or of the best hit. ``liked`` and ``disliked`` are ids of
    images that were right or wrong: see ``relevance``. ``collapse`` makes one hit of near-identical images.
    ``diversity``, from 0 to 1, prefers hits that differ from each other. ``spaces`` are names of spaces or models; none
    means those in use. ``measures`` are "cosine", "euclidean" or both. ``fuse`` says how several rankings (of several
    measures or models) become one: see ``fusion``. ``words_in`` says where words are looked for: in what pictures show,
    in the texts of images (names, captions, tags and so on), or in both: see ``hybrid``. ``explain`` fills ``Hit.why``:
    see ``why``. ``each_part`` gives each page and frame of a file: see ``together``. ``cut`` "auto" leaves out what
    does not fit: see ``ends``. ``exact`` compares with every image, where else an approximate index of the vectors
    would be asked. ``of`` makes options from what callers give.
    """

    k: int = field(default=10, metadata=_metadata("How many hits.", least=1))
    filter: Filter | None = field(
        default=None,
        metadata=_metadata(
            "Only images that match, e.g. 'folder=shoes and width>=800', 'near(52.52, 13.40, 5)' (km).", str
        ),
    )
    min_score: float | None = field(default=None, metadata=_metadata("Only hits that score at least this.", float))
    offset: int = field(default=0, metadata=_metadata("Skip the best N hits, for a next page.", least=0))
    same_cluster: bool = field(
        default=False, metadata=_metadata("Only the cluster of the query image, or of the best hit.")
    )
    liked: tuple[str, ...] = field(default=(), metadata=_metadata("Images that are right, to find more of."))
    disliked: tuple[str, ...] = field(default=(), metadata=_metadata("Images that are wrong, to find less of."))
    collapse: bool = field(default=False, metadata=_metadata("One hit for each set of near-identical images."))
    diversity: float = field(
        default=0.0,
        metadata=_metadata("0 for the best hits, towards 1 for hits unlike each other.", least=0, most=1),
    )
    spaces: tuple[str, ...] = field(
        default=(), metadata=_metadata("Spaces or models to search in, by default the one in use.")
    )
    measures: tuple[str, ...] = field(
        default=("cosine",),
        metadata=_metadata("How vectors are compared: cosine, euclidean or both.", choices=get_args(Measure)),
    )
    fuse: Fuse = field(
        default="mean",
        metadata=_metadata("How several spaces or measures become one ranking.", choices=get_args(Fuse)),
    )
    explain: bool = field(default=False, metadata=_metadata("Say of the first 100 hits why they are hits."))

    words_in: WordsIn = field(
        default="both",
        metadata=_metadata(
            "Where words are looked for: in what pictures show, in texts (names, captions, tags...), or in both.",
            choices=get_args(WordsIn),
        ),
    )

    each_part: bool = field(
        default=False,
        metadata=_metadata("Each page of a PDF and frame of a video as a hit, not only the best of its file."),
    )

    cut: Cut | None = field(
        default=None, metadata=_metadata("Only the hits that surely or maybe fit.", str, choices=get_args(Cut))
    )

    exact: bool = field(
        default=False,
        metadata=_metadata(
            "Compare with every image, also where a graph of a large index is quicker and misses a few."
        ),
    )

    def __post_init__(self) -> None:
        if self.words_in not in get_args(WordsIn):
            there = ", ".join(get_args(WordsIn))
            raise InvalidInputError(f"words_in can't be {self.words_in!r:.100}.", remedy=f"There are: {there}.")
        if self.k < 1 or self.offset < 0:
            raise InvalidInputError(f"k must be 1 or more and offset 0 or more; got k={self.k}, offset={self.offset}.")
        if not 0 <= self.diversity <= 1:
            raise InvalidInputError(f"diversity goes from 0 to 1; got {self.diversity}.")
        _check_fusion(self.fuse, self.measures)
        if self.cut is not None and self.cut not in get_args(Cut):
            raise InvalidInputError(
                f"There is no cut {self.cut!r}.", remedy="There is auto; without it, there is none."
            )
        if "euclidean" in self.measures and (self.liked or self.disliked):
            raise InvalidInputError("Likes and dislikes need the cosine.", remedy="Leave out the Euclidean distance.")
        if both := set(self.liked) & set(self.disliked):
            raise InvalidInputError(f"{min(both)} is both liked and disliked.", remedy="Leave one out.")

    @classmethod
    def of(cls, k: int = 10, **given: Any) -> Self:
        """Options from the keywords of ``ImageFinder.search``: a filter may be text, and several texts may be any
        sequence. Raises InvalidInputError or InvalidFilterError."""
        from imagefinder.store.filters.parse import as_filter

        for name, about in ABOUT_OPTIONS.items():
            if name in given and about.kind is tuple:
                given[name] = _several(name, given[name])
        given["filter"] = as_filter(given.get("filter"))
        return cls(k=k, **given)

    def keywords(self) -> dict[str, Any]:
        """The options by name, as ``ImageFinder.search`` takes them."""
        return {name: getattr(self, name) for name in ABOUT_OPTIONS}

    def to_dict(self) -> dict[str, Any]:
        """The options as JSON values: the filter as text, several texts as a list."""
        row = self.keywords()
        row |= {name: list(value) for name, value in row.items() if isinstance(value, tuple)}
        return {**row, "filter": None if self.filter is None else str(self.filter)}


def _several(name: str, given: Sequence[str] | str) -> tuple[str, ...]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise InvalidInputError(f"{name} is a list of names, not {'the text ' * isinstance(given, str)}{given!r:.200}.")
    return tuple(given) if name == "measures" else tuple(dict.fromkeys(given))  # a measure given twice is a mistake


def _check_fusion(fuse: str, measures: Sequence[str]) -> None:
    if fuse not in get_args(Fuse):
        raise InvalidInputError(f"There is no fusion {fuse!r}.", remedy=f"There are: {', '.join(get_args(Fuse))}.")
    for measure in measures:
        if measure not in get_args(Measure):
            raise InvalidInputError(
                f"There is no measure {measure!r}.", remedy=f"There are: {', '.join(get_args(Measure))}."
            )
    if not measures or len(set(measures)) < len(measures):
        raise InvalidInputError(f"measures must be one or both of {', '.join(get_args(Measure))}, each once.")


def _about_options() -> Mapping[str, About]:
    rows = {}
    for option in fields(SearchOptions):
        help, kind, bounds = option.metadata[ABOUT]
        rows[option.name] = About(option.name, help, kind or type(option.default), option.default, **bounds)
    return rows


ABOUT_OPTIONS = _about_options()  # by name, in their order
