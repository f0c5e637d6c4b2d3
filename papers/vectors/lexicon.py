"""Papers as vectors: sparse ones of weighted terms, and small dense ones of their meaning.

A term is a word or a pair of neighbouring words, known by a 64-bit id that is the same in every
version of a lexicon. A version adds what it learns from the papers: how rare each term is, and
where it lies in a space of meanings. Do not mix vectors of two versions; make them again from the
texts when the version changes.

A term that came after a version was learnt counts as one that a single paper has. `including` gives
such terms of some papers columns of their own, so that a word matches from the minute its paper is
stored.
"""

import hashlib
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from papers.text.folding import fold_text
from papers.text.lexemes import IS_UNSPACED, UNSPACED
from papers.text.markup import split_sentences
from papers.vectors import term_embeddings
from papers.vectors.term_embeddings import summed

TermIds = NDArray[np.uint64]
Owners = NDArray[np.int64]
Weights = NDArray[np.float32]

METHOD = "apart"  # begins each version; renamed when lexicons are learnt in another way
TITLE_WEIGHT = 2.0
SATURATION, LENGTH_SHARE = 1.2, 0.75  # k1 and b of BM25
COMMON_SHARE = 0.2  # terms of more papers count only where a reader typed them
PAPERS_FOR_CUTS = 1000  # in a smaller corpus every term counts, and meanings cannot be learnt
LEAST_KNOWN = 1 / 3  # of a row's length; else a paper whose terms are all new would weigh most
# The power of rarities in a small corpus, and of how many papers it is the greatest, and 1.
SHARPEST, FEW, MANY = 2.0, 1_000, 80_000
CHUNK = 2000  # papers counted at once; bounds the memory of their term ids
PAPERS_FOR_MEANING = 5  # a term's meaning shows after so many papers

_TEX = re.compile(r"\\[a-zA-Z]+|[$\\{}^~]")
_TOKEN = re.compile(r"[^\W_]+(?:[-'.][^\W_]+)*|[.;:!?,()]")
_OF_ONE_SCRIPT = re.compile(rf"[{UNSPACED}]+|[^{UNSPACED}]+")
_BREAKS = frozenset(".;:!?,()")
_BREAK_ID = 0
_STOP_WORDS = frozenset(
    "a about also an and are as at be been between but by can for from has have how however in "
    "into is it its more most not of on or our such than that the their then there these they "
    "this those through thus to under up via was we were what when where which while who whose "
    "why will with within without would you your".split()
)
_PAIR_LEFT, _PAIR_RIGHT = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F
_MASK = (1 << 64) - 1


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
    found = _TOKEN.findall(fold_text(_TEX.sub(" ", text)))
    bare = chain.from_iterable(map(_words_in, map(_bare, found)))
    return [token for token in bare if token not in _STOP_WORDS]


def _words_in(token: str) -> Sequence[str]:
    """The words of a compound of three or more, and neighbouring characters of a script without
    spaces, where nobody can tell words apart without a dictionary."""
    if not token.isascii() and IS_UNSPACED.search(token):
        return [gram for piece in _OF_ONE_SCRIPT.findall(token) for gram in _grams(piece)]
    if token.count("-") > 1:
        parts = [part for part in token.split("-") if part not in _STOP_WORDS]
        return parts if len(parts) > 2 else (token,)
    return (token,)


def _grams(piece: str) -> Iterator[str]:
    if len(piece) > 1 and IS_UNSPACED.match(piece):
        return (a + b for a, b in pairwise(piece))
    return iter([piece.strip("-'.")] if piece.strip("-'.") else [])


def _bare(token: str) -> str:
    return token[:-2] if token.endswith("'s") else token


def extract_terms(text: str) -> list[str]:
    """Words without stop words, then neighbouring pairs; no pair reaches across punctuation."""
    tokens = _tokens(text)
    singles = [token for token in tokens if token not in _BREAKS]
    return singles + [
        f"{a} {b}" for a, b in pairwise(tokens) if a not in _BREAKS and b not in _BREAKS
    ]


