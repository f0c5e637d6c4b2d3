"""Profiles as vectors, comparable with those of candidates. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from papers.vectors.lexicon import MIN_LEARNT_SHARE, Lexicon, PaperText
from papers.vectors.paper_vectors import paper_vectors
from papers.vectors.sparse_rows import (
    normalize_dense_rows,
    normalize_rows,
    scale_rows,
    square_entries,
)
from papers.vectors.terms import ids_of_all, named_term_ids
from subscriptions.matching.candidates import Candidates, Scores, category_rows
from subscriptions.matching.profile import Profile, Weighted
from subscriptions.matching.typed_terms import ClauseShares, embedded_shares, typed_term_counts

# Weights of embeddings, categories and terms in the similarity. They were chosen on one half of
# the evaluation's readers and confirmed on the other; the optimum is flat. A typed text has few
# terms, and chance decides which of them a paper has, so its embedding weighs more. Both sets are
# scaled so that the median paper readers picked is equally similar to either kind of profile.
EMBEDDING_WEIGHT, CATEGORY_WEIGHT, TERM_WEIGHT = 0.04, 0.01, 1.0
TYPED_EMBEDDING_WEIGHT, TYPED_TERM_WEIGHT = 0.12, 0.15
MAX_TERMS = 512  # the strongest ones of a profile; bounds the cost of a reader
# Relevance feedback: in an archive, unlike in an edition of a few days, the nearest papers are
# surely relevant, and they describe the subject in more words than the reader did. A need in
# several sentences says exactly which paper it means, and has words enough of its own.
ARCHIVE_SIZE = 20_000  # the minimum number of candidates for relevance feedback
FEEDBACK_PAPERS = 20
MAX_FEEDBACK_WORDS = 75  # of a typed text that is turned
# How scores are restored after disliked papers took terms of a profile away; see _disliked_scale.
MIN_KEPT_TERMS, KEPT_TERMS_POWER = 0.85, 3
# How scores are lowered while the lexicon knows few terms of papers; see _learnt_scale.
USUAL_LEARNT_SHARE, LEARNT_SHARE_POWER = 0.6, 0.5
FEEDBACK_TERM_SHARE = 0.4  # of examples, whose embedding is then more precise than their terms


@dataclass(frozen=True, slots=True)
class TextVectors:
    """The vectors of all papers and typed texts of a chunk of profiles, each computed once.

    `places` has the row of each text in `rows` (texts x terms), `embeddings` (texts x 256) and
    `learnt_shares` (texts).
    """

    places: dict[PaperText, int]
    rows: sparse.csr_matrix
    embeddings: Scores
    learnt_shares: Scores

    @classmethod
    def of_texts(cls, texts: Iterable[PaperText], lexicon: Lexicon) -> TextVectors:
        """Compute vectors; common terms count only in typed texts, which have no key."""
        places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        rows, embeddings, learnt_shares = paper_vectors(lexicon, list(places))
        is_paper = np.array([bool(text.key) for text in places], dtype=np.bool_)
        is_paper = np.repeat(is_paper, np.diff(rows.indptr))
        rows.data[is_paper & np.isin(rows.indices, lexicon.common_columns)] = 0.0
        rows.eliminate_zeros()
        return cls(places, rows, embeddings, learnt_shares)


@dataclass(frozen=True, slots=True)
class ProfileVectors:
    """A chunk of profiles in the vectors of one version of the lexicon, one row for each.

    * `sparse_rows`: profiles x (terms + CATEGORY_COLUMNS), scaled by their weights.
    * `embeddings`: profiles x 256, scaled by their weights.
    * `typed_counts`: profiles x terms, how much each typed term counts as a reason.
    * `clauses`: how much of each typed clause a term is.
    * `embedded_shares` (profiles): the share of the typed words that have an embedding.

    They are valid for every edition whose lexicon has the same `version`. `texts` may be dropped
    to save memory; reasons then compute it again.
    """

    version: str
    sparse_rows: sparse.csr_matrix
    embeddings: Scores
    typed_counts: sparse.csr_matrix
    clauses: ClauseShares
    embedded_shares: Scores
    texts: TextVectors | None = None

    @classmethod
    def of_profiles(cls, profiles: Sequence[Profile], lexicon: Lexicon) -> ProfileVectors:
        """Compute the vectors of profiles, with at most MAX_TERMS terms for each."""
        texts = TextVectors.of_texts((text for p in profiles for text in p.texts()), lexicon)
        shares = _ProfileShares.of_profiles(profiles, texts.places)
        terms = _combine_terms(shares, texts)
        scale = _disliked_scale(shares, texts) * _learnt_scale(shares, texts)
        terms = _keep_strongest(_drop_ignored(terms, profiles, lexicon), MAX_TERMS)
        rows = sparse.hstack([terms, _combine_categories(shares, texts)], "csr", dtype=np.float32)
        typed, ignored = [p.typed for p in profiles], [p.ignored for p in profiles]
        return cls(
            lexicon.version,
            sparse.csr_matrix(sparse.diags(scale) @ rows, dtype=np.float32),
            scale[:, None] * _combine_embeddings(shares, texts),
            typed_term_counts(typed, ignored, lexicon),
            ClauseShares.of_texts(typed, ignored, lexicon),
            embedded_shares(typed, ignored, lexicon),
            texts,
        )

    @property
    def typed_rows(self) -> sparse.csr_matrix:
        """`sparse_rows` with typed terms only, which match inside compounds, too."""
        typed = self.typed_counts.copy()
        typed.data = np.ones_like(typed.data)
        typed.resize(self.sparse_rows.shape)
        return self.sparse_rows.multiply(typed).tocsr()

    @property
    def embedding_lengths(self) -> Scores:
        """The lengths of `embeddings` (profiles x 1)."""
        lengths = np.linalg.norm(self.embeddings, axis=1, keepdims=True)
        return np.asarray(lengths, dtype=np.float32)

    def sparse_similarity(self, candidates: Candidates) -> Scores:
        """Return the similarity by terms and categories (profiles x candidates)."""
        similarity = self.sparse_rows @ candidates.lookups.columns
        if self.typed_counts.nnz:
            similarity += self.typed_rows @ candidates.lookups.compound_columns
        return np.asarray(similarity.toarray(), dtype=np.float32)

    def embedding_similarity(self, candidates: Candidates) -> Scores:
        """Return the similarity by embeddings (profiles x candidates)."""
        return np.asarray(self.embeddings @ candidates.embeddings.T, dtype=np.float32)


def vectors_with_feedback(
    profiles: Sequence[Profile], candidates: Candidates, vectors: ProfileVectors | None
) -> ProfileVectors:
    """Return `vectors`, computed if they are missing or of another version of the lexicon.

    In an archive, apply relevance feedback: turn the embeddings half-way to the mean of the nearest
    candidates, except those of long typed texts.
    """
    if vectors is None or vectors.version != candidates.lexicon.version:
        vectors = ProfileVectors.of_profiles(profiles, candidates.lexicon)
    if len(candidates.papers) < ARCHIVE_SIZE or not candidates.embeddings.shape[1]:
        return vectors
    similarity = vectors.embedding_similarity(candidates) + vectors.sparse_similarity(candidates)
    nearest = np.argpartition(-similarity, FEEDBACK_PAPERS, axis=1)[:, :FEEDBACK_PAPERS]
    middle = normalize_dense_rows(candidates.embeddings[nearest].mean(axis=1))
    lengths = np.linalg.norm(vectors.embeddings, axis=1, keepdims=True)
    turned = lengths * normalize_dense_rows(normalize_dense_rows(vectors.embeddings) + middle)
    is_turned = [bool(p.examples) or len(p.typed.split()) <= MAX_FEEDBACK_WORDS for p in profiles]
    shares = sparse.diags([FEEDBACK_TERM_SHARE if p.examples else 1.0 for p in profiles])
    return ProfileVectors(
        vectors.version,
        sparse.csr_matrix(shares @ vectors.sparse_rows, dtype=np.float32),
        np.where(np.array(is_turned, bool)[:, None], turned, vectors.embeddings).astype(np.float32),
        vectors.typed_counts,
        vectors.clauses,
        vectors.embedded_shares,
        vectors.texts,
    )


def weigh_terms(profile: Profile, lexicon: Lexicon) -> list[tuple[str, float]]:
    """Return the terms of a profile with their weights, strongest first."""
    lexicon = lexicon.with_terms_of(profile.texts())
    rows = ProfileVectors.of_profiles([profile], lexicon).sparse_rows[:, : lexicon.size].tocoo()
    weights = dict(zip(lexicon.ids_at(rows.col).tolist(), rows.data.tolist(), strict=True))
    texts = [profile.typed, *(f"{paper.title}. {paper.abstract}" for paper in profile.examples)]
    names = {number: term for text in texts for number, term in named_term_ids(text)}
    named = [(names[number], weight) for number, weight in weights.items() if number in names]
    return sorted(named, key=lambda item: (-item[1], item[0]))


@dataclass(frozen=True, slots=True)
class _ProfileShares:
    """The weight of each text in each profile (profiles x texts), by what it is.

    `examples_weight` (profiles) tells how much examples count beside the typed text.
    """

    typed: sparse.csr_matrix
    examples: sparse.csr_matrix
    disliked: sparse.csr_matrix
    examples_weight: Scores

    @classmethod
    def of_profiles(
        cls, profiles: Sequence[Profile], places: Mapping[PaperText, int]
    ) -> _ProfileShares:
        return cls(
            _text_shares([profile.weighted_typed() for profile in profiles], places),
            _text_shares([profile.weighted_examples() for profile in profiles], places),
            _text_shares([profile.weighted_disliked() for profile in profiles], places),
            np.array([profile.weight_of_examples for profile in profiles], dtype=np.float32),
        )


def _combine_terms(shares: _ProfileShares, texts: TextVectors) -> sparse.csr_matrix:
    """Return the terms of typed texts and of examples, each less those of disliked papers.

    Each has its own weight, so that the first example changes the profile by its share only
    (profiles x terms).
    """
    typed_weight = TYPED_TERM_WEIGHT if texts.embeddings.shape[1] else TERM_WEIGHT
    combined = sparse.csr_matrix((len(shares.examples_weight), texts.rows.shape[1]), dtype="f4")
    for own, portion, weight in (
        (shares.typed, 1.0 - shares.examples_weight, typed_weight),
        (shares.examples, shares.examples_weight, TERM_WEIGHT),
    ):
        rows = _term_rows(own + sparse.diags(portion) @ shares.disliked, texts)
        combined = combined + sparse.diags(weight * portion) @ rows
    return sparse.csr_matrix(combined, dtype=np.float32)


def _disliked_scale(shares: _ProfileShares, texts: TextVectors) -> Scores:
    """Return a factor for each profile, so that a score means the same with disliked papers.

    Without it, all scores would fall. The factor changes no order. Papers that share no term with
    the profile only make it longer; those that do take a share of it away, and what still matches
    then is more surely chosen (docs/experiments/learning.md). Typed texts need no factor.
    """
    scale = np.ones(len(shares.examples_weight), dtype=np.float32)
    with_disliked = np.flatnonzero(np.diff(shares.disliked.indptr))
    own_shares = (shares.typed + shares.examples)[with_disliked]
    own = sparse.csr_matrix(own_shares @ texts.rows)
    rest = sparse.csr_matrix(own + shares.disliked[with_disliked] @ texts.rows)
    square, left, rest_square = (
        np.asarray(one.multiply(other).sum(axis=1)).ravel()
        for one, other in ((own, own), (own, rest), (rest, rest))
    )
    known = square > 0
    kept = np.maximum(left[known] / square[known], MIN_KEPT_TERMS)
    factor = np.sqrt(rest_square[known] / square[known]) / kept**KEPT_TERMS_POWER
    weight = shares.examples_weight[with_disliked[known]]
    scale[with_disliked[known]] = factor**weight
    return scale


def _learnt_scale(shares: _ProfileShares, texts: TextVectors) -> Scores:
    """Return a factor for each profile, so that a score means the same with a small lexicon.

    Rows of papers have unit length over learnt terms. With the starter lexicon, these are the more
    frequent ones, and the similarity of papers to examples is higher. The share of learnt terms in
    the examples tells by how much. The factor changes no order.
    """
    counts = np.asarray(shares.examples.sum(axis=1)).ravel()
    known = shares.examples @ texts.learnt_shares / np.maximum(counts, 1e-9)
    known = np.clip(known, MIN_LEARNT_SHARE, USUAL_LEARNT_SHARE) / USUAL_LEARNT_SHARE
    return np.asarray(known ** (LEARNT_SHARE_POWER * shares.examples_weight), dtype=np.float32)


def _combine_categories(shares: _ProfileShares, texts: TextVectors) -> sparse.csr_matrix:
    """Return the categories of examples, less those of disliked papers."""
    rows = (shares.examples + shares.disliked) @ category_rows(list(texts.places))
    return sparse.diags(CATEGORY_WEIGHT * shares.examples_weight) @ normalize_rows(rows)


def _combine_embeddings(shares: _ProfileShares, texts: TextVectors) -> Scores:
    """Return the embeddings of typed texts and of examples (profiles x 256).

    Disliked papers do not count here: most are on a related subject.
    """
    typed, examples = (
        normalize_dense_rows(np.asarray(own @ texts.embeddings, dtype=np.float32))
        for own in (shares.typed, shares.examples)
    )
    weight = shares.examples_weight[:, None]
    combined = (
        TYPED_EMBEDDING_WEIGHT * (1.0 - weight) * typed + EMBEDDING_WEIGHT * weight * examples
    )
    return np.asarray(combined, dtype=np.float32)


def _text_shares(
    weighted: Sequence[Sequence[Weighted]], places: Mapping[PaperText, int]
) -> sparse.csr_matrix:
    """Return the weight of each text in each profile (profiles x texts)."""
    values = np.array([share for row in weighted for _text, share in row], dtype=np.float32)
    columns = np.array([places[text] for row in weighted for text, _share in row], dtype=np.int64)
    ends = np.cumsum([0, *(len(row) for row in weighted)])
    return sparse.csr_matrix((values, columns, ends), shape=(len(weighted), len(places)))


def _term_rows(shares: sparse.csr_matrix, texts: TextVectors) -> sparse.csr_matrix:
    """Return unit-length rows of the profiles' terms (profiles x terms).

    Terms without a column, since no candidate has them, count for the length: a reader's only word
    weighs more than one of three.
    """
    rows = sparse.csr_matrix(shares @ texts.rows)
    present = np.asarray(square_entries(texts.rows).sum(axis=1)).ravel()
    missing = square_entries(shares) @ np.maximum(1.0 - present, 0.0)
    lengths = np.sqrt(np.asarray(square_entries(rows).sum(axis=1)).ravel() + missing)
    return scale_rows(rows, lengths)


def _drop_ignored(
    rows: sparse.csr_matrix, profiles: Sequence[Profile], lexicon: Lexicon
) -> sparse.csr_matrix:
    """Set the weights of ignored words to zero, in place (profiles x terms)."""
    for place, profile in enumerate(profiles):
        if profile.ignored:
            span = slice(*rows.indptr[place : place + 2])
            ignored = lexicon.unique_columns_of(ids_of_all(profile.ignored))
            rows.data[span][np.isin(rows.indices[span], ignored)] = 0.0
    return rows


def _keep_strongest(rows: sparse.csr_matrix, count: int) -> sparse.csr_matrix:
    """Return the `count` entries of each row that are farthest from zero (profiles x terms)."""
    kept = rows.copy()
    for start, end in zip(rows.indptr, rows.indptr[1:], strict=False):
        if end - start > count:
            weak = np.argpartition(np.abs(rows.data[start:end]), -count)[:-count]
            kept.data[start + weak] = 0.0
    kept.eliminate_zeros()
    return kept
