"""Tasks that kill their process or keep it busy; imported only by the workers of test_broker."""

import os
import signal
import time

from celery import shared_task


@shared_task
def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@shared_task
def sleep(seconds: float) -> None:
    time.sleep(seconds)