def extract_words(text: str) -> list[str]:
    """The words of `text` without stop words, as terms have them."""
    return [token for token in _tokens(text) if token not in _BREAKS]


@lru_cache(maxsize=1 << 19)
def _token_id(token: str) -> int:
    """A word of two parts has the id of the pair: "zero-shot" and "zero shot" are one."""
    if token in _BREAKS:
        return _BREAK_ID
    parts = [part for part in token.split("-") if part not in _STOP_WORDS]
    if len(parts) == 2:
        return (_token_id(parts[0]) * _PAIR_LEFT + _token_id(parts[1]) * _PAIR_RIGHT) & _MASK
    return int.from_bytes(hashlib.blake2b(token.encode(), digest_size=8).digest(), "little") or 1


@lru_cache(maxsize=1 << 11)  # of two or three kB: what readers typed is looked at several times
def term_ids(text: str) -> TermIds:
    """The 64-bit ids of `terms(text)`, in the same order; not to be written to."""
    tokens = np.fromiter(map(_token_id, _tokens(text)), dtype=np.uint64)
    left, right = tokens[:-1], tokens[1:]
    together = (left != _BREAK_ID) & (right != _BREAK_ID)
    pairs = left[together] * np.uint64(_PAIR_LEFT) + right[together] * np.uint64(_PAIR_RIGHT)
    ids = np.concatenate([tokens[tokens != _BREAK_ID], pairs])
    ids.flags.writeable = False
    return ids


@dataclass(frozen=True, slots=True)
class _Bag:
    """How often each term stands in each text: rows are texts, columns the ascending `ids`."""

    ids: TermIds
    rows: sparse.csr_matrix

    @classmethod
    def of(cls, texts: Sequence[str]) -> "_Bag":
        found = list(map(term_ids, texts))
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

    def within(self, ids: TermIds) -> sparse.csr_matrix:
        """The same counts with `ids` as columns; other terms are dropped."""
        known, places = _found(ids, self.ids)
        return _moved(self.rows[:, known], places, len(ids))

    def outside(self, ids: TermIds) -> "_Bag":
        """The terms that are not among `ids`."""
        known, _places = _found(ids, self.ids)
        rest = np.setdiff1d(np.arange(len(self.ids)), known)
        return _Bag(self.ids[rest], self.rows[:, rest])


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

    def frequencies(self) -> tuple[TermIds, NDArray[np.int64]]:
        """All terms, ascending, and in how many papers each stands."""
        counts = [_in_papers(bag, owners) for bag, owners in self.chunks]
        ids, places = np.unique(
            np.concatenate([np.empty(0, np.uint64), *(bag.ids for bag, _owners in self.chunks)]),
            return_inverse=True,
        )
        counted = np.concatenate([np.empty(0, np.int64), *counts])
        return ids, np.bincount(places, counted, len(ids)).astype(np.int64)

    def within(self, ids: TermIds) -> tuple[sparse.csr_matrix, sparse.csr_matrix, Owners]:
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


def normalize_rows(rows: sparse.csr_matrix) -> sparse.csr_matrix:
    """The rows at length one; empty rows stay empty."""
    norms = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    scale = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
    return sparse.csr_matrix(sparse.diags(scale) @ rows, dtype=np.float32)


