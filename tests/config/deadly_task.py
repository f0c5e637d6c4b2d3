"""A task that kills its process; imported only by the worker of test_broker."""

import os
import signal

from celery import shared_task


@shared_task
def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
