"""The store on disk, by Qdrant Edge."""
