"""Fixtures shared by all tests: real images when they are there, small ones made on the spot always."""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import addressed
import buckets
import database
import numpy as np
import pytest
import qdrants
from files import copy_with_holes, folder_in_memory, made_once
from hypothesis import HealthCheck, settings
from PIL import Image
from skips import strict

from imagefinder.store.stores import DEFAULT_STORE, STORES

settings.register_profile("imagefinder", deadline=None)  # a slow machine must not make a test fail
settings.load_profile("imagefinder")

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("IMAGEFINDER_TEST_DATA", ROOT.parent / "shared" / "data"))
if "TMPDIR" not in os.environ and (memory := folder_in_memory()):  # also for the processes that tests start
    os.environ["TMPDIR"] = tempfile.tempdir = str(memory)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Each run has a folder of its own: what a killed one left, such as a small disk that is still mounted, does not
    matter to the next. Processes that share the tests' work do sums in one thread each: more would wait for a core in
    a busy loop."""
    if config.getoption("numprocesses", None):
        os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="imagefinder-state-")  # where servers are written down
    config.add_cleanup(partial(shutil.rmtree, os.environ["XDG_STATE_HOME"], ignore_errors=True))
    if config.option.basetemp is None:
        config.option.basetemp = tempfile.mkdtemp(prefix="imagefinder-tests-")
        config.add_cleanup(partial(shutil.rmtree, config.option.basetemp, ignore_errors=True))


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the settings of the person who runs it."""
    for name in list(os.environ):
        if name.startswith("IMAGEFINDER_") and name != "IMAGEFINDER_TEST_DATA":
            monkeypatch.delenv(name)


@pytest.fixture(scope="session", autouse=True)
def _models_stay_loaded() -> object:
    """What every test would load anew: whoever asks for a model in use shares it."""
    from imagefinder.models.registry import load_model

    return [load_model(name, threads=threads) for name in ("default", "fast") for threads in (None, 1)]


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """``dataset("clothing")`` is the unpacked folder of that set; the test skips when its archive is absent."""

    def unpack(archive: Path, folder: Path) -> None:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")

    def get(name: str) -> Path:
        archives = sorted(DATA.glob(f"{name}*.tar*")) if DATA.is_dir() else []
        if not archives:
            pytest.skip(f"the image set {name!r} is not in {DATA}; set IMAGEFINDER_TEST_DATA to its folder")
        return made_once(tmp_path_factory, f"data-{name}", partial(unpack, archives[0])) / name

    return get


@pytest.fixture(scope="session")
def copy_index() -> Callable[[Path, Path], Path]:
    """``copy_index(source, target)`` copies an index that nothing holds open. The engine's files are mostly holes: a
    plain copy of 4 MB takes 290."""

    def copy_index(source: Path, target: Path) -> Path:
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(".lock*"), copy_function=copy_with_holes)
        return target

    return copy_index


@pytest.fixture(scope="session")
def sample_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of the sample images, never changed nor opened: tests copy it."""
    from imagefinder import ImageFinder

    @addressed.in_folders()
    def make(folder: Path) -> None:
        with ImageFinder.open(folder / "index") as finder:
            finder.add(ROOT / "examples" / "images")

    return made_once(tmp_path_factory, "samples", make) / "index"


@pytest.fixture(scope="session")
def organised_index(
    sample_index: Path, tmp_path_factory: pytest.TempPathFactory, copy_index: Callable[[Path, Path], Path]
) -> Path:
    """The same, clustered, on a map, searched for duplicates and outliers, with tags: tests copy it."""
    from imagefinder import ImageFinder

    @addressed.in_folders()
    def make(folder: Path) -> None:
        with ImageFinder.open(copy_index(sample_index, folder / "index")) as finder:
            finder.cluster()
            finder.map("pca")
            finder.duplicates()
            finder.outliers()
            finder.tag(finder.columns(["id"])["id"][:3], add=["chosen"])

    return made_once(tmp_path_factory, "organised", make) / "index"


@pytest.fixture(scope="session")
def postgres() -> Iterator[database.Server]:
    """A PostgreSQL that all tests of a process share; each takes an address of its own, ``postgres.address()``."""
    with database.running() as server:
        yield server


@pytest.fixture(scope="session")
def qdrant() -> Iterator[qdrants.Server]:
    """A Qdrant that all tests of a process share: that of IMAGEFINDER_TEST_QDRANT_URL, or one inside the process. Each
    takes an address of its own, ``qdrant.address()``."""
    with qdrants.running() as server:
        yield server


@pytest.fixture(scope="session")
def moto() -> Iterator[buckets.Moto]:
    """A server of S3 on this machine that all tests of a process share; each takes a bucket of its own."""
    for package in ("obstore", "moto", "boto3"):
        pytest.importorskip(package)
    server = buckets.Moto()
    yield server
    server.stop()


@pytest.fixture
def far(moto: buckets.Moto, monkeypatch: pytest.MonkeyPatch) -> Iterator[buckets.Proxy]:
    """The way to that server, which this process takes for S3: it counts what is asked for, and makes trouble."""
    with buckets.Proxy(moto.url) as proxy:
        for name, value in buckets.environment(proxy.url).items():
            monkeypatch.setenv(name, value)
        yield proxy


@pytest.fixture(scope="session", autouse=True)
def index_on(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where the library keeps the indexes of all tests, also those that a module shares: in folders, or at addresses of
    a store."""
    name = request.config.getoption("--index-on")
    with pytest.MonkeyPatch.context() as patched:
        if STORES[name].schemes:
            addressed.open_at_addresses(patched, request.getfixturevalue(name).address)
        yield name


@pytest.fixture(scope="session")
def serving() -> Callable[..., AbstractContextManager[str]]:
    """``with serving(finder, **settings) as url`` is a real server on a free port, for as long as the block lasts."""
    import servers

    return servers.serving


@pytest.fixture(scope="session")
def make_image() -> Callable[..., Image.Image]:
    """``make_image(seed, (width, height))``: a smooth random RGB picture, the same for the same seed."""

    def make(seed: int = 0, size: tuple[int, int] = (96, 64)) -> Image.Image:
        noise = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        return Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)

    return make


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of the page run alone: two browsers at once would only wait for each other. Many kills take as long as
    they take."""
    for item in items:
        if item.path.name == "test_kills.py" and item.config.getoption("--kills") > 4:
            item.add_marker(pytest.mark.timeout(0))
        if "browser" in item.path.relative_to(ROOT / "tests").parts:
            item.add_marker("alone")
        if item.config.getoption("--index-on") != DEFAULT_STORE and item.get_closest_marker("files"):
            item.add_marker(pytest.mark.skip("it looks at the files of an index in a folder"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return strict((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return strict((yield))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=4, help="how often the crash test kills an indexing run")
    stores = [DEFAULT_STORE, *(name for name, kind in STORES.items() if kind.schemes)]
    parser.addoption("--index-on", choices=stores, default=DEFAULT_STORE, help="where the library keeps its indexes")
    parser.addoption("--damage", action="store_true", help="damage every file of an index in every way")
    parser.addoption("--fuzz", type=int, default=0, help="N seconds, or 100 N examples, for each test by chance")


@pytest.fixture(scope="session")
def tried(pytestconfig: pytest.Config) -> Callable[[int], settings]:
    """``tried(n)`` are the settings of a test of ``n`` examples that are always the same; with ``--fuzz`` of as many
    other ones as its seconds are worth."""
    seconds = pytestconfig.getoption("--fuzz")

    def of(n: int) -> settings:
        return settings(
            max_examples=100 * seconds or n,
            derandomize=not seconds,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )

    return of
