"""An index as a whole: copied to another place, kept in one file, and restored from it."""
