"""Library and client are one: what one can be asked, the other can be asked with the same parameters."""

from __future__ import annotations

import inspect
from dataclasses import fields
from typing import Any

import pytest

from imagefinder import ImageFinder
from imagefinder.catalog.albums import Albums
from imagefinder.catalog.browse import Browse
from imagefinder.catalog.feedback import Feedback
from imagefinder.client import Client
from imagefinder.client import browse as remote_browse
from imagefinder.client import clusters as remote_clusters
from imagefinder.client import concepts as remote_concepts
from imagefinder.client import duplicates as remote_duplicates
from imagefinder.client import feedback as remote_feedback
from imagefinder.client import keys as remote_keys
from imagefinder.client import organising as remote_organising
from imagefinder.clusters.make import ClusterOptions
from imagefinder.clusters.view import Clusters
from imagefinder.duplicates.find import Options
from imagefinder.duplicates.review import Copies
from imagefinder.index.audit import Audit
from imagefinder.index.keys import Keys
from imagefinder.maps.maps import open_map
from imagefinder.organising.history import History
from imagefinder.search.concepts import Concepts
from imagefinder.server.jobs import options

PAIRS: dict[type, type] = {
    ImageFinder: Client,
    Clusters: remote_clusters.Clusters,
    Copies: remote_duplicates.Copies,
    Feedback: remote_feedback.Feedback,
    Browse: remote_browse.Browse,
    Concepts: remote_concepts.Concepts,
    Keys: remote_keys.Keys,
    Audit: remote_keys.Audit,
    Albums: remote_organising.Albums,
    History: remote_organising.History,
}
HERE_ONLY = {
    "Browse.prepare": "a server does that itself",
    "ImageFinder.open": "a client is opened by the URL of a server",
    "ImageFinder.rebuild": "it takes an index that may be past opening",
    "ImageFinder.changes": "it watches the files of this machine",
    "ImageFinder.serve_at": "it is for the process that holds the index",
    "ImageFinder.home": "a folder of the machine that has the index",
    "ImageFinder.board": "it is for the servers themselves",
    "ImageFinder.embedder": "the model itself, which is on the server's machine",
    "ImageFinder.view": "as embedder",
    "ImageFinder.order": "the page lays out a wall of pictures by it: GET /v1/images/shapes",
    "ImageFinder.column": "the page colours a map by it: GET /v1/maps/{name}/values",
    "ImageFinder.model_spec": "it names files of the server's machine",
    "ImageFinder.provider": "what runs the model there",
    "ImageFinder.train_autoencoder": "it trains an encoder for hours, with PyTorch: run it where the index is",
    "ImageFinder.finetune_classifier": "as train_autoencoder",
    "Clusters.export_folders": "it copies or links files of the machine that has them",
    "Keys.find": "a server asks it who a client is",
    "Keys.find_page": "as find",
    "Keys.in_folder": "as find",
    "Audit.add": "what is done is noted where it is done",
    "Audit.of_images": "the history asks it",
    "History.take_back": "the server goes over the sources as a job",
    "Copies.apply": "a plan names files by their paths; over HTTP, trash moves those that it names by id",
}
OTHER = {
    "ImageFinder.add": "a client sends files of its own machine; Client.add_folder is the library's add",
}
MORE = {
    "add_folder": {"cluster"},  # what the page does after a first indexing
    "duplicates": {"wanted"},  # its options by name, as before 0.2
}
LESS = {
    # A server says itself, by --allow-folder, what its clients may lead it to, and is one process, not one of many; who
    # runs a cluster uses it there.
    "add": {"within", "shard", "ray"},
    "move_source": {"within"},
    "outliers": {"ray"},
    "map_scores": {"offset", "k"},  # it asks for them in parts and gives them whole
}
OWN = {
    "ImageFinder": {"about", "add_folder", "thumbnail", "original", "whole_file", "page_link"}
    | {"job", "jobs", "run_job", "wait", "cancel", "forget_job"},  # what only a server has
}


def public(of: type) -> dict[str, Any]:
    named = {name: inspect.getattr_static(of, name) for name in dir(of) if not name.startswith("_")}
    return named | ({"__len__": of.__len__} if hasattr(of, "__len__") else {})


def parameters(method: Any) -> list[tuple[str, Any, Any]]:
    return [(p.name, p.kind, p.default) for p in inspect.signature(method).parameters.values()]


def less(found: list[tuple[str, Any, Any]], name: str) -> list[tuple[str, Any, Any]]:
    return [row for row in found if row[0] not in MORE.get(name, ())]


def of_both(found: list[tuple[str, Any, Any]], name: str) -> list[tuple[str, Any, Any]]:
    return [row for row in found if row[0] not in LESS.get(name, ())]


METHODS = [(of, name) for of in PAIRS for name in public(of) if f"{of.__name__}.{name}" not in {**HERE_ONLY, **OTHER}]


@pytest.mark.parametrize(("of", "name"), METHODS, ids=lambda value: getattr(value, "__name__", value))
def test_the_client_has_it_with_the_same_parameters(of: type, name: str) -> None:
    here, there = public(of)[name], public(PAIRS[of]).get(name)
    assert there is not None, f"{PAIRS[of].__name__} has no {name}"
    assert isinstance(here, property) == isinstance(there, property)
    if not isinstance(here, property):
        assert less(parameters(there), name) == of_both(parameters(here), name)


@pytest.mark.parametrize("of", PAIRS, ids=lambda of: of.__name__)
def test_the_client_has_no_more_than_is_told(of: type) -> None:
    assert set(public(PAIRS[of])) - set(public(of)) == OWN.get(of.__name__, set())


def test_the_exceptions_are_true() -> None:
    for name in HERE_ONLY:
        of, _, method = name.partition(".")
        here, there = next((h, t) for h, t in PAIRS.items() if h.__name__ == of)
        assert method in public(here) and method not in public(there)
    assert parameters(Client.add) != parameters(ImageFinder.add)


def test_a_folder_of_the_server_is_added_as_one_of_ones_own() -> None:
    here = [
        ("folders" if name == "sources" else name, *rest) for name, *rest in of_both(parameters(ImageFinder.add), "add")
    ]
    assert less(parameters(Client.add_folder), "add_folder") == here


def names(of: Any) -> set[str]:
    return {field.name for field in fields(of)}


def test_what_is_given_by_name_goes_over_http() -> None:
    assert set(options.ClusterOptions.model_fields) == names(ClusterOptions) - {"ray"}  # see LESS
    assert set(options.ChooseOptions.model_fields) - {"max_k"} <= names(ClusterOptions)
    assert set(options.DuplicateOptions.model_fields) == names(Options) - {"rules", "ray"} | {"keep"}
    maps = set(inspect.signature(open_map).parameters) - {"collection", "progress", "ray"}
    assert set(options.MapOptions.model_fields) == maps
    add = set(inspect.signature(ImageFinder.add).parameters) - {"self", "progress"} - LESS["add"]
    assert set(options.IndexOptions.model_fields) - {"cluster"} == add


@pytest.mark.parametrize("method", ["train_adapter", "train_classifier", "train_words"])
def test_what_is_trained_by_goes_over_http(method: str) -> None:
    wanted = set(inspect.signature(getattr(ImageFinder, method)).parameters) - {"self", "progress"}
    assert wanted <= set(options.TrainOptions.model_fields)
