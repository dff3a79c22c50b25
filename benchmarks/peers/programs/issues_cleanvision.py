"""What is wrong with the images of a folder by CleanVision: ``issues_cleanvision.py FOLDER OUT``."""

import json
import sys
from pathlib import Path

from cleanvision import Imagelab

KINDS = ("dark", "light", "blurry", "odd_size", "low_information")

if __name__ == "__main__":  # it starts processes, which import this again
    folder, out = sys.argv[1:]
    lab = Imagelab(data_path=folder)
    lab.find_issues({kind: {} for kind in KINDS})
    found = {
        Path(path).name: [kind for kind in KINDS if row[f"is_{kind}_issue"]] for path, row in lab.issues.iterrows()
    }
    Path(out).write_text(json.dumps(found))
    print("RESULT", json.dumps({"images": len(found)}))