def normalize_dense_rows(rows: Weights) -> Weights:
    """The rows at length one; empty rows stay empty."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)


@dataclass(frozen=True, slots=True)
class Weighed:
    """Papers as weighed terms, a row each: `known` has a column for each term of the lexicon,
    `unseen` one for each of the ascending `ids` of terms it does not have."""

    known: sparse.csr_matrix
    unseen: sparse.csr_matrix
    ids: TermIds


@dataclass(frozen=True, slots=True)
class Lexicon:
    """What terms weigh and mean.

    `ids` ascend; `rarity` is what each weighs by how few of the `papers` learnt from have it;
    `mean_length` is that of a paper in terms. `common` are the places among `ids` of terms that
    very many papers have: they count only where a reader typed them. `places` are those of terms
    that have a meaning, and `points` these meanings (len(places) x 256; no rows where the corpus
    was too small). `more` are the ascending ids of other terms that have a column; see `including`.
    """

    ids: TermIds
    rarity: Weights
    mean_length: float
    places: NDArray[np.int32]
    points: NDArray[np.float16]
    common: NDArray[np.int32]
    papers: int
    version: str = ""
    more: TermIds = field(default_factory=lambda: np.empty(0, np.uint64))

    @classmethod
    def learn(cls, papers: Iterable[PaperText]) -> "Lexicon":
        """Learn from the texts of `papers`; an empty corpus gives an empty lexicon, by which all
        terms weigh the same."""
        known = list(papers)
        bags = _Bags.of(known, split_sentences)
        ids, frequency = _worth_keeping(*bags.frequencies(), len(known))
        plain = _rarity(frequency, len(known))
        common = _common(frequency, len(known))
        nowhere, pointless = np.empty(0, np.int32), np.empty((0, 0), np.float16)
        blank = cls(ids, plain, 1.0, nowhere, pointless, common, len(known))
        titles, parts, owners = bags.within(ids)
        abstracts = summed(parts, owners, len(known))
        lengths = (TITLE_WEIGHT * titles + abstracts) @ blank._uncommon()
        learnt = replace(blank, mean_length=float(lengths.mean()) if known else 1.0)
        if len(known) >= PAPERS_FOR_CUTS:
            enough = np.flatnonzero(frequency >= PAPERS_FOR_MEANING)
            often = np.setdiff1d(enough, common).astype(np.int32)
            whole = (titles, abstracts, TITLE_WEIGHT * titles + abstracts)
            rows = [normalize_rows(learnt._weighted(counts)[:, often]) for counts in whole]
            frequent = replace(learnt, ids=ids[often], rarity=plain[often], common=nowhere)
            corpus = term_embeddings.Corpus(
                titles=rows[0],
                abstracts=rows[1],
                papers=rows[2],
                sentences=_columns(parts, often),
                owners=owners,
                weighed=frequent._unit_rows,
            )
            points = term_embeddings.learn(corpus).astype(np.float16)
            learnt = replace(learnt, places=often, points=points)
        learnt = replace(learnt, rarity=_sharpened(plain, len(known)))
        return replace(learnt, version=learnt._fingerprint())

    @property
    def size(self) -> int:
        """The number of terms: the width of the sparse vectors."""
        return len(self.ids) + len(self.more)

    @property
    def learnt_version(self) -> str:
        """The version without the terms that were added to it."""
        return self.version.partition("+")[0]

    @property
    def unseen_rarity(self) -> float:
        """What a term weighs that none of the papers learnt from has: as if one had it."""
        return self.rarity_of(1)

    def rarity_of(self, frequency: float) -> float:
        """What a term weighs that so many papers have."""
        plain = _rarity(np.array([frequency]), self.papers)
        return float(_sharpened(plain, self.papers)[0])

    def with_terms(self, ids: TermIds) -> "Lexicon":
        """The same with a column for each of these terms."""
        more = np.setdiff1d(ids, self.ids)
        if not len(more):
            return replace(self, more=more, version=self.learnt_version)
        added = hashlib.blake2b(more.tobytes(), digest_size=8).hexdigest()
        return replace(self, more=more, version=f"{self.learnt_version}+{added}")

    def including(self, papers: Sequence[PaperText]) -> "Lexicon":
        """The same with a column for each term of these papers."""
        return self.with_terms(self.weighed(papers).ids)

    def columns_of(self, terms: TermIds) -> NDArray[np.int64]:
        """The column of each of these terms, -1 for those that have none."""
        found = np.full(len(terms), -1)
        known, places = _found(self.ids, terms)
        found[known] = places
        added, places = _found(self.more, terms)
        found[added] = len(self.ids) + places
        return found

    def places_of(self, terms: TermIds) -> NDArray[np.int64]:
        """The columns of those of these terms that have one, ascending, each once."""
        columns = np.unique(self.columns_of(terms))
        return columns[columns >= 0]

    def ids_at(self, columns: NDArray[np.int64]) -> TermIds:
        """The terms of these columns."""
        found = np.empty(len(columns), dtype=np.uint64)
        learnt = columns < len(self.ids)
        found[learnt] = self.ids[columns[learnt]]
        found[~learnt] = self.more[columns[~learnt] - len(self.ids)]
        return found

    def rarity_at(self, columns: NDArray[np.int64]) -> Weights:
        """What the terms of these columns weigh."""
        found = np.full(len(columns), self.unseen_rarity, dtype=np.float32)
        learnt = columns < len(self.ids)
        found[learnt] = self.rarity[columns[learnt]]
        return found

    def vectors(self, papers: Sequence[PaperText]) -> sparse.csr_matrix:
        """One row a paper (float32, len(papers) x size), of length one but for common terms and
        added pairs; terms that have no column are left out."""
        return self.joined(self.weighed(papers))

    def joined(self, weighed: Weighed) -> sparse.csr_matrix:
        """Rows with all columns, those of added terms last."""
        if not len(self.more):
            return weighed.known
        known, places = _found(self.more, weighed.ids)
        added = _moved(weighed.unseen[:, known], places, len(self.more))
        return sparse.hstack([weighed.known, added], format="csr", dtype=np.float32)

    def weighed(self, papers: Sequence[PaperText]) -> Weighed:
        """Terms by BM25, those of the lexicon and others.

        Rows have length one over the terms that were learnt and are not common. Others would
        shorten these: they are weighed to the same scale.
        """
        chunks = [papers[at : at + CHUNK] for at in range(0, len(papers), CHUNK)] or [[]]
        made = [self._weighed_chunk(chunk) for chunk in chunks]
        ids = np.unique(np.concatenate([one.ids for one in made]))
        unseen = [_moved(one.unseen, np.searchsorted(ids, one.ids), len(ids)) for one in made]
        return Weighed(
            sparse.vstack([one.known for one in made], format="csr"),
            sparse.vstack(unseen, format="csr"),
            ids,
        )

    def _weighed_chunk(self, papers: Sequence[PaperText]) -> Weighed:
        count = len(papers)
        bag = _Bag.of([*(paper.title for paper in papers), *(paper.abstract for paper in papers)])
        rest = bag.outside(self.ids)
        known, unseen = (
            TITLE_WEIGHT * rows[:count] + rows[count:] for rows in (bag.within(self.ids), rest.rows)
        )
        damping = self._damping(known)
        known = _bm25(known, damping, self.rarity)
        unseen = _bm25(unseen, damping, np.full(len(rest.ids), self.unseen_rarity, np.float32))
        telling = _squares(known) @ self._uncommon()
        whole = np.asarray(_squares(known).sum(axis=1) + _squares(unseen).sum(axis=1)).ravel()
        norms = np.sqrt(np.maximum(telling, LEAST_KNOWN * whole))
        scale = sparse.diags(np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0))
        known, unseen = (
            sparse.csr_matrix(scale @ one, dtype=np.float32) for one in (known, unseen)
        )
        return Weighed(known, unseen, rest.ids)

    def meanings(self, vectors: sparse.csr_matrix) -> Weights:
        """One unit-length dense row for each row of `vectors`."""
        meant = normalize_rows(_columns(vectors, self.places))
        used = np.unique(meant.indices)  # few of all points, which are many to convert
        return normalize_dense_rows(meant[:, used] @ self.points[used].astype(np.float32))

    def _unit_rows(self, counts: sparse.csr_matrix) -> sparse.csr_matrix:
        """Counts as unit-length rows of weights."""
        return normalize_rows(self._weighted(counts))

    def _weighted(self, counts: sparse.csr_matrix) -> sparse.csr_matrix:
        return _bm25(counts, self._damping(counts), self.rarity)

    def _damping(self, counts: sparse.csr_matrix) -> Weights:
        length = counts @ self._uncommon() / self.mean_length
        damping = SATURATION * (1.0 - LENGTH_SHARE + LENGTH_SHARE * length)
        return np.asarray(damping, dtype=np.float32)

    def _uncommon(self) -> Weights:
        """1 for each term of the lexicon, 0 for the common ones."""
        found = np.ones(len(self.ids), dtype=np.float32)
        found[self.common] = 0.0
        return found

    def _fingerprint(self) -> str:
        digest = hashlib.blake2b(f"{self.mean_length} {self.papers}".encode(), digest_size=8)
        for part in (self.ids, self.rarity, self.places, self.points, self.common):
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
            common=self.common,
            papers=np.int64(self.papers),
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
                    stored["common"],
                    int(stored["papers"]),
                    str(stored["version"]),
                )
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as problem:
            raise LexiconError(f"not a lexicon: {problem}") from problem


def _found(ids: TermIds, wanted: TermIds) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The positions of those of `wanted` that are among the ascending `ids`, and their places
    there."""
    places = np.searchsorted(ids, wanted)
    known = np.flatnonzero(places < len(ids))
    known = known[ids[places[known]] == wanted[known]]
    return known, places[known]


