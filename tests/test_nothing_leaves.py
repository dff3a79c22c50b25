"""Nothing leaves the machine: no command looks up a name or opens a connection but what was asked for, whatever other
packages would like to send, and whatever the environment says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from lonely import watched, why_not
from made_files import halves, svg
from made_parts import film

SAMPLES = Path(__file__).resolve().parents[1] / "examples" / "images"
SUPPORT = Path(__file__).resolve().parent / "support"
SOURCE = Path(__file__).resolve().parents[1] / "src"
NET = pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")
UNWANTED = {  # what a person's environment may hold for other programs
    "ORT_DISABLE_TELEMETRY": "0",
    "HF_HUB_DISABLE_TELEMETRY": "0",
    "HF_HUB_DISABLE_UPDATE_CHECK": "0",
    "HF_XET_TELEMETRY_ENABLED": "1",
    "RAY_USAGE_STATS_ENABLED": "1",
    "DO_NOT_TRACK": "0",
    "FASTAPI_OTEL_AUTO_CONFIGURE": "true",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.example:4318",
    "OTEL_PYTHON_TRACER_PROVIDER": "sdk_tracer_provider",
    "http_proxy": "http://proxy.example:3128",
    "HTTPS_PROXY": "http://proxy.example:3128",
}
WRITTEN = {".cache/matplotlib", ".config/matplotlib", ".local/state/imagefinder", ".local/share/imagefinder"}

COMMANDS = """
import sys
from command import run_cli
samples, home = sys.argv[1:]
index = ("--index", f"{home}/index")
for words in (
    ("index", *index, f"{samples}/animals", f"{samples}/food", "--workers", "2"),
    ("search", *index, "a red bird"),
    ("search", *index, f"{samples}/food/apricot.jpg"),
    ("cluster", *index),
    ("choose-k", *index, "--max", "5"),
    ("map", *index, "--out", f"{home}/map.html"),
    ("pca", *index),
    ("duplicates", *index),
    ("outliers", *index),
    ("quality", *index),
    ("read", *index),
    ("export", "clusters", *index, "--out", f"{home}/all.csv"),
    ("train", "classifier", *index, "--by", "folder"),
    ("predict", *index, f"{samples}/food/apricot.jpg"),
    ("evaluate", *index, "--labels", f"{samples}/captions.csv"),
    ("models", "list"),
    ("sources", "list", *index),
    ("spaces", "list", *index),
    ("info", *index),
    ("doctor", *index),
    ("key",),
    ("--version",),
):
    done = run_cli(*words)
    assert "rror:" not in done.stderr or words[0] in ("key",), (words, done.stderr)
    print(words[0], done.returncode)
"""

SERVER = """
import json, subprocess, sys, urllib.request
from imagefinder.client import Client
samples, home = sys.argv[1:]
command = [sys.executable, "-m", "imagefinder", "serve", f"{samples}/food", "--index", f"{home}/served", "--port", "0"]
server = subprocess.Popen([*command, "--no-browser"], stderr=subprocess.PIPE, text=True)
said = server.stderr.readline()
url = said.split(" at ")[1].split()[0]
with Client(url) as client:
    client.wait(client.jobs("index")[0].id)
    assert client.search("fruit") and client.similar(client.records()[0].id)
    client.add(f"{samples}/animals/cow.jpg")
    client.map("pca")
    client.duplicates()
    client.thumbnail(client.records()[0].id)
for path in ("", "docs", "openapi.json", "js/main.js", "healthz", "readyz"):
    assert urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url + path).status == 200
command = [sys.executable, "-m", "imagefinder", "mcp", "--index", f"{home}/served"]
mcp = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
who = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
call = {"name": "search", "arguments": {"words": "fruit"}}
hello = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": who})
ready = json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"})
ask = json.dumps({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call})
for line in (hello, ready, ask):
    mcp.stdin.write(line + "\\n")
    mcp.stdin.flush()
while '"id":2' not in (line := mcp.stdout.readline()):
    assert line
