"""Features of all images of a folder, in an index: ``features_ours.py FOLDER OUT MODEL``."""

import json
import sys

from imagefinder import ImageFinder

folder, out, model = sys.argv[1:]
with ImageFinder.open(out, model=model) as finder:
    report = finder.add(folder)
print("RESULT", json.dumps({"images": report.added}))
