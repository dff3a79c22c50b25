"""Features of all images of a folder by vasrch, whose weights are of chance here: ``features_vasrch.py FOLDER OUT``."""

import json
import sys
from pathlib import Path

import keras
from keras.src.applications import vgg16

vgg16.file_utils.get_file = lambda *names, **options: ""  # the trained weights can't be fetched here
keras.Model.load_weights = lambda model, path: None

import vasrch  # noqa: E402  it makes the model when it is imported

folder, out = sys.argv[1:]
vasrch.extract_features(folder, out)
print("RESULT", json.dumps({"images": len(list(Path(out).glob("*.npy")))}))