assert "apricot" in line or "jpg" in line, line
mcp.stdin.close()
mcp.wait(60)
server.terminate()
print(server.communicate(timeout=60)[1])
"""

WAYS_IN = (  # the first import of a program that uses the library, and a package that sends
    "import imagefinder, onnxruntime",
    "import imagefinder.models.session, onnxruntime",
    "from imagefinder.models.registry import load_model; import onnxruntime",
    "from imagefinder.client import Client; import onnxruntime",
    "import imagefinder.training.export; import onnxruntime",
    "from imagefinder import ImageFinder; import onnxruntime",
    "import importlib; importlib.import_module('imagefinder.search.answer'); import onnxruntime",
    "import runpy, sys; sys.argv = ['imagefinder', '--help']\n"
    "try: runpy.run_module('imagefinder', run_name='__main__')\n"
    "except SystemExit: pass\nimport onnxruntime",
)


def environment(home: Path) -> dict[str, str]:
    """That of a person whose home is ``home``, and who has set much for others."""
    (home / "home").mkdir(exist_ok=True)
    own = {n: v for n, v in os.environ.items() if not n.startswith(("XDG_", "IMAGEFINDER_", "HF_", "OTEL_", "ORT_"))}
    paths = os.pathsep.join(map(str, (SUPPORT, SOURCE)))
    return {**own, **UNWANTED, "HOME": str(home / "home"), "PYTHONPATH": paths}


def left_behind(home: Path) -> set[str]:
    """What was written into a person's home, by the folders of programs."""
    found = (path.relative_to(home / "home") for path in (home / "home").rglob("*") if path.is_file())
    return {"/".join(path.parts[: 3 if path.parts[0] == ".local" else 2]) for path in found}


@NET
def test_what_watches_sees_names_and_addresses_of_processes_below(tmp_path: Path) -> None:
    code = """
import socket, subprocess, sys
try: socket.getaddrinfo("example.org", 443)
except OSError: pass
with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as one:
    one.setblocking(False)
    one.connect_ex(("203.0.113.7", 443))
with socket.create_server(("127.0.0.1", 0)) as own: socket.create_connection(own.getsockname()).close()
code = open("/proc/self/cmdline").read().split(chr(0))[2]
if len(sys.argv) < 2: subprocess.run([sys.executable, "-c", code, "below"])
"""
    found, _ = watched([sys.executable, "-c", code], environment(tmp_path), tmp_path)
    assert found == ["name example.org", "tcp 203.0.113.7:443"]


@NET
def test_commands_of_one_process_look_up_nothing(tmp_path: Path) -> None:
    found, said = watched(
        [sys.executable, "-c", COMMANDS, str(SAMPLES), str(tmp_path)], environment(tmp_path), tmp_path
    )
    assert found == [] and said.count("\n") >= 20, said
    assert left_behind(tmp_path) <= WRITTEN


@NET
def test_the_server_its_client_its_page_and_agents_look_up_nothing(tmp_path: Path) -> None:
    found, said = watched([sys.executable, "-c", SERVER, str(SAMPLES), str(tmp_path)], environment(tmp_path), tmp_path)
    assert found == [] and "telemetry" not in said.lower(), said
    assert left_behind(tmp_path) <= WRITTEN


@NET
def test_a_url_is_looked_up_and_nothing_beside_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ONE_URL, str(tmp_path)]
    found, _ = watched(command, environment(tmp_path), tmp_path)
    assert found == ["name pictures.example"]


ONE_URL = """
import sys
from command import run_cli
done = run_cli("index", "--index", f"{sys.argv[1]}/index", "https://pictures.example/cat.jpg")
assert "pictures.example" in done.stderr, done
"""