def _moved(rows: sparse.csr_matrix, places: NDArray[np.int64], width: int) -> sparse.csr_matrix:
    """The rows with the column at each position moved to its place among `width` columns."""
    columns = places.astype(np.int32)[rows.indices]
    return sparse.csr_matrix((rows.data, columns, rows.indptr), shape=(rows.shape[0], width))


def _squares(rows: sparse.csr_matrix) -> sparse.csr_matrix:
    return rows.multiply(rows).tocsr()


def _bm25(counts: sparse.csr_matrix, damping: Weights, rarity: Weights) -> sparse.csr_matrix:
    """A term counts less the oftener it was said, and in a long text."""
    rows = sparse.csr_matrix(counts, dtype=np.float32, copy=True)
    damped = rows.data + np.repeat(damping, np.diff(rows.indptr))
    rows.data *= (SATURATION + 1.0) / damped * rarity[rows.indices]
    return rows


def _rarity(frequency: NDArray[np.int64], papers: int) -> Weights:
    """The inverse document frequency."""
    most = np.maximum(papers, frequency)
    return np.log1p((most - frequency + 0.5) / (frequency + 0.5)).astype(np.float32)


def _sharpened(rarity: Weights, papers: int) -> Weights:
    """In few papers a word that is in two is not half as rare as one that is in one, but very much
    more common: so differences count for more."""
    many = np.log(max(papers, FEW) / FEW) / np.log(MANY / FEW)
    return np.asarray(rarity ** (SHARPEST - (SHARPEST - 1.0) * min(many, 1.0)), dtype=np.float32)


def _common(frequency: NDArray[np.int64], papers: int) -> NDArray[np.int32]:
    """The places of what very many papers have, unless the corpus is small."""
    if papers < PAPERS_FOR_CUTS:
        return np.empty(0, np.int32)
    return np.flatnonzero(frequency > COMMON_SHARE * papers).astype(np.int32)


def _worth_keeping(
    ids: TermIds, frequency: NDArray[np.int64], papers: int
) -> tuple[TermIds, NDArray[np.int64]]:
    """Not what one paper alone has, unless the corpus is small: that is as if never seen."""
    if papers < PAPERS_FOR_CUTS:
        return ids, frequency
    keep = frequency >= 2
    return ids[keep], frequency[keep]
