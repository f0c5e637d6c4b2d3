"""Doorways: each loads by id and calls one function. Running one twice changes nothing."""

from __future__ import annotations

from datetime import date

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from config.stopping import is_shutting_down
from subscriptions.delivery import mailing_run
from subscriptions.editions import alerts, digests, rebuild, recovery, states, totals
from subscriptions.feedback import mailboxes, record, refusals, returned_mail, settle
from subscriptions.mail import transactional
from subscriptions.profiles import library_import, like_counts
from subscriptions.readers import importing, lifecycle, lifecycle_mails, signup


@shared_task
def send_messages(pks: list[int]) -> None:
    """A hint that these wait; the sweep finds them without it."""
    report = mailing_run.deliver_messages(pks, timezone.now, is_shutting_down)
    if report.rest:
        send_messages.delay(report.rest)


@shared_task
def send_messages_to(reader: int) -> None:
    mailing_run.deliver_messages(
        transactional.waiting_messages(reader), timezone.now, is_shutting_down
    )


@shared_task
def ask_quiet_readers() -> None:
    """Beat's: readers of whom nothing was heard are asked, once, whether it is too much."""
    now = timezone.now()
    asked = [
        lifecycle_mails.offer_fewer_emails(pk, now) for pk in lifecycle_mails.quiet_readers(now)
    ]
    send_messages.apply_async([[pk for pk in asked if pk]], queue="mail")


@shared_task
def watch_sign_ups() -> None:
    """Beat's: the operator hears when mail goes out that nobody asked for."""
    signup.alert_operator(timezone.now())


@shared_task
def build_due_digests() -> None:
    """Beat's: one task per chunk of due readers."""
    for chunk in digests.due_readers(timezone.now()):
        build_digests.delay(chunk)


@shared_task
def build_digests(pks: list[int]) -> None:
    if ready := digests.build_due_digests(pks, timezone.now()):
        deliver_digests.delay(ready)


@shared_task
def build_digest_now(pk: int) -> None:
    if digest := digests.build_digest(pk, timezone.now()):
        deliver_digests.delay([digest.pk])


@shared_task
def deliver_digests(pks: list[int]) -> None:
    """What is left when the worker is told to stop goes to another one."""
    report = mailing_run.deliver_digests(pks, timezone.now, is_shutting_down)
    if report.rest:
        deliver_digests.delay(report.rest)


@shared_task
def open_edition(day: str) -> None:
    """What waits for a curator goes out, as the desk stands; a second run finds it open."""
    rebuild.rebuild_waiting(date.fromisoformat(day), timezone.now())
    if states.open_edition(date.fromisoformat(day), timezone.now()):
        deliver_edition.delay(day)


@shared_task
def deliver_edition(day: str) -> None:
    """After a pause: the rest, all at once and not by and by."""
    for chunk in recovery.pending_chunks(date.fromisoformat(day)):
        deliver_digests.delay(chunk)


@shared_task
def import_readers(pk: int) -> None:
    importing.run_import(pk)


@shared_task
def resume_imports() -> None:
    """Beat's: files whose task was lost; where one is running, a second does nothing."""
    for pk in importing.running():
        import_readers.delay(pk)


@shared_task
def import_author(pk: int) -> None:
    library_import.import_author(pk, timezone.now())


@shared_task
def watch_editions() -> None:
    """Beat's; the process of `manage.py check_editions --every` does the same without it."""
    alerts.alert_operator(timezone.now())


@shared_task
def recover_digests() -> None:
    """Beat's: whatever Redis or a worker lost is found again in PostgreSQL."""
    left = recovery.recover_digests(timezone.now())
    for start in range(0, len(left), settings.SUBSCRIBERS_PER_TASK):
        deliver_digests.delay(left[start : start + settings.SUBSCRIBERS_PER_TASK])
    for day in states.editions_to_open(timezone.now()):
        open_edition.delay(day.isoformat())
    for day in alerts.editions_to_report():
        alerts.report_edition(day, timezone.now())


@shared_task
def recover_messages() -> None:
    """Beat's: the same for messages, on a queue that no edition fills."""
    left = recovery.recover_messages(timezone.now())
    for start in range(0, len(left), settings.SUBSCRIBERS_PER_TASK):
        send_messages.delay(left[start : start + settings.SUBSCRIBERS_PER_TASK])


@shared_task
def close_editions() -> None:
    totals.close_finished(timezone.now())
    lifecycle.reschedule_far_future(timezone.now())


@shared_task
def count_reactions() -> None:
    like_counts.update_like_counts(timezone.now())


@shared_task
def expire_pending() -> None:
    signup.expire_pending(timezone.now())


@shared_task
def catch_up_with_events() -> None:
    now = timezone.now()
    settle.settle_uncertain(now)
    refusals.record_refusals(now)


@shared_task
def forget_events() -> None:
    record.delete_old_events(timezone.now())


@shared_task
def read_bounces() -> None:
    """Beat's, where there is a mailbox."""
    mailboxes.process_imap(
        settings.BOUNCE_MAILBOX_URL, lambda raw: returned_mail.process_mail(raw, timezone.now())
    )
