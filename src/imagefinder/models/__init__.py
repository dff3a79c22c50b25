"""From pictures and texts to vectors: the models, where they come from, and how they are run."""
