"""Scores of candidates for readers. Pure.

The digest, the preview and the evaluation all call `match_profiles`, for a chunk of readers at
once. The similarity of a profile and a paper is the sum of three cosines: of their terms, their
embeddings and their categories. Calibrated to [0, 1), it is the score. Followed authors and
categories raise it, and so do authors of liked papers if the reader asks for that.

Scores rank papers. `Match.grounds` tells which papers may be called "for you": those with typed
words, a close example or a followed author.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from subscriptions.matching.candidates import Candidates, Scores
from subscriptions.matching.fit import GOOD, MIN_SHARES, TYPED_CURVE, FitCurve, curve_for
from subscriptions.matching.profile import Profile, author_key
from subscriptions.matching.profile_vectors import ProfileVectors, vectors_with_feedback

Flags = NDArray[np.bool_]

HALF_SCORE_SIMILARITY = 0.055  # that of the median paper that readers picked
AUTHOR_BOOST, CATEGORY_BOOST = 0.5, 0.1  # shares of what a score lacks to 1
SHARED_AUTHOR_BOOST = 0.2  # with more, other papers of a reading list sink too far
# The minimum grounds for calling a paper "for you".
MIN_EXAMPLE_SCORE = 0.2  # the calibrated similarity to examples
MIN_TYPED_COSINE = 0.35  # of embeddings, between the paper and the typed text
MIN_EMBEDDED_SHARE = 0.5  # of the typed words; the meaning of fewer is not that of the text
MIN_CLAUSE_SHARE = 0.4  # of a typed clause, in a paper with at least MIN_CLAUSE_SCORE
MIN_CLAUSE_SCORE = 0.3
WHOLE_CLAUSE_SHARE = 0.99  # of a text of one clause; such a paper needs no score
MIN_TYPED_COUNT = 2.0  # two typed words, or a rare one, in a paper that is a good fit
MIN_COUNT_SCORE = TYPED_CURVE.min_score(MIN_SHARES[GOOD])
BOOSTS_AS_GROUNDS = ("author", "shared author")  # a category alone is not enough


@dataclass(frozen=True, slots=True)
class Match:
    """The result for one reader.

    `scores` (candidates) are in [0, 1], below zero for candidates that must not be sent.
    `grounds` (candidates) tells which ones may be called "for you". `threshold` is the minimum
    score; `curve` tells how well papers fit by their scores.
    """

    scores: Scores
    grounds: Flags
    threshold: float = 0.0
    curve: FitCurve = TYPED_CURVE

    @property
    def personal(self) -> Scores:
        """The scores, at most 0 for candidates without grounds (candidates)."""
        return np.where(self.grounds, self.scores, np.minimum(self.scores, np.float32(0.0)))

    def top(self, count: int) -> list[int]:
        """Return the positions of at most `count` candidates above the threshold, best first."""
        if count <= 0:
            return []
        best = np.arange(len(self.scores))
        if count < len(best):
            best = np.argpartition(self.scores, -count)[-count:]
        scores = self.scores[best]
        is_good = (scores > 0) & (scores >= self.threshold)
        ordered = best[is_good][np.lexsort((best[is_good], -scores[is_good]))]
        positions: list[int] = ordered.tolist()
        return positions


def match_profiles(
    profiles: Sequence[Profile], candidates: Candidates, vectors: ProfileVectors | None = None
) -> list[Match]:
    """Score every candidate for every profile.

    `vectors` are those of the same profiles, if the caller has them.
    """
    vectors = vectors_with_feedback(profiles, candidates, vectors)
    similarity = vectors.embedding_similarity(candidates)  # profiles x candidates
    grounds = (similarity >= MIN_TYPED_COSINE * vectors.embedding_lengths) & (similarity > 0)
    grounds[vectors.embedded_shares < MIN_EMBEDDED_SHARE] = False
    similarity += vectors.sparse_similarity(candidates)
    scores = calibrate(similarity)
    with_examples = [place for place, profile in enumerate(profiles) if profile.examples]
    grounds[with_examples] = scores[with_examples] >= np.float32(MIN_EXAMPLE_SCORE)
    grounds |= _typed_grounds(vectors, candidates, scores)
    for row, flags, profile in zip(scores, grounds, profiles, strict=True):
        for name, positions, share in boosts(profile, candidates):
            if positions:  # most readers have none, and numpy is slow for empty lists
                row[positions] += (1.0 - row[positions]) * np.float32(share)
                if name in BOOSTS_AS_GROUNDS:
                    flags[positions] = True
        if barred := _barred_positions(profile, candidates):
            row[barred] = -1.0
    curves = [curve_for(profile.weight_of_examples) for profile in profiles]
    return [
        Match(row, flags, curve.min_score(profile.min_share), curve)
        for row, flags, profile, curve in zip(scores, grounds, profiles, curves, strict=True)
    ]


def _typed_grounds(vectors: ProfileVectors, candidates: Candidates, scores: Scores) -> Flags:
    """Return which candidates share enough of a typed text (profiles x candidates).

    Without embeddings, no score is demanded: scores of words alone have another scale.
    """
    if not candidates.embeddings.shape[1]:
        scores = np.ones_like(scores)
    grounds = np.zeros(scores.shape, dtype=np.bool_)
    terms = candidates.lookups.term_flags
    counts = (vectors.typed_counts @ terms).tocoo()
    is_enough = counts.data >= np.float32(MIN_TYPED_COUNT)
    grounds[counts.row[is_enough], counts.col[is_enough]] = True
    grounds &= scores >= np.float32(MIN_COUNT_SCORE)
    shares = (vectors.clauses.rows @ terms).tocoo()
    owners = vectors.clauses.owners
    is_only = np.bincount(owners)[owners[shares.row]] == 1
    readers, positions = owners[shares.row], shares.col
    is_enough = (shares.data >= np.float32(MIN_CLAUSE_SHARE)) & (
        scores[readers, positions] >= np.float32(MIN_CLAUSE_SCORE)
    )
    is_enough |= is_only & (shares.data >= np.float32(WHOLE_CLAUSE_SHARE))
    grounds[readers[is_enough], positions[is_enough]] = True
    return grounds


def calibrate(similarity: Scores) -> Scores:
    """Map similarities to scores in [0, 1), by a fixed curve so that scores of all days compare."""
    positive = np.maximum(similarity, 0.0)
    return np.asarray(positive / (positive + np.float32(HALF_SCORE_SIMILARITY)), dtype=np.float32)


def boosts(profile: Profile, candidates: Candidates) -> Iterator[tuple[str, list[int], float]]:
    """Yield the boosts of calibrated scores, in the order in which they apply.

    Each has a name, the positions of candidates, and the share that it adds of what their score
    lacks to 1.
    """
    lookups = candidates.lookups
    authors = map(author_key, profile.authors)
    yield "author", _positions(lookups.by_author, authors) if profile.authors else [], AUTHOR_BOOST
    shared = profile.liked_authors() if profile.shared_authors else ()
    yield (
        "shared author",
        _positions(lookups.by_author, shared) if shared else [],
        SHARED_AUTHOR_BOOST,
    )
    categories = profile.categories
    yield (
        "category",
        _positions(lookups.by_category, categories) if categories else [],
        CATEGORY_BOOST,
    )


def _barred_positions(profile: Profile, candidates: Candidates) -> list[int]:
    """Return candidates with an excluded word or a muted author, and disliked ones."""
    lookups = candidates.lookups
    barred = [
        position for phrase in profile.excluded_words for position in lookups.phrases.find(phrase)
    ]
    if profile.muted_authors:
        barred += _positions(lookups.by_author, map(author_key, profile.muted_authors))
    if profile.disliked:
        barred += _positions(lookups.by_key, (paper.key for paper in profile.disliked))
    return barred


def _positions(index: dict[str, list[int]], keys: Iterable[str]) -> list[int]:
    return sorted({position for key in keys for position in index.get(key, ())})
