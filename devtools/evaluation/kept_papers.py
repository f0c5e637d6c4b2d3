"""The worth of kept papers as examples, from recorded choices.

The reader of a case likes only the first paper of their profile and keeps others. Readers also keep
papers for other reasons, so featured papers of other days are added to the kept ones.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from devtools.evaluation.cases import Case, Corpus, Positions
from devtools.evaluation.ranking_metrics import Metrics, Scores, mean_metrics
from subscriptions.matching.profile import Profile

MAX_KEPT = 5  # papers of a case
FEATURED = "hf_day:"  # pools that these papers are drawn from
WAYS = ("left out", "kept", "liked")
ScoreProfile = Callable[[Profile, str, Positions], Scores]  # for a pool's name and positions


def measure_kept(
    corpus: Corpus, cases: Sequence[Case], score: ScoreProfile, others: int
) -> dict[str, Metrics]:
    """Return metrics for each half of the readers and each way of using kept papers.

    `others` is the number of papers kept for other reasons, for each paper of the profile.
    """
    featured = _featured_papers(corpus)

    def measure(cases: Iterable[Case], way: str) -> Metrics:
        def rank(case: Case, pool: Positions) -> Scores:
            return score(_profile(corpus, case, featured, others, way), case.pool, pool)

        return mean_metrics(corpus, cases, rank)

    halves = {
        name: [case for case in cases if zlib.crc32(case.reader.encode()) % 2 == half]
        for half, name in enumerate(("first half", "second half"))
    }
    return {
        f"{name}, {way}": measure(half, way)
        for name, half in halves.items()
        if half
        for way in WAYS
    }


def _featured_papers(corpus: Corpus) -> Positions:
    pools = [pool for name, pool in corpus.pools.items() if name.startswith(FEATURED)]
    return np.unique(np.concatenate(pools)) if pools else np.array([], dtype=np.int64)


def _profile(corpus: Corpus, case: Case, featured: Positions, others: int, way: str) -> Profile:
    first, kept = case.liked[:1], list(case.liked[1 : 1 + MAX_KEPT])
    known = {*case.liked, *case.relevant, *corpus.pools[case.pool].tolist()}
    random = np.random.default_rng(zlib.crc32(f"{case.reader} {case.pool}".encode()))
    drawn = [n for n in random.permutation(featured).tolist() if n not in known]
    kept += drawn[: others * len(kept)]
    liked = (*first, *kept) if way == "liked" else first
    return Profile(
        text=case.text,
        liked=tuple(corpus.papers[n] for n in liked),
        kept=tuple(corpus.papers[n] for n in kept) if way == "kept" else (),
    )
