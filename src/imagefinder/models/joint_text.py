"""Text for a model that was trained on images and texts together, such as CLIP and SigLIP, which has its own text
graph."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imagefinder._util.systems import replace_path
from imagefinder.errors import ModelError
from imagefinder.models.conse import load_vocabulary
from imagefinder.models.image_tower import finite
from imagefinder.models.reading import PiecesReader
from imagefinder.models.session import Session

if TYPE_CHECKING:
    from imagefinder.models.base import Reading, Vocabulary
    from imagefinder.models.spec import ModelSpec, TextSpec
    from imagefinder.types import Float32

BATCH = 32  # texts at once; longer batches only add padding
VOCABULARY = Path(__file__).parent / "bundled" / "minilm-l6-v2"
NAMING = "a photo of a {}"  # what these models were trained on are captions, not words (Radford et al. 2021, 3.1.4)
_CLEAN = str.maketrans("", "", string.punctuation)


class JointWords:
    """Fulfils ``words.Words``. The graph and its tokenizer are loaded when they are first used. Safe for several
    threads.

    ``cache`` is the folder for the vectors of the vocabulary, by default one of the user's: a large text graph needs a
    minute to compute them.
    """

    def __init__(
        self, spec: ModelSpec, text: TextSpec, *, threads: int | None = None, cache: Path | None = None
    ) -> None:
        self._spec = spec
        self._text = text
        self._threads = threads
        self._cache = cache
        self._reader = PiecesReader(lambda: self._tokenizer, self._normal)

    def embed(self, texts: Sequence[str]) -> Float32:
        """Texts, one or more, to float32 (n, dim), rows of unit length. Raises ModelError."""
        parts = [self._embed(texts[i : i + BATCH]) for i in range(0, len(texts), BATCH)]
        dim = self._spec.spaces[self._text.space].dim
        vectors = np.concatenate(parts)
        if vectors.shape[1:] != (dim,):
            raise ModelError(
                f"The text graph of {self._spec.name} gives {vectors.shape}; its description says {dim} dimensions."
            )
        return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float32)

    def count(self, texts: Sequence[str]) -> int:
        return sum(sum(t.attention_mask) for t in self._tokens(texts))

    def read(self, texts: Sequence[str]) -> list[Reading]:
        return self._reader.read(texts)

    def vocabulary(self) -> Vocabulary:
        return self._vocabulary

    def _embed(self, texts: Sequence[str]) -> Float32:
        tokens = self._tokens(texts)
        ids = np.array([t.ids for t in tokens])
        mask = np.array([t.attention_mask for t in tokens])
        inputs = {self._ids: ids}
        for name in self._session.inputs.keys() - {self._ids}:
            inputs[name] = self._other(name, ids, mask)
        output = self._session.run([self._output], inputs)[0]
        return finite(_pool(output, mask, self._text.pooling), self._spec.name)

    def _other(self, name: str, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        if name == "attention_mask":  # a model that always gets the same length was trained to read the padding too
            return np.ones_like(ids) if self._text.pad else mask
        if name == "token_type_ids":
            return np.zeros_like(ids)
        if name == "position_ids":
            return np.broadcast_to(np.arange(ids.shape[1]), ids.shape)
        raise ModelError(
            f"The text graph of {self._spec.name} wants an input {name!r}; known are attention_mask, token_type_ids "
            "and position_ids."
        )

    def _tokens(self, texts: Sequence[str]) -> Any:
        return self._tokenizer.encode_batch([self._normal(text) for text in texts])

    def _normal(self, text: str) -> str:
        # Lone surrogates (of file names that are no UTF-8) can't be tokenized.
        text = text.encode(errors="replace").decode()
        if self._text.lowercase or self._text.clean:
            text = text.lower()
        return re.sub(r"\s+", " ", text.translate(_CLEAN)).strip() if self._text.clean else text

    @cached_property
    def _session(self) -> Session:
        outputs = (self._text.output,) if self._text.output else ()
        return Session(self._spec.folder / str(self._text.file), outputs=outputs, threads=self._threads)

    @property
    def _output(self) -> str:
        return self._text.output or self._session.outputs[0]

    @cached_property
    def _ids(self) -> str:
        """The input that takes the tokens."""
        there = list(self._session.inputs)
        known = ("attention_mask", "token_type_ids", "position_ids")
        found = [n for n in there if n == "input_ids"] or [n for n in there if n not in known]
        if len(found) != 1:
            raise ModelError(f"{self._spec.name} should have one input for tokens, input_ids; it has {there}.")
        return found[0]

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        path = self._spec.folder / str(self._text.tokenizer)
        try:
            tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # tokenizers raises plain Exception
            raise ModelError(
                f"The tokenizer {path} can't be loaded: {error}", remedy="Fetch the model again."
            ) from error
        fixed = self._session.inputs[self._ids][-1]
        always = fixed if isinstance(fixed, int) else self._text.length if self._text.pad else None
        own = tokenizer.padding or {}
        tokenizer.enable_padding(
            direction=own.get("direction", "right"), length=always, **self._padding(tokenizer, own)
        )
        cut = always or self._text.length or (tokenizer.truncation or {}).get("max_length")
        if cut:
            tokenizer.enable_truncation(max_length=cut)
        else:
            tokenizer.no_truncation()
        return tokenizer

    def _padding(self, tokenizer: Any, own: dict[str, Any]) -> dict[str, Any]:
        """The token that fills up a text. A graph that never reads it takes any."""
        token = self._text.pad_token or own.get("pad_token") or self._pad_token_beside()
        place = tokenizer.token_to_id(token) if token else None
        if token and place is None:
            raise ModelError(f"The tokenizer of {self._spec.name} does not know the token {token!r} it is to pad with.")
        if place is None and self._text.pad:
            raise ModelError(
                f"Nothing says with which token the texts of {self._spec.name} are padded.",
                remedy="Name it in its spec.json: text.pad_token.",
            )
        return {"pad_token": token or "", "pad_id": place or 0}

    def _pad_token_beside(self) -> str | None:
        """The one that the files of ``transformers`` beside the tokenizer name, if they are there."""
        for name in ("tokenizer_config.json", "special_tokens_map.json"):
            path = (self._spec.folder / str(self._text.tokenizer)).with_name(name)
            try:
                token = json.loads(path.read_text("utf-8"))["pad_token"]
                return str(token["content"] if isinstance(token, dict) else token)
            except (OSError, ValueError, KeyError, TypeError):
                continue
        return None

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        known = load_vocabulary(VOCABULARY)
        path = self._kept
        try:
            vectors = np.load(path, allow_pickle=False).astype(np.float32)
        except (OSError, ValueError, EOFError):
            vectors = np.zeros((0, 0), np.float32)
        if vectors.shape != (len(known.words), self._spec.spaces[self._text.space].dim):
            vectors = self._name_words(known.words)
            _keep(path, vectors)
        return replace(known, vectors=vectors)

    def _name_words(self, words: Sequence[str]) -> Float32:
        """In the order of their length: a batch is as long as its longest."""
        order = sorted(range(len(words)), key=lambda i: len(words[i]))
        vectors = self.embed([NAMING.format(words[i]) for i in order])
        found = np.empty_like(vectors)
        found[order] = vectors
        return found

    @property
    def _kept(self) -> Path:
        """Where the words' vectors are kept; another model, or another list of words, has another file."""
        from imagefinder.models.spec import file_sha256

        folder = self._cache
        if folder is None:
            from platformdirs import user_cache_path

            folder = user_cache_path("imagefinder", appauthor=False) / "words"
        words = file_sha256(VOCABULARY / "vocabulary.txt")[:8]
        return folder / f"{self._spec.name}-{self._spec.fingerprint}-{words}.npy"


def _keep(path: Path, vectors: Float32) -> None:
    """Store the vectors. If this fails, they are computed again the next time."""
    import os
    from contextlib import suppress

    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            np.save(file, vectors.astype(np.float16))
        replace_path(partial, path)


def _pool(output: np.ndarray, mask: np.ndarray, pooling: str) -> Float32:
    """What a text graph gives, (n, dim) or (n, tokens, dim), as float32 (n, dim). Raises ModelError."""
    if output.dtype.kind != "f" or output.ndim not in (2, 3):
        raise ModelError(f"The text graph gives {output.dtype} {output.shape} instead of vectors.")
    values = output.astype(np.float32, copy=False)
    if values.ndim == 2:
        return values
    rows = np.arange(len(values))
    if pooling == "cls":
        return np.asarray(values[:, 0])
    if pooling == "eos":  # the last token read, also where the padding stands before the text
        return np.asarray(values[rows, mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)])
    if pooling == "mean":
        weights = mask[:, :, None].astype(np.float32)
        return np.asarray((values * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1), np.float32)
    raise ModelError(f"A pooling {pooling!r} does not fit a text output of the shape {output.shape}.")
