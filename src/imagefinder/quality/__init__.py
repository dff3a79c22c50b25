"""How sharp, bright and large each image is, and which images are unlike all others."""
