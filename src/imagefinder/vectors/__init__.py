"""Arithmetic on vectors: centring, PCA, neighbours. Arrays in, arrays out."""
