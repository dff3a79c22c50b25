"""What an agent can do with the collection. The texts here are read by the model that chooses among the tools."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, ParamSpec, TypeVar

from mcp.server.mcpserver import Image
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import Field

from imagefinder._util.files import expanded
from imagefinder._version import __version__
from imagefinder.errors import ImageFinderError, InvalidInputError, NotFoundError
from imagefinder.images.inside import file_of, is_url
from imagefinder.mcp.access import Access, Library, thumbnail
from imagefinder.mcp.serving import Server
from imagefinder.results import Hits
from imagefinder.search.options import ABOUT_OPTIONS, Cut, SearchOptions
from imagefinder.search.query import Part
from imagefinder.types import Hit, Limits, Record, ids_of

P = ParamSpec("P")
T = TypeVar("T")
Content = list[Any]  # texts and pictures, as MCP has them
SMALL, SHOWN = 256, 12  # pixels of the pictures beside hits; how many of them
SHOWN_FIELDS = ("caption", "tags", "folder", "width", "height", "taken_at", "cluster", "cluster_name", "issues")
FACETS = 20  # values of each field that ``info`` names
INSTRUCTIONS = """Searches and organises one collection of images on the user's own machine. Begin with `info` to see
what is there and what filters can use. Images are named by ids, which every tool returns and takes. `sure` is the
chance that a hit fits, 0 to 1, as far as its vector tells; a `score` only orders the hits of one search. cut="auto"
leaves out what hardly fits; without it a search always returns the nearest images. Look at them (`show`, or
thumbnails=true) before saying that they fit."""

Id = Annotated[str, Field(description="The id of an image, as other tools return it; its path or URL does as well.")]
K = Annotated[int, Field(ge=1, le=50, description=ABOUT_OPTIONS["k"].help)]
Offset = Annotated[int, Field(ge=0, description=ABOUT_OPTIONS["offset"].help)]
SameCluster = Annotated[bool, Field(description=ABOUT_OPTIONS["same_cluster"].help)]
Liked = Annotated[list[str], Field(max_length=100, description=ABOUT_OPTIONS["liked"].help + " Their ids.")]
Disliked = Annotated[list[str], Field(max_length=100, description=ABOUT_OPTIONS["disliked"].help + " Their ids.")]
Collapse = Annotated[bool, Field(description=ABOUT_OPTIONS["collapse"].help)]
Diversity = Annotated[float, Field(ge=0, le=1, description=ABOUT_OPTIONS["diversity"].help)]
WordsIn = Annotated[Literal["both", "pictures", "texts"], Field(description=ABOUT_OPTIONS["words_in"].help)]
Explain = Annotated[bool, Field(description=ABOUT_OPTIONS["explain"].help)]
Ending = Annotated[Cut | None, Field(description=ABOUT_OPTIONS["cut"].help)]
Pictures = Annotated[bool, Field(description="Also return small pictures of the first dozen, to look at.")]
Filter = Annotated[
    str | None,
    Field(
        description='Only images that match, e.g.: folder = "shoes" and width >= 800; tags = red; taken_at >= 2020; '
        'cluster = 3; caption ~ "bike"; format in (PNG, GIF); has caption; near(52.52, 13.40, 5), in km; not (...). '
        "Fields: folder, uri, caption, tags, width, height, bytes, format, taken_at, mtime, cluster, cluster_name, "
        "colours, text (read in the picture), camera, lens, lat, lon, any column of a table."
    ),
]


def with_errors(do: Callable[P, T]) -> Callable[P, T]:
    """A tool whose errors reach the agent with what to do about them."""

    @functools.wraps(do)
    def tool(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return do(*args, **kwargs)
        except ImageFinderError as error:
            raise ToolError(str(error)) from error

    return tool


class Tools:
    """The tools, each a method; ``server`` makes an MCP server of them."""

    def __init__(self, access: Access, limits: Limits) -> None:
        self._access = access
        self._limits = limits

    def server(self, *, write: bool) -> Server:
        """``write``: also those that change something."""
        server = Server(
            "imagefinder", title="ImageFinder", version=__version__, instructions=INSTRUCTIONS, log_level="WARNING"
        )
        looking = (self.info, self.search, self.similar, self.clusters, self.cluster_images, self.show)
        for tool in looking:
            reading = ToolAnnotations(read_only_hint=True, open_world_hint=False)
            server.add_tool(with_errors(tool), annotations=reading, structured_output=False)
        if write:
            changing = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True)
            server.add_tool(with_errors(self.tag), annotations=changing, structured_output=False)
        return server

    def info(self) -> Content:
        """What the collection holds: how many images, from where, which folders, tags, formats and years there are
        with their counts (to write filters with), whether it can be searched by words, and whether it is clustered."""
        with self._access.use() as library:
            about = library.info()
            found = library.facets()
            fields = ("folder", "tags", "format", "colours", "year", "issues", "cluster")
            return _content(
                {
                    "images": about.images,
                    "sources": [s["uri"] for s in about.sources],
                    "model": about.model,
                    "values": {name: found[name][:FACETS] for name in fields if found.get(name)},
                    "ranges": found["ranges"],
                    **_left_out(found, fields),
                }
            )

    def search(  # noqa: PLR0913 - an agent names what it wants
        self,
        words: Annotated[
            str,
            Field(
                description="What to see, e.g. red bike. `dog + snow - people` adds and subtracts; `-grass` too. A "
                'phrase in quotation marks, or the name of a file, comes first; `caption:"wet road"`, name:, tag: and '
                "text: (text in the picture) say which texts have to say it, `-tag:done` which may not."
            ),
        ] = "",
        image: Annotated[str | None, Field(description="Search by an image: a file's path, a URL or an id.")] = None,
        *,
        k: K = 10,
        offset: Offset = 0,
        filter: Filter = None,
        same_cluster: SameCluster = False,
        liked: Liked = [],  # noqa: B006 - the schema's default
        disliked: Disliked = [],  # noqa: B006
        collapse: Collapse = False,
        diversity: Diversity = 0.0,
        words_in: WordsIn = "both",
        explain: Explain = False,
        cut: Ending = None,
        thumbnails: Pictures = False,
    ) -> Content:
        """Find images by words, by an image, by both together, or by more that were right, the best first. Words are
        looked for in what pictures show and in their names, captions, tags and other texts."""
        parts: list[Part] = [words] if words.strip() else []
        if image is not None:
            parts.append(_shown(image))
        if not parts and not liked:
            raise InvalidInputError("Nothing to search for was given.", remedy="Give words, an image, or both.")
        options = SearchOptions.of(
            k,
            filter=filter,
            offset=offset,
            same_cluster=same_cluster,
            liked=liked,
            disliked=disliked,
            collapse=collapse,
            diversity=diversity,
            words_in=words_in,
            explain=explain,
            cut=cut,
        )
        with self._access.use() as library:
            hits = library.search(parts or None, **options.keywords())
            told = {"total": hits.total, **_ends(hits), **_not_understood(hits), "hits": [_hit(h) for h in hits]}
            return self._with_pictures(library, told, hits, thumbnails)

    def similar(
        self,
        id: Id,
        k: K = 10,
        offset: Offset = 0,
        filter: Filter = None,
        same_cluster: SameCluster = False,
        thumbnails: Pictures = False,
    ) -> Content:
        """Find the images most like one of the collection, the most alike first, without itself."""
        with self._access.use() as library:
            hits = library.similar(id, k, filter=filter, offset=offset, same_cluster=same_cluster)
            return self._with_pictures(library, {"hits": [_hit(h) for h in hits]}, hits, thumbnails)

    def clusters(self) -> Content:
        """The groups that the images were sorted into by how they look: label, name, how many images, the words that
        set the group apart, and the id of its most typical image. Groups are the quickest overview of a collection."""
        with self._access.use() as library:
            sizes = library.clusters.sizes()
            rows = [
                {
                    "label": c.label,
                    "name": c.name,
                    "images": sizes.get(c.label, 0),
                    "words": [word for word, _ in c.words],
                    "typical": c.medoid,
                }
                for c in library.clusters
            ]
        return _content({"clusters": rows, "in_none": sizes.get(-1, 0)})

    def cluster_images(
        self,
        cluster: Annotated[str | int, Field(description="The label or the name of a group.")],
        k: K = 20,
        offset: Offset = 0,
        thumbnails: Pictures = False,
    ) -> Content:
        """The images of one group, those that show its range first when asked from the start."""
        with self._access.use() as library:
            found = library.clusters.find(cluster)
            members = {r.id: r for r in library.records(f"cluster = {found.label}")}
            ordered = [members.pop(id) for id in found.representatives if id in members] + list(members.values())
            page = ordered[offset : offset + k]
            rows = [{"id": r.id, "uri": r.uri, **_facts(r)} for r in page]
            response = {"label": found.label, "name": found.name, "total": len(ordered), "images": rows}
            return self._with_pictures(library, response, page, thumbnails)

    def show(
        self,
        id: Id,
        size: Annotated[
            Literal[128, 256, 512, 1024, 2048], Field(description="Pixels of the longest side, at most.")
        ] = 512,
    ) -> Content:
        """Look at one image: the picture, and all that is known of it."""
        with self._access.use() as library:
            record = library.get(id)
            picture = thumbnail(library, record, size, self._limits)
        return [*_content(record.to_dict()), Image(data=picture, format="jpeg")]

    def tag(
        self,
        ids: Annotated[list[str], Field(min_length=1, max_length=1000, description="Ids of images.")],
        add: Annotated[list[str], Field(description="Tags to add.")] = [],  # noqa: B006 - the schema's default
        remove: Annotated[list[str], Field(description="Tags to take away.")] = [],  # noqa: B006
    ) -> Content:
        """Add tags to images, or take them away. Filters find them: tags = chosen."""
        with self._access.use() as library:
            return _content({"changed": library.tag([library.get(id).id for id in ids], add=add, remove=remove)})

    def _with_pictures(
        self, library: Library, response: Mapping[str, Any], shown: Iterable[Any], wanted: bool
    ) -> Content:
        """The response and, if wanted, the pictures of the first; one that can't be read is left out and said so."""
        pictures: Content = []
        missing: list[str] = []
        for item in list(shown)[:SHOWN] if wanted else []:
            record: Record = getattr(item, "record", item)
            try:
                data = thumbnail(library, record, SMALL, self._limits)
                pictures += [f"{record.id}:", Image(data=data, format="jpeg")]
            except (ImageFinderError, OSError):
                missing.append(record.id)
        return [*_content({**response, **({"pictures_that_cannot_be_read": missing} if missing else {})}), *pictures]


