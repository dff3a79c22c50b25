"""Whether two pictures are the same. It knows arrays and nothing of an index."""
