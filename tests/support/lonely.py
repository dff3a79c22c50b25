"""Runs a command where there is no network but the machine's own, and writes down every name that it, or a process that
it starts, looks up, and every address beyond the machine that it tries to reach, in whatever language.

    python lonely.py RECORD COMMAND...       in namespaces of its own: see ``watched``

The names are those asked for in packets to the name server, which nobody answers; the addresses those of packets that
leave for another machine. What a process says to itself or its children on the machine is not written down.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from ipaddress import ip_address
from pathlib import Path

NAMESPACES = ["unshare", "--map-root-user", "--net", "--mount"]
ALL_PACKETS = 0x0003
UP = 0x1 | 0x40  # IFF_UP, IFF_RUNNING


def watched(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> tuple[list[str], str]:
    """What a command looked up and tried to reach, and what it said. Raises AssertionError when it fails."""
    record = folder / f"record{len(list(folder.glob('record*')))}"
    done = subprocess.run(
        [*NAMESPACES, sys.executable, __file__, str(record), *command],
        capture_output=True,
        text=True,
        env=dict(environment),
        timeout=280,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return json.loads(record.read_text()), done.stdout + done.stderr


@cache
def why_not() -> str:
    """Why no command can be watched here; empty if one can."""
    if missing := [name for name in ("unshare", "ip", "mount") if shutil.which(name) is None]:
        return f"there is no {missing[0]} here"
    tried = subprocess.run([*NAMESPACES, "true"], capture_output=True, text=True)
    return "" if tried.returncode == 0 else f"namespaces may not be made here: {tried.stderr.strip()}"


def main() -> int:
    record, *command = sys.argv[1:]
    _only_ourselves()
    found: set[str] = set()
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ALL_PACKETS))
    packets.bind(("lo", 0))
    threading.Thread(target=_listen, args=(packets, found), daemon=True).start()
    code = subprocess.run(command).returncode
    last = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # when it is heard, all before it was
    heard = threading.Event()
    _END.append(heard)
    last.sendto(b"", ("192.0.2.255", 9))
    heard.wait(20)
    Path(record).write_text(json.dumps(sorted(found)))
    return code


_END: list[threading.Event] = []


def _only_ourselves() -> None:
    """Bring up the loopback device, let everything be sent to it, and name it as the name server."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", UP))
    subprocess.run(["ip", "route", "add", "default", "dev", "lo"], check=True)
    subprocess.run(["ip", "-6", "route", "add", "default", "dev", "lo"], check=False)  # not everywhere is IPv6
    names = Path(tempfile.mkdtemp()) / "resolv.conf"
    names.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    subprocess.run(["mount", "--bind", str(names), os.path.realpath("/etc/resolv.conf")], check=True)


def _listen(packets: socket.socket, found: set[str]) -> None:
    while True:
        if told := _told(packets.recv(65536)):
            if told == "udp 192.0.2.255:9":
                for event in _END:
                    event.set()
            else:
                found.add(told)


def _told(packet: bytes) -> str:
    version = packet[0] >> 4
    if version == 4:
        protocol, target, body = packet[9], ip_address(packet[16:20]), packet[(packet[0] & 15) * 4 :]
    elif version == 6:
        protocol, target, body = packet[6], ip_address(packet[24:40]), packet[40:]
    else:
        return ""
    kind = {6: "tcp", 17: "udp"}.get(protocol)
    if kind is None or len(body) < 8:
        return ""
    port = int.from_bytes(body[2:4], "big")
    if kind == "udp" and port == 53:
        return f"name {_name(body[8:])}"
    return "" if target.is_loopback else f"{kind} {target}:{port}"


def _name(question: bytes) -> str:
    """The name that a packet to a name server asks for."""
    parts, at = [], 12
    while at < len(question) and question[at]:
        parts.append(question[at + 1 : at + 1 + question[at]].decode("ascii", "replace"))
        at += 1 + question[at]
    return ".".join(parts)


if __name__ == "__main__":
    sys.exit(main())
