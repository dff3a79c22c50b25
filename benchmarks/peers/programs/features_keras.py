"""Features of all images of a folder by Keras: ``features_keras.py FOLDER OUT NAME one|batch``.

``one`` loads, prepares and predicts one image after the other, as the examples of the documentation do. ``batch`` reads
with tf.data, in parallel, and predicts 32 at a time. The weights are of chance: they can't be fetched here.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np
from keras import applications

NAMES = {
    "resnet50": (applications.ResNet50, applications.resnet50.preprocess_input),
    "mobilenetv2": (applications.MobileNetV2, applications.mobilenet_v2.preprocess_input),
}
folder, out, name, way = sys.argv[1:]
make, prepare = NAMES[name]
model = make(weights=None, include_top=False, pooling="avg", input_shape=(224, 224, 3))
paths = sorted(Path(folder).iterdir())
if way == "one":
    rows = []
    for path in paths:
        image = keras.utils.img_to_array(keras.utils.load_img(path, target_size=(224, 224)))
        rows.append(model.predict(prepare(image[None]), verbose=0)[0])
else:
    pictures = keras.utils.image_dataset_from_directory(
        folder, labels=None, batch_size=32, image_size=(224, 224), shuffle=False, verbose=False
    )
    rows = model.predict(pictures.map(prepare, num_parallel_calls=-1).prefetch(2), verbose=0)
np.save(out, np.stack(list(rows)))
print("RESULT", json.dumps({"images": len(rows)}))
