"""Terms of a text: words without stop words, and pairs of neighbouring words. Pure.

A term has a 64-bit ID that depends on its text alone, so that it is the same in every lexicon.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray

from papers.text.folding import fold_text
from papers.text.lexemes import IS_UNSPACED, UNSPACED

TermIds = NDArray[np.uint64]

_TEX = re.compile(r"\\[a-zA-Z]+|[$\\{}^~]")
_TOKEN = re.compile(r"[^\W_]+(?:[-'.][^\W_]+)*|[.;:!?,()]")
_SINGLE_SCRIPT = re.compile(rf"[{UNSPACED}]+|[^{UNSPACED}]+")
_BREAKS = frozenset(".;:!?,()")
BREAK_ID = 0  # of punctuation; no word has it
_STOP_WORDS = frozenset(
    "a about also an and are as at be been between but by can for from has have how however in "
    "into is it its more most not of on or our such than that the their then there these they "
    "this those through thus to under up via was we were what when where which while who whose "
    "why will with within without would you your".split()
)
_PAIR_LEFT, _PAIR_RIGHT = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F
_MASK = (1 << 64) - 1


def extract_terms(text: str) -> list[str]:
    """Return the words of `text` without stop words, then its pairs of neighbouring words.

    A pair never spans punctuation.
    """
    tokens = _tokenize(text)
    words = [token for token in tokens if token not in _BREAKS]
    return words + [
        f"{a} {b}" for a, b in pairwise(tokens) if a not in _BREAKS and b not in _BREAKS
    ]


def extract_words(text: str) -> list[str]:
    """Return the words of `text` without stop words, spelled as in its terms."""
    return [token for token in _tokenize(text) if token not in _BREAKS]


@lru_cache(maxsize=1 << 11)  # 2 to 3 kB each; a typed text is tokenized for several purposes
def term_ids(text: str) -> TermIds:
    """Return the IDs of `extract_terms(text)`, in the same order, as a read-only array (terms)."""
    tokens = np.fromiter(map(_token_id, _tokenize(text)), dtype=np.uint64)
    left, right = tokens[:-1], tokens[1:]
    is_pair = (left != BREAK_ID) & (right != BREAK_ID)
    pairs = left[is_pair] * np.uint64(_PAIR_LEFT) + right[is_pair] * np.uint64(_PAIR_RIGHT)
    ids = np.concatenate([tokens[tokens != BREAK_ID], pairs])
    ids.flags.writeable = False
    return ids


@lru_cache(maxsize=1 << 14)
def token_ids(word: str) -> tuple[int, ...]:
    """Return the IDs of what `extract_words` makes of a word, and BREAK_ID for punctuation."""
    return tuple(map(_token_id, _tokenize(word)))


def pair_id(left: int, right: int) -> int:
    """Return the ID of a pair of neighbouring words."""
    return (left * _PAIR_LEFT + right * _PAIR_RIGHT) & _MASK


def named_term_ids(text: str) -> Iterable[tuple[int, str]]:
    """Return the terms of a text, each with its ID."""
    return zip(term_ids(text).tolist(), extract_terms(text), strict=True)


def ids_of_all(texts: Iterable[str]) -> TermIds:
    """Return the IDs of all terms of these texts, one text after the other."""
    return np.concatenate([np.empty(0, np.uint64), *map(term_ids, texts)])


def _tokenize(text: str) -> list[str]:
    """Return words without stop words, and punctuation marks between them."""
    tokens = map(_without_possessive, _TOKEN.findall(fold_text(_TEX.sub(" ", text))))
    words = chain.from_iterable(map(_split_token, tokens))
    return [word for word in words if word not in _STOP_WORDS]


def _split_token(token: str) -> Sequence[str]:
    """Split a compound of three or more words into words.

    Split text of a script without spaces into pairs of neighbouring characters, since its words
    cannot be told apart without a dictionary.
    """
    if not token.isascii() and IS_UNSPACED.search(token):
        return [gram for piece in _SINGLE_SCRIPT.findall(token) for gram in _bigrams(piece)]
    if token.count("-") > 1:
        parts = [part for part in token.split("-") if part not in _STOP_WORDS]
        return parts if len(parts) > 2 else (token,)
    return (token,)


def _bigrams(piece: str) -> Iterator[str]:
    if len(piece) > 1 and IS_UNSPACED.match(piece):
        return (a + b for a, b in pairwise(piece))
    return iter([piece.strip("-'.")] if piece.strip("-'.") else [])


def _without_possessive(token: str) -> str:
    return token[:-2] if token.endswith("'s") else token


@lru_cache(maxsize=1 << 19)
def _token_id(token: str) -> int:
    """Return the ID of a word; a compound of two words has the ID of the pair.

    So "zero-shot" and "zero shot" are one term.
    """
    if token in _BREAKS:
        return BREAK_ID
    parts = [part for part in token.split("-") if part not in _STOP_WORDS]
    if len(parts) == 2:
        return pair_id(*map(_token_id, parts))
    return int.from_bytes(hashlib.blake2b(token.encode(), digest_size=8).digest(), "little") or 1
