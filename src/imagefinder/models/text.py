"""The text tower all-MiniLM-L6-v2: from texts to vectors."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefinder.errors import ModelError
from imagefinder.models.reading import EnglishReader
from imagefinder.models.session import Session

if TYPE_CHECKING:
    from imagefinder.models.base import Reading
    from imagefinder.types import Float32

BATCH = 32  # texts at once; longer batches only add padding

_asked_once = [False]


def ask_once() -> None:
    """For a process that asks for a text or two, and ends: the tower is open in .04 s of the processor instead of .08,
    and each text takes .014 s instead of .003. Vectors differ by their rounding, 2e-7 at most."""
    _asked_once[0] = True


class TextTower:
    """A tokenizer and an ONNX model side by side in a folder, loaded when first used. Safe for several threads."""

    def __init__(self, folder: Path, *, threads: int | None = None) -> None:
        self._folder = folder
        self._threads = threads
        self._reader = EnglishReader(folder, lambda word: self._tokenizer.token_to_id(word))

    def embed(self, texts: Sequence[str]) -> Float32:
        """Texts to float32 (n, 384), rows of unit length. A text is cut at 256 tokens. Raises ModelError."""
        import numpy as np

        parts = [self._embed(texts[i : i + BATCH]) for i in range(0, len(texts), BATCH)]
        return np.concatenate(parts) if parts else np.zeros((0, 384), np.float32)

    def count(self, texts: Sequence[str]) -> int:
        """How many tokens ``embed`` reads of these texts."""
        return sum(sum(t.attention_mask) for t in self._tokens(texts))

    def read(self, texts: Sequence[str]) -> list[Reading]:
        """Which words of these texts it knows."""
        return self._reader.read(texts)

    def _tokens(self, texts: Sequence[str]) -> Any:
        # Lone surrogates (of file names that are no UTF-8) can't be tokenized.
        return self._tokenizer.encode_batch([text.encode(errors="replace").decode() for text in texts])

    def _embed(self, texts: Sequence[str]) -> Float32:
        import numpy as np

        tokens = self._tokens(texts)
        inputs = {
            "input_ids": np.array([t.ids for t in tokens], dtype=np.int64),
            "attention_mask": np.array([t.attention_mask for t in tokens], dtype=np.int64),
        }
        return self._session.run(["embedding"], inputs)[0]

    @cached_property
    def _session(self) -> Session:
        return Session(self._folder / "model.int8.onnx", threads=self._threads, fold=not _asked_once[0])

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        path = self._folder / "tokenizer.json"
        try:
            return Tokenizer.from_file(str(path))
        except Exception as error:  # tokenizers raises plain Exception
            raise ModelError(
                f"The tokenizer {path} can't be loaded: {error}", remedy="Install ImageFinder again."
            ) from error
