"""The papers of an edition, prepared for matching. Pure."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from papers.vectors.lexicon import Lexicon, PaperText
from papers.vectors.paper_vectors import vectors_with_new_terms
from papers.vectors.sparse_rows import normalize_rows
from subscriptions.matching.phrases import PhraseIndex
from subscriptions.matching.profile import author_key
from subscriptions.matching.similarity import SimilarityCache

Scores = NDArray[np.float32]

# A common word is in more papers than the larger of these.
COMMON_SHARE, COMMON_PAPERS = 0.025, 25
CATEGORY_COLUMNS = 4096  # hashed: arXiv has 150 categories and about 1,000 usual lists of them


@dataclass(eq=False)
class Candidates:
    """The papers of an edition, prepared once and shared by all its readers.

    * `sparse_rows`: candidates x (terms + CATEGORY_COLUMNS), weights of terms and categories.
    * `compound_rows`: the same columns, for terms that a candidate has only inside compounds.
    * `embeddings`: candidates x 256, or candidates x 0 if the lexicon has none.

    Do not change them in place: `lookups` are derived from them.
    """

    lexicon: Lexicon
    papers: tuple[PaperText, ...]
    sparse_rows: sparse.csr_matrix
    compound_rows: sparse.csr_matrix
    embeddings: Scores
    lookups: CandidateLookups = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.lookups = CandidateLookups(self)

    @classmethod
    def prepare(cls, lexicon: Lexicon, papers: Sequence[PaperText]) -> Candidates:
        """Return the candidates, with a column for each of their terms that is not learnt yet."""
        wider, terms, compound_rows, embeddings = vectors_with_new_terms(lexicon, papers)
        rows = sparse.hstack([terms, category_rows(papers)], format="csr")
        compound_rows.resize(rows.shape)
        return cls(wider, tuple(papers), rows, compound_rows, embeddings)

    def select(self, positions: Sequence[int]) -> Candidates:
        """Return the candidates at `positions`, without preparing them again."""
        chosen = np.asarray(positions, dtype=np.int64)
        papers = tuple(self.papers[position] for position in positions)
        rows, compound_rows = self.sparse_rows[chosen], self.compound_rows[chosen]
        return Candidates(self.lexicon, papers, rows, compound_rows, self.embeddings[chosen])


class CandidateLookups:
    """Data derived from candidates; each is computed on first use and kept."""

    def __init__(self, candidates: Candidates) -> None:
        self._candidates = candidates
        self.telling_terms: dict[int, Any] = {}  # by position; see telling_terms.py

    @cached_property
    def common_ids(self) -> frozenset[int]:
        """The IDs of terms in so many papers that a single word says little alone."""
        lexicon = self._candidates.lexicon
        fewest = lexicon.rarity_for(max(COMMON_SHARE * lexicon.paper_count, COMMON_PAPERS))
        return frozenset(lexicon.ids[lexicon.rarity < fewest].tolist())

    @cached_property
    def term_rows(self) -> sparse.csr_matrix:
        """The terms without the categories (candidates x terms)."""
        return self._candidates.sparse_rows[:, : self._candidates.lexicon.size]

    @cached_property
    def columns(self) -> sparse.csr_matrix:
        """`sparse_rows` transposed for products ((terms + categories) x candidates)."""
        return self._candidates.sparse_rows.T.tocsr()

    @cached_property
    def compound_columns(self) -> sparse.csr_matrix:
        """`compound_rows` transposed for products ((terms + categories) x candidates)."""
        return self._candidates.compound_rows.T.tocsr()

    @cached_property
    def term_flags(self) -> sparse.csr_matrix:
        """1 where a candidate has a term, alone or in a compound (terms x candidates)."""
        columns = (self.columns + self.compound_columns)[: self._candidates.lexicon.size]
        columns.data = np.ones_like(columns.data)
        return columns

    @cached_property
    def similarity(self) -> SimilarityCache:
        """The similarity of candidates to each other."""
        return SimilarityCache(self.term_rows, self._candidates.embeddings)

    @cached_property
    def by_author(self) -> dict[str, list[int]]:
        """Positions by the author's key."""
        return _positions_by_name(
            [author_key(name) for name in paper.authors] for paper in self._candidates.papers
        )

    @cached_property
    def by_category(self) -> dict[str, list[int]]:
        """Positions by category."""
        return _positions_by_name(paper.categories for paper in self._candidates.papers)

    @cached_property
    def by_key(self) -> dict[str, list[int]]:
        """Positions by the caller's key."""
        return _positions_by_name([paper.key] for paper in self._candidates.papers)

    @cached_property
    def phrases(self) -> PhraseIndex:
        """The titles and abstracts, by the phrases they contain."""
        return PhraseIndex([f"{p.title}\n{p.abstract}" for p in self._candidates.papers])


def category_rows(papers: Sequence[PaperText]) -> sparse.csr_matrix:
    """Return unit-length rows of hashed categories (papers x CATEGORY_COLUMNS).

    Each category has a column, and so has the whole list of a paper.
    """
    names = [(*paper.categories, " ".join(paper.categories)) for paper in papers]
    columns = [
        sorted({zlib.crc32(name.encode()) % CATEGORY_COLUMNS for name in row if name})
        for row in names
    ]
    ends = np.cumsum([0, *(len(row) for row in columns)])
    flat = np.array([column for row in columns for column in row], dtype=np.int32)
    ones = np.ones(len(flat), dtype=np.float32)
    shape = (len(papers), CATEGORY_COLUMNS)
    return normalize_rows(sparse.csr_matrix((ones, flat, ends), shape=shape))


def _positions_by_name(names_by_position: Iterable[Iterable[str]]) -> dict[str, list[int]]:
    index: dict[str, list[int]] = defaultdict(list)
    for position, names in enumerate(names_by_position):
        for name in dict.fromkeys(names):
            index[name].append(position)
    return dict(index)
