"""Algorithms of clustering. They know arrays and nothing of an index."""

NEIGHBORS = 15  # links of an image; of 10, 15 and 30 the best on labelled sets (benchmarks/clusters.py)
