"""Anonymous counts of "more like this" reactions, for the trending score."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Count, F, OuterRef, Subquery
from django.db.models.functions import Coalesce

from papers.models import Paper
from subscriptions.models import Reaction

COUNTED_PERIOD = timedelta(days=30)  # as long as papers are scored


def update_like_counts(now: datetime) -> int:
    """Recount the reactions to recent papers; return the number of changed papers.

    Recounting also accounts for reactions that were undone, reset or erased.
    """
    more = Reaction.objects.filter(paper=OuterRef("pk"), kind=Reaction.Kind.MORE)
    readers = more.order_by().values("paper").annotate(readers=Count("pk")).values("readers")
    recent = Paper.objects.filter(day__gt=now.date() - COUNTED_PERIOD)
    counted = recent.annotate(readers=Coalesce(Subquery(readers), 0))
    return counted.exclude(liked=F("readers")).update(liked=F("readers"))
