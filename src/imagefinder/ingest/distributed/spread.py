"""The machine of the run, while a cluster works: hands out what is to be read, and takes in what became of it."""

from __future__ import annotations

import logging
import math
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imagefinder._util.ray_cluster import cause_of, connected, proxies
from imagefinder._util.threads import chunked
from imagefinder._version import __version__
from imagefinder.errors import ImageFinderError, InvalidInputError, NotFoundError
from imagefinder.images.inside import inside, is_file, is_remote
from imagefinder.ingest.claims import Claims
from imagefinder.ingest.distributed.carried import CarriedModel
from imagefinder.ingest.distributed.rows import Chunk, from_table, to_table
from imagefinder.ingest.distributed.stages import Embed, Job, Write, look, read
from imagefinder.models.providers import preferred
from imagefinder.types import ImageRef

if TYPE_CHECKING:
    from imagefinder.index.folder import Index
    from imagefinder.ingest.former import Former
    from imagefinder.ingest.plan import Plan
    from imagefinder.ingest.reading import Read
    from imagefinder.models.base import Embedder
    from imagefinder.types import Limits, Skipped

log = logging.getLogger("imagefinder.ingest")
CHUNK, GPU_CHUNK = 16, 64  # images embedded at once
BLOCK = 4  # chunks that a task reads
STORED = 8  # chunks stored in one go
ROUND = 200_000  # images handed out at once: so much the object store must hold of refs
FETCHERS = 32  # fetched at once by all readers; each reader fetches 2 at least
UNSEEN = 1000  # files that a machine may miss which the machine of the run has: its mount may be slow to show them
# Cores for a reader and for an embedder: there are as many of both as cores, and the system divides them. Embedders ask
# for next to nothing, since those of a lost machine begin again on the others, and must leave room for readers.
READER, EMBEDDER = 0.9, 0.001


@dataclass(frozen=True)
class Work:
    """What is to be done, see ``run.ingest``."""

    index: Index
    embedder: Embedder
    plan: Plan
    limits: Limits
    force: bool
    former: Former

    def todo(self) -> list[ImageRef]:
        """The images that the machines of a cluster read by themselves."""
        return [ref for ref in self.plan.todo if is_spread(ref)]


def is_spread(ref: ImageRef) -> bool:
    """Whether the machines of a cluster read this image by themselves: a file, or what lies on other machines."""
    return not inside(ref.uri) and (is_file(ref.uri) or is_remote(ref.uri))


def spread(work: Work, address: str, say: Callable[[str], None]) -> Iterator[list[Read | Skipped | ImageRef]]:
    """What became of the images that a cluster reads, in their order. An ImageRef is left to this machine. Raises
    UnreachableError, NotFoundError where a machine does not see the files, and what workers raise."""
    todo = work.todo()
    if not todo:
        return
    say("connecting to the cluster")
    with connected(address) as ray:
        try:
            say("looking at the machines of the cluster")
            check_nodes(ray, todo)
            job, desk = _job(ray, work)
            times = Times()
            missed: Counter[str] = Counter()
            say("starting the workers")
            for part in chunked(iter(todo), ROUND):
                for chunk in _flow(ray, work, part, job):
                    times.add(chunk)
                    _check_missed(missed, chunk)
                    yield chunk.results
            times.tell()
            ray.kill(desk)
        except ImageFinderError:
            raise
        except Exception as error:  # Ray Data wraps what workers raise, in classes of several kinds
            raise cause_of(error) from error


class Desk(Claims):
    """The actor that workers ask: for the ``model`` at their start, then for claims."""

    def __init__(self, model: CarriedModel, *of_claims: Any) -> None:
        super().__init__(*of_claims)
        self._model = model

    def model(self) -> CarriedModel:
        return self._model


