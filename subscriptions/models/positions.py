"""The order of a reader's topics and of their subscriptions: positions from 0 without gaps."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import models

from subscriptions.models.readers import Subscriber

_OFFSET = 1000  # moves positions out of the way, since they are unique


def lock_in_order(model: type[models.Model], reader: int) -> list[int]:
    """Lock the reader, whose rows are then stable; return the rows' primary keys in order."""
    Subscriber.objects.select_for_update(no_key=True).get(pk=reader)
    rows = model._default_manager.filter(subscriber=reader).order_by("position")
    return list(rows.values_list("pk", flat=True))


def set_order(model: type[models.Model], reader: int, pks: Sequence[int]) -> None:
    """Store this order of all rows of a reader. Requires their lock."""
    rows = model._default_manager.filter(subscriber=reader)
    rows.update(position=models.F("position") + _OFFSET)
    for position, pk in enumerate(pks):
        rows.filter(pk=pk).update(position=position)
