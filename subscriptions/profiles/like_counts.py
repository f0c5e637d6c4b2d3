"""What readers' reactions add to trending: how many asked for more like a paper, and no names."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Count, F, OuterRef, Subquery
from django.db.models.functions import Coalesce

from papers.models import Paper
from subscriptions.models import Reaction

COUNTED_FOR = timedelta(days=30)  # as long as papers are scored


def update_like_counts(now: datetime) -> int:
    """Bring the counts of recent papers up to date; returns how many were not.

    Counted anew each time, so that reactions taken back, reset or erased count no more.
    """
    more = Reaction.objects.filter(paper=OuterRef("pk"), kind=Reaction.Kind.MORE)
    readers = more.order_by().values("paper").annotate(readers=Count("pk")).values("readers")
    recent = Paper.objects.filter(day__gt=now.date() - COUNTED_FOR)
    counted = recent.annotate(readers=Coalesce(Subquery(readers), 0))
    return counted.exclude(liked=F("readers")).update(liked=F("readers"))
