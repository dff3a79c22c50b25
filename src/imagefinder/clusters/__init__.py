"""The clusters of an index: made, kept, corrected, extended to new images and exported."""
