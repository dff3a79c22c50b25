"""Filters: from text to a tree of conditions, and whether a record matches."""
