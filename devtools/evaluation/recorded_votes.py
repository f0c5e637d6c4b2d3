"""Recorded vote counts of papers, read from files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from devtools.evaluation import json_lines


class ReplayError(ValueError):
    """A file is invalid; str() is one line that names the file and the problem."""


@dataclass(frozen=True, slots=True)
class Count:
    """Votes at a moment, and comments if they were counted."""

    at: datetime
    votes: int
    comments: int | None


@dataclass(frozen=True, slots=True)
class RecordedPaper:
    """A paper with its counts, oldest first; `authors` is 0 if their number is unknown."""

    key: str
    day: date
    published: datetime | None
    counts: tuple[Count, ...]
    authors: int = 0

    @property
    def day_start(self) -> datetime:
        """The start of its day (UTC)."""
        return datetime(self.day.year, self.day.month, self.day.day, tzinfo=UTC)


def read_recordings(observations: Path, papers: Path | None) -> list[RecordedPaper]:
    """Read papers from a file of observations, and their authors from `papers` if given.

    Raise `ReplayError` for an invalid file.
    """
    rows = _read_rows(observations)
    authors = _count_authors(papers) if papers else {}
    recordings = []
    for row in rows:
        try:
            recordings.append(_recorded_paper(row, authors.get(row["arxiv_id"], 0)))
        except (KeyError, TypeError, ValueError) as error:
            raise ReplayError(f"{observations}: {row.get('arxiv_id')}: {error!r}") from error
    return [paper for paper in recordings if paper]


def _count_authors(path: Path) -> dict[str, int]:
    try:
        return {row["arxiv_id"]: len(row["authors"]) for row in json_lines.read_objects(path)}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReplayError(f"{path}: {error!r}") from error


def _read_rows(path: Path) -> list[dict[str, Any]]:
    try:
        return list(json_lines.read_objects(path))
    except (OSError, ValueError) as error:
        raise ReplayError(f"{path}: {error}") from error


def _recorded_paper(row: Mapping[str, Any], authors: int) -> RecordedPaper | None:
    """Return a paper, or None if its day is unknown.

    The day is the one on which it was featured, or the day before the first daily list with it,
    which was read after midnight.
    """
    counts = sorted(
        (datetime.fromisoformat(count["at"]), count["upvotes"], count["comments"], count["source"])
        for count in row["observations"]
    )
    if row["hf_day"]:
        day = date.fromisoformat(row["hf_day"])
    elif counts and counts[0][3] == "rss_daily":
        day = counts[0][0].astimezone(UTC).date() - timedelta(days=1)
    else:
        return None
    return RecordedPaper(
        key=row["arxiv_id"],
        day=day,
        published=datetime.fromisoformat(row["published"]) if row["published"] else None,
        counts=tuple(Count(at, votes, comments) for at, votes, comments, _source in counts),
        authors=authors,
    )
