"""The table of ``benchmarks/stores.py`` in the documentation."""

from __future__ import annotations

from benchmark_tables import result, table


def stores() -> str:
    found = result("stores")
    kinds = {"id": "by id", "image": "by image", "words": "by words"}
    rows = [
        [kinds.get(kind, kind), *(f"{both[name][q]} ms" for name in ("folder", "postgres") for q in ("p50", "p95"))]
        for kind, both in found["ms"].items()
    ]
    size = {name: round(n / 1e6) for name, n in found["bytes"].items()}
    return (
        table(["search", "folder p50", "p95", "PostgreSQL p50", "p95"], rows)
        + f"\n{found['images']:,} images, asked of both alternately on a machine that others used (load "
        f"{found['load']}); the database beside the program, reached by a socket, without fsync. Records with their "
        f"vectors copied to it: {found['copied']['points_per_second']:,} a second. Size: {size['folder']} MB in a "
        f"folder, {size['postgres']} MB in the database.\n"
    )
