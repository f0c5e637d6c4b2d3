"""Write actions of the admin's own pages to Django's admin log."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import Model
from django.http import HttpRequest


def log_action(request: HttpRequest, rows: Iterable[Model], message: str) -> None:
    """Log that the request's user changed these rows."""
    for group in _group_by_model(rows):
        LogEntry.objects.log_actions(request.user.pk, group, CHANGE, change_message=message)  # type: ignore[arg-type]


def _group_by_model(rows: Iterable[Model]) -> Iterable[list[Model]]:
    """Group rows by model, since Django logs rows of one model at a time."""
    groups: dict[type[Model], list[Model]] = {}
    for row in rows:
        groups.setdefault(type(row), []).append(row)
    return groups.values()
