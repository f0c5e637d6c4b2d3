"""Doorways: each loads by id and calls one function. Running one twice changes nothing."""

from __future__ import annotations

from datetime import date

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from config.stopping import stopping
from subscriptions import (
    delivery,
    digests,
    editions,
    events,
    importing,
    letters,
    library,
    liking,
    mailbox,
    post,
    readers,
    remaking,
    signup,
    sweeping,
    transactional,
)


@shared_task
def send_messages(pks: list[int]) -> None:
    """A hint that these wait; the sweep finds them without it."""
    report = delivery.deliver_messages(pks, timezone.now, stopping)
    if report.rest:
        send_messages.delay(report.rest)


@shared_task
def send_messages_to(reader: int) -> None:
    delivery.deliver_messages(transactional.waiting_for(reader), timezone.now, stopping)


@shared_task
def ask_quiet_readers() -> None:
    """Beat's: readers of whom nothing was heard are asked, once, whether it is too much."""
    now = timezone.now()
    asked = [letters.ask_less_often(pk, now) for pk in letters.quiet_readers(now)]
    send_messages.apply_async([[pk for pk in asked if pk]], queue="mail")


@shared_task
def watch_sign_ups() -> None:
    """Beat's: the operator hears when mail goes out that nobody asked for."""
    signup.tell_operator(timezone.now())


@shared_task
def build_due_digests() -> None:
    """Beat's: one task per chunk of due readers."""
    for chunk in digests.due_chunks(timezone.now()):
        build_digests.delay(chunk)


@shared_task
def build_digests(pks: list[int]) -> None:
    if ready := digests.build_due(pks, timezone.now()):
        deliver.delay(ready)


@shared_task
def build_digest_now(pk: int) -> None:
    if digest := digests.build_now(pk, timezone.now()):
        deliver.delay([digest.pk])


@shared_task
def deliver(pks: list[int]) -> None:
    """What is left when the worker is told to stop goes to another one."""
    report = delivery.deliver(pks, timezone.now, stopping)
    if report.rest:
        deliver.delay(report.rest)


@shared_task
def open_edition(day: str) -> None:
    """What waits for a curator goes out, as the desk stands; a second run finds it open."""
    remaking.remake(date.fromisoformat(day), timezone.now())
    if editions.open_up(date.fromisoformat(day), timezone.now()):
        deliver_edition.delay(day)


@shared_task
def deliver_edition(day: str) -> None:
    """After a pause: the rest, all at once and not by and by."""
    for chunk in sweeping.waiting(date.fromisoformat(day)):
        deliver.delay(chunk)


@shared_task
def import_readers(pk: int) -> None:
    importing.run(pk)


@shared_task
def resume_imports() -> None:
    """Beat's: files whose task was lost; where one is running, a second does nothing."""
    for pk in importing.running():
        import_readers.delay(pk)


@shared_task
def import_author(pk: int) -> None:
    library.import_author(pk, timezone.now())


@shared_task
def watch_editions() -> None:
    """Beat's; the process of `manage.py check_editions --every` does the same without it."""
    editions.look_after(timezone.now())


@shared_task
def sweep() -> None:
    """Beat's: whatever Redis or a worker lost is found again in PostgreSQL."""
    left = sweeping.sweep(timezone.now())
    for start in range(0, len(left), settings.SUBSCRIBERS_PER_TASK):
        deliver.delay(left[start : start + settings.SUBSCRIBERS_PER_TASK])
    for day in editions.may_open(timezone.now()):
        open_edition.delay(day.isoformat())
    for day in editions.untold():
        editions.tell_operator(day, timezone.now())


@shared_task
def sweep_messages() -> None:
    """Beat's: the same for messages, on a queue that no edition fills."""
    left = sweeping.sweep_messages(timezone.now())
    for start in range(0, len(left), settings.SUBSCRIBERS_PER_TASK):
        send_messages.delay(left[start : start + settings.SUBSCRIBERS_PER_TASK])


@shared_task
def close_editions() -> None:
    editions.close(timezone.now())
    readers.bring_back(timezone.now())


@shared_task
def count_reactions() -> None:
    liking.count(timezone.now())


@shared_task
def expire_pending() -> None:
    signup.expire_pending(timezone.now())


@shared_task
def catch_up_with_events() -> None:
    events.catch_up(timezone.now())


@shared_task
def forget_events() -> None:
    events.forget(timezone.now())


@shared_task
def read_bounces() -> None:
    """Beat's, where there is a mailbox."""
    mailbox.take_imap(settings.BOUNCE_MAILBOX_URL, lambda raw: post.take(raw, timezone.now()))
