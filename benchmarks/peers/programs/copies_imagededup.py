"""Copies among the images of a folder by imagededup: ``copies_imagededup.py FOLDER OUT METHOD DISTANCE``."""

import json
import sys
from pathlib import Path

from imagededup import methods

if __name__ == "__main__":  # it starts processes, which import this again
    folder, out, method, distance = sys.argv[1:]
    found = getattr(methods, method)().find_duplicates(image_dir=folder, max_distance_threshold=int(distance))
    Path(out).write_text(json.dumps([[name, *others] for name, others in found.items() if others]))
    print("RESULT", json.dumps({"groups": sum(map(bool, found.values()))}))
