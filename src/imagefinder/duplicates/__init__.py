"""Duplicates in an index: found, judged, planned, moved to a trash and back."""
