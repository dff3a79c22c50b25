"""The store on a Qdrant server: for many processes, on any machine."""
