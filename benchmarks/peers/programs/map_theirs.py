"""A map of vectors: ``map_theirs.py VECTORS OUT openTSNE|umap|sklearn``."""

import json
import sys

import numpy as np

source, out, name = sys.argv[1:]
vectors = np.load(source)
if name == "openTSNE":
    from openTSNE import TSNE

    made = np.asarray(TSNE(n_jobs=-1, random_state=0).fit(vectors))
elif name == "umap":
    from umap import UMAP

    made = UMAP(n_jobs=-1).fit_transform(vectors)
else:
    from sklearn.manifold import TSNE

    made = TSNE(n_jobs=-1, random_state=0).fit_transform(vectors)
np.save(out, made)
print("RESULT", json.dumps({"images": len(made)}))
