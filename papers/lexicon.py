"""Papers as sparse vectors of weighted terms.

A term is a word or a pair of neighbouring words, known by a 64-bit id that is the same in every
version of a lexicon. What a version adds is how common each term is, learnt from the papers
themselves.
"""

import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Ids = NDArray[np.uint64]
Weights = NDArray[np.float32]

TITLE_WEIGHT = 2.0
COMMON_SHARE = 0.2
MIN_PAPERS_FOR_CUTS = 1000

_TEX = re.compile(r"\\[a-zA-Z]+|[$\\{}^~]")
_WORD = re.compile(r"[^\W_]+(?:[-'’.][^\W_]+)*")
_STOP_WORDS = frozenset(
    "a about also an and are as at be been between but by can for from has have how however in "
    "into is it its more most not of on or our such than that the their then there these they "
    "this those through thus to under up via was we were what when where which while who whose "
    "why will with within without would you your".split()
)
_PAIR_LEFT = np.uint64(0x9E3779B97F4A7C15)
_PAIR_RIGHT = np.uint64(0xC2B2AE3D27D4EB4F)


class LexiconError(ValueError):
    """Stored bytes are no lexicon; str() is one line that says why."""


@dataclass(frozen=True, slots=True)
class PaperText:
    """What matching knows of a paper. `key` is the caller's own identity for it."""

    key: str
    title: str
    abstract: str = ""
    categories: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()


def words(text: str) -> list[str]:
    """Lower-case words in order, stop words left out: "GPT-4's maps" gives gpt-4's, maps."""
    found = _WORD.findall(_TEX.sub(" ", text).lower())
    return [word for word in found if word not in _STOP_WORDS]


def terms(text: str) -> list[str]:
    """Words, then pairs of neighbouring words joined by a space."""
    singles = words(text)
    return singles + [f"{a} {b}" for a, b in zip(singles, singles[1:], strict=False)]


@lru_cache(maxsize=1 << 20)
def _word_id(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")


def term_ids(text: str) -> Ids:
    """The 64-bit ids of `terms(text)`, in the same order."""
    singles = np.fromiter((_word_id(word) for word in words(text)), dtype=np.uint64)
    pairs = singles[:-1] * _PAIR_LEFT + singles[1:] * _PAIR_RIGHT
    return np.concatenate([singles, pairs])


def _counts(paper: PaperText) -> tuple[Ids, Weights]:
    """Distinct term ids of a paper and how often each stands in it, title words counting more."""
    title, abstract = term_ids(paper.title), term_ids(paper.abstract)
    counted = np.repeat(np.float32([TITLE_WEIGHT, 1.0]), [len(title), len(abstract)])
    ids, place = np.unique(np.concatenate([title, abstract]), return_inverse=True)
    return ids, np.bincount(place, counted, len(ids)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Lexicon:
    """How rare each term is. `ids` ascend; `weights` are the idf of each; `version` names them."""

    ids: Ids
    weights: Weights
    version: str

    @classmethod
    def learn(cls, papers: Iterable[PaperText]) -> "Lexicon":
        """Document frequencies of the terms of `papers`; an empty corpus gives an empty lexicon."""
        counted = [_counts(paper)[0] for paper in papers]
        ids, frequency = np.unique(
            np.concatenate([np.empty(0, np.uint64), *counted]), return_counts=True
        )
        keep = frequency > 0
        if len(counted) >= MIN_PAPERS_FOR_CUTS:
            keep = (frequency >= 2) & (frequency <= COMMON_SHARE * len(counted))
        ids, frequency = ids[keep], frequency[keep]
        weights = (1.0 + np.log((1 + len(counted)) / (1.0 + frequency))).astype(np.float32)
        return cls(ids, weights, _fingerprint(ids, weights))

    @property
    def size(self) -> int:
        """The number of terms: the width of the vectors."""
        return len(self.ids)

    def vectors(self, papers: Sequence[PaperText]) -> sparse.csr_matrix:
        """One unit-length row a paper (float32, len(papers) x size); unknown terms are left out."""
        return self._matrix(_counts(paper) for paper in papers)

    def _matrix(self, counted: Iterable[tuple[Ids, Weights]]) -> sparse.csr_matrix:
        rows = [self._row(ids, counts) for ids, counts in counted]
        ends = np.cumsum([0, *(len(columns) for columns, _ in rows)])
        columns = np.concatenate([np.empty(0, np.int32), *(row[0] for row in rows)])
        values = np.concatenate([np.empty(0, np.float32), *(row[1] for row in rows)])
        return sparse.csr_matrix((values, columns, ends), shape=(len(rows), self.size))

    def _row(self, ids: Ids, counts: Weights) -> tuple[NDArray[np.int32], Weights]:
        places = np.searchsorted(self.ids, ids)
        known = places < self.size
        known[known] = self.ids[places[known]] == ids[known]
        places = places[known]
        values = (1.0 + np.log(counts[known])) * self.weights[places]
        norm = np.linalg.norm(values)
        return places.astype(np.int32), values / norm if norm else values

    def dumps(self) -> bytes:
        """The lexicon as bytes that `loads` reads."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, ids=self.ids, weights=self.weights)
        return buffer.getvalue()

    @classmethod
    def loads(cls, data: bytes) -> "Lexicon":
        """The lexicon that `dumps` wrote; raises `LexiconError` for anything else."""
        try:
            stored = np.load(io.BytesIO(data), allow_pickle=False)
            ids, weights = stored["ids"], stored["weights"]
        except (OSError, ValueError, KeyError, EOFError) as problem:
            raise LexiconError(f"not a lexicon: {problem}") from problem
        return cls(ids, weights, _fingerprint(ids, weights))


def _fingerprint(ids: Ids, weights: Weights) -> str:
    return hashlib.blake2b(ids.tobytes() + weights.tobytes(), digest_size=8).hexdigest()


def overlap(ids: Ids, others: Ids) -> Iterator[int]:
    """The ids that stand in both."""
    return iter(np.intersect1d(ids, others).tolist())
