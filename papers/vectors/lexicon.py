"""The lexicon: weights and embeddings of terms, learnt from a collection of papers. Pure.

A paper has two vectors: a sparse row of weighted terms, and a dense embedding of its meaning. Both
depend on the version of the lexicon. Never mix vectors of two versions; compute them again from the
texts.

A term that is newer than the lexicon weighs as if one paper had it. `with_terms_of` gives such
terms columns of their own, so that a word matches as soon as its paper is stored.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from papers.text.summary import split_sentences
from papers.vectors.embedded_terms import EmbeddedTerms, join_terms
from papers.vectors.quantized_rows import QuantizedRows
from papers.vectors.sparse_rows import (
    find_sorted,
    move_columns,
    normalize_dense_rows,
    normalize_rows,
    scale_rows,
    select_columns,
    square_entries,
    sum_rows_by_owner,
)
from papers.vectors.starter import Starter
from papers.vectors.term_counts import CorpusCounts, Owners, TermCounts
from papers.vectors.term_embeddings import Corpus, Effort, learn_embeddings
from papers.vectors.term_weights import (
    Weights,
    bm25,
    inverse_document_frequency,
    length_damping,
    sharpen,
)
from papers.vectors.terms import TermIds, term_ids

METHOD = "folded"  # the prefix of each version; change it when lexicons are learnt differently
TITLE_WEIGHT = 2.0
COMMON_SHARE = 0.2  # terms in more papers count only where a reader typed them
PAPERS_FOR_CUTS = 1000  # a smaller collection keeps every term and learns no embeddings
PAPERS_FOR_MEANING = 5  # a term needs as many papers to get an embedding
STARTER_WEIGHT = 1.0  # of a starter's embeddings beside own ones, while there are few papers
MIN_LEARNT_SHARE = 1 / 3  # of a row's length; else a paper of new terms only would weigh most
EFFORT = Effort(views=2, halves_passes=2)
CHUNK = 2000  # papers weighed at once; bounds memory


class LexiconError(ValueError):
    """Stored bytes are not a lexicon; str() is one line with the reason."""


@dataclass(frozen=True, slots=True)
class PaperText:
    """The text of a paper and its metadata. `key` is the caller's ID for it."""

    key: str
    title: str
    abstract: str = ""
    categories: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WeightedTerms:
    """Papers as weighted terms, one row for each paper.

    `learnt` (papers x terms of the lexicon) and `unseen` (papers x ids) hold the weights;
    `ids` (ascending) are the terms that the lexicon lacks.
    """

    learnt: sparse.csr_matrix
    unseen: sparse.csr_matrix
    ids: TermIds

    @property
    def learnt_shares(self) -> Weights:
        """The share of the squared weights of each paper that is of learnt terms (papers)."""
        learnt, unseen = (
            np.asarray(square_entries(rows).sum(axis=1)).ravel()
            for rows in (self.learnt, self.unseen)
        )
        return np.asarray(learnt / np.maximum(learnt + unseen, 1e-9), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Weights and embeddings of terms.

    * `ids` (terms), ascending, and `rarity` (terms): the terms and their weights by rarity.
    * `mean_length`: the mean number of terms in a paper.
    * `embedded_columns` (embedded terms): columns of terms with an embedding.
    * `embeddings` (embedded terms x 256): these embeddings; no rows in a small collection.
    * `common_columns`: columns of terms in more than `COMMON_SHARE` of all papers.
    * `paper_count`: papers learnt from.
    * `extra_ids`, ascending: terms that have a column but were not learnt; see `with_terms`.
    """

    ids: TermIds
    rarity: Weights
    mean_length: float
    embedded_columns: NDArray[np.int32]
    embeddings: QuantizedRows
    common_columns: NDArray[np.int32]
    paper_count: int
    version: str = ""
    extra_ids: TermIds = field(default_factory=lambda: np.empty(0, np.uint64))

    @classmethod
    def learn(cls, papers: Iterable[PaperText], starter: Starter | None = None) -> Lexicon:
        """Learn from the texts of `papers`, and from a starter until they outgrow it.

        Without papers and starter, the lexicon is empty, and all terms have the same weight.
        """
        papers = list(papers)
        return cls.learn_from_counts(count_terms(papers), len(papers), starter)

    @classmethod
    def learn_from_counts(
        cls,
        counts: CorpusCounts,
        papers: int,
        starter: Starter | None = None,
        *,
        papers_for_meaning: int | None = None,
        effort: Effort = EFFORT,
    ) -> Lexicon:
        """Learn from the term counts of so many papers.

        A term in `papers_for_meaning` papers (by default PAPERS_FOR_MEANING) gets an embedding.
        """
        prefix = version_prefix(starter, papers)
        if starter and starter.is_outgrown(papers):
            starter = None
        all_ids, all_frequency = counts.document_frequencies()
        own_ids, own_frequency = _drop_single(all_ids, all_frequency, papers)
        ids, frequency, total = own_ids, own_frequency.astype(np.float64), papers
        if starter:
            ids, frequency = starter.blend(own_ids, own_frequency, papers)
            total = starter.total(papers)
        idf = inverse_document_frequency(frequency, total)
        common = _common_columns(frequency, total)
        no_columns = np.empty(0, np.int32)
        lexicon = cls(ids, idf, 1.0, no_columns, QuantizedRows.empty(), common, total)
        titles, sentences, owners = counts.with_columns(ids)
        fewest = papers_for_meaning or PAPERS_FOR_MEANING
        frequent = np.searchsorted(ids, own_ids[own_frequency >= fewest])
        lexicon = lexicon._learn_from_rows(titles, sentences, owners, frequent, effort)
        if starter:
            abstracts = sum_rows_by_owner(sentences, owners, papers)
            is_near = starter.covers(all_ids, all_frequency)
            lexicon = lexicon._add_starter(starter, TITLE_WEIGHT * titles + abstracts, is_near)
        lexicon = replace(lexicon, rarity=sharpen(idf, total))
        return replace(lexicon, version=prefix + lexicon._fingerprint())

    def _learn_from_rows(
        self,
        titles: sparse.csr_matrix,
        sentences: sparse.csr_matrix,
        owners: Owners,
        frequent: NDArray[np.int64],
        effort: Effort,
    ) -> Lexicon:
        """Add the mean length, and embeddings if there are enough papers.

        `titles` is papers x terms, `sentences` is sentences x terms, `owners` (sentences) has the
        paper of each sentence, `frequent` the columns of terms that get an embedding.
        """
        papers = titles.shape[0]
        abstracts = sum_rows_by_owner(sentences, owners, papers)
        lengths = (TITLE_WEIGHT * titles + abstracts) @ self._uncommon_flags()
        lexicon = replace(self, mean_length=float(lengths.mean()) if papers else 1.0)
        if papers < PAPERS_FOR_CUTS:
            return lexicon
        columns = np.setdiff1d(frequent, self.common_columns).astype(np.int32)
        texts = (titles, abstracts, TITLE_WEIGHT * titles + abstracts)
        rows = [normalize_rows(lexicon._weigh_counts(counts)[:, columns]) for counts in texts]
        narrow = replace(
            lexicon,
            ids=self.ids[columns],
            rarity=self.rarity[columns],
            common_columns=np.empty(0, np.int32),
        )
        corpus = Corpus(
            titles=rows[0],
            abstracts=rows[1],
            papers=rows[2],
            sentences=select_columns(sentences, columns),
            owners=owners,
            weigh=lambda counts: normalize_rows(narrow._weigh_counts(counts)),
        )
        embeddings = learn_embeddings(corpus, effort)
        quantized = QuantizedRows.quantize(embeddings)
        return replace(lexicon, embedded_columns=columns, embeddings=quantized)

    def _add_starter(
        self, starter: Starter, counts: sparse.csr_matrix, with_embeddings: bool
    ) -> Lexicon:
        """Add the mean length of a starter and, if wanted, its embeddings.

        `counts` (papers x terms) are those of the papers learnt from.
        """
        papers = counts.shape[0]
        mean_length = starter.blend_length(self.mean_length, papers)
        lexicon = replace(self, mean_length=mean_length)
        if not with_embeddings:
            return lexicon
        columns = np.searchsorted(self.ids, starter.ids[starter.embedded_columns])
        is_uncommon = ~np.isin(columns, self.common_columns)
        known = EmbeddedTerms(
            columns[is_uncommon].astype(np.int32), starter.embeddings.select(is_uncommon)
        )
        rows = self._weigh_counts(counts)
        if len(self.embedded_columns):
            weight = STARTER_WEIGHT * (1.0 - papers / starter.paper_count)
            terms = join_terms(self._embedded_terms, known, rows, weight)
        else:
            terms = known.fold_in(rows, self.common_columns)
        return replace(lexicon, embedded_columns=terms.columns, embeddings=terms.embeddings)

    @property
    def _embedded_terms(self) -> EmbeddedTerms:
        return EmbeddedTerms(self.embedded_columns, self.embeddings)

    @property
    def size(self) -> int:
        """The number of terms with a column: the width of the sparse vectors."""
        return len(self.ids) + len(self.extra_ids)

    @property
    def learnt_version(self) -> str:
        """The version without its extra terms."""
        return self.version.partition("+")[0]

    @property
    def unseen_rarity(self) -> float:
        """The rarity of a term that no paper has: as if one had it."""
        return self.rarity_for(1)

    def rarity_for(self, frequency: float) -> float:
        """Return the rarity of a term that occurs in so many papers."""
        idf = inverse_document_frequency(np.array([frequency]), self.paper_count)
        return float(sharpen(idf, self.paper_count)[0])

    def with_terms(self, ids: TermIds) -> Lexicon:
        """Return the lexicon with a column for each of these terms."""
        extra = np.unique(ids)
        known, _places = find_sorted(self.ids, extra)  # np.setdiff1d takes a second for 10⁶ ids
        extra = np.delete(extra, known)
        if not len(extra):
            return replace(self, extra_ids=extra, version=self.learnt_version)
        suffix = hashlib.blake2b(extra.tobytes(), digest_size=8).hexdigest()
        return replace(self, extra_ids=extra, version=f"{self.learnt_version}+{suffix}")

    def with_terms_of(self, papers: Sequence[PaperText]) -> Lexicon:
        """Return the lexicon with a column for each term of these papers."""
        return self.with_terms(self.weigh(papers).ids)

    def columns_of(self, terms: TermIds) -> NDArray[np.int64]:
        """Return the column of each term (terms); -1 for terms without one."""
        columns = np.full(len(terms), -1)
        present, places = find_sorted(self.ids, terms)
        columns[present] = places
        present, places = find_sorted(self.extra_ids, terms)
        columns[present] = len(self.ids) + places
        return columns

    def unique_columns_of(self, terms: TermIds) -> NDArray[np.int64]:
        """Return the columns of these terms, ascending and unique; skip terms without one."""
        columns = np.unique(self.columns_of(terms))
        return columns[columns >= 0]

    def ids_at(self, columns: NDArray[np.int64]) -> TermIds:
        """Return the term ID of each column (columns)."""
        ids = np.empty(len(columns), dtype=np.uint64)
        is_learnt = columns < len(self.ids)
        ids[is_learnt] = self.ids[columns[is_learnt]]
        ids[~is_learnt] = self.extra_ids[columns[~is_learnt] - len(self.ids)]
        return ids

    def rarity_at(self, columns: NDArray[np.int64]) -> Weights:
        """Return the rarity of the term of each column (columns)."""
        rarity = np.full(len(columns), self.unseen_rarity, dtype=np.float32)
        is_learnt = columns < len(self.ids)
        rarity[is_learnt] = self.rarity[columns[is_learnt]]
        return rarity

    def vectors(self, papers: Sequence[PaperText]) -> sparse.csr_matrix:
        """Return one sparse row for each paper (float32, papers x size).

        Rows have unit length without common and extra terms; terms without a column are dropped.
        """
        return self.join_columns(self.weigh(papers))

    def join_columns(self, weighted: WeightedTerms) -> sparse.csr_matrix:
        """Return rows with all columns (papers x size), those of extra terms last."""
        if not len(self.extra_ids):
            return weighted.learnt
        present, places = find_sorted(self.extra_ids, weighted.ids)
        extra = move_columns(weighted.unseen[:, present], places, len(self.extra_ids))
        return sparse.hstack([weighted.learnt, extra], format="csr", dtype=np.float32)

    def weigh(self, papers: Sequence[PaperText]) -> WeightedTerms:
        """Weigh the terms of papers by BM25, both learnt and unseen ones.

        Rows have unit length over the learnt terms that are not common. Unseen terms have the same
        scale but do not count for the length, since they would shorten the other terms' weights.
        """
        starts = range(0, len(papers), CHUNK)
        chunks = [papers[start : start + CHUNK] for start in starts] or [[]]
        weighted = [self._weigh_chunk(chunk) for chunk in chunks]
        ids = np.unique(np.concatenate([part.ids for part in weighted]))
        unseen = [
            move_columns(part.unseen, np.searchsorted(ids, part.ids), len(ids)) for part in weighted
        ]
        return WeightedTerms(
            sparse.vstack([part.learnt for part in weighted], format="csr"),
            sparse.vstack(unseen, format="csr"),
            ids,
        )

    def _weigh_chunk(self, papers: Sequence[PaperText]) -> WeightedTerms:
        count = len(papers)
        counts = TermCounts.of_texts([*(p.title for p in papers), *(p.abstract for p in papers)])
        others = counts.without(self.ids)
        learnt, unseen = (
            TITLE_WEIGHT * rows[:count] + rows[count:]
            for rows in (counts.with_columns(self.ids), others.rows)
        )
        damping = self._damping(learnt)
        learnt = bm25(learnt, damping, self.rarity)
        unseen = bm25(unseen, damping, np.full(len(others.ids), self.unseen_rarity, np.float32))
        learnt_squares = square_entries(learnt)
        uncommon = learnt_squares @ self._uncommon_flags()
        whole = np.asarray(learnt_squares.sum(axis=1) + square_entries(unseen).sum(axis=1)).ravel()
        norms = np.sqrt(np.maximum(uncommon, MIN_LEARNT_SHARE * whole))
        return WeightedTerms(scale_rows(learnt, norms), scale_rows(unseen, norms), others.ids)

    def embed(self, vectors: sparse.csr_matrix) -> Weights:
        """Return a unit-length embedding for each sparse row (rows x 256).

        The result has no columns if the lexicon has no embeddings.
        """
        return self._embedded_terms.embed(vectors)

    def embed_phrase(self, phrase: str) -> Weights:
        """Return the unit-length embedding of a short text (256), whose terms occur once."""
        _present, columns = find_sorted(self.ids, np.unique(term_ids(phrase)))
        _present, places = find_sorted(self.embedded_columns, columns.astype(np.int32))
        rarity = self.rarity[self.embedded_columns[places]]
        return normalize_dense_rows((rarity @ self.embeddings.take(places))[None])[0]

    def _weigh_counts(self, counts: sparse.csr_matrix) -> sparse.csr_matrix:
        """Return BM25 weights of term counts (texts x terms)."""
        return bm25(counts, self._damping(counts), self.rarity)

    def _damping(self, counts: sparse.csr_matrix) -> Weights:
        return length_damping(counts @ self._uncommon_flags() / self.mean_length)

    def _uncommon_flags(self) -> Weights:
        """Return 1 for each learnt term, 0 for the common ones (terms)."""
        flags = np.ones(len(self.ids), dtype=np.float32)
        flags[self.common_columns] = 0.0
        return flags

    def _fingerprint(self) -> str:
        digest = hashlib.blake2b(f"{self.mean_length} {self.paper_count}".encode(), digest_size=8)
        for array in (
            *(self.ids, self.rarity, self.embedded_columns),
            *(self.embeddings.codes, self.embeddings.scales, self.common_columns),
        ):
            digest.update(array.tobytes())
        return digest.hexdigest()

    def dumps(self) -> bytes:
        """Return the lexicon as bytes for `loads`."""
        buffer = io.BytesIO()
        np.savez(
            buffer,
            ids=self.ids,
            rarity=self.rarity.astype(np.float16),
            mean_length=np.float64(self.mean_length),
            places=self.embedded_columns,
            codes=self.embeddings.codes,
            scales=self.embeddings.scales,
            common=self.common_columns,
            papers=np.int64(self.paper_count),
            version=np.array(self.version),
        )
        return buffer.getvalue()

    @classmethod
    def loads(cls, data: bytes) -> Lexicon:
        """Return the lexicon that `dumps` wrote; raise `LexiconError` for other bytes."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as stored:
                return cls(
                    stored["ids"],
                    stored["rarity"].astype(np.float32),
                    float(stored["mean_length"]),
                    stored["places"],
                    QuantizedRows(stored["codes"], stored["scales"]),
                    stored["common"],
                    int(stored["papers"]),
                    str(stored["version"]),
                )
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise LexiconError(f"not a lexicon: {error}") from error


def count_terms(papers: Sequence[PaperText]) -> CorpusCounts:
    """Count the terms of papers, by sentences."""
    titles, abstracts = [p.title for p in papers], [p.abstract for p in papers]
    return CorpusCounts.of_papers(titles, abstracts, split_sentences)


def version_prefix(starter: Starter | None, papers: int) -> str:
    """Return how the version of a lexicon of so many papers starts."""
    is_used = starter and not starter.is_outgrown(papers)
    return f"{METHOD}-{starter.tag}-" if starter and is_used else f"{METHOD}-"


def _common_columns(frequency: NDArray[np.float64], papers: int) -> NDArray[np.int32]:
    """Return the columns of very frequent terms; none in a small collection."""
    if papers < PAPERS_FOR_CUTS:
        return np.empty(0, np.int32)
    return np.flatnonzero(frequency > COMMON_SHARE * papers).astype(np.int32)


def _drop_single(
    ids: TermIds, frequency: NDArray[np.int64], papers: int
) -> tuple[TermIds, NDArray[np.int64]]:
    """Drop terms of a single paper, which weigh as unseen ones; keep all in a small collection."""
    if papers < PAPERS_FOR_CUTS:
        return ids, frequency
    keep = frequency >= 2
    return ids[keep], frequency[keep]
