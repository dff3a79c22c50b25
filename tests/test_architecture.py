"""The layout's rules: who imports whom, what is loaded when, how long things are. See docs/architecture.md."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter

import pytest
from layout import LEVELS, PACKAGE, Module, modules, own

EDGE = LEVELS["client"]  # from here on: programs, which may print, exit and read the environment
# Packages that know arrays and nothing of an index, and what they may import.
ARRAYS_ONLY = dict.fromkeys(("clusters.algorithms", "duplicates.matching"), ("errors", "types", "_util", "vectors"))
HEAVY = {
    "onnxruntime", "tokenizers", "httpx", "pyarrow", "qdrant_edge", "sklearn", "scipy", "matplotlib",
    "torch", "pillow_heif", "fastapi", "watchfiles", "transformers", "tqdm",
    "starlette", "pydantic", "uvicorn", "anyio", "orjson", "prometheus_client", "mcp",
    "qdrant_client", "psycopg", "psycopg_pool", "umap", "pacmap", "openTSNE", "numba", "cv2", "graspologic_native",
    "onnx", "huggingface_hub", "opentelemetry", "nbformat", "av", "imagecodecs", "pypdfium2", "rawpy", "resvg_py",
    "obstore", "boto3",
}  # fmt: skip
LATE = {  # packages that nothing imports before it is asked to serve or to train, and what they may import at their top
    "server": {"fastapi", "starlette", "pydantic", "uvicorn", "anyio", "orjson", "prometheus_client"},
    "mcp": {"mcp", "pydantic"},
    "training.torch": {"torch"},
}
TORCH = {f"training.torch.{path.stem}" for path in (PACKAGE / "training" / "torch").glob("[!_]*.py")}
MODULE_LINES, FUNCTION_LINES, PARAMETERS = 350, 40, 7
LONGER = {"finder": 700}  # the table of contents: every method of the library with its parameters, and no logic
EDGE_ONLY = {"os.environ", "os.getenv", "sys.exit", "sys.argv"}
EXCEPTIONS = {  # it tells others its holder; they read them; it sets what other packages read
    "images.remote.environment": {"os.environ"},
    "index.lock": {"sys.argv"},
    "settings": {"os.environ"},
    "_util.quiet": {"os.environ"},
    "_util.ray_cluster": {"os.environ"},
}


def root_faults(names: Iterable[str]) -> list[str]:
    """Modules and packages in the root that have no row."""
    return [
        f"{name} has no row: see tools/layout.py and docs/architecture.md"
        for name in sorted(names)
        if name not in LEVELS
    ]


def level_faults(module: Module) -> list[str]:
    faults = []
    for name in module.imports:
        target = own(name)
        if name.startswith("."):
            faults.append(f"{module.name} imports {name}: say the whole name")
        if name == "imagefinder" and module.level < EDGE:
            faults.append(f"{module.name} imports the package root")
        if target is None or (top := target.partition(".")[0]) not in LEVELS:
            continue
        if LEVELS[top] > module.level:
            faults.append(f"{module.name} (row {module.level}) imports {target} (row {LEVELS[top]})")
        if LEVELS[top] == module.level and top != module.top:
            faults.append(f"{module.name} imports {target}: parts of one row don't know each other")
    return faults


def array_faults(module: Module) -> list[str]:
    """What packages that only know arrays import beyond themselves and the few modules below them."""
    faults = []
    for package, allowed in ARRAYS_ONLY.items():
        if f"{module.name}.".startswith(f"{package}."):
            targets = [t for name in module.imports if (t := own(name)) and not f"{t}.".startswith(f"{package}.")]
            bad = [t for t in targets if t.partition(".")[0] not in allowed and t != package.partition(".")[0]]
            faults += [f"{module.name} imports {target}: it may know arrays only" for target in bad]
    return faults


def edge_faults(module: Module) -> list[str]:
    if module.level >= EDGE:
        return []
    faults = []
    forbidden = EDGE_ONLY - EXCEPTIONS.get(module.name, set())
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            faults.append(f"{module.name}:{node.lineno} prints")
        if isinstance(node, ast.Attribute) and ast.unparse(node) in forbidden:
            faults.append(f"{module.name}:{node.lineno} uses {ast.unparse(node)}")
    return faults


def size_faults(module: Module) -> list[str]:
    faults = []
    if (lines := module.code.count("\n")) > LONGER.get(module.name, MODULE_LINES):
        faults.append(f"{module.name} has {lines} lines")
    for node in ast.walk(module.tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
            length = (node.end_lineno or 0) - body[0].lineno + 1
            if length > FUNCTION_LINES:
                faults.append(f"{module.name}.{node.name} has {length} lines")
            positional = [a for a in node.args.posonlyargs + node.args.args if a.arg not in ("self", "cls")]
            if len(positional) > PARAMETERS:
                faults.append(f"{module.name}.{node.name} has {len(positional)} positional parameters")
    return faults


def import_graph(found: Iterable[Module]) -> dict[str, set[str]]:
    """Who imports whom, by every import. ``from package import module`` is an import of the module alone."""
    found = list(found)
    names = {m.name for m in found}
    graph = {}
    for module in found:
        targets = {t for name in module.imports if (t := own(name)) in names and t is not None}
        graph[module.name] = {t for t in targets if not any(o.startswith(f"{t}.") for o in targets)} - {module.name}
    return graph


def circle(graph: dict[str, set[str]]) -> list[str]:
    """The modules of a circle of imports, if there is one."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


