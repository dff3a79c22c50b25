"""Modules joined into files: what each exports, when it runs, and that no file waits for itself. Run by a browser in
tests/browser, whose pages all come from these files."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from imagefinder.server.page_files import PAGE
from imagefinder.server.page_joined import Joined

WRITTEN = {
    "js/main.js": 'import { texts } from "./texts.js";\nimport { add as plus } from "./sum.js";\n'
    'import * as all from "./list.js";\nexport const said = [texts, plus(1, 2), all.one, all.two];\n'
    'export const later = () => import("./views/late.js").then((module) => module.default());\n',
    "js/texts.js": '/** What\n * it says. */\nconst load = (name) => import("./texts/other.js");\n'
    "export const texts = (await load()).word;\n",
    "js/texts/other.js": 'import { add } from "../sum.js";\nexport const word = `sum ${add(2, 3)}`;\n',
    "js/sum.js": "let calls = 0;\nexport function add(a, b) {\n  calls += 1;\n  return a + b;\n}\n"
    "export const counted = () => calls;\n",
    "js/list.js": 'export { add as one } from "./sum.js";\nconst two = "image/*";\nexport { two };\n',
    "js/views/late.js": 'import { counted } from "../sum.js";\nimport { only } from "./only.js";\n'
    "export default function Late() {\n  return [counted(), only, import.meta.url];\n}\n",
    "js/views/only.js": "// its own\nexport const only = true; // and its file's\n",
}


def test_each_module_is_in_one_file() -> None:
    files = Joined(WRITTEN, "js/main.js").files()
    assert set(files) == {"joined/main.js", "joined/base.js", "joined/texts-other.js", "joined/views-late.js"}
    held = {name: [place for place, text in files.items() if f"// {name}\n" in text] for name in WRITTEN}
    assert held["js/sum.js"] == ["joined/base.js"]  # main.js awaits what needs it
    assert held["js/views/only.js"] == ["joined/views-late.js"]
    assert all(len(places) == 1 for places in held.values())


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
def test_joined_modules_do_as_they_do_alone(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"type": "module"}')
    for name, text in {**WRITTEN, **Joined(WRITTEN, "js/main.js").files()}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    code = """const alone = await import("./js/main.js"), joined = (await import("./joined/main.js")).$js_main;
      const plain = async (m) => [m.said.map((one) => typeof one === "function" ? one(3, 4) : one), await m.later()];
      console.log(JSON.stringify([await plain(alone), await plain(joined)]));"""
    (tmp_path / "both.js").write_text(code)
    found = subprocess.run(["node", "both.js"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    alone, joined = json.loads(found.stdout)
    assert alone == joined and alone[0] == ["sum 5", 3, 7, "image/*"] and alone[1][0] == 3


@pytest.mark.parametrize("line", ["export let a = 1;", 'export * from "./b.js";', 'import "./b.js";', "export var a;"])
def test_a_form_it_does_not_know_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"js/main\.js: a form"):
        Joined({"js/main.js": f"{line}\n"}, "js/main.js").files()


def test_all_modules_of_the_page_can_be_joined() -> None:
    texts = {path.relative_to(PAGE).as_posix(): path.read_text("utf-8") for path in PAGE.rglob("*.js")}
    files = Joined(texts, "js/main.js").files()
    assert {"joined/main.js", "joined/views-search.js", "joined/views-groups.js"} <= set(files)
    for name in ("js/shell.js", "js/views/search.js", "js/views/map.js", "js/components/grid.js"):
        assert sum(f"// {name}\n" in text for text in files.values()) == 1
