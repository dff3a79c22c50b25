"""Copies among the images of a folder: ``copies_ours.py FOLDER OUT``, which writes groups of file names as JSON."""

import json
import sys
import tempfile
from pathlib import Path

from imagefinder import ImageFinder

folder, out = sys.argv[1:]
with tempfile.TemporaryDirectory() as index, ImageFinder.open(index) as finder:
    finder.add(folder)
    report = finder.duplicates()
    kept = [[group.keep, *(member.record for member in group.members)] for group in report.groups]
    groups = [sorted({Path(record.uri).name for record in group}) for group in kept]
Path(out).write_text(json.dumps(groups))
print("RESULT", json.dumps({"groups": len(groups)}))
