"""A map of vectors: ``map_ours.py VECTORS OUT METHOD``."""

import json
import sys

import numpy as np

from imagefinder.maps.projections import project

source, out, name = sys.argv[1:]
made = project(np.load(source), name).coordinates
np.save(out, made)
print("RESULT", json.dumps({"images": len(made)}))