@NET
@pytest.mark.alone
def test_a_cluster_of_this_machine_looks_up_nothing(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    found, said = watched([sys.executable, "-c", CLUSTER, str(SAMPLES), str(tmp_path)], environment(tmp_path), tmp_path)
    assert found == [] and "RAY_USAGE_STATS_ENABLED=0" in said, said
    assert left_behind(tmp_path) <= WRITTEN  # no token, and no note of what was reported


CLUSTER = """
import os, sys
from command import run_cli
samples, home = sys.argv[1:]
done = run_cli("index", "--index", f"{home}/index", f"{samples}/food", "--ray", "local")
assert done.returncode == 0 and "added" in done.stderr, done.stderr
again = run_cli("cluster", "--index", f"{home}/index", "--ray", "local")  # a second cluster of the same process
assert again.returncode == 0, again.stderr
print(f"RAY_USAGE_STATS_ENABLED={os.environ['RAY_USAGE_STATS_ENABLED']}", done.stderr)
"""


@NET
def test_files_that_name_addresses_look_up_nothing(tmp_path: Path) -> None:
    """Drawings, PDFs, videos and playlists that would like to fetch something, indexed, shown and searched by."""
    pytest.importorskip("resvg_py")
    there, away = tmp_path / "files", "http://leak.example/a.png"
    there.mkdir()
    entity = f'<!DOCTYPE svg SYSTEM "http://leak.example/a.dtd" [<!ENTITY a SYSTEM "{away}">]>'
    sheet = '<?xml-stylesheet href="http://leak.example/a.css"?>'
    body = f'<style>@import url({away}); rect {{ fill: url({away}) }}</style><use href="{away}#a"/><text>&a;</text>'
    actions = "/OpenAction<</S/URI/URI(http://leak.example/)>>/AA<</WC<</S/JavaScript/JS(app.launchURL('http://leak.example'))>>>>"
    page = "/Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]"
    (there / "a.svg").write_bytes(svg(f'<image width="9" height="9" href="{away}"/>{body}', before=sheet + entity))
    (there / "b.pdf").write_text(
        f"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R{actions}>>endobj\n2 0 obj<</Type/Pages/Count 1/Kids[3 0 R]>>"
        f"endobj\n3 0 obj<<{page}/AA<</O<</S/URI/URI(http://leak.example/)>>>>>>endobj\ntrailer<</Root 1 0 R>>"
    )
    (there / "c.mp4").write_bytes(film([(halves(), 1)]).replace(b"url \0\0\0\1", b"url \0\0\0\0"))
    (there / "d.mp4").write_text("#EXTM3U\n#EXTINF:5,\nhttp://leak.example/a.ts\n")
    (there / "e.mkv").write_text("ffconcat version 1.0\nfile http://leak.example/a.ts\n")
    found, said = watched([sys.executable, "-c", FILES, str(there)], environment(tmp_path), tmp_path)
    assert found == [] and "indexed 3" in said, said


FILES = """
import sys
from imagefinder import ImageFinder
from imagefinder.server.pictures import Pictures
from imagefinder.types import Limits
with ImageFinder.open(f"{sys.argv[1]}-index") as finder:
    print("indexed", finder.add(sys.argv[1]).added)
    for record in finder.records():
        Pictures(finder._collection.index.path, Limits(), 10**8).thumbnail(record, 512)
"""


@pytest.mark.parametrize("code", WAYS_IN)
def test_telemetry_is_off_whichever_module_comes_first(code: str, tmp_path: Path) -> None:
    tell = "\nimport os, json; print(json.dumps(dict(os.environ)))"
    done = subprocess.run(
        [sys.executable, "-c", code + tell], capture_output=True, text=True, env=environment(tmp_path), check=True
    )
    now = json.loads(done.stdout.splitlines()[-1])
    assert now["RAY_USAGE_STATS_ENABLED"] == "0"
    assert now["ORT_DISABLE_TELEMETRY"] == now["HF_HUB_DISABLE_TELEMETRY"] == now["DO_NOT_TRACK"] == "1"
    assert left_behind(tmp_path) <= WRITTEN  # no device id


def test_packages_that_were_imported_before_are_told(tmp_path: Path) -> None:
    code = """
import onnxruntime, huggingface_hub.constants as hub
onnxruntime.disable_telemetry_events = lambda: print("told")
import imagefinder
print(hub.HF_HUB_DISABLE_TELEMETRY)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment(tmp_path), check=True
    )
    assert done.stdout.split() == ["told", "True"]


def test_the_app_makes_no_spans(reader_app: object) -> None:
    assert not reader_app._native_telemetry.enabled() and not reader_app._telemetry["auto_configure"]  # type: ignore[attr-defined]


@pytest.fixture
def reader_app(tmp_path: Path) -> object:
    from imagefinder import ImageFinder
    from imagefinder.server.app import create_app

    with ImageFinder.open(tmp_path / "index") as finder:
        yield create_app(finder)
