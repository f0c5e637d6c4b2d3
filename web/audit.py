"""The admin's log: who did what to which row. Every act of the admin's own pages lands here."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.db.models import Model
from django.http import HttpRequest


def log_action(
    request: HttpRequest, rows: Iterable[Model], said: str, *, gone: bool = False
) -> None:
    """Write down that whoever makes this request did this to these rows; `gone`: deleted them."""
    flag = DELETION if gone else CHANGE
    for one in _by_model(rows):
        LogEntry.objects.log_actions(request.user.pk, one, flag, change_message=said)  # type: ignore[arg-type]


def _by_model(rows: Iterable[Model]) -> Iterable[list[Model]]:
    """Django writes down rows of one model at a time."""
    found: dict[type[Model], list[Model]] = {}
    for row in rows:
        found.setdefault(type(row), []).append(row)
    return found.values()
