"""News of the papers that readers keep."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import F

from papers.bulk import any_of
from papers.models import PaperUpdate

MAX_AGE = timedelta(days=32)  # covers the month of a monthly digest


def kept_updates(readers: Collection[int], at: datetime) -> dict[int, list[PaperUpdate]]:
    """Return the updates of the last `MAX_AGE` of papers that readers keep, by reader.

    Readers are primary keys. Updates from before the reader kept the paper are left out.
    """
    recent = PaperUpdate.objects.filter(at__gt=at - MAX_AGE, at__lte=at, paper__hidden=False)
    of_entries = recent.annotate(
        reader=F("paper__kept__subscriber_id"), kept_at=F("paper__kept__kept_at")
    )
    rows = of_entries.filter(any_of("reader", readers), at__gt=F("kept_at"))
    updates: dict[int, list[PaperUpdate]] = defaultdict(list)
    for row in rows.select_related("paper").only("kind", "at", "detail", "paper__title"):
        updates[row.reader].append(row)
    return updates
