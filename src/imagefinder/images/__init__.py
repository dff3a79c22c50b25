"""From a folder, a table, a file or a URL to an upright RGB picture."""
