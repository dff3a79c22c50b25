def cluster(mixed):
    yield from ()
