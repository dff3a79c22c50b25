"""Copies among the images of a folder by imagededup: ``copies_imagededup.py FOLDER OUT METHOD DISTANCE``.

Its other methods are networks, whose weights can't be fetched here. They are left out when it is imported: they need a
torchvision that is made for the same PyTorch, which is another for CUDA than for the processor alone. So it starts
somewhat sooner here than where it is installed with all.
"""

import json
import sys
from pathlib import Path
from types import ModuleType

for module, name in {"imagededup.utils.models": "CustomModel", "imagededup.methods.cnn": "CNN"}.items():
    sys.modules[module] = ModuleType(module)
    setattr(sys.modules[module], name, None)

from imagededup import methods  # noqa: E402

if __name__ == "__main__":  # it starts processes, which import this again
    folder, out, method, distance = sys.argv[1:]
    found = getattr(methods, method)().find_duplicates(image_dir=folder, max_distance_threshold=int(distance))
    Path(out).write_text(json.dumps([[name, *others] for name, others in found.items() if others]))
    print("RESULT", json.dumps({"groups": sum(map(bool, found.values()))}))
