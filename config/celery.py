"""The Celery application; `celery -A config worker` and `celery -A config beat` start here."""

from __future__ import annotations

import logging
import logging.config
import os
from typing import Any

from celery import Celery
from celery.signals import beat_init, celeryd_init, setup_logging, worker_process_init
from threadpoolctl import threadpool_limits

from config import broker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
broker.register()
app = Celery("paperboy", task_cls="config.tasks:HintTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@celeryd_init.connect
@beat_init.connect
def start_embedded_services(**_: Any) -> None:
    """Start the embedded servers, so that a worker or beat can be started on its own."""
    from config import services  # settings are not ready when this module is imported

    services.start_embedded()


@worker_process_init.connect
def limit_blas_threads(**_: Any) -> None:
    """Use one thread for linear algebra: the worker processes already use all cores."""
    threadpool_limits(1, user_api="blas")


@setup_logging.connect
def configure_logging(loglevel: int, **_: Any) -> None:
    """Use our logging in place of Celery's; the command line's `-l` still sets the level."""
    from django.conf import settings  # settings are not ready when this module is imported

    logging.config.dictConfig(settings.LOGGING)
    logging.getLogger().setLevel(loglevel)
