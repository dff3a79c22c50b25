"""Features of all images of a folder by vasrch, whose weights are of chance here: ``features_vasrch.py FOLDER OUT``."""

import json
import sys
from pathlib import Path

from tensorflow.keras import applications

published = applications.VGG16
applications.VGG16 = lambda weights, **options: published(weights=None, **options)  # they can't be fetched here

from vasrch.vasrch import VaSrch  # noqa: E402

folder, out = sys.argv[1:]
VaSrch().extract_features(folder, out)
print("RESULT", json.dumps({"images": len(list(Path(out).glob("*.npy")))}))
