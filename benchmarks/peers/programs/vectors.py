"""One engine, built from the vectors of a folder and asked one query at a time: ``vectors.py FOLDER OUT ENGINE``.

``FOLDER`` holds vectors.npy, queries.npy, and truth.npy and filtered.npy: the numbers of the ten nearest among all, and
among those whose category (number modulo 10) is 3. An engine with a setting that trades recall for time is asked with
rising settings until it finds at least RECALL of the true ones; one without is asked as it is.
"""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

RECALL, CATEGORY, K = 0.95, 3, 10
EFFORTS = (16, 32, 64, 128, 256, 512, 1024)
PART = 4096


class Engine:
    """``build`` takes all vectors, ``search`` gives the numbers of the nearest for one query. ``efforts`` are the
    settings to try, ``filters`` whether the engine has filters at all."""

    efforts: tuple = (None,)
    filters = True

    def __init__(self, out):
        self.out = out

    def finish(self):
        pass


class ImageFinder(Engine):
    """As an index keeps them: float16, exact up to 200,000, beyond it the graph at its only setting."""

    def build(self, vectors):
        from imagefinder.store.base import Point, VectorParams
        from imagefinder.store.edge.engine import HNSW_FROM
        from imagefinder.store.edge.store import EdgeStore
        from imagefinder.store.filters.parse import parse
        from imagefinder.types import image_id

        self.filter = parse(f"category = {CATEGORY}")
        self.store = EdgeStore.create(self.out, {"space": VectorParams(256, "float16")})
        self.numbers = {}
        for start in range(0, len(vectors), PART):
            points = []
            for i, row in enumerate(vectors[start : start + PART], start):
                uri = f"/pictures/{i}.jpg"
                id = image_id(uri)
                self.numbers[id] = i
                points.append(Point(id, {"uri": uri, "category": i % 10}, {"space": row}))
            self.store.upsert(points)
        if len(vectors) >= HNSW_FROM:
            self.store.optimize()

    def search(self, query, effort, filtered):
        found = self.store.query("space", query, K, filter=self.filter if filtered else None)
        return [self.numbers[hit.id] for hit in found]


class FaissFlat(Engine):
    def build(self, vectors):
        import faiss

        self.index = faiss.IndexFlatIP(vectors.shape[1])
        self.index.add(vectors)
        self.own = faiss.SearchParameters(sel=_ids(faiss, len(vectors)))

    def search(self, query, effort, filtered):
        return self.index.search(query[None], K, params=self.own if filtered else None)[1][0]


class FaissHnsw(Engine):
    efforts = EFFORTS

    def build(self, vectors):
        import faiss

        self.faiss = faiss
        self.index = faiss.IndexHNSWFlat(vectors.shape[1], 16, faiss.METRIC_INNER_PRODUCT)
        self.index.hnsw.efConstruction = 100
        self.index.add(vectors)
        self.ids = _ids(faiss, len(vectors))

    def search(self, query, effort, filtered):
        own = {"sel": self.ids} if filtered else {}
        told = self.faiss.SearchParametersHNSW(efSearch=effort, **own)
        return self.index.search(query[None], K, params=told)[1][0]


def _ids(faiss, n):
    return faiss.IDSelectorBatch(np.arange(CATEGORY, n, 10))


class Hnswlib(Engine):
    efforts = EFFORTS

    def build(self, vectors):
        import hnswlib

        self.index = hnswlib.Index("ip", vectors.shape[1])
        self.index.init_index(len(vectors), M=16, ef_construction=100)
        self.index.add_items(vectors)

    def search(self, query, effort, filtered):
        self.index.set_ef(max(effort, K))
        return self.index.knn_query(query, K, filter=_is_in if filtered else None)[0][0]


def _is_in(number):
    return number % 10 == CATEGORY


class Usearch(Engine):
    efforts = EFFORTS
    filters = False

    def build(self, vectors):
        from usearch.index import Index

        self.index = Index(ndim=vectors.shape[1], metric="ip", dtype="f16", connectivity=16, expansion_add=100)
        self.index.add(np.arange(len(vectors)), vectors)

    def search(self, query, effort, filtered):
        self.index.expansion_search = effort
        return self.index.search(query, K).keys


class LanceDb(Engine):
    """Without an index up to 100,000, as its documentation advises; beyond it one by graphs of 8-bit vectors, whose
    hits are compared exactly."""

    def build(self, vectors):
        import lancedb
        import pyarrow as pa

        shape = pa.list_(pa.float32(), vectors.shape[1])
        schema = pa.schema([("vector", shape), ("number", pa.int64()), ("category", pa.int64())])

        def parts():
            for start in range(0, len(vectors), PART):
                rows = vectors[start : start + PART]
                numbers = np.arange(start, start + len(rows))
                column = pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), vectors.shape[1])
                yield pa.record_batch([column, pa.array(numbers), pa.array(numbers % 10)], schema=schema)

        self.table = lancedb.connect(self.out).create_table("vectors", parts(), schema=schema)
        if len(vectors) > 100_000:
            from lancedb.index import HnswSq

            self.efforts = EFFORTS
            self.table.create_index("vector", config=HnswSq(distance_type="dot", m=16, ef_construction=100))

    def search(self, query, effort, filtered):
        asked = self.table.search(query).distance_type("dot").limit(K).select(["number"])
        if filtered:
            asked = asked.where(f"category = {CATEGORY}", prefilter=True)
        if effort:
            asked = asked.nprobes(20).ef(max(effort, 2 * K)).refine_factor(2)
        return asked.to_arrow()["number"].to_numpy()