def _job(ray: Any, work: Work) -> tuple[Job, Any]:
    """What the workers are told, and the desk: on this machine, since the run ends with it."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    contents, said = set(work.plan.known.contents()), work.former.said_contents()
    stored = {} if work.force else work.plan.reusable()
    try:
        desk = ray.remote(Desk).options(num_cpus=0, scheduling_strategy=here)
        claims = desk.remote(CarriedModel.of(work.embedder), stored, contents, said)
    except (TypeError, AttributeError) as error:  # what pickling says of what it can't do
        raise InvalidInputError(
            f"The model {work.embedder.spec.name} can't be sent to other machines: {error}.",
            remedy="Register an embedder that can be pickled.",
        ) from error
    gpus = _gpus(ray)
    fetchers = max(2, FETCHERS // max(1, _cores(ray)))
    return Job(uuid.uuid4().hex, claims, work.limits, work.force, fetchers, proxies(), gpus > 0), claims


def _cores(ray: Any) -> int:
    return max(1, int(ray.cluster_resources().get("CPU", 1)))


def _gpus(ray: Any) -> int:
    return 0 if preferred() == "cpu" else int(ray.cluster_resources().get("GPU", 0))


def _flow(ray: Any, work: Work, todo: Sequence[ImageRef], job: Job) -> Iterator[Chunk]:
    """The chunks of these images, as they come out of the last stage, in order. How far each stage may run ahead of the
    next is up to Ray Data, by the room in the object store."""
    import pyarrow as pa
    from ray.data import ActorPoolStrategy, from_arrow

    _settings()
    known, size = work.plan.known, GPU_CHUNK if job.gpu else CHUNK
    rows = (
        to_table(Chunk(refs, {ref.uri: known[ref.uri] for ref in refs if ref.uri in known}))
        for refs in chunked(iter(todo), size)
    )
    blocks = [pa.concat_tables(part) for part in chunked(rows, BLOCK)]
    n, gpus = _cores(ray), _gpus(ray)
    pool = min(gpus or n, math.ceil(len(todo) / size))
    data = from_arrow(blocks).map_batches(
        read, fn_kwargs={"job": job}, batch_format="pyarrow", batch_size=None, num_cpus=READER
    )
    data = data.map_batches(
        Embed,
        fn_constructor_args=(job,),
        batch_format="pyarrow",
        batch_size=None,
        compute=ActorPoolStrategy(min_size=1, max_size=pool, initial_size=pool),
        num_cpus=EMBEDDER,
        num_gpus=1 if gpus else None,
    )
    if work.index.address:
        data = data.map_batches(
            Write,
            fn_constructor_args=(work.index.address,),
            batch_format="pyarrow",
            batch_size=STORED,
            compute=ActorPoolStrategy(size=1 if n < 16 else 2),  # they take turns, by the lock of the index
            num_cpus=0,
        )
    try:
        for batch in data.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
            for chunk, _ in from_table(batch):
                yield chunk
    finally:
        _end(data)


def _end(data: Any) -> None:
    """Have the threads of Ray Data end before the connection does: what still uses it then ends this process without a
    word. Ray leaves that to whoever does not go through all batches, and has no public name for it."""
    executor = getattr(data, "_current_executor", None)
    if executor is not None:
        executor.shutdown(force=True)


def _settings() -> None:
    from ray.data import DataContext

    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.execution_options.preserve_order = True  # as on one machine, so that the same images get the same records
    context.target_max_block_size = 32 * 1024**2
    context.enable_auto_log_stats = False


def check_nodes(ray: Any, todo: Sequence[ImageRef]) -> None:
    """Raises NotFoundError where a machine of the cluster does not have the files, and InvalidInputError where it has
    another version of ImageFinder. Of each source the first, the middle and the last file are looked at. A machine that
    was lost a moment ago, which a cluster lists for some time, is passed over: it gets no work either."""
    from ray.exceptions import RayError, RayTaskError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    samples = samples_of(todo)
    looking = {}
    for node in ray.nodes():
        if node["Alive"] and node["Resources"].get("CPU"):
            there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            looking[ray.remote(look).options(num_cpus=0, scheduling_strategy=there).remote(samples)] = node[
                "NodeManagerAddress"
            ]
    for task, node in looking.items():
        try:
            found = ray.get(task)
        except RayTaskError:  # what it raises by itself
            raise
        except RayError:
            log.warning("The machine %s of the cluster is lost.", node)
            continue
        check_node(node, *found)


def samples_of(todo: Sequence[ImageRef]) -> list[ImageRef]:
    """Files by which a machine shows that it sees each source."""
    sources: dict[str, list[ImageRef]] = {}
    for ref in todo:
        if is_file(ref.uri):
            sources.setdefault(ref.source, []).append(ref)
    return [
        ref
        for refs in sources.values()
        for ref in {r.uri: r for r in (refs[0], refs[len(refs) // 2], refs[-1])}.values()
    ]


def check_node(node: str, version: str, unlike: Sequence[str]) -> None:
    """Raises InvalidInputError and NotFoundError, see ``check_nodes``."""
    if version != __version__:
        raise InvalidInputError(
            f"The machine {node} of the cluster has ImageFinder {version}, this one {__version__}.",
            remedy="Install the same version on all of them.",
        )
    if unlike:
        raise _blind(node, unlike[0])


def _blind(node: str, uri: str) -> NotFoundError:
    return NotFoundError(
        f"The machine {node} of the cluster doesn't see {uri} as this one does.",
        remedy="Have all machines mount the folder at the same path, or put the images into a bucket.",
    )


def _check_missed(missed: Counter[str], chunk: Chunk) -> None:
    """Raises NotFoundError once a machine has missed many files that this one lists: it has lost its mount."""
    left = [one for one in chunk.results if isinstance(one, ImageRef)]
    if left and len(set(chunk.nodes)) == 1:
        missed[chunk.nodes[0]] += len(left)
    else:
        missed.update({node: len(left) for node in set(chunk.nodes)} if left else {})
    for node, n in missed.items():
        if n > UNSEEN:
            raise _blind(node, left[0].uri if left else "its files")


class Times:
    """How long the stages worked, in seconds and in seconds of a processor."""

    def __init__(self) -> None:
        self.busy: dict[str, list[float]] = {}

    def add(self, chunk: Chunk) -> None:
        for stage, (seconds, cpu) in chunk.busy.items():
            held = self.busy.setdefault(stage, [0.0, 0.0])
            held[0] += seconds
            held[1] += cpu

    def tell(self) -> None:
        said = ", ".join(
            f"{stage} {seconds:.1f} s ({cpu:.1f} s of a core)" for stage, (seconds, cpu) in self.busy.items()
        )
        log.info("On the cluster: %s", said, extra={"busy": self.busy})
