"""Which renderer draws the page's map best? Frame times, memory, size and Content-Security-Policy of four candidates.

    python benchmarks/map_renderers.py [--out benchmarks/results/map_renderers.json]

Needs Node.js with npm (the candidates are fetched into a temporary folder), Chromium and ``pip install playwright``.
Draws in software (ANGLE on SwiftShader), so the figures hold for the worst case, a machine without a graphics chip;
compare them with each other only. The browser keeps to 60 frames a second: 16.7 ms is the least there is.
"""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import tempfile
import threading
import uuid
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from common import RESULTS, ROOT, machine

MODULES = ROOT / "src" / "imagefinder" / "server" / "page" / "js" / "map"
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'"
LIBRARIES = {
    "regl-scatterplot": (["regl-scatterplot@1.16.0", "pub-sub-es@3.0.0", "regl@2.1.1"],
                         'export { default } from "regl-scatterplot";'),
    "deck.gl": (["@deck.gl/core@9.4.0", "@deck.gl/layers@9.4.0"],
                'export * from "@deck.gl/core"; export { ScatterplotLayer } from "@deck.gl/layers";'),
    "embedding-atlas": (["embedding-atlas@0.26.0"], ""),
}  # fmt: skip
CANDIDATES = ("own, all points", "own, as shipped", *LIBRARIES)
ARGUMENTS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]


def fetch(folder: Path) -> dict[str, dict[str, Any]]:
    """The libraries as ES modules in ``folder/bundles``; their sizes in bytes, plain and gzipped."""
    bundles = folder / "bundles"
    bundles.mkdir()
    (folder / "package.json").write_text("{}")
    run = partial(subprocess.run, cwd=folder, check=True, capture_output=True)
    run(["npm", "install", "--no-audit", "esbuild@0.28.2", *LIBRARIES["regl-scatterplot"][0], *LIBRARIES["deck.gl"][0]])
    bundle = ["npx", "esbuild", "--bundle", "--minify", "--format=esm"]
    sizes = {}
    for name in ("regl-scatterplot", "deck.gl"):
        (folder / "entry.js").write_text(LIBRARIES[name][1])
        out = bundles / f"{name}.js"
        run([*bundle, "entry.js", f"--outfile={out}"])
        sizes[name] = measured([out])
    run(["npm", "pack", *LIBRARIES["embedding-atlas"][0]])  # not installed: most of its peers are for other parts
    run(["tar", "xzf", next(folder.glob("embedding-atlas-*.tgz")).name])
    (folder / "none.cjs").write_text("module.exports = {};")  # for the part that reads from a database
    out = bundles / "embedding-atlas.js"
    absent = [f"--alias:@uwdata/mosaic-{part}=./none.cjs" for part in ("core", "sql")]
    run([*bundle, "package/dist/component.js", *absent, f"--outfile={out}"])
    sizes["embedding-atlas"] = measured([out])
    own = [MODULES / f"{name}.js" for name in ("layout", "renderer", "queries", "pace")]
    return {"own, all points": measured(own), "own, as shipped": measured(own), **sizes}


def measured(files: list[Path]) -> dict[str, int]:
    return {
        "bytes": sum(len(file.read_bytes()) for file in files),
        "gzip_bytes": sum(len(gzip.compress(file.read_bytes())) for file in files),
    }


class Handler(SimpleHTTPRequestHandler):
    policy = ""

    def end_headers(self) -> None:
        if self.policy:
            self.send_header("Content-Security-Policy", self.policy)
        super().end_headers()

    def translate_path(self, path: str) -> str:
        return str(MODULES / path[5:]) if path.startswith("/map/") else super().translate_path(path)

    def log_message(self, *_: Any) -> None:
        pass


def serve(folder: Path, policy: str) -> ThreadingHTTPServer:
    handler = type("WithPolicy", (Handler,), {"policy": policy})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def memory(mark: str) -> int:
    """Bytes of memory the browser started with ``mark`` holds, shared pages divided among those that share them."""
    parents, marked = {}, set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if mark in (entry / "cmdline").read_text():
                marked.add(int(entry.name))
        except (OSError, ValueError):
            continue
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in marked} - marked
        marked |= more
        grown = bool(more)
    return sum(held(pid) for pid in marked)


def held(pid: int) -> int:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:"))


def try_one(playwright: Any, chromium: str, address: str, name: str, n: int) -> dict[str, Any]:
    mark = f"--mark={uuid.uuid4().hex}"
    browser = playwright.chromium.launch(executable_path=chromium, args=[*ARGUMENTS, mark])
    try:
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address)
        before = memory(mark)
        page.evaluate("() => Object.assign(host.style, {position: 'absolute', inset: '0'})")
        call = "async ([name, n]) => (await import('/map_renderers.js')).measure(name, n)"
        try:
            result = page.evaluate(call, [name, n])
            picture = page.screenshot(timeout=60_000)  # waits for what is still being drawn
        except Exception as error:
            return {"failed": str(error).splitlines()[0][:300]}
        result["memory_mb"] = round((memory(mark) - before) / 1e6)
        if len(picture) < 40_000:  # an empty picture of that size is a few kB
            return {"failed": f"draws nothing; {'; '.join(sorted(set(complaints)))[:300]}"}
        return {**result, **({"complaints": sorted(set(complaints))[:3]} if complaints else {})}
    finally:
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULTS / "map_renderers.json")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--points", type=int, nargs="+", default=[22_914, 1_000_000])
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    results: dict[str, Any] = {"machine": machine(), "graphics": "ANGLE on SwiftShader (software), 1400 x 900"}
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        folder = Path(temporary)
        sizes = fetch(folder)
        (folder / "map_renderers.js").write_bytes(Path(__file__).with_suffix(".js").read_bytes())
        (folder / "index.html").write_text(
            '<!doctype html><title>map</title><link rel="icon" href="data:,"><div id="host"></div>'
        )
        strict, lax = serve(folder, POLICY), serve(folder, "")
        results["candidates"] = {}
        for name in CANDIDATES:
            print(name, flush=True)
            attempt = partial(try_one, playwright, options.chromium)
            results["candidates"][name] = {
                "packages": LIBRARIES[name][0] if name in LIBRARIES else [],
                **sizes[name],
                "under_the_pages_policy": outcome(attempt(f"http://127.0.0.1:{strict.server_port}/", name, 22_914)),
                **{f"{n:,}": attempt(f"http://127.0.0.1:{lax.server_port}/", name, n) for n in options.points},
            }
    options.out.write_text(json.dumps(results, indent=2) + "\n")
    print(json.dumps(results["candidates"], indent=2))


def outcome(result: dict[str, Any]) -> str:
    if "failed" in result:
        return f"fails: {result['failed']}"
    return f"draws, with errors: {result['complaints'][0][:300]}" if "complaints" in result else "works"


if __name__ == "__main__":
    main()
