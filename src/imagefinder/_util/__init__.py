"""Small helpers that every part may use; they know nothing of the rest."""