class MilvusLite(Engine):
    efforts = EFFORTS

    def build(self, vectors):
        from pymilvus import DataType, MilvusClient

        self.client = MilvusClient(f"{self.out}.db")
        schema = self.client.create_schema(auto_id=False)
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=vectors.shape[1])
        schema.add_field("category", DataType.INT64)
        told = self.client.prepare_index_params()
        build = {"M": 16, "efConstruction": 100}
        told.add_index("vector", index_type="HNSW", metric_type="IP", params=build)
        self.client.create_collection("vectors", schema=schema, index_params=told)
        for start in range(0, len(vectors), PART):
            rows = [
                {"id": i, "vector": row, "category": i % 10}
                for i, row in enumerate(vectors[start : start + PART], start)
            ]
            self.client.insert("vectors", rows)
        self.client.flush("vectors")
        self.client.load_collection("vectors")

    def search(self, query, effort, filtered):
        told = {"metric_type": "IP", "params": {"ef": max(effort, K)}}
        wanted = f"category == {CATEGORY}" if filtered else ""
        (found,) = self.client.search("vectors", data=[query], limit=K, filter=wanted, search_params=told)
        return [hit["id"] for hit in found]


class QdrantLocal(Engine):
    def build(self, vectors):
        from qdrant_client import QdrantClient, models

        own = models.MatchValue(value=CATEGORY)
        self.filter = models.Filter(must=[models.FieldCondition(key="category", match=own)])
        self.client = QdrantClient(path=self.out)
        told = models.VectorParams(size=vectors.shape[1], distance=models.Distance.DOT)
        self.client.create_collection("vectors", vectors_config=told)
        payloads = [{"category": i % 10} for i in range(len(vectors))]
        self.client.upload_collection("vectors", vectors, payloads, ids=range(len(vectors)), batch_size=PART)

    def search(self, query, effort, filtered):
        found = self.client.query_points("vectors", query, limit=K, query_filter=self.filter if filtered else None)
        return [point.id for point in found.points]


ENGINES = {
    "imagefinder": ImageFinder,
    "faiss-flat": FaissFlat,
    "faiss-hnsw": FaissHnsw,
    "hnswlib": Hnswlib,
    "usearch": Usearch,
    "lancedb": LanceDb,
    "milvus": MilvusLite,
    "qdrant": QdrantLocal,
}


def ask(engine, queries, truth, filtered):
    """Recall, and milliseconds of a query by the clock and of the processors, at the least effort that finds enough."""
    for effort in engine.efforts:
        for query in queries[:5]:
            engine.search(query, effort, filtered)
        times, hits, used = [], 0, time.process_time()
        for query, right in zip(queries, truth, strict=True):
            started = time.perf_counter()
            found = engine.search(query, effort, filtered)
            times.append(1e3 * (time.perf_counter() - started))
            hits += len(set(map(int, found)) & set(right.tolist()))
        recall, cpu = hits / truth.size, 1e3 * (time.process_time() - used) / len(queries)
        if recall >= RECALL:
            break
    p50, p95 = np.percentile(times, (50, 95))
    times = {"p50_ms": round(p50, 3), "p95_ms": round(p95, 3), "cpu_ms": round(cpu, 3)}
    return {"effort": effort, "recall": round(recall, 4), **times}


def main():
    folder, out, name = sys.argv[1:]
    folder = Path(folder)
    vectors, queries = np.load(folder / "vectors.npy", mmap_mode="r"), np.load(folder / "queries.npy")
    engine = ENGINES[name](out)
    started, used = time.perf_counter(), time.process_time()
    engine.build(np.ascontiguousarray(vectors))
    facts = {"build_s": round(time.perf_counter() - started, 2), "build_cpu_s": round(time.process_time() - used, 2)}
    status = Path("/proc/self/status").read_text() if Path("/proc/self/status").exists() else ""
    resident = next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")), 0)
    facts["memory_mb"] = round((resident or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 1024)
    facts |= ask(engine, queries, np.load(folder / "truth.npy"), False)
    if engine.filters:
        facts["filtered"] = ask(engine, queries, np.load(folder / "filtered.npy"), True)
    print("RESULT", json.dumps(facts))


if __name__ == "__main__":
    main()
