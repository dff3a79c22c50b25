"""The JavaScript modules of the page: each import leads to a module that is there, and none leads back in a circle."""

from __future__ import annotations

import re
from pathlib import Path

import imagefinder.server

SCRIPTS = Path(imagefinder.server.__file__).parent / "page" / "js"
COMMENT = re.compile(r"/\*.*?\*/|^\s*//[^\n]*", re.DOTALL | re.MULTILINE)
TOP = r'^(?:import|export)\b[\w\s{},*$]*\bfrom\s*"([^"]+)"|^import\s*"([^"]+)"'
LATE = r'\bimport\(\s*"([^"]+)"\s*\)|\bnew URL\(\s*"([^"]+\.js)"'
IMPORT = re.compile(f"{TOP}|{LATE}", re.MULTILINE)


def imports(code: str) -> list[str]:
    """The addresses that a module imports, at its top, later or as a worker, in their order."""
    return ["".join(found) for found in IMPORT.findall(COMMENT.sub("", code))]


def modules(folder: Path) -> dict[Path, list[Path]]:
    """Each module below ``folder`` with the files that it imports."""
    return {
        path: [(path.parent / address).resolve() for address in imports(path.read_text("utf-8"))]
        for path in sorted(folder.resolve().rglob("*.js"))
    }


def circle(graph: dict[Path, list[Path]]) -> list[Path]:
    """Modules of which each imports the next and the last imports the first; empty where there are none."""
    done: set[Path] = set()

    def search(module: Path, way: list[Path]) -> list[Path]:
        if module in way:
            return way[way.index(module) :]
        if module in done:
            return []
        for imported in graph.get(module, []):
            if found := search(imported, [*way, module]):
                return found
        done.add(module)
        return []

    return next((found for module in graph if (found := search(module, []))), [])


def test_imports_lead_to_modules_that_are_there() -> None:
    graph = modules(SCRIPTS)
    missing = {(path.name, str(imported)) for path in graph for imported in graph[path] if not imported.is_file()}
    assert missing == set()


def test_every_module_of_the_page_is_used() -> None:
    graph = modules(SCRIPTS)
    pages = "".join(page.read_text("utf-8") for page in SCRIPTS.parent.glob("*.html"))
    entries = {path for path in graph if f'src="/js/{path.name}"' in pages}
    reached: set[Path] = set()
    waiting = list(entries)
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            waiting += graph.get(path, [])
    assert len(entries) == 3 and sorted(path.name for path in set(graph) - reached) == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    root = SCRIPTS.resolve()
    assert [str(path.relative_to(root)) for path in circle(modules(SCRIPTS))] == []


def test_a_circle_is_found(tmp_path: Path) -> None:
    written = {
        "main.js": 'import { b } from "./parts/b.js";\n',
        "parts/b.js": 'import {\n  c,\n  d,\n} from "../c.js";\nexport const b = 1;\n',
        "c.js": '// a view is loaded late\nconst load = () => import("./d.js");\n/* import "./main.js" */\n',
        "d.js": 'export * from "./e.js";\n',
        "e.js": "export const e = 1;\n",
    }
    for name, code in written.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(code)
    graph = modules(tmp_path)
    assert {path.name: [one.name for one in graph[path]] for path in graph} == {
        "main.js": ["b.js"],
        "b.js": ["c.js"],
        "c.js": ["d.js"],
        "d.js": ["e.js"],
        "e.js": [],
    }
    assert circle(graph) == []
    (tmp_path / "e.js").write_text('import "./parts/b.js";\n')
    assert [path.name for path in circle(modules(tmp_path))] == ["c.js", "d.js", "e.js", "b.js"]
