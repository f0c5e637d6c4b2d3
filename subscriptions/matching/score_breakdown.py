"""The parts of a score, for chosen pairs of readers and candidates. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from subscriptions.matching.candidates import Candidates
from subscriptions.matching.match import boosts, calibrate
from subscriptions.matching.profile import Profile
from subscriptions.matching.profile_vectors import ProfileVectors


@dataclass(frozen=True, slots=True)
class ChosenPairs:
    """The candidates chosen for a chunk of readers, as pairs in the readers' order.

    `readers` (pairs) is the row of each pair's reader, `positions` (pairs) its candidate; `ends`
    (readers) is where each reader's pairs end.
    """

    readers: NDArray[np.int64]
    positions: NDArray[np.int64]
    ends: NDArray[np.int64]

    @classmethod
    def of_positions(cls, chosen: Sequence[Sequence[int]]) -> ChosenPairs:
        """Return the pairs of the positions chosen for each reader."""
        counts = [len(positions) for positions in chosen]
        readers = np.repeat(np.arange(len(chosen)), counts)
        positions = np.array([position for row in chosen for position in row], dtype=np.int64)
        return cls(readers, positions, np.cumsum(counts))

    def shared_columns(self, vectors: ProfileVectors, candidates: Candidates) -> sparse.csr_matrix:
        """Return how much each column adds to each pair's similarity.

        The shape is pairs x (terms + CATEGORY_COLUMNS).
        """
        rows = candidates.sparse_rows[self.positions]
        compound_rows = candidates.compound_rows[self.positions]
        shared = rows.multiply(vectors.sparse_rows[self.readers])
        return (shared + compound_rows.multiply(vectors.typed_rows[self.readers])).tocsr()


def break_down_scores(
    profiles: Sequence[Profile],
    candidates: Candidates,
    chosen: ChosenPairs,
    vectors: ProfileVectors,
    shared: sparse.csr_matrix,
) -> list[dict[str, float]]:
    """Return the parts of the score of each pair.

    "words", "meaning" and "fields" add up to the similarity before calibration; "author", "shared
    author" and "category" are what boosts added to the calibrated score. `vectors` must come from
    `vectors_with_feedback`, `shared` from `chosen.shared_columns`.
    """
    count = len(chosen.positions)
    pairs = np.repeat(np.arange(count), np.diff(shared.indptr))
    is_term = shared.indices < candidates.lexicon.size
    words = np.bincount(pairs, shared.data * is_term, count)
    fields = np.bincount(pairs, shared.data * ~is_term, count)
    embeddings = vectors.embeddings[chosen.readers], candidates.embeddings[chosen.positions]
    meaning = np.einsum("ij,ij->i", *embeddings)
    scores = calibrate(np.asarray(words + meaning + fields, dtype=np.float32))
    boosts_by_reader = [
        [(name, set(positions), share) for name, positions, share in boosts(profile, candidates)]
        for profile in profiles
    ]
    breakdowns = []
    for pair, (reader, position) in enumerate(zip(chosen.readers, chosen.positions, strict=True)):
        parts = {"words": words[pair], "meaning": meaning[pair], "fields": fields[pair]}
        score = scores[pair]
        for name, boosted, share in boosts_by_reader[reader]:
            parts[name] = (1.0 - score) * share * (int(position) in boosted)
            score += parts[name]
        breakdowns.append({name: float(value) for name, value in parts.items()})
    return breakdowns
