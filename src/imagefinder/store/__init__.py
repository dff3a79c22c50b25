"""Where records and vectors are kept: what every store can do, the stores there are, and filters."""
