"""The project's settings with short intervals between periodic tasks."""

from datetime import timedelta

from config.settings import *  # noqa: F403

RECOVER_AFTER = timedelta(seconds=3)
FIRST_RETRY = timedelta(milliseconds=300)
CELERY_BEAT_SCHEDULE = {
    "build": {"task": "subscriptions.tasks.build_due_digests", "schedule": timedelta(seconds=2)},
    "sweep": {"task": "subscriptions.tasks.recover_digests", "schedule": timedelta(seconds=1)},
    "messages": {"task": "subscriptions.tasks.recover_messages", "schedule": timedelta(seconds=1)},
}
