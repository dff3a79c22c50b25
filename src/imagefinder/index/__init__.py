"""An index that is open: its folder, manifest, spaces and models, and the results kept beside them."""
