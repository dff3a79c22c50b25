"""Which words of a text a model knows. A model gives a vector for any text, also for one that says nothing to it; only
its tokenizer tells the two apart."""

from __future__ import annotations

import gzip
import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from imagefinder.errors import ModelError
from imagefinder.models.base import Reading
from imagefinder.models.conse import load_vocabulary

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019\u02bc][^\W\d_]+)*")
_EMOJI = "\ufe0f"  # the mark that asks for a coloured pictograph
_LATIN = re.compile("[a-z]+")
_COMMON, _RARE = 15_000, 1_000_000  # tokens; a tokenizer's first ones are its most usual
_PART = 3  # letters at least of each half of a compound
_LONG = 6  # letters of a word that a slip can be found in

# Words between the others: knowing them is not yet understanding anything. Those of other languages are here because
# they are in English names too: "de", "la", "der".
_SMALL_WORDS = """
a about above after all an and any are as at be behind below beside between but by can do does down each every for
from had has have he her here his how i if in into is it its just like many me more most my near no not of off on one
only or other our out over she so some than that the their them then there these they this those through to too two
under up us very was we were what when where which who whose why will with you your am auf aus bei das dem den der des
die ein eine einem einen einer es im ist mit und von vor zu zum zur au aux avec ce ces d dans de du en est et l la le
les ou par pour sans sur un une al con del el las lo los o para por que sin su sus una unas uno unos y alla che da dal
della di e gli il nel nella per ai com dos em na nas nos os um uma av det ett han med och om pa som het een op te voor
"""
_SMALL = frozenset(_SMALL_WORDS.split())


def words_of(text: str) -> list[str]:
    """The words of a text as they are written: runs of letters, also with an apostrophe inside, and of pictographs.
    Digits and punctuation are none."""
    text = unicodedata.normalize("NFC", text.encode(errors="replace").decode())
    marked = "".join("x" if unicodedata.category(sign)[0] == "M" and sign != _EMOJI else sign for sign in text)
    found = [(m.start(), text[slice(*m.span())]) for m in _WORD.finditer(marked)]
    letters = [(place, word) for place, word in found if any(sign.isalpha() for sign in word)]
    return [word for _, word in sorted([*letters, *_pictographs(text)])]


def read_words(text: str, knows: Callable[[str], bool]) -> tuple[tuple[str, ...], bool]:
    """The unknown words of a text, each once, and whether anything in it is understood. Single letters and the small
    words between the others count for neither; a text without a letter, digit or pictograph is unknown as a whole."""
    words = list(dict.fromkeys(words_of(text)))
    if not words and not any(sign.isalnum() for sign in text):
        return ((text.strip(),) if text.strip() else ()), not text.strip()
    telling = [word for word in words if folded(word) not in _SMALL and not (len(word) == 1 and word.isascii())]
    unknown = tuple(word for word in telling if not knows(word))
    return unknown, not unknown or len(unknown) < len(telling)


def folded(word: str) -> str:
    """A word in lower case without accents, as uncased models read it."""
    parts = unicodedata.normalize("NFKD", word.lower())
    return "".join(sign for sign in parts if not unicodedata.combining(sign))


class EnglishReader:
    """Reads for an English model with a vocabulary of word pieces, in a ``folder`` with ``english.txt.gz``.

    A word is known if it, or what it is inflected from, is a whole token or in that list (the entries of WordNet and
    some newer words), or if it is put together from two common words: "firehose". Words of other languages that English
    texts use often are tokens too, so they pass: "casa".
    """

    def __init__(self, folder: Path, token: Callable[[str], int | None]) -> None:
        """``token`` gives the number of a token in the vocabulary, None for what is none."""
        self._folder = folder
        self._token = token

    def read(self, texts: Sequence[str]) -> list[Reading]:
        return [self._read(text) for text in texts]

    def _read(self, text: str) -> Reading:
        unknown, understood = read_words(text, self.knows)
        slips = ((word, self._meant(folded(word))) for word in unknown)
        return Reading(unknown, understood, tuple((word, said) for word, said in slips if said), "English")

    def knows(self, word: str) -> bool:
        """Whether it is a word of this model."""
        parts = re.split("['\u2019\u02bc]", folded(word))
        plain = max(parts, key=len)
        if not _LATIN.fullmatch(plain):
            return False
        return any(self._listed(form) for form in _forms(plain)) or self._is_compound(plain)

    def _listed(self, word: str) -> bool:
        return self._token(word) is not None or word in self._english

    def _is_compound(self, word: str) -> bool:
        halves = ((word[:i], word[i:]) for i in range(_PART, len(word) - _PART + 1))
        return any(self._may_join(a) and any(self._may_join(form) for form in _forms(b)) for a, b in halves)

    def _may_join(self, word: str) -> bool:
        """Short tokens are too often a syllable of another language, unless they are usual words."""
        return len(word) >= _PART and self._rank(word) < (_COMMON if len(word) == _PART else _RARE)

    def _meant(self, word: str) -> str | None:
        """The most usual of the words things are named with that is one slip away: a letter too many, too few, wrong,
        or changed with the next. Only of longer words: short ones are near to too many."""
        if len(word) < _LONG or not _LATIN.fullmatch(word):
            return None
        near = self._names.intersection(_slips(word))
        return min(near, key=lambda slip: (self._rank(slip), slip), default=None)

    def _rank(self, word: str) -> int:
        """Smaller for usual words."""
        number = self._token(word)
        return _RARE if number is None else number

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(_LATIN.findall(" ".join(load_vocabulary(self._folder).words).lower()))

    @cached_property
    def _english(self) -> frozenset[str]:
        path = self._folder / "english.txt.gz"
        try:
            return frozenset(gzip.decompress(path.read_bytes()).decode().split("\n"))
        except (OSError, EOFError, ValueError) as error:
            raise ModelError(
                f"The words {path} can't be read: {error}.", remedy="Install ImageFinder again."
            ) from error


