"""Papers as vectors: sparse ones of weighted terms, and small dense ones of their meaning.

A term is a word or a pair of neighbouring words, known by a 64-bit id that is the same in every
version of a lexicon. What a version adds is learnt from the papers themselves: how rare each term
is, and where it lies in a space of meanings. Vectors of two versions must not be mixed; make them
anew from the texts when the version changes.
"""

import hashlib
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from papers import embedding
from papers.embedding import summed
from papers.text import sentences

Ids = NDArray[np.uint64]
Owners = NDArray[np.int64]
Weights = NDArray[np.float32]

METHOD = "halves"  # begins each version; renamed when lexicons are learnt in another way
TITLE_WEIGHT = 2.0
SATURATION, LENGTH_SHARE = 1.2, 0.75  # k1 and b of BM25
COMMON_SHARE = 0.2  # what stands in more papers says nothing about one
PAPERS_FOR_CUTS = 1000  # in a smaller corpus every term counts, and meanings cannot be learnt
CHUNK = 2000  # papers counted at once; bounds the memory of their term ids
PAPERS_FOR_MEANING = 5  # a term's meaning shows after so many papers

_TEX = re.compile(r"\\[a-zA-Z]+|[$\\{}^~]")
_TOKEN = re.compile(r"[^\W_]+(?:[-'’.][^\W_]+)*|[.;:!?,()]")
_BREAKS = frozenset(".;:!?,()")
_BREAK_ID = 0
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


def _tokens(text: str) -> list[str]:
    found = _TOKEN.findall(_TEX.sub(" ", text).lower())
    return [token for token in found if token not in _STOP_WORDS]


def terms(text: str) -> list[str]:
    """Words without stop words, then neighbouring pairs; no pair reaches across punctuation."""
    tokens = _tokens(text)
    singles = [token for token in tokens if token not in _BREAKS]
    return singles + [
        f"{a} {b}" for a, b in pairwise(tokens) if a not in _BREAKS and b not in _BREAKS
    ]


@lru_cache(maxsize=1 << 19)
def _token_id(token: str) -> int:
    if token in _BREAKS:
        return _BREAK_ID
    return int.from_bytes(hashlib.blake2b(token.encode(), digest_size=8).digest(), "little") or 1


@lru_cache(maxsize=1 << 11)  # of two or three kB: what readers typed is looked at several times
def term_ids(text: str) -> Ids:
    """The 64-bit ids of `terms(text)`, in the same order; not to be written to."""
    tokens = np.fromiter(map(_token_id, _tokens(text)), dtype=np.uint64)
    left, right = tokens[:-1], tokens[1:]
    together = (left != _BREAK_ID) & (right != _BREAK_ID)
    pairs = left[together] * _PAIR_LEFT + right[together] * _PAIR_RIGHT
    ids = np.concatenate([tokens[tokens != _BREAK_ID], pairs])
    ids.flags.writeable = False
    return ids


@dataclass(frozen=True, slots=True)
class _Bag:
    """How often each term stands in each text: rows are texts, columns the ascending `ids`."""

    ids: Ids
    rows: sparse.csr_matrix

    @classmethod
    def of(cls, texts: Sequence[str]) -> "_Bag":
        found = [term_ids(text) for text in texts]
        ends = np.cumsum([0, *map(len, found)])
        ids, columns = np.unique(
            np.concatenate([np.empty(0, np.uint64), *found]), return_inverse=True
        )
        ones = np.ones(len(columns), dtype=np.float32)
        rows = sparse.csr_matrix(
            (ones, columns.astype(np.int32), ends), shape=(len(texts), len(ids))
        )
        rows.sum_duplicates()
        return cls(ids, rows)

    def within(self, ids: Ids) -> sparse.csr_matrix:
        """The same counts with `ids` as columns; other terms are dropped."""
        places = np.searchsorted(ids, self.ids)
        known = np.flatnonzero(places < len(ids))
        known = known[ids[places[known]] == self.ids[known]]
        kept = self.rows[:, known]
        columns = places[known].astype(np.int32)[kept.indices]
        shape = (kept.shape[0], len(ids))
        return sparse.csr_matrix((kept.data, columns, kept.indptr), shape=shape)


