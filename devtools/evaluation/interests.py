"""Evaluation of readers with two interests, made up from curated reading lists. Pure.

Two questions are answered. Are papers of both interests in the first ten, as one topic and as two?
Does the product find two interests in a topic, and only there? The product's `match_profiles`,
`select_papers` and `divide_examples` do the work.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

from devtools.evaluation.cases import Corpus
from devtools.evaluation.ranking_metrics import (
    Interval,
    Metrics,
    measure_ranking,
    paired_differences,
)
from devtools.evaluation.reading_lists import (
    MIN_PAPERS,
    MadeUpTopic,
    ReadingList,
    double_topics,
    single_topics,
    split_lists,
)
from papers.vectors.lexicon import Lexicon
from subscriptions.matching.candidates import Candidates
from subscriptions.matching.clusters.interest_clusters import divide_examples
from subscriptions.matching.match import Match, match_profiles
from subscriptions.matching.profile import Profile
from subscriptions.matching.selection import DigestCandidates, TopicCandidates, select_papers

Progress = Callable[[Sequence[Any], str], Iterable[Any]]
Step = Callable[[str], AbstractContextManager[Any]]
EXAMPLES = 3  # of each list, in a reader's profile
PARTNERS = 3  # lists that each list is paired with
OTHER_PAPERS = 1500  # in the pool, on no list
PLACES = 10
ONE, TWO, SUGGESTED = "one topic", "two topics", "as suggested"


@dataclass(frozen=True, slots=True)
class Report:
    """The results.

    `topics` has the mean metrics of readers with one topic, with two, and with one that is divided
    where the product suggests it. `differences` has the mean gain over one topic for each metric,
    with its 95 % interval. `suggestions` has the metrics of suggested splits for each half of the
    lists.
    """

    readers: int
    topics: dict[str, Metrics]
    differences: dict[str, dict[str, Interval]]
    suggestions: dict[str, Metrics]
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return {
            "readers": self.readers,
            "topics": self.topics,
            "differences": self.differences,
            "suggestions": self.suggestions,
            "seconds": round(self.seconds, 1),
        }


@dataclass(frozen=True, slots=True)
class Reader:
    """A made-up reader of two lists: examples of each, and the rest of each to be found."""

    examples: tuple[tuple[int, ...], tuple[int, ...]]
    wanted: tuple[frozenset[int], frozenset[int]]


def evaluate(
    corpus: Corpus,
    lists: Sequence[ReadingList],
    *,
    progress: Progress = lambda items, _label: items,
    step: Step = nullcontext,
) -> Report:
    """Rank for made-up readers, and look for two interests in made-up topics.

    `progress` and `step` report progress to the user; see config/progress.py.
    """
    started = time.monotonic()
    with step("Learning from the papers"):
        lexicon = Lexicon.learn(corpus.papers)
        pool = Pool(corpus, lists, lexicon)
    readers = make_up_readers(lists)
    rows: dict[str, list[Metrics]] = {ONE: [], TWO: [], SUGGESTED: []}
    for reader in progress(readers, "Ranking"):
        for name, metrics in pool.rank(reader).items():
            rows[name].append(metrics)
    halves = dict(zip(("first half", "second half"), split_lists(lists), strict=True))
    suggestions = {
        name: measure_suggestions(corpus, half, lexicon)
        for name, half in progress(list(halves.items()), "Looking for clusters")
    }
    return Report(
        len(readers),
        {name: _mean_rows(metrics) for name, metrics in rows.items()},
        {name: paired_differences(rows[ONE], rows[name]) for name in (TWO, SUGGESTED)},
        suggestions,
        time.monotonic() - started,
    )


def make_up_readers(lists: Sequence[ReadingList]) -> list[Reader]:
    """Return readers of each list with enough papers, paired with PARTNERS others."""
    rng = np.random.default_rng(0)
    long = [one for one in lists if len(one.positions) >= MIN_PAPERS]
    long = [long[n] for n in rng.permutation(len(long))]
    parts = []
    for one in long:
        shuffled = rng.permutation(one.positions).tolist()
        parts.append((tuple(shuffled[:EXAMPLES]), frozenset(shuffled[EXAMPLES:])))
    readers = []
    for distance in range(1, PARTNERS + 1):
        for first, second in zip(parts, parts[distance:] + parts[:distance], strict=True):
            examples = {*first[0], *second[0]}
            wanted = first[1] - examples, second[1] - examples
            readers.append(Reader((first[0], second[0]), wanted))
    return readers


class Pool:
    """The papers of all lists and OTHER_PAPERS others, prepared once for all readers."""

    def __init__(self, corpus: Corpus, lists: Sequence[ReadingList], lexicon: Lexicon) -> None:
        listed = sorted({position for one in lists for position in one.positions})
        others = np.setdiff1d(np.arange(len(corpus.papers)), listed)
        rng = np.random.default_rng(0)
        self.corpus = corpus
        self.others = rng.permutation(others)[:OTHER_PAPERS].tolist()
        self.positions = [*listed, *self.others]
        papers = [corpus.papers[position] for position in self.positions]
        self.candidates = Candidates.prepare(lexicon, papers)

    def rank(self, reader: Reader) -> dict[str, Metrics]:
        """Return the metrics of a reader's first ten papers for each way to divide the topic."""
        places = {position: place for place, position in enumerate(self.positions)}
        pool = [*sorted(reader.wanted[0] | reader.wanted[1]), *self.others]
        candidates = self.candidates.select([places[position] for position in pool])
        is_wanted = np.array([[position in part for position in pool] for part in reader.wanted])
        return {
            name: measure_first_ten(choose_papers(topics, candidates), is_wanted)
            for name, topics in self._divide(reader).items()
        }

    def _divide(self, reader: Reader) -> dict[str, list[Profile]]:
        """Return the reader's topics for each way to divide the examples."""
        first, second = ([self.corpus.papers[n] for n in part] for part in reader.examples)
        together = [*first, *second]
        topics = {ONE: [together], TWO: [first, second], SUGGESTED: [together]}
        if (flags := divide_examples(together, self.candidates.lexicon)) is not None:
            topics[SUGGESTED] = [
                [paper for paper, flag in zip(together, flags, strict=True) if flag == part]
                for part in (False, True)
            ]
        return {
            name: [Profile(liked=tuple(papers)) for papers in parts]
            for name, parts in topics.items()
        }


