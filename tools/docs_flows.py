"""How work runs through the code, as trees of calls with remarks: the flows of docs/architecture.md.

Each line names a function, class or method of the package; what it calls stands below it, further in. ``flow`` fails
where the code has no such name any more, or where the module that should call it no longer names it.
"""

from __future__ import annotations

import ast
import re
from textwrap import dedent
from typing import NamedTuple

from layout import Module, modules

FLOWS = {
    "index": """
        finder.ImageFinder.add
            ingest.sources.add_sources              which sources, which models; one run at a time
                ingest.opening.open_known           a folder, a file, a table or a URL as a Source, or Absent
                ingest.sources.run_over             notes in the manifest that the run begins and ends
                    ingest.run.ingest
                        index.spaces.add_spaces     the named vectors of a model that is new here
                        ingest.plan.make_plan       URI, size, mtime against the records: new, changed, gone
                        ingest.run._Run.embed_all   workers, one a core; each takes 16 images at once
                            ingest.reading.Reader.embed in a worker
                                images.loader.Loader.read bytes and their hash: is the content known?
                                images.loader.Loader.decode an upright RGB picture
                                models.base.Embedder.preprocess
                                models.base.Embedder.embed_images
                            ingest.storing.Storing.store in the calling thread
                                ingest.records.make_record
                                index.folder.Index.search_vectors raw vectors to those searched
                                store.base.Store.upsert
                        ingest.removal.settle       images that their source no longer has, unless it seems away
                        ingest.ending.Ending        what concerns the whole index; of several shards, the last does it
                            index.spaces.refit          fits the transform: first run, or twice as many images
                            ingest.fill.fill            vectors of the other models of the index
                            clusters.join.assign_new    new images join the clusters
    """,
    "search": """
        finder.ImageFinder.search
            search.options.SearchOptions.of         checks the options, reads the filter
            search.answer.search_collection
                index.collection.Collection.views   where to look: a space for images, one for text
                search.query.parse_query            text, files, URLs, ids and weights as Terms
                search.answer.search
                    search.embed.embed_terms        each term as a vector, by each model
                        models.base.Embedder.embed_texts
                        models.base.Embedder.embed_images
                    search.answer.SearchPlan        what to look for in each space
                        search.relevance.space_queries
                            search.embed.query_vectors      the weighted sum of the terms of a space
                            search.relevance.refined        moved by what was liked and disliked
                    search.answer.SearchPlan.ranking    the first of these; Fused when there are several
                        search.ranking.Ranking          by cosine
                            store.base.Store.query          the nearest vectors among those that match
                        search.euclidean.DistanceRanking    by the Euclidean distance of raw vectors
                        search.fusion.Fused             several rankings as one: mean, rrf, vote
                    types.Record.from_payload       each hit with its record
                    search.why.explained            and why it is one, if that was asked for
    """,
    "cluster": """
        finder.ImageFinder.cluster
            clusters.make.cluster_collection        one at a time, corrections wait
                clusters.make.cluster_index
                    clusters.material.read_material     ids and vectors
                    clusters.make.read_constraints      what people locked, merged, split and moved
                    index.neighbors.index_graph         the neighbour graph, computed once and kept
                    clusters.algorithms.partition.partition     runs the method, a row of METHODS
                    clusters.algorithms.constraints.reconcile   makes the result honour the constraints
                    clusters.make.describe_all          names, centres, typical images, measures
                    clusters.state.put_in_force
                        index.runs.save_run             a new folder in runs/clusters
                        clusters.state._switch          groups.json names it, then the records get their cluster
    """,
    "train": """
        finder.ImageFinder.train_adapter            train_classifier and train_words alike
            training.on_vectors.train_adapter
                training.labels.gather              labels from a table, a field or feedback
                training.make.make_adapter
                    training.adapter.fit_adapter    tries RECIPES, measures each by cross-validation
                    training.export.check_parity    the ONNX graph gives what NumPy gives
                    training.export.keep_model      spec.json and the graph, in models/ of the index
                ingest.fill.add_model               the space of the new model
                    ingest.fill.fill                from the stored vectors: no picture is read again
    """,
    "serve": """
        cli.serve.serve
            server.run.bind                             the port, before anything else
            server.workers.Workers                      with --workers: processes that all do what follows
            cli.serving.serve_one
                server.app.create_app
                    server.state.Serving                what the routes share
                        server.jobs.queue.Jobs          one thread, one job at a time
                        server.jobs.shared.SharedJobs   of an index at an address: one job at a time at all its servers
                        server.hub.Hub                  events for the pages
                    server.access.AccessTable           what each route says: reads or changes, costly, keyless
                    server.safety.Guard                 host, site, key and rate, before any route
                        server.bounds.Bounds            time and memory of each request, whose end ends its work
                server.run.run                          until Ctrl-C
                    server.run.server_of
                        server.connections.Connections  how many, how slow, how long a head
    """,
    "request": """
        server.routes.search.search                 POST /v1/search
            server.state.Lane.run                   in a thread, so that the server goes on listening
            server.routes.search._search
                server.routes.search.terms_of       the terms of the request; no text is taken for a path
                finder.ImageFinder.search
            server.as_json.Json
    """,
    "job": """
        server.routes.jobs.start_job                POST /v1/jobs
            server.jobs.kinds.submit                checks the options of the kind, a row of JOBS
                server.jobs.queue.Jobs.submit
                    server.jobs.queue.Jobs._run     in the thread of the jobs; calls the run of the row
                        server.hub.Hub.publish      progress and end, for GET /v1/events
                server.hub.Hub.changed              what pages load again
    """,
}


