"""Tasks as hints: PostgreSQL says what is left to do, so that a request never fails with Redis."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from celery.contrib.django.task import DjangoTask
from django.db import transaction
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)


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
