"""Doorways: each calls one function. Running one twice changes nothing."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from operations import queues


@shared_task
def note_beat() -> None:
    """Beat's, every minute: that it ran says that beat and a worker live."""
    queues.beat_was_here(timezone.now())
