"""Tasks as hints: PostgreSQL says what is left to do, so that a request never fails with Redis.

Views and the admin enqueue by `delay_on_commit` alone. Each leaves a row behind that beat's tasks
find without the hint. In the admin a message says that the rest waits for Redis.
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

WAITS = "Redis cannot be reached. What you did is saved; the rest of it starts once Redis is back."
lost_hints: ContextVar[list[str] | None] = ContextVar("lost_hints", default=None)


class HintTask(DjangoTask):
    """A task whose `delay_on_commit` survives an absent broker: recovery finds the rows."""

    abstract = True

    def delay_on_commit(self, *args: Any, **kwargs: Any) -> None:
        transaction.on_commit(partial(self._hint, args, kwargs))

    def _hint(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        try:
            self.delay(*args, **kwargs)
        except OperationalError as error:
            log.warning("the broker is away (%s): %s waits", type(error).__name__, self.name)
            if (lost := lost_hints.get()) is not None:
                lost.append(self.name)


def tell_of_lost_hints(
    answer: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: say in the admin that a task could not be enqueued."""

    def answered(request: HttpRequest) -> HttpResponse:
        if not request.path.startswith("/admin/"):
            return answer(request)
        lost: list[str] = []
        before = lost_hints.set(lost)
        try:
            response = answer(request)
        finally:
            lost_hints.reset(before)
        if lost:
            messages.warning(request, WAITS)
        return response

    return answered
