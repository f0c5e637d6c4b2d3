"""News of the papers that readers keep."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import F

from papers.bulk import any_of
from papers.models import PaperUpdate

MAX_AGE = timedelta(days=32)  # covers the month of a monthly digest


@dataclass(slots=True)
class KeptNews:
    """The updates of a reader's kept papers since they were kept.

    `papers` are all kept papers with an update, also an older one: none is news of a paper that was
    only sent.
    """

    updates: list[PaperUpdate] = field(default_factory=list)
    papers: set[int] = field(default_factory=set)


def kept_news(readers: Collection[int], at: datetime) -> dict[int, KeptNews]:
    """Return the news of the last `MAX_AGE` of the papers that readers keep, by reader."""
    recent = PaperUpdate.objects.filter(at__gt=at - MAX_AGE, at__lte=at, paper__hidden=False)
    of_entries = recent.annotate(
        reader=F("paper__kept__subscriber_id"), kept_at=F("paper__kept__kept_at")
    )
    rows = of_entries.filter(any_of("reader", readers)).select_related("paper")
    news: dict[int, KeptNews] = defaultdict(KeptNews)
    for row in rows.only("kind", "at", "detail", "paper__title"):
        news[row.reader].papers.add(row.paper_id)
        if row.at > row.kept_at:
            news[row.reader].updates.append(row)
    return news
