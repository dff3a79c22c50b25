"""Long work of the server: a queue, and a table of the kinds of jobs."""