@dataclass(frozen=True, slots=True)
class _Bags:
    """The counts of many papers, by chunks that keep memory low: their titles above the parts of
    their abstracts, and which of a chunk's papers each part is of."""

    chunks: list[tuple[_Bag, Owners]]

    @classmethod
    def of(
        cls, papers: Sequence[PaperText], parts: Callable[[str], list[str]] = lambda text: [text]
    ) -> "_Bags":
        chunks = []
        for start in range(0, len(papers), CHUNK):
            chunk = papers[start : start + CHUNK]
            found = [parts(paper.abstract) for paper in chunk]
            texts = [*(paper.title for paper in chunk), *chain.from_iterable(found)]
            owners = np.repeat(np.arange(len(chunk)), [len(row) for row in found])
            chunks.append((_Bag.of(texts), owners))
        return cls(chunks)

    def frequencies(self) -> tuple[Ids, NDArray[np.int64]]:
        """All terms, ascending, and in how many papers each stands."""
        counts = [_in_papers(bag, owners) for bag, owners in self.chunks]
        ids, places = np.unique(
            np.concatenate([np.empty(0, np.uint64), *(bag.ids for bag, _owners in self.chunks)]),
            return_inverse=True,
        )
        counted = np.concatenate([np.empty(0, np.int64), *counts])
        return ids, np.bincount(places, counted, len(ids)).astype(np.int64)

    def within(self, ids: Ids) -> tuple[sparse.csr_matrix, sparse.csr_matrix, Owners]:
        """Titles and parts of abstracts as rows of `ids`, and the position of each part's paper."""
        titles = [sparse.csr_matrix((0, len(ids)), dtype=np.float32)]
        parts, owned, before = [*titles], [np.empty(0, np.int64)], 0
        for bag, owners in self.chunks:
            rows = bag.within(ids)
            count = rows.shape[0] - len(owners)
            titles.append(rows[:count])
            parts.append(rows[count:])
            owned.append(before + owners)
            before += count
        return (
            sparse.vstack(titles, format="csr"),
            sparse.vstack(parts, format="csr"),
            np.concatenate(owned),
        )


def _in_papers(bag: _Bag, owners: Owners) -> NDArray[np.int64]:
    count = bag.rows.shape[0] - len(owners)
    rows = bag.rows[:count] + summed(bag.rows[count:], owners, count)
    return np.bincount(rows.indices, minlength=len(bag.ids))


def _columns(rows: sparse.csr_matrix, columns: NDArray[np.int32]) -> sparse.csr_matrix:
    """`rows[:, columns]` for ascending columns, at the cost of what stands in the rows: scipy's
    own looks at every column."""
    places = np.searchsorted(columns, rows.indices).astype(np.int32)
    known = np.flatnonzero(places < len(columns))
    known = known[columns[places[known]] == rows.indices[known]]
    ends = np.searchsorted(known, rows.indptr).astype(np.int32)
    shape = (rows.shape[0], len(columns))
    return sparse.csr_matrix((rows.data[known], places[known], ends), shape=shape)


def units(rows: sparse.csr_matrix) -> sparse.csr_matrix:
    """The rows at length one; empty rows stay empty."""
    norms = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    scale = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
    return sparse.csr_matrix(sparse.diags(scale) @ rows, dtype=np.float32)