class PiecesReader:
    """Reads for any other model, by its ``tokenizer``: a word is unknown if most of its letters are tokens of their own
    (or bytes, or the token for what is unknown), because nothing is learnt of words that never were pieces. So words
    that are rare, or of a language that the model has seen a little of, pass. A sign that is a word by itself, as in
    Chinese, may be a token."""

    def __init__(self, tokenizer: Callable[[], Any], normal: Callable[[str], str]) -> None:
        self._tokenizer = tokenizer
        self._normal = normal

    def read(self, texts: Sequence[str]) -> list[Reading]:
        return [Reading(*read_words(text, self.knows)) for text in texts]

    def knows(self, word: str) -> bool:
        """Whether most of the word's letters are in tokens that say something."""
        plain = self._normal(word)
        found = self._tokenizer().encode(plain, add_special_tokens=False)
        spans = [span for span, there in zip(found.offsets, found.attention_mask, strict=True) if there]
        tokens = [token for token, there in zip(found.tokens, found.attention_mask, strict=True) if there]
        own: list[int] = [0] * len(plain)  # how many tokens each letter is in
        for start, end in spans:
            for place in range(start, end):
                own[place] += 1
        whole: int = sum(
            end - start
            for token, (start, end) in zip(tokens, spans, strict=True)
            if not _is_unknown(token)
            and (end - start > 1 or (end > start and own[start] == 1 and _speaks(plain[start])))
        )
        return bool(2 * whole >= len(plain.strip()))


def known_besides(reading: Reading, taught: Collection[str]) -> Reading:
    """The reading of a model that was taught further words, in the form of ``folded``."""
    unknown = tuple(word for word in reading.unknown if folded(word) not in taught)
    if len(unknown) == len(reading.unknown):
        return reading
    meant = tuple((word, said) for word, said in reading.meant if word in unknown)
    return Reading(unknown, True, meant, reading.language)


def _is_unknown(token: str) -> bool:
    return token.strip("[]<>").lower() == "unk"


def _speaks(sign: str) -> bool:
    """Whether one sign can be a word: in Chinese and Japanese, and pictographs."""
    return unicodedata.category(sign) in ("Lo", "So")


def _pictographs(text: str) -> Iterator[tuple[int, str]]:
    """Runs of emoji and other pictographs, with their places; signs such as (c) and degrees are none."""
    start = -1
    for place, sign in enumerate(f"{text} "):
        is_one = unicodedata.category(sign) in ("So", "Cn", "Co") and ord(sign) > 0x2300
        goes_on = start >= 0 and (sign in "\u200d\ufe0f\u20e3" or "\U0001f3fb" <= sign <= "\U0001f3ff")
        if is_one and start < 0:
            start = place
        elif start >= 0 and not is_one and not goes_on:
            yield start, text[start:place]
            start = -1


def _forms(word: str) -> Iterator[str]:
    """A word, and what it may be inflected or derived from: "waves", "hoping" and "bigger" of "wave", "hope", "big"."""
    yield word
    for ending, instead in _ENDINGS:
        stem = word.removesuffix(ending)
        if len(stem) < 2 or stem == word:
            continue
        yield stem + instead
        if instead == "" and len(stem) > 3 and stem[-1] == stem[-2]:
            yield stem[:-1]


_ENDINGS = (
    *(("s", ""), ("es", ""), ("ies", "y"), ("ing", ""), ("ing", "e"), ("ed", ""), ("ed", "e"), ("ied", "y")),
    *(("er", ""), ("er", "e"), ("ers", ""), ("ers", "e"), ("est", ""), ("est", "e"), ("ly", ""), ("y", ""), ("y", "e")),
    *(("less", ""), ("ness", ""), ("like", ""), ("ish", "")),
)


def _slips(word: str) -> Iterator[str]:
    letters = "abcdefghijklmnopqrstuvwxyz"
    for i in range(len(word) + 1):
        head, tail = word[:i], word[i:]
        yield from (head + letter + tail for letter in letters)
        if tail:
            yield head + tail[1:]
            yield from (head + letter + tail[1:] for letter in letters)
    for i, (a, b) in enumerate(pairwise(word)):
        yield word[:i] + b + a + word[i + 2 :]
