"""Words that name clusters of papers, as the papers write them. Pure."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from papers.text.filler_words import FILLER_WORDS
from papers.text.lexemes import stem
from papers.vectors.lexicon import Lexicon, PaperText
from papers.vectors.paper_vectors import paper_vectors
from papers.vectors.sparse_rows import normalize_dense_rows
from papers.vectors.terms import extract_words
from subscriptions.matching.typed_terms import is_filler, split_clauses

Embeddings = NDArray[np.float32]
Key = tuple[str, ...]  # the stems of a phrase

MAX_NAMES = 3  # words or phrases for a cluster
MAX_WORDS = 4  # in a phrase
MIN_PAPERS, MIN_SHARE = 2, 0.3  # of a cluster, that have a phrase
TITLE_BONUS = 0.5  # of a paper, if its title has the phrase
TITLE_FORM = 0.01  # titles have capitals, so the spelling of abstracts is preferred
LENGTH_POWER = 0.35  # a phrase says more than a word
SAME_SHARE = 0.65  # a word that is mostly in one phrase is no name without the rest
MAX_PAPERS = 20  # of a cluster, the most central ones; a paper takes some milliseconds

_ADDRESS = re.compile(r"(?:https?:|www\.)\S+|\S+\.(?:com|io|org|net)\b\S*")
_OF_SITES = frozenset("github homepage page pages url website".split())
_WORD = re.compile(r"[^\W_](?:[\w'’.+#-]*[\w+#])?")


@dataclass(slots=True)
class _Phrases:
    """The phrases of a cluster: the papers that have each one, and its spellings, by its stems."""

    size: int
    papers: Counter[Key] = field(default_factory=Counter)
    titles: Counter[Key] = field(default_factory=Counter)
    spellings: defaultdict[Key, dict[str, float]] = field(default_factory=lambda: defaultdict(dict))
    fillers: dict[Key, tuple[bool, bool]] = field(default_factory=dict)

    @classmethod
    def of_papers(cls, papers: Sequence[PaperText]) -> _Phrases:
        phrases = cls(len(papers))
        for paper in papers:
            title = phrases._add_text(paper.title, TITLE_FORM)
            phrases.papers.update(title | phrases._add_text(paper.abstract, 1.0))
            phrases.titles.update(title)
        return phrases

    def _add_text(self, text: str, weight: float) -> set[Key]:
        keys = set()
        for written, words in _split_phrases(text):
            key = tuple(stem(part) for word in words for part in word.split("-"))
            forms = self.spellings[key]
            forms[written] = forms.get(written, 0.0) + weight
            self.fillers[key] = (words[0] in FILLER_WORDS, words[-1] in FILLER_WORDS)
            keys.add(key)
        return keys

    def share(self, key: Key) -> float:
        """Return the share of papers with a phrase; more than 1 is possible if titles have it."""
        return (self.papers[key] + TITLE_BONUS * self.titles[key]) / self.size

    def spell(self, key: Key) -> str:
        """Return the most frequent spelling; of equal ones, that with fewest capitals."""
        forms = self.spellings[key]
        return min(forms, key=lambda form: (-forms[form], sum(map(str.isupper, form)), form))

    def complete_keys(self) -> list[Key]:
        """Return phrases of several papers that are neither part of a phrase nor too long."""
        longer = self._find_longer()
        fewest = max(MIN_PAPERS, MIN_SHARE * self.size)
        return [
            key
            for key, count in self.papers.items()
            if count >= fewest
            and self._has_firm_ends(key)
            and SAME_SHARE * count > max((self.papers[other] for other in longer[key]), default=0)
        ]

    def _find_longer(self) -> Mapping[Key, list[Key]]:
        """Return the phrases that begin or end with each phrase and have one more word."""
        longer = defaultdict(list)
        for key in self.papers:
            if self._has_firm_ends(key):
                longer[key[1:]].append(key)
                longer[key[:-1]].append(key)
        return longer

    def _has_firm_ends(self, key: Key) -> bool:
        """Return False if the phrase begins or ends with a filler that others replace.

        So "point cloud" is kept and "novel cloud" is not.
        """
        inner = zip(self.fillers[key], (key[1:], key[:-1]), strict=True)
        return all(
            self.papers[key] >= SAME_SHARE * self.papers[rest] for flag, rest in inner if flag
        )


def name_clusters(
    first: Sequence[PaperText], second: Sequence[PaperText], lexicon: Lexicon
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return at most MAX_NAMES phrases for each of two clusters, the best first.

    Good phrases are in many papers of a cluster and few of the other, and are near its papers in
    meaning. There are none if no papers share a phrase.
    """
    embeddings = [paper_vectors(lexicon, papers)[1] for papers in (first, second)]
    directions = normalize_dense_rows(np.stack([rows.mean(axis=0) for rows in embeddings]))
    phrases = [
        _Phrases.of_papers([papers[place] for place in np.argsort(-rows @ direction)[:MAX_PAPERS]])
        for papers, rows, direction in zip((first, second), embeddings, directions, strict=True)
    ]
    return (
        _name_cluster(phrases[0], phrases[1], directions, lexicon),
        _name_cluster(phrases[1], phrases[0], directions[::-1], lexicon),
    )


def _name_cluster(
    phrases: _Phrases, others: _Phrases, directions: Embeddings, lexicon: Lexicon
) -> tuple[str, ...]:
    """Return names of the cluster with the first of `directions` (2 x 256)."""
    keys = [key for key in phrases.complete_keys() if phrases.share(key) > others.share(key)]
    texts = [PaperText("", phrases.spell(key)) for key in keys]
    similarity = paper_vectors(lexicon, texts)[1] @ directions.T  # phrases x 2
    closeness = similarity[:, 0] - np.maximum(similarity[:, 1], 0.0)
    values = {}
    for key, close in zip(keys, closeness.tolist(), strict=True):
        share = phrases.share(key) - others.share(key)
        values[key] = max(close, 0.0) * share**0.5 * len(key) ** LENGTH_POWER
    names: list[str] = []
    used: set[str] = set()
    for key in sorted(keys, key=lambda key: (-values[key], key)):
        if values[key] and used.isdisjoint(key) and len(names) < MAX_NAMES:
            used.update(key)
            names.append(phrases.spell(key))
    return tuple(names)


def _split_phrases(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield runs of at most MAX_WORDS words as written, each with its words as terms.

    No run has a stop word or consists of fillers. Addresses of sites are left out.
    """
    for clause in split_clauses(_ADDRESS.sub(". ", text)):
        written = _WORD.findall(clause)
        words = [_words_of(word) for word in written]
        for start in range(len(written)):
            run: list[str] = []
            for end in range(start, min(start + MAX_WORDS, len(written))):
                if not words[end]:
                    break
                run += words[end]
                if not is_filler(" ".join(run)):
                    yield " ".join(written[start : end + 1]), list(run)


@lru_cache(maxsize=1 << 14)
def _words_of(written: str) -> tuple[str, ...]:
    """Return the words of a written word as terms; none for stop words and words of sites."""
    words = tuple(extract_words(written))
    return () if _OF_SITES.intersection(words) else words