def _content(value: Mapping[str, Any]) -> Content:
    return [json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "replace").decode()]


def _left_out(found: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    """How many rarer values of each field are not named, where some are not."""
    rest = {name: len(found.get(name, ())) - FACETS + found["more"].get(name, 0) for name in fields}
    more = {name: n for name, n in rest.items() if n > 0}
    return {"more_values": more} if more else {}


def _hit(hit: Hit) -> dict[str, Any]:
    sure = {} if hit.sure is None else {"sure": round(hit.sure, 2)}
    return {"id": hit.id, "uri": hit.uri, "score": round(hit.score, 3), **sure, **_why(hit), **_facts(hit.record)}


def _ends(hits: Hits) -> dict[str, Any]:
    """How many images fit, where the hits were cut."""
    return {} if hits.surely is None else {"surely": hits.surely, "maybe": hits.maybe}


def _not_understood(hits: Hits) -> dict[str, Any]:
    """What an agent should know of its words, where the model does not know them all."""
    return {"notice": hits.notice, "unknown_words": list(hits.unknown_words)} if hits.notice else {}


def _why(hit: Hit) -> dict[str, Any]:
    return {"why": hit.why.texts()} if hit.why else {}


def _facts(record: Record) -> dict[str, Any]:
    row = record.to_dict()
    return {name: row[name] for name in SHOWN_FIELDS if name in row}


def _shown(image: str) -> Part:
    """A picture that an agent names: an id, a URL or a file. Raises NotFoundError for what is none of these."""
    if is_url(image):
        return image
    name = image.removeprefix("id:")
    if name.lower() == ids_of(name)[0]:
        return f"id:{name}"
    path = expanded(image)
    if not os.path.isfile(file_of(str(path))):  # which also says no to a name that no file can have
        raise NotFoundError(
            f"There is no file '{image[:200]}'.", remedy="Give a file's full path, a URL, or an image's id."
        )
    return path