def choose_papers(topics: Sequence[Profile], candidates: Candidates) -> list[int]:
    """Return the positions of the first ten papers, topic by topic, as in a digest."""
    digest = only_for_you(match_profiles(topics, candidates))
    [choices] = select_papers([digest], [PLACES], candidates.lookups.similarity)
    return [choice.position for choice in choices]


def only_for_you(matches: Sequence[Match]) -> DigestCandidates:
    """Return the candidates of a digest of these topics without trending papers."""
    count = len(matches[0].scores)
    everything = np.ones(count, dtype=bool)
    return DigestCandidates(
        topics=[TopicCandidates(match.personal) for match in matches],
        trending=np.zeros(count, dtype=np.float32),
        fresh=everything,
        open=everything,
        fields=everything,
        primary=np.zeros(count, dtype=np.int64),
        has_trending=False,
    )


def measure_first_ten(chosen: Sequence[int], is_wanted: NDArray[np.bool_]) -> Metrics:
    """Return the metrics of chosen papers; `is_wanted` is lists x pool."""
    counts = is_wanted[:, chosen].sum(axis=1)
    relevant = np.asarray(is_wanted.any(axis=0))
    order = np.zeros(is_wanted.shape[1])
    order[list(chosen)] = np.arange(len(chosen), 0, -1)
    ndcg = measure_ranking(order, relevant, int(relevant.sum()))["ndcg@10"]
    return {
        "both lists": float(counts.min() > 0),
        "of the rarer": float(counts.min()),
        "of any": float(relevant[list(chosen)].sum()),
        "ndcg@10": ndcg,
    }


def measure_suggestions(corpus: Corpus, lists: Sequence[ReadingList], lexicon: Lexicon) -> Metrics:
    """Return how often a split is suggested for topics of one list and of two, and how well.

    False suggestions are counted by topic, and as the mean over lists. Precision assumes as many
    topics of one list as of two from different collections.
    """
    by_list: dict[tuple[str, ...], list[bool]] = defaultdict(list)
    for topic in single_topics(lists):
        by_list[topic.lists].append(_divide(corpus, topic, lexicon) is not None)
    false = _mean([flag for flags in by_list.values() for flag in flags])
    found: dict[bool, list[bool]] = {True: [], False: []}
    right, rand = [], []
    for topic in double_topics(lists):
        flags = _divide(corpus, topic, lexicon)
        found[topic.is_near].append(flags is not None)
        if flags is not None:
            same = float(np.mean(flags == np.array(topic.is_second)))
            right.append(max(same, 1.0 - same))
            rand.append(float(adjusted_rand_score(topic.is_second, flags)))
    recall = _mean(found[False])
    metrics = {
        "false": false,
        "false by list": _mean([_mean(flags) for flags in by_list.values()]),
        "recall": recall,
        "recall near": _mean(found[True]),
        "precision": recall / (recall + false) if recall else 0.0,
        "placed right": _mean(right),
        "adjusted rand": _mean(rand),
    }
    return {name: round(value, 4) for name, value in metrics.items()}


def _divide(corpus: Corpus, topic: MadeUpTopic, lexicon: Lexicon) -> NDArray[np.bool_] | None:
    return divide_examples([corpus.papers[n] for n in topic.positions], lexicon)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0


def _mean_rows(rows: Sequence[Metrics]) -> Metrics:
    return {name: round(_mean([row[name] for row in rows]), 4) for name in rows[0]}


def table(report: Report) -> str:
    """Return the report as text: the first ten papers by topics, then the suggested splits."""
    lines = [_row(f"{report.readers} readers", report.topics[ONE])]
    lines += [_row(name, metrics.values()) for name, metrics in report.topics.items()]
    for name, differences in report.differences.items():
        lines.append(f"{name}, less one topic (95 % interval)")
        lines += [
            f"    {metric:12} {mean:+.3f} ({low:+.3f} to {high:+.3f})"
            for metric, (mean, low, high) in differences.items()
        ]
    halves = report.suggestions
    lines += ["", _row("suggested splits", next(iter(halves.values())))]
    lines += [_row(name, metrics.values()) for name, metrics in halves.items()]
    return "\n".join([*lines, f"{report.seconds:.0f} s"])


def _row(name: str, cells: Iterable[str | float]) -> str:
    shown = (cell if isinstance(cell, str) else f"{cell:.3f}" for cell in cells)
    return f"{name:16}" + "".join(f"{cell:>15}" for cell in shown)
