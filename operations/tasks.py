"""Doorways: each calls one function. Running one twice changes nothing."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from config.stopping import is_shutting_down
from operations import queues, retention


@shared_task
def note_beat() -> None:
    """Beat's, every minute: that it ran says that beat and a worker live."""
    queues.beat_was_here(timezone.now())


@shared_task
def thin_out() -> None:
    """What is left when the worker is told to stop waits for the next night."""
    retention.delete_old_rows(timezone.now(), is_shutting_down)