class Step(NamedTuple):
    """A line of a flow: how far in it stands, the module, the name inside it, and the remark."""

    depth: int
    module: str
    name: str
    remark: str


def flow(name: str) -> str:
    """One of ``FLOWS`` as a block of text, its remarks below each other. Raises ValueError for a line that is no longer
    true."""
    steps = [read_step(line) for line in dedent(FLOWS[name]).strip().splitlines()]
    above: dict[int, Step] = {}
    for step in steps:
        check_step(step, above.get(step.depth - 1))
        above[step.depth] = step
    heads = [f"{'    ' * s.depth}{s.module}.{s.name}" for s in steps]
    width = max(map(len, heads))
    rows = [f"{head:{width}}  {s.remark}".rstrip() for head, s in zip(heads, steps, strict=True)]
    return "```text\n" + "\n".join(rows) + "\n```\n"


def read_step(line: str) -> Step:
    """A line of a flow. Raises ValueError for one that begins with no module of the package."""
    named, _, remark = line.strip().partition(" ")
    for cut in [m.start() for m in re.finditer(r"\.", named)][::-1]:
        if named[:cut] in _found():
            return Step((len(line) - len(line.lstrip())) // 4, named[:cut], named[cut + 1 :], remark.strip())
    raise ValueError(f"docs_flows: {named} begins with no module of the package.")


def check_step(step: Step, caller: Step | None) -> None:
    """Raises ValueError where the code has no such name, or where the module of ``caller`` does not say it."""
    if step.name not in _names(_found()[step.module].tree):
        raise ValueError(f"docs_flows: imagefinder.{step.module} has no {step.name}.")
    if caller and step.name.split(".")[-1] not in _words(_found()[caller.module].tree):
        raise ValueError(f"docs_flows: imagefinder.{caller.module} does not use {step.module}.{step.name}.")


def _found() -> dict[str, Module]:
    return {m.name: m for m in modules()}


def _names(tree: ast.Module) -> set[str]:
    """The functions and classes of a module, methods as ``Class.method``."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    top = [node for node in tree.body if isinstance(node, kinds)]
    inside = {f"{c.name}.{m.name}" for c in top if isinstance(c, ast.ClassDef) for m in c.body if isinstance(m, kinds)}
    return {node.name for node in top} | inside


def _words(tree: ast.Module) -> set[str]:
    """Every name that a module says, alone or after a dot."""
    named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return named | {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
