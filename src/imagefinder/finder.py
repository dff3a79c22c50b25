"""``ImageFinder``, the object most people use: the table of contents of the library."""

from __future__ import annotations

import builtins
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import imagefinder.ingest as ingest
from imagefinder._util.arguments import checked
from imagefinder.catalog.edits import remove_images, tag_images, update_image
from imagefinder.catalog.feedback import Feedback
from imagefinder.catalog.methods import Browsing
from imagefinder.catalog.order import listed
from imagefinder.clusters.state import finish_interrupted
from imagefinder.index.audit import Audit
from imagefinder.index.better_words import BetterWords, better_words
from imagefinder.index.collection import Collection
from imagefinder.index.folder import Index
from imagefinder.index.keys import Keys
from imagefinder.index.shared import folder_of, is_there, open_index, place_of
from imagefinder.index.spaces import models_of
from imagefinder.models.registry import find_spec, known_name
from imagefinder.organising.methods import Organising
from imagefinder.search.answer import search_collection
from imagefinder.search.concepts import Concepts
from imagefinder.search.embed import embed_pictures, embed_texts
from imagefinder.search.explain import explain_image
from imagefinder.search.options import Cut, Fuse, Measure, SearchOptions, WordsIn
from imagefinder.search.query import Kind, QueryInput, Term
from imagefinder.search.scores import score_images
from imagefinder.store.filters.parse import FilterLike
from imagefinder.types import UNSET, Unset

if TYPE_CHECKING:
    from PIL.Image import Image

    import imagefinder.results as results
    from imagefinder.catalog.label_table import LabelTable
    from imagefinder.clusters.algorithms.choose_k import Choice
    from imagefinder.clusters.clustering import Clustering
    from imagefinder.clusters.view import Clusters
    from imagefinder.duplicates.find import Options
    from imagefinder.duplicates.report import DuplicateReport
    from imagefinder.duplicates.review import Copies
    from imagefinder.evaluation.of_index import Assessment
    from imagefinder.index.board import Board
    from imagefinder.index.models import View
    from imagefinder.maps.maps import Map
    from imagefinder.models.base import Embedder
    from imagefinder.models.spec import ModelSpec
    from imagefinder.ocr.read import ReadReport
    from imagefinder.quality.measure import Outlier, QualityReport
    from imagefinder.results import BackfillReport, Hits, IndexInfo, IngestReport, Records, SourceInfo, SpaceInfo
    from imagefinder.training.labels import Captions, Examples, Labels
    from imagefinder.training.predict import Classified, Prediction
    from imagefinder.training.report import Training
    from imagefinder.training.torch.autoencoder import AutoencoderOptions
    from imagefinder.training.torch.classifier import FinetuneOptions
    from imagefinder.types import Float32, Limits, OnProgress, Record, Skipped
    from imagefinder.vectors.variance import PcaReport

ImageName = str | os.PathLike[str]  # an id, path or URL


