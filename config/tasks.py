"""Celery tasks that are only hints: a request succeeds even if Redis is down.

PostgreSQL holds the work. Views and the admin enqueue with `delay_on_commit` only, and each
stores a row that the periodic recovery tasks find without the hint. The admin shows a message if a
hint was lost.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any

from celery.contrib.django.task import DjangoTask
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)

LOST_HINT_MESSAGE = "Your change is saved, but Redis is down. Processing starts once it is back."
lost_hints: ContextVar[list[str] | None] = ContextVar("lost_hints", default=None)


class HintTask(DjangoTask):
    """A task whose `delay_on_commit` does not fail if the broker is down."""

    abstract = True

    def delay_on_commit(self, *args: Any, **kwargs: Any) -> None:
        """Enqueue after the transaction commits; log and remember the hint if that fails."""
        transaction.on_commit(partial(self._hint, args, kwargs))

    def _hint(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        try:
            self.delay(*args, **kwargs)
        except OperationalError as error:
            log.warning(
                "The broker is down (%s); task %s is not enqueued", type(error).__name__, self.name
            )
            if (lost := lost_hints.get()) is not None:
                lost.append(self.name)


def report_lost_hints(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Show a message in the admin if a task could not be enqueued (middleware)."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if not request.path.startswith("/admin/"):
            return get_response(request)
        lost: list[str] = []
        token = lost_hints.set(lost)
        try:
            response = get_response(request)
        finally:
            lost_hints.reset(token)
        if lost:
            messages.warning(request, LOST_HINT_MESSAGE)
        return response

    return middleware
