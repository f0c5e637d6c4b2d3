"""Celery tasks. Each calls one function, and running it twice has no further effect."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from config.stopping import is_shutting_down
from operations import queues, retention


@shared_task
def record_beat() -> None:
    """Record that beat and a worker are running. Scheduled every minute."""
    queues.record_beat(timezone.now())


@shared_task
def delete_old_rows() -> None:
    """Delete old rows. If the worker stops, the rest waits for the next night."""
    retention.delete_old_rows(timezone.now(), is_shutting_down)
