"""Four processes write at once; one is killed, and the database crashes and comes back in the middle."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import uuid

import database

from imagefinder.store.base import Point, VectorParams
from imagefinder.store.filters.parse import parse
from imagefinder.store.postgres.store import PostgresStore

WRITER = """
import sys, uuid
import numpy as np
from imagefinder.store.base import Point
from imagefinder.store.postgres.store import PostgresStore

at, who = sys.argv[1], int(sys.argv[2])
store = PostgresStore.open(at)
for batch in range(60):
    ids = [str(uuid.UUID(int=1000 * who + 5 * batch + n + 1)) for n in range(5)]
    store.upsert([Point(id, {"batch": f"{who}-{batch}", "caption": "red snow"}, {"v": np.ones(4)}) for id in ids])
    store.merge_payload([str(uuid.UUID(int=10**6 + n)) for n in range(5)], {f"by_{who}": batch})
    print(batch, flush=True)
    if batch == 10:
        sys.stdin.readline()
"""
WRITERS, KILLED = 4, 2


def test_four_writers_a_kill_and_a_crash_of_the_database() -> None:
    with database.running() as server:
        at = server.address()
        store = PostgresStore.create(at)
        store.create_vector("v", VectorParams(4, "float16"))
        common = [str(uuid.UUID(int=10**6 + n)) for n in range(5)]
        store.upsert([Point(id, {}, {}) for id in common])
        told = [-1] * WRITERS
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", WRITER, at, str(who)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            for who in range(WRITERS)
        ]
        begun, under_way = threading.Barrier(WRITERS + 1), threading.Event()

        def listen(who: int) -> None:
            stdout = writers[who].stdout
            assert stdout is not None
            for line in stdout:
                told[who] = int(line)
                if told[who] == 10:
                    begun.wait(60)
                elif told[who] == 15:
                    under_way.set()
            stdout.close()

        listeners = [threading.Thread(target=listen, args=(who,)) for who in range(WRITERS)]
        for listener in listeners:
            listener.start()
        begun.wait(60)
        for writer in writers:
            assert writer.stdin is not None
            writer.stdin.write("go\n")
            writer.stdin.close()
        under_way.wait(60)
        writers[KILLED].send_signal(signal.SIGKILL)
        server.stop(signal.SIGQUIT)
        server.start()
        for listener in listeners:
            listener.join()
        assert [writer.wait() for writer in writers] == [
            -signal.SIGKILL if who == KILLED else 0 for who in range(WRITERS)
        ]
        assert told[KILLED] < 59 and all(told[who] == 59 for who in range(WRITERS) if who != KILLED)
        check(store, told, common)
        store.close()


def check(store: PostgresStore, told: list[int], common: list[str]) -> None:
    """All that each writer was told to be stored is there, once, and nothing by halves."""
    batches = [batch for batch in store.columns(["batch"])["batch"] if batch]
    for who in range(WRITERS):
        for batch in range(60):
            n = batches.count(f"{who}-{batch}")
            assert n == 5 if batch <= told[who] else n in (0, 5)
    for point in store.retrieve(common):
        assert all(point.payload[f"by_{who}"] >= told[who] for who in range(WRITERS))
    snow = store.match("snow", 10_000)
    assert len(snow.scores) == len(batches) == store.count(parse("* says snow"))
