"""The image that fits a description best, and the group it belongs to, answered by a server over its API.

    python examples/describe_and_group.py FOLDER "a plate of fruit" [--out OUT] [--keep]

Starts `imagefinder serve` on a free port in the background, which indexes the folder and sorts it into groups; waits
for that, and asks. With --keep the server stays, with its page to go on looking, until Ctrl-C.
"""

from __future__ import annotations

import argparse
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from imagefinder.client import Client, Job
from imagefinder.errors import UnreachableError

STARTS_S = 60  # how long a server may take to answer


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(folder: Path, index: Path, port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "imagefinder", "serve", str(folder), "--index", str(index)]
    return subprocess.Popen([*command, "--no-browser", "--port", str(port)])


def await_answer(client: Client, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + STARTS_S
    while time.monotonic() < end:
        if server.poll() is not None:
            sys.exit(f"The server ended with code {server.returncode}.")
        with suppress(UnreachableError):
            client.about()
            return
        time.sleep(0.2)
    sys.exit("The server did not start.")


def show(job: Job) -> None:
    print(f"\r{job.stage} {job.done}/{job.total}   ", end="", file=sys.stderr)


def answer(client: Client, description: str) -> None:
    best = client.search(description, k=1)[0]
    group = client.clusters.find(best.record.extra["cluster"])
    print(f"Best for {description!r}: {best.uri} (score {best.score:.3f})")
    alike = client.similar(best.id, k=5, same_cluster=True)
    print(f"Its group: {group.name}, {group.size} images, among them:")
    for hit in alike:
        print(f"  {hit.uri}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("description")
    parser.add_argument("--out", type=Path, default=Path("describe-and-group"))
    parser.add_argument("--keep", action="store_true", help="keep serving until Ctrl-C")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)

    port = free_port()
    url = f"http://127.0.0.1:{port}"
    server = start(options.folder, options.out / "index", port)
    try:
        with Client(url) as client:
            await_answer(client, server)
            client.wait(client.jobs("index")[0].id, show)
            print(f"\n{len(client):,} images in {len(client.clusters)} groups", file=sys.stderr)
            answer(client, options.description)
            link = client.page_link().rpartition("#")[2]  # opens the page once, without the key that this program found
            print(f"The page: {url}/?q={quote(options.description)}#{link}", flush=True)
            if options.keep:
                server.wait()
    except KeyboardInterrupt:
        pass
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
