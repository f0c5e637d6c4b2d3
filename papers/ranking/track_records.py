"""Track records of authors: how many of their papers were featured by the community. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from math import sqrt

import numpy as np
from numpy.typing import NDArray

PRIOR_PAPERS = 3  # papers without a feature that every author is assumed to have
MIN_FEATURES_NAMED = 2  # of an author who is named as a reason


@dataclass(frozen=True, slots=True)
class AnnouncedPaper:
    """A paper as it was announced, and the day on which it was featured, if it was.

    `authors` are keys of names (`papers.text.identity.name_key`). `is_listed` is false for a paper
    that is only known because it was featured.
    """

    title: str
    abstract: str
    authors: tuple[str, ...]
    day: date
    featured_on: date | None = None
    is_listed: bool = True


@dataclass(slots=True)
class TrackRecords:
    """The number of papers and of featured papers of each author, up to a day."""

    papers: Counter[str] = field(default_factory=Counter)
    features: Counter[str] = field(default_factory=Counter)

    def feature_rate(self, author: str) -> float:
        """Return the share of an author's papers that were featured, 0 for an unknown author."""
        features = self.features[author]
        return features / (max(self.papers[author], features) + PRIOR_PAPERS)

    def team_record(self, authors: Sequence[str]) -> float:
        """Return the square root of the sum of the authors' rates."""
        return sqrt(sum(self.feature_rate(author) for author in authors))

    def feature_counts(self, authors: Sequence[str]) -> list[int]:
        """Return the number of features of each author, with 0 for no authors."""
        return [self.features[author] for author in authors] or [0]

    def known_authors(self, authors: Sequence[str], count: int) -> list[int]:
        """Return the places of the authors with the highest rates, of at least two features.

        A name that many people share has many papers, hence a low rate.
        """
        places = [
            place
            for place, author in enumerate(authors)
            if self.features[author] >= MIN_FEATURES_NAMED
        ]
        return sorted(places, key=lambda place: -self.feature_rate(authors[place]))[:count]

    def as_json(self) -> dict[str, list[int]]:
        """Return features and papers of each author with a feature, for `from_json`."""
        return {name: [number, self.papers[name]] for name, number in self.features.items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Sequence[int]]) -> TrackRecords:
        """Return the records that `as_json` gave; authors without a feature have none."""
        return cls(
            Counter({name: papers for name, (_features, papers) in values.items()}),
            Counter({name: features for name, (features, _papers) in values.items()}),
        )


def replay_records(
    papers: Sequence[AnnouncedPaper],
) -> Iterable[tuple[TrackRecords, list[int]]]:
    """Yield, for each day, the records before that day and the places of its papers."""
    announced: dict[date, list[int]] = defaultdict(list)
    featured: dict[date, list[int]] = defaultdict(list)
    for place, paper in enumerate(papers):
        announced[paper.day].append(place)
        if paper.featured_on:
            featured[paper.featured_on].append(place)
    records = TrackRecords()
    for day in sorted({*announced, *featured}):
        yield records, announced[day]
        for place in announced[day]:
            records.papers.update(set(papers[place].authors))
        for place in featured[day]:
            records.features.update(set(papers[place].authors))


def team_records(papers: Sequence[AnnouncedPaper]) -> NDArray[np.float64]:
    """Return the record of each paper's team before the day of the paper (papers)."""
    result = np.zeros(len(papers))
    for records, places in replay_records(papers):
        for place in places:
            result[place] = records.team_record(papers[place].authors)
    return result


def records_until(papers: Sequence[AnnouncedPaper], until: date) -> TrackRecords:
    """Return the records of papers announced and featured before a day."""
    records = TrackRecords()
    for paper in papers:
        if paper.day < until:
            records.papers.update(set(paper.authors))
        if paper.featured_on and paper.featured_on < until:
            records.features.update(set(paper.authors))
    return records