def dense_units(rows: Weights) -> Weights:
    """The rows at length one; empty rows stay empty."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)


@dataclass(frozen=True, slots=True)
class Lexicon:
    """What terms weigh and mean.

    `ids` ascend; `rarity` is the inverse document frequency of each; `mean_length` is that of a
    paper in terms. `places` are the positions among `ids` of the terms that have a meaning, and
    `points` those meanings (len(places) x 256; no rows where the corpus was too small).
    """

    ids: Ids
    rarity: Weights
    mean_length: float
    places: NDArray[np.int32]
    points: NDArray[np.float16]
    version: str = ""

    @classmethod
    def learn(cls, papers: Iterable[PaperText]) -> "Lexicon":
        """Learn from the texts of `papers`; an empty corpus gives an empty lexicon, which matches
        nothing."""
        known = list(papers)
        bags = _Bags.of(known, sentences)
        ids, frequency = _worth_keeping(*bags.frequencies(), len(known))
        rarity = np.log1p((len(known) - frequency + 0.5) / (frequency + 0.5)).astype(np.float32)
        blank = cls(ids, rarity, 1.0, np.empty(0, np.int32), np.empty((0, 0), np.float16))
        titles, parts, owners = bags.within(ids)
        abstracts = summed(parts, owners, len(known))
        lengths = (TITLE_WEIGHT * titles + abstracts).sum(axis=1)
        sized = replace(blank, mean_length=float(lengths.mean()) if known else 1.0)
        if len(known) >= PAPERS_FOR_CUTS:
            often = np.flatnonzero(frequency >= PAPERS_FOR_MEANING).astype(np.int32)
            whole = (titles, abstracts, TITLE_WEIGHT * titles + abstracts)
            rows = [units(sized._weighted(counts)[:, often]) for counts in whole]
            frequent = replace(sized, ids=ids[often], rarity=rarity[often])
            corpus = embedding.Corpus(
                titles=rows[0],
                abstracts=rows[1],
                papers=rows[2],
                sentences=_columns(parts, often),
                owners=owners,
                weighed=frequent._weighed,
            )
            points = embedding.learn(corpus).astype(np.float16)
            sized = replace(sized, places=often, points=points)
        return replace(sized, version=sized._fingerprint())

    @property
    def size(self) -> int:
        """The number of terms: the width of the sparse vectors."""
        return len(self.ids)

    def places_of(self, terms: Ids) -> NDArray[np.int64]:
        """The columns of those of these terms that it knows, ascending, each once."""
        wanted = np.unique(terms)
        places = np.searchsorted(self.ids, wanted)
        known = np.flatnonzero(places < self.size)
        return places[known[self.ids[places[known]] == wanted[known]]]

    def vectors(self, papers: Sequence[PaperText]) -> sparse.csr_matrix:
        """One unit-length row a paper (float32, len(papers) x size); unknown terms are left out."""
        titles, abstracts, _owners = _Bags.of(papers).within(self.ids)
        return self._weighed(TITLE_WEIGHT * titles + abstracts)

    def meanings(self, vectors: sparse.csr_matrix) -> Weights:
        """One unit-length dense row for each row of `vectors`."""
        meant = units(_columns(vectors, self.places))
        used = np.unique(meant.indices)  # few of all points, which are many to convert
        return dense_units(meant[:, used] @ self.points[used].astype(np.float32))

    def _weighed(self, counts: sparse.csr_matrix) -> sparse.csr_matrix:
        """Counts as unit-length rows of weights."""
        return units(self._weighted(counts))

    def _weighted(self, counts: sparse.csr_matrix) -> sparse.csr_matrix:
        """BM25: a term counts less the oftener it was said, and in a long text."""
        rows = sparse.csr_matrix(counts, dtype=np.float32, copy=True)
        length = np.asarray(rows.sum(axis=1)).ravel() / self.mean_length
        damping = SATURATION * (1.0 - LENGTH_SHARE + LENGTH_SHARE * length)
        damped = rows.data + np.repeat(damping, np.diff(rows.indptr)).astype(np.float32)
        rows.data *= (SATURATION + 1.0) / damped * self.rarity[rows.indices]
        return rows

    def _fingerprint(self) -> str:
        digest = hashlib.blake2b(str(self.mean_length).encode(), digest_size=8)
        for part in (self.ids, self.rarity, self.places, self.points):
            digest.update(part.tobytes())
        return f"{METHOD}-{digest.hexdigest()}"

    def dumps(self) -> bytes:
        """The lexicon as bytes that `loads` reads."""
        buffer = io.BytesIO()
        np.savez(
            buffer,
            ids=self.ids,
            rarity=self.rarity.astype(np.float16),
            mean_length=np.float64(self.mean_length),
            places=self.places,
            points=self.points,
            version=np.array(self.version),
        )
        return buffer.getvalue()

    @classmethod
    def loads(cls, data: bytes) -> "Lexicon":
        """The lexicon that `dumps` wrote; raises `LexiconError` for anything else."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as stored:
                return cls(
                    stored["ids"],
                    stored["rarity"].astype(np.float32),
                    float(stored["mean_length"]),
                    stored["places"],
                    stored["points"],
                    str(stored["version"]),
                )
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as problem:
            raise LexiconError(f"not a lexicon: {problem}") from problem


def _worth_keeping(
    ids: Ids, frequency: NDArray[np.int64], papers: int
) -> tuple[Ids, NDArray[np.int64]]:
    """Not what stands in one paper alone, nor in very many, unless the corpus is small."""
    if papers < PAPERS_FOR_CUTS:
        return ids, frequency
    keep = (frequency >= 2) & (frequency <= COMMON_SHARE * papers)
    return ids[keep], frequency[keep]
