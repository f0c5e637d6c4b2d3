"""The topics of a reader: adding, ordering and deleting them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from subscriptions.models import Subscriber, Topic
from subscriptions.models.positions import lock_in_order, set_order

MAX_TOPICS = 20  # per reader


@transaction.atomic
def add_topic(reader: Subscriber, values: Mapping[str, Any]) -> Topic:
    """Add a topic with these field values; they fill the only topic if it is blank.

    Raise ValidationError if the reader has too many topics.
    """
    Subscriber.objects.select_for_update(no_key=True).get(pk=reader.pk)
    existing = list(reader.topics.order_by("position"))
    if len(existing) == 1 and existing[0].is_blank and not existing[0].name:
        topic = existing[0]
        for name, value in values.items():
            setattr(topic, name, value)
        topic.save(update_fields=list(values))
        return topic
    if len(existing) >= MAX_TOPICS:
        raise ValidationError(
            _("You have %(most)s topics, which is the maximum. Delete one first."),
            params={"most": MAX_TOPICS},
        )
    return Topic.objects.create(subscriber=reader, position=len(existing), **values)


@transaction.atomic
def move_topic(pk: int, by: int) -> None:
    """Move a topic up (-1) or down (1). Beyond the ends, or if it is gone, nothing changes."""
    topic = Topic.objects.filter(pk=pk).first()
    ordered = lock_in_order(Topic, topic.subscriber_id) if topic else []
    if not topic or pk not in ordered:
        return
    place = ordered.index(pk)
    other = place + by
    if 0 <= other < len(ordered):
        ordered[place], ordered[other] = ordered[other], ordered[place]
        set_order(Topic, topic.subscriber_id, ordered)


@transaction.atomic
def delete_topic(pk: int) -> bool:
    """Delete a topic; return False for the only one, since every reader has one."""
    topic = Topic.objects.filter(pk=pk).first()
    if topic is None:
        return True
    ordered = lock_in_order(Topic, topic.subscriber_id)
    if pk not in ordered:
        return True
    if len(ordered) == 1:
        return False
    topic.delete()
    set_order(Topic, topic.subscriber_id, [other for other in ordered if other != pk])
    return True
