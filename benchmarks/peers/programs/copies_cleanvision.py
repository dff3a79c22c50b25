"""Copies among the images of a folder by CleanVision: ``copies_cleanvision.py FOLDER OUT``."""

import json
import sys
from pathlib import Path

from cleanvision import Imagelab

if __name__ == "__main__":  # it starts processes, which import this again
    folder, out = sys.argv[1:]
    lab = Imagelab(data_path=folder)
    lab.find_issues({"exact_duplicates": {}, "near_duplicates": {}})
    sets = [group for kind in ("exact_duplicates", "near_duplicates") for group in lab.info[kind]["sets"]]
    groups = [[Path(path).name for path in group] for group in sets]
    Path(out).write_text(json.dumps(groups))
    print("RESULT", json.dumps({"groups": len(groups)}))
