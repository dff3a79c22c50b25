"""Indexing on a cluster of Ray: the work of ``ingest.run`` spread over many machines, by the same pieces."""
