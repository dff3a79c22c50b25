"""What is wrong with the images of a folder: ``issues_ours.py FOLDER OUT``, which writes issues by file name."""

import json
import sys
import tempfile
from pathlib import Path

from imagefinder import ImageFinder

folder, out = sys.argv[1:]
with tempfile.TemporaryDirectory() as index, ImageFinder.open(index) as finder:
    finder.add(folder)
    finder.quality()
    found = {Path(record.uri).name: list(record.extra.get("issues") or ()) for record in finder.records()}
Path(out).write_text(json.dumps(found))
print("RESULT", json.dumps({"images": len(found)}))
