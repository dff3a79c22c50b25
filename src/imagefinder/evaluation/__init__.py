"""How well searches, models and clusters do on images whose labels or captions are known."""
