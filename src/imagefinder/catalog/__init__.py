"""The records of an index, as lists and counts, and what people say of them: tags, captions, feedback."""