@checked
class ImageFinder(Browsing, Organising):
    """A collection of images that can be searched.

    >>> with ImageFinder.open("my-index") as finder:
    ...     finder.add("~/Pictures")
    ...     hits = finder.search("red bike", k=5)

    One process at a time holds an index in a folder, until ``close`` or the end of the ``with``; others may read it
    meanwhile."""

    def __init__(self, index: Index, *, model: str | Embedder | None = None, limits: Limits | None = None) -> None:
        self._collection = Collection(index, model=model, limits=limits)

    @classmethod
    def open(
        cls,
        path: ImageName,
        *,
        model: str | Embedder | None = None,
        create: bool = True,
        limits: Limits | None = None,
        wait_s: float = 2.0,
        read_only: bool = False,
    ) -> Self:
        """Open the index in the folder ``path`` or at an address (``postgresql://USER@HOST/DATABASE/NAME`` or
        ``qdrant://HOST:PORT/NAME``, which many processes write at once), or make a new one there. With ``read_only``
        the index must exist, and any number of processes may read it at once: beside one that writes, on a disk that
        can't be written, and on one that is full. What would change it raises IndexFolderError. ``model`` names the
        model of a new index, or is an object of your own that fulfils ``models.base.Embedder``. In an existing index
        it says which of its models is asked, by default the one in use; ``add_model`` adds another. If another process
        holds the index, wait up to ``wait_s`` seconds for it. Raises NotFoundError (``create=False`` and there is
        none) or an IndexFolderError."""
        place = place_of(path)
        if model is not None and create and not is_there(place):
            find_spec(known_name(model))  # a name that is wrong leaves no new index behind
        index = open_index(place, create=create, wait_s=wait_s, read_only=read_only)
        try:
            finish_interrupted(index, again=index.left_open)
            return cls(index, model=model, limits=limits)
        except BaseException:
            index.close()
            raise

    @classmethod
    def rebuild(cls, path: ImageName, *sources: ImageName, **options: Any) -> IngestReport:
        """Make the index at ``path``, which must not be open, again from its sources and from further ones. For the
        options see ``ingest.rebuild.rebuild_index``."""
        from imagefinder.ingest.rebuild import rebuild_index

        return rebuild_index(folder_of(path), sources, **options)

    # --- taking images in and out ---------------------------------------------------------------------------------

    def add(  # noqa: PLR0913 - each can be given without the others, and by name only
        self,
        *sources: ImageName,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        column: str | None = None,
        force: bool = False,
        allow_removal: bool = False,
        allow_empty: bool = False,
        workers: int | None = None,
        within: Sequence[str] | None = None,
        ray: str | None = None,
        progress: OnProgress | None = None,
        shard: str | None = None,
    ) -> IngestReport:
        """Index folders, image files, CSV or Parquet tables and URLs; called again, take in what has changed. With no
        source at all, go over those already known, with the options they were last given. New and changed images are
        embedded; moved ones keep their vectors; images gone from a folder or a table leave the index. ``include`` and
        ``exclude`` are globs in gitignore syntax, ``column`` the column of a table that holds the paths or URLs (found
        by its name when not given). ``within`` are real paths of folders: of a new source nothing outside them is
        opened, wherever links or tables lead. What can't be used is in the report's ``skipped``, a source that is not
        there in ``missing``; the run goes on. Images that seem to be away rather than removed stay, see
        ``ingest.guard``, unless ``allow_removal`` is set (older name: ``allow_empty``). What was said of removed images
        comes back with their content. ``ray`` is the address of a cluster of Ray that does the work: HOST:PORT, "auto",
        or "local". With ``shard="3/16"`` only the third of 16 parts of all images is looked at, which depends on
        nothing but their URIs: processes on many machines index all parts at once, and the last one fits the search.
        Searches go on, another run of all waits. An exception from ``progress`` stops the run; what is stored stays."""
        options = {"include": tuple(include), "exclude": tuple(exclude), "column": column, "within": within}
        return ingest.sources.add_sources(
            self._collection,
            sources,
            options,
            force=force,
            allow_removal=allow_removal or allow_empty,
            workers=workers,
            progress=progress,
            shard=shard,
            ray=ray,
        )

    def changes(self, *sources: ImageName) -> Iterator[None]:
        """Yields at first and whenever these sources may have changed, until Ctrl-C. See ``ingest.watch``."""
        from imagefinder.ingest.watch import changes

        return changes(self._collection.index, [os.fspath(s) for s in sources])

    def remove(self, *images: ImageName, filter: FilterLike = None) -> int:
        """Take images out of the index, by id, URI or filter; a folder stands for all images in it. Returns how many.
        The image files themselves are never touched. Raises NotFoundError for an image that isn't in the index."""
        return remove_images(self._collection, images, filter)

    def list_sources(self) -> builtins.list[SourceInfo]:
        """The sources indexed so far, with the number of their images, and whether they are there."""
        return ingest.manage.list_sources(self._collection.index)

    def forget_source(self, source: ImageName, *, remove_images: bool = False) -> int:
        """Forget a source; its images stay as they are, or leave too. Returns how many it had. Raises NotFoundError."""
        return ingest.manage.forget_source(self._collection.index, source, remove_images)

    def move_source(
        self, old: ImageName, new: ImageName, *, within: Sequence[str] | None = None, progress: OnProgress | None = None
    ) -> IngestReport:
        """Say where a source is now that was renamed or moved: what was said of its images goes along, by content, and
        none is embedded again. ``within`` is as for ``add``; see ``ingest.manage.move_source``, also for errors."""
        return ingest.manage.move_source(self._collection, old, new, within=within, progress=progress)

    def pause_source(self, source: ImageName) -> None:
        """Leave a source out when ``add`` goes over all of them; its images stay. Raises NotFoundError."""
        ingest.manage.pause_source(self._collection.index, source, True)

    def resume_source(self, source: ImageName) -> None:
        """Take a paused source in again. Raises NotFoundError."""
        ingest.manage.pause_source(self._collection.index, source, False)

    def rename_source(self, source: ImageName, label: str) -> None:
        """Call a source by a name of your own; "" takes it away. Raises NotFoundError, InvalidInputError."""
        ingest.manage.rename_source(self._collection.index, source, label)

    def purge(self) -> int:
        """Forget for good what was said of images that are not in the index any more. Returns of how many."""
        return ingest.manage.purge(self._collection.index)

    # --- searching ------------------------------------------------------------------------------------------------

    def search(  # noqa: PLR0913 - each can be given without the others, and by name only
        self,
        query: QueryInput | None,
        k: int = 10,
        *,
        filter: FilterLike = None,
        min_score: float | None = None,
        offset: int = 0,
        same_cluster: bool = False,
        liked: Sequence[str] = (),
        disliked: Sequence[str] = (),
        collapse: bool = False,
        diversity: float = 0.0,
        spaces: Sequence[str] = (),
        measures: Sequence[Measure] = ("cosine",),
        fuse: Fuse = "mean",
        words_in: WordsIn = "both",
        explain: bool = False,
        each_part: bool = False,
        cut: Cut | None = None,
        exact: bool = False,
    ) -> Hits:
        """The ``k`` images that fit the query best; see ``search.query.parse_query`` for what a query may be, and
        ``search.options.SearchOptions`` for the options. ``liked`` and ``disliked`` are ids or URIs; with some liked
        there need be no query. Raises InvalidQueryError, InvalidFilterError or NotFoundError."""
        options = SearchOptions.of(
            k,
            filter=filter,
            min_score=min_score,
            offset=offset,
            same_cluster=same_cluster,
            liked=liked,
            disliked=disliked,
            collapse=collapse,
            diversity=diversity,
            spaces=spaces,
            measures=measures,
            fuse=fuse,
            words_in=words_in,
            explain=explain,
            each_part=each_part,
            cut=cut,
            exact=exact,
        )
        return self._collection.index.steadily(lambda: search_collection(self._collection, query, options))

    def similar(self, image: ImageName, k: int = 10, **options: Any) -> Hits:
        """The ``k`` images most like one of the index, by id or URI, without it; options: see ``search``."""
        return self.search(Term(Kind.ID, self._collection.resolve(image)), k, **options)

    def explain(self, image: ImageName, query: QueryInput | None, **options: Any) -> results.Explanation:
        """Why an image fits a query, and which part of its picture does: see ``search.explain.explain_image``."""
        return self._collection.index.steadily(lambda: explain_image(self._collection, image, query, **options))

    @property
    def feedback(self) -> Feedback:
        """What people said of responses, kept with the index."""
        return Feedback(self._collection.index)

    @property
    def concepts(self) -> Concepts:
        """Queries that are kept under a name; ``concept:NAME`` in a query asks one again."""
        return Concepts(self._collection)

    @property
    def keys(self) -> Keys:
        """The keys with which clients use servers of this index."""
        return Keys(self._collection.index.documents, read_only=self._collection.index.read_only)

    @property
    def audit(self) -> Audit:
        """What was removed, trashed and restored, which keys were made and removed, when and by whom."""
        return Audit(self._collection.index.documents, self._collection.index.notice)

    # --- records --------------------------------------------------------------------------------------------------

    def get(self, image: ImageName) -> Record:
        """The record of one image, by id or URI. Raises NotFoundError."""
        return self._collection.get(image)

    def records(self, filter: FilterLike = None) -> Records:
        """The records that match, all without a filter, by ascending id."""
        return self._collection.records(filter)

    def list(
        self, filter: FilterLike = None, sort: str | None = None, k: int = 100, offset: int = 0
    ) -> tuple[Records, int]:
        """``k`` records from ``offset`` on, and how many match in all. ``sort`` is one of ``catalog.facets.SORTS`` (by
        default ``id``), with ``-`` before it from large to small; images without a value come last. Raises
        InvalidInputError or InvalidFilterError."""
        return listed(self._collection.index, filter, sort, k, offset)

    def update(
        self,
        image: ImageName,
        *,
        tags: Sequence[str] | Unset = UNSET,
        caption: str | Unset | None = UNSET,
        name: str | Unset | None = UNSET,
    ) -> Record:
        """Replace the tags, the caption or the name of an image, itself named by id or URI; None takes one away, and
        what is not given stays. Raises NotFoundError or InvalidInputError."""
        return update_image(self._collection, image, tags=tags, caption=caption, name=name)

    def tag(
        self,
        images: Sequence[ImageName] = (),
        add: Sequence[str] = (),
        remove: Sequence[str] = (),
        *,
        filter: FilterLike = None,
    ) -> int:
        """Add and remove tags of images, named by id or URI, or all that match a filter; how many have changed. Raises
        NotFoundError or InvalidInputError; nothing is changed then."""
        return tag_images(self._collection, images, add, remove, filter)

    # --- the whole collection -------------------------------------------------------------------------------------

    def cluster(
        self, n_clusters: int | None = None, *, progress: OnProgress | None = None, **options: Any
    ) -> Clustering:
        """Cluster all images; None lets the data decide how many. The options are those of
        ``clusters.make.ClusterOptions``. The records get ``cluster`` and ``cluster_name``, for filters. Corrections of
        earlier clusters are kept."""
        from imagefinder.clusters.make import cluster_collection

        return cluster_collection(self._collection, n_clusters, progress, **options)

    def choose_k(self, max_k: int = 100, *, progress: OnProgress | None = None, **options: Any) -> Choice:
        """Measure k-means for 2 to ``max_k`` clusters and suggest a number; changes nothing."""
        from imagefinder.clusters.make import choose_k_for

        return choose_k_for(self._collection, max_k, progress, **options)

    @property
    def clusters(self) -> Clusters:
        """The clusters in force, and what can be done with them."""
        from imagefinder.clusters.view import Clusters

        return Clusters(self._collection)

    def map(self, method: str | None = None, *, progress: OnProgress | None = None, **options: Any) -> Map:
        """A map of the images, kept with the index: see ``maps.open_map``."""
        from imagefinder.maps import open_map

        return open_map(self._collection, method, progress=progress, **options)

    def maps(self) -> builtins.list[Map]:
        """The maps that are kept, the oldest first."""
        from imagefinder.maps import kept_maps

        return kept_maps(self._collection.index)

    def kept_map(self, name: str | None = None) -> Map:
        """A map that is kept, by its name, or the latest. Raises NotFoundError."""
        from imagefinder.maps import kept_map

        return kept_map(self._collection.index, name)

    def map_scores(
        self, query: QueryInput, name: str | None = None, *, offset: int = 0, k: int | None = None
    ) -> Float32:
        """How well each image of a map that is kept, or ``k`` of them from ``offset`` on, fits a query, in the order of
        its ids: see ``score_images``."""
        ids = self.kept_map(name).ids[offset : None if k is None else offset + k]
        return self._collection.index.steadily(lambda: score_images(self._collection, ids, query))

    def pca_report(self) -> PcaReport:
        """How much of the differences between the images how many dimensions keep."""
        from imagefinder.maps.maps import report_variance

        return report_variance(self._collection)

    def duplicates(self, options: Options | None = None, *, progress: OnProgress | None = None) -> DuplicateReport:
        """Groups of duplicates, with evidence and which image to keep; see ``duplicates.find``."""
        from imagefinder.duplicates.find import find_duplicates

        return find_duplicates(self._collection, options=options, progress=progress)

    @property
    def copies(self) -> Copies:
        """The duplicates found last, and what is decided about them."""
        from imagefinder.duplicates.review import Copies

        return Copies(self._collection)

    def outliers(
        self, k: int = 20, *, ray: str | None = None, progress: OnProgress | None = None
    ) -> builtins.list[Outlier]:
        """The ``k`` images most unlike all others; every record gets its score as ``outlier``, for filters. ``ray`` is
        the address of a cluster of machines that compares them."""
        from imagefinder.quality.measure import find_outliers

        return find_outliers(self._collection, k, progress, ray)

    def quality(self, *, again: bool = False, progress: OnProgress | None = None) -> QualityReport:
        """Judge the pictures not judged yet, or all ``again``: the records get ``blur``, ``brightness``, ``contrast``,
        ``aspect`` and ``issues``, for filters."""
        from imagefinder.quality.measure import measure_quality

        return measure_quality(self._collection, again=again, progress=progress)

    def read(self, *, progress: OnProgress | None = None, **options: Any) -> ReadReport:
        """Read the text in the pictures not read yet, for searches and filters; see ``ocr.read.ReadOptions``."""
        from imagefinder.ocr.read import read_pictures

        return read_pictures(self._collection, progress=progress, **options)

    def evaluate(
        self, table: ImageName | LabelTable | None = None, space: str | None = None, **options: Any
    ) -> Assessment:
        """Measure how well the index finds things, on a CSV with the columns ``filename`` and ``label``, ``caption`` or
        both, and by the options of ``evaluation.of_index.assess``. Raises InvalidTableError or NotFoundError."""
        from imagefinder.evaluation.of_index import assess

        return assess(self._collection, table, space, **options)

    # --- models, spaces and vectors -------------------------------------------------------------------------------

    def add_model(
        self, name: str | Embedder, *, use: bool = False, progress: OnProgress | None = None
    ) -> BackfillReport:
        """Give the images of the index the vectors of a further model; called again, those that lack them. The spaces
        in use stay so, and searches go on, unless ``use`` says to take the new ones at the end. What ``progress``
        raises stops it; what is stored stays. Raises NotFoundError, ModelError, ModelMismatchError."""
        return ingest.fill.add_model(self._collection, name, use=use, progress=progress)

    def better_words(self) -> BetterWords | None:
        """A model with which searches by words would find more, and what it costs here; None where there is none."""
        return better_words(self._collection)

    def spaces(self) -> builtins.list[SpaceInfo]:
        """The spaces of the index, in the order they came."""
        return self._collection.spaces()

    def use_space(self, name: str) -> None:
        """Search in all spaces of this model from now on where none is named, for pictures and for texts as far as it
        knows them; by the name of a single space, in that one only. Clusters and maps stay. Raises NotFoundError."""
        self._collection.use_space(name)

    def drop_space(self, name: str) -> None:
        """Remove the vectors of a model, named by itself or one of its spaces, and the model itself if it was trained
        on this index. Raises NotFoundError, and InvalidInputError for one that is in use."""
        self._collection.drop_space(name)

    def view(self, name: str | None = None) -> View:
        """Where a search looks that names this space or model, or none: a space for pictures and one for texts. Raises
        NotFoundError, and InvalidInputError for one whose vectors are still to come."""
        return self._collection.view(name)

    @property
    def text_space(self) -> str:
        """The space that texts are compared in. Raises NotFoundError where no model understands texts."""
        return self._collection.text_space

    @property
    def models(self) -> builtins.list[str]:
        """The names of the models whose vectors are here, in the order they came."""
        return models_of(self._collection.index)

    def model_spec(self, name: str) -> ModelSpec:
        """The facts of a model that this index could use: one on this machine, or trained here. Raises NotFoundError
        and ModelError."""
        return self._collection.models.spec(name)

    @property
    def embedder(self) -> Embedder:
        """The model that pictures are compared by, loaded when first needed; one call uses all cores."""
        return self._collection.view().image_model

    @property
    def provider(self) -> str:
        """What runs the model in use, such as CPUExecutionProvider."""
        return self._collection.provider

    def vectors(self, space: str | None = None, *, raw: bool = False) -> tuple[builtins.list[str], Float32]:
        """Ids and vectors, float32 (n, dim), by ascending id: those searched (rows of unit length), or ``raw`` as the
        model gave them (to float16 precision). ``space`` is by default the image space."""
        return self._collection.index.steadily(lambda: self._collection.vectors(space, raw=raw))

    def embed_words(self, texts: Sequence[str], space: str | None = None) -> Float32:
        """Texts as vectors that compare with ``vectors(finder.text_space)``: float32 (n, dim), rows of unit length."""
        return embed_texts(self._collection, texts, space)

    def embed_images(self, images: Sequence[str | Path | bytes | Image], space: str | None = None) -> Float32:
        """Pictures (paths, URLs, bytes of image files, or Pillow images) as vectors that compare with
        ``vectors(space)``, by default of the image space; ``finder.text_space`` is for comparing them with texts.
        Float32 (n, dim), rows of unit length. Raises ImageError for a picture that can't be used."""
        return embed_pictures(self._collection, images, space)

    # --- learning -------------------------------------------------------------------------------------------------

    def train_adapter(
        self,
        labels: Labels | None = None,
        *,
        by: str | None = None,
        feedback: bool = False,
        methods: Sequence[str] = (),
        space: str | None = None,
        name: str | None = None,
        use: bool = False,
        seed: int = 0,
        progress: OnProgress | None = None,
    ) -> Training:
        """A space fitted to a few labels per class, on the stored vectors: seconds on a CPU. The parameters and what is
        raised: see ``training.on_vectors.train_adapter``."""
        from imagefinder.training.on_vectors import train_adapter

        return train_adapter(
            self._collection,
            labels,
            by=by,
            feedback=feedback,
            methods=methods,
            space=space,
            name=name,
            use=use,
            seed=seed,
            progress=progress,
        )

    def train_classifier(
        self,
        labels: Labels | None = None,
        *,
        by: str | None = None,
        hidden: int = 64,
        held_out: float = 0.25,
        space: str | None = None,
        name: str | None = None,
        use: bool = False,
        seed: int = 0,
        progress: OnProgress | None = None,
    ) -> Training:
        """A classifier with a hidden layer, ``hidden`` wide, on the stored vectors: the layer's activation is a space,
        and ``predict`` tells classes by it. See ``training.on_vectors.train_classifier``."""
        from imagefinder.training.on_vectors import train_classifier

        return train_classifier(
            self._collection,
            labels,
            by=by,
            hidden=hidden,
            held_out=held_out,
            space=space,
            name=name,
            use=use,
            seed=seed,
            progress=progress,
        )

    def train_words(
        self,
        captions: Captions | None = None,
        *,
        space: str | None = None,
        name: str | None = None,
        use: bool = False,
        seed: int = 0,
        progress: OnProgress | None = None,
    ) -> Training:
        """A space for texts that knows the words of this collection, learnt from captions: see
        ``training.on_vectors.train_words``."""
        from imagefinder.training.on_vectors import train_words

        return train_words(self._collection, captions, space=space, name=name, use=use, seed=seed, progress=progress)

    def predict(
        self, *images: str | os.PathLike[str] | Record | bytes | Image, model: str | None = None
    ) -> tuple[builtins.list[Prediction], builtins.list[Skipped]]:
        """The classes of pictures (files, folders, tables, URLs, records, bytes of image files, Pillow images), by a
        classifier or by the one trained last; and what could not be read. Raises NotFoundError and ModelError."""
        from imagefinder.training.on_vectors import predict

        return self._collection.index.steadily(lambda: predict(self._collection, *images, model=model))

    def classify(self, *, model: str | None = None, progress: OnProgress | None = None) -> Classified:
        """Write the class of every image on its record, as ``class`` and ``class_confidence`` (0 to 1), for filters.
        Raises NotFoundError and ModelError."""
        from imagefinder.training.on_vectors import classify

        return classify(self._collection, model=model, progress=progress)

    def train_autoencoder(
        self,
        source: str | os.PathLike[str] | None = None,
        *,
        options: AutoencoderOptions | None = None,
        labels: Path | None = None,
        name: str | None = None,
        use: bool = False,
        restart: bool = False,
        progress: OnProgress | None = None,
    ) -> Training:
        """Train an autoencoder, with PyTorch, on the images of ``source`` or of the index; its encoder's vectors are a
        space. See ``training.on_pictures.train_autoencoder``."""
        from imagefinder.training.on_pictures import train_autoencoder

        return train_autoencoder(
            self._collection,
            source,
            options=options,
            labels=labels,
            name=name,
            use=use,
            restart=restart,
            progress=progress,
        )

    def finetune_classifier(
        self,
        labels: Labels | Examples | None = None,
        *,
        by: str | None = None,
        options: FinetuneOptions | None = None,
        share: float = 0.25,
        name: str | None = None,
        use: bool = False,
        restart: bool = False,
        progress: OnProgress | None = None,
    ) -> Training:
        """Train a classifier and the last stages of its backbone, with PyTorch, on labelled images of the index; the
        hidden layer is a space. See ``training.on_pictures.finetune_classifier``."""
        from imagefinder.training.on_pictures import finetune_classifier

        return finetune_classifier(
            self._collection,
            labels,
            by=by,
            options=options,
            share=share,
            name=name,
            use=use,
            restart=restart,
            progress=progress,
        )

    @property
    def classifier(self) -> str | None:
        """The classifier that was trained last on this index; None where there is none."""
        from imagefinder.training.on_vectors import last_classifier

        return last_classifier(self._collection)

    # --- the index itself -----------------------------------------------------------------------------------------

    def info(self) -> IndexInfo:
        """What the index holds."""
        return self._collection.index.steadily(self._collection.info)

    @property
    def sources(self) -> builtins.list[str]:
        """The sources indexed so far."""
        return [s.uri for s in self._collection.index.manifest.sources]

    @property
    def home(self) -> Path:
        """A folder of this machine for what belongs to the index and is not shared, such as thumbnails: that of the
        index itself, or for one at an address a folder in the user's data."""
        return self._collection.index.path

    @property
    def board(self) -> Board | None:
        """What the servers of an index at an address tell each other; None for an index in a folder."""
        return self._collection.index.board

    def serve_at(self, url: str) -> None:
        """Tell other processes, which find the index locked, where this one serves it: ``IndexLockedError.url``."""
        self._collection.index.serve_at(url)

    def close(self) -> None:
        """Flush and release the index; called twice, does nothing more."""
        self._collection.index.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return self._collection.index.store.count()

    def __contains__(self, id: str) -> bool:
        return bool(self._collection.index.store.retrieve([id]))

    def __repr__(self) -> str:
        return f"ImageFinder({str(self._collection.index.documents)!r}, {len(self)} images)"