@pytest.mark.parametrize("module", modules(), ids=lambda m: m.name)
def test_every_module_keeps_the_rules(module: Module) -> None:
    inside = [part for part in LATE if f"{module.name}.".startswith(f"{part}.")]
    allowed = {name for part in inside for name in LATE[part]}
    heavy = [n for n in module.imports_at_once if n.partition(".")[0] in HEAVY - allowed]
    if "training.torch" not in inside:
        heavy += [n for n in module.imports_at_once if own(n) in TORCH]
    assert not heavy, f"{module.name} imports {heavy} at its top: import it where it is used"
    assert not level_faults(module) + array_faults(module) + edge_faults(module) + size_faults(module)


def test_every_part_in_the_root_has_its_row() -> None:
    assert not root_faults({m.top for m in modules()})
    files = [m.name for m in modules() if "." not in m.name and (PACKAGE / f"{m.name}.py").is_file()]
    assert len(files) <= 10, files


def test_there_are_no_circles() -> None:
    assert not circle(import_graph(modules()))


def test_the_command_line_starts_without_the_heavy_packages() -> None:
    code = "import sys, imagefinder.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "PIL", *HEAVY} & set(loaded)


def test_the_finder_only_hands_on() -> None:
    """Each method of ``ImageFinder`` is one call of the subject it names, after imports and a record of its options."""
    (finder,) = (m for m in modules() if m.name == "finder")
    (table,) = (node for node in finder.tree.body if isinstance(node, ast.ClassDef))
    for method in table.body:
        if isinstance(method, ast.FunctionDef) and method.name != "open":
            body = method.body[1:] if ast.get_docstring(method) else method.body
            *before, last = body
            assert all(isinstance(node, (ast.ImportFrom, ast.Assign)) for node in before), method.name
            assert isinstance(last, (ast.Return, ast.Expr, ast.Assign)), method.name


UNDER_TYPE_CHECKING = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from imagefinder.{} import X"


@pytest.mark.parametrize(
    ("name", "code", "word"),
    [
        ("images.x", "from imagefinder.models.base import Embedder", "one row"),
        ("search.x", "def f():\n    from imagefinder.clusters import view", "one row"),
        ("errors", "def f():\n    import imagefinder.finder", "row 8"),
        ("index.x", UNDER_TYPE_CHECKING.format("clusters.state"), "row 5"),
        ("results", UNDER_TYPE_CHECKING.format("index.folder"), "row 4"),
        ("search.x", "import imagefinder", "root"),
        ("search.x", "from .query import Term", "whole name"),
        ("clusters.algorithms.x", "from imagefinder.index.folder import Index", "arrays only"),
        ("clusters.algorithms.x", "from imagefinder.clusters.view import Clusters", "arrays only"),
        ("duplicates.matching.x", UNDER_TYPE_CHECKING.format("store.base"), "arrays only"),
        ("ingest.x", "print(1)", "prints"),
        ("finder", "import os\nos.environ['A']", "os.environ"),
        ("store.x", "\n" * 400, "400 lines"),
        ("store.x", "def f():\n" + "    x = 1\n" * 50, "50 lines"),
        ("store.x", "def f(a, b, c, d, e, g, h, i): ...", "8 positional"),
    ],
)
def test_the_rules_can_be_broken(name: str, code: str, word: str) -> None:
    module = Module(name, code)
    faults = level_faults(module) + array_faults(module) + edge_faults(module) + size_faults(module)
    assert any(word in fault for fault in faults), faults


def test_a_new_module_in_the_root_is_found() -> None:
    assert root_faults({"finder", "helpers"}) == ["helpers has no row: see tools/layout.py and docs/architecture.md"]


@pytest.mark.parametrize(
    "back",
    [
        "from imagefinder.store.a import A",
        "def f():\n    import imagefinder.store.a",
        UNDER_TYPE_CHECKING.format("store.a"),
    ],
)
def test_a_circle_is_found(back: str) -> None:
    a, b = Module("store.a", "from imagefinder.store import b"), Module("store.b", "from imagefinder.store.c import C")
    assert circle(import_graph([a, b, Module("store.c", back)])) in (
        ["store.a", "store.b", "store.c", "store.a"],
        ["store.b", "store.c", "store.a", "store.b"],
        ["store.c", "store.a", "store.b", "store.c"],
    )
    assert not circle(import_graph([a, b, Module("store.c", "import json")]))
