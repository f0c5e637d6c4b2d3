"""A task that kills the process that runs it; imported by the worker of test_broker alone."""

import os
import signal

from celery import shared_task


@shared_task
def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
