"""The layout's rules: who imports whom, what is loaded when, how long things are. See docs/architecture.md."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "imagefinder"
LEVELS = {
    **dict.fromkeys(("errors", "types", "_registry", "_extras", "_batching", "_sharing", "_version"), 0),
    **dict.fromkeys(("images", "models", "store", "reduce", "cluster", "curate", "evaluate"), 1),
    **dict.fromkeys(
        (
            "index",
            "spaces",
            "views",
            "filling",
            "fusion",
            "distance",
            "changes",
            "ingest",
            "records",
            "plots",
            "checkup",
            "comparing",
            "train",
        ),
        2,
    ),
    **dict.fromkeys(
        ("query", "embedding", "relevance", "ranking", "arranging", "search", "feedback", "edits", "browsing"), 2
    ),
    **dict.fromkeys(("groups", "maps", "results", "classify", "neighborhood", "duplicates", "triage"), 2),
    "finder": 3,
    "organising": 3,
    "modelling": 3,
    "finetuning": 3,
    "teaching": 3,
    "cataloguing": 3,
    "assess": 3,
    **dict.fromkeys(("settings", "cli", "server", "client", "mcp", "__init__", "__main__"), 4),
}
HEAVY = {
    "onnxruntime", "tokenizers", "httpx", "pyarrow", "qdrant_edge", "sklearn", "scipy", "matplotlib",
    "torch", "pillow_heif", "fastapi", "watchfiles", "transformers", "tqdm",
    "starlette", "pydantic", "uvicorn", "anyio", "orjson", "prometheus_client", "mcp",
    "qdrant_client", "umap", "pacmap", "openTSNE", "numba", "cv2", "graspologic_native",
    "onnx", "huggingface_hub", "nbformat",
}  # fmt: skip
LATE = {  # packages that nothing imports before it is asked to serve or to train, and what they may import at their top
    "server": {"fastapi", "starlette", "pydantic", "uvicorn", "anyio", "orjson", "prometheus_client"},
    "mcp": {"mcp", "pydantic"},
    "train.torch": {"torch"},
}
TORCH = {f"train.torch.{path.stem}" for path in (PACKAGE / "train" / "torch").glob("[!_]*.py")}
MODULE_LINES, FUNCTION_LINES, PARAMETERS = 350, 40, 7
EDGE_ONLY = {"os.environ", "os.getenv", "sys.exit", "sys.argv"}


@dataclass(frozen=True)
class Module:
    """A module's name below the package, such as ``images.decode``, and its code."""

    name: str
    code: str

    @property
    def top(self) -> str:
        return self.name.partition(".")[0]

    @property
    def level(self) -> int:
        return LEVELS[self.top]

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.code)


@cache
def modules() -> list[Module]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)
        found.append(Module(name, path.read_text("utf-8")))
    return found


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def imports(node: ast.AST, *, everywhere: bool) -> Iterator[str]:
    """Modules imported at run time: at module level, or also inside functions."""
    for child in ast.iter_child_nodes(node):
        if is_type_checking(child) or (
            not everywhere and isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        ):
            continue
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            yield child.module or ""
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        else:
            yield from imports(child, everywhere=everywhere)


def own(name: str) -> str | None:
    """The part below the package of a module's name; None for others' modules."""
    return name.removeprefix("imagefinder.") if name.startswith("imagefinder.") else None


def level_faults(module: Module) -> list[str]:
    faults = []
    for name in imports(module.tree, everywhere=True):
        target = own(name)
        if name == "imagefinder" and module.level < 4:
            faults.append(f"{module.name} imports the package root")
        if target is None or target.partition(".")[0] not in LEVELS:
            continue
        top = target.partition(".")[0]
        if LEVELS[top] > module.level:
            faults.append(f"{module.name} (level {module.level}) imports {target} (level {LEVELS[top]})")
        if LEVELS[top] == module.level == 1 and top != module.top:
            faults.append(f"{module.name} imports {target}: packages of level 1 don't know each other")
    return faults


def edge_faults(module: Module) -> list[str]:
    if module.level >= 4:
        return []
    faults = []
    # The lock tells others the command line of its holder.
    forbidden = EDGE_ONLY - {"sys.argv"} if module.name == "store.lock" else EDGE_ONLY
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            faults.append(f"{module.name}:{node.lineno} prints")
        if isinstance(node, ast.Attribute) and ast.unparse(node) in forbidden:
            faults.append(f"{module.name}:{node.lineno} uses {ast.unparse(node)}")
    return faults


def size_faults(module: Module) -> list[str]:
    faults = []
    if (lines := module.code.count("\n")) > MODULE_LINES:
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


def cycles(graph: dict[str, set[str]]) -> list[str]:
    """A cycle of module-level imports, if there is one."""
    done: set[str] = set()
    path: list[str] = []

    def visit(name: str) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done or name not in graph:
            return []
        path.append(name)
        for target in sorted(graph[name]):
            if found := visit(target):
                return found
        done.add(path.pop())
        return []

    return next((found for name in sorted(graph) if (found := visit(name))), [])


def import_graph(found: list[Module]) -> dict[str, set[str]]:
    names = {m.name for m in found}
    graph = {}
    for module in found:
        targets = {t for n in imports(module.tree, everywhere=False) if (t := own(n)) in names}
        graph[module.name] = {t for t in targets if t is not None and t != module.name}
    return graph


@pytest.mark.parametrize("module", modules(), ids=lambda m: m.name)
def test_every_module_keeps_the_rules(module: Module) -> None:
    assert module.top in LEVELS, f"give {module.top} a level, here and in docs/architecture.md"
    inside = [part for part in LATE if f"{module.name}.".startswith(f"{part}.")]
    allowed = {name for part in inside for name in LATE[part]}
    heavy = [n for n in imports(module.tree, everywhere=False) if n.partition(".")[0] in HEAVY - allowed]
    if "train.torch" not in inside:
        heavy += [n for n in imports(module.tree, everywhere=False) if own(n) in TORCH]
    assert not heavy, f"{module.name} imports {heavy} at its top: import it where it is used"
    assert not level_faults(module) + edge_faults(module) + size_faults(module)


def test_there_are_no_import_cycles() -> None:
    assert not cycles(import_graph(modules()))


def test_the_command_line_starts_without_the_heavy_packages() -> None:
    code = "import sys, imagefinder.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "PIL", *HEAVY} & set(loaded)


@pytest.mark.parametrize(
    ("name", "code", "word"),
    [
        ("images.x", "from imagefinder.models.base import Embedder", "level 1"),
        ("errors", "def f():\n    import imagefinder.finder", "level 3"),
        ("search", "import imagefinder", "root"),
        ("ingest", "print(1)", "prints"),
        ("finder", "import os\nos.environ['A']", "os.environ"),
        ("store.x", "\n" * 400, "400 lines"),
        ("store.x", "def f():\n" + "    x = 1\n" * 50, "50 lines"),
        ("store.x", "def f(a, b, c, d, e, g, h, i): ...", "8 positional"),
    ],
)
def test_the_rules_can_be_broken(name: str, code: str, word: str) -> None:
    module = Module(name, code)
    assert any(word in fault for fault in level_faults(module) + edge_faults(module) + size_faults(module))


def test_a_cycle_is_found() -> None:
    assert cycles({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c", "a"]
    assert not cycles({"a": {"b", "c"}, "b": {"c"}, "c": set()})
