"""``one_server`` as a later version might be: its tables in PostgreSQL have one more step, which this version can live
with:

    COUNT_LOG=... SILENT_S=... python newer_server.py ARGUMENTS OF SERVE
"""

from __future__ import annotations

import sys

import one_server as one_server  # its kind of job
from newer_tables import NEWER

from imagefinder.cli import main
from imagefinder.store.postgres import database, schema

database.MIGRATIONS = (*schema.MIGRATIONS, schema.Step(NEWER, needs=1))

if __name__ == "__main__":
    sys.argv[1:] = ["serve", *sys.argv[1:]]
    main()
