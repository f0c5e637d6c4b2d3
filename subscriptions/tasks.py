"""Celery tasks. Each calls one function, and running it twice has no further effect."""

from __future__ import annotations

from datetime import date

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from config.stopping import is_shutting_down
from subscriptions.delivery import mailing_run
from subscriptions.editions import alerts, digests, rebuild, recovery, states, totals
from subscriptions.feedback import mailboxes, record, refusals, returned_mail, settle
from subscriptions.library import linking
from subscriptions.mail import transactional
from subscriptions.models import ZoteroAccount
from subscriptions.profiles import library_import, like_counts
from subscriptions.readers import importing, lifecycle_mails, scheduling, signup
from subscriptions.zotero import examples, uploads


@shared_task
def send_messages(pks: list[int]) -> None:
    """Send these messages. `recover_messages` finds those whose task was lost."""
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
    """Ask quiet readers once if they want fewer emails. Scheduled."""
    now = timezone.now()
    messages = [
        lifecycle_mails.offer_fewer_emails(pk, now) for pk in lifecycle_mails.quiet_readers(now)
    ]
    send_messages.apply_async([[pk for pk in messages if pk]], queue="mail")


@shared_task
def watch_sign_ups() -> None:
    """Alert the operator about suspicious sign-ups. Scheduled."""
    signup.alert_operator(timezone.now())


@shared_task
def build_due_digests() -> None:
    """Start a task per chunk of due readers. Scheduled."""
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
    """Send these digests. A worker that stops hands the rest to another one."""
    report = mailing_run.deliver_digests(pks, timezone.now, is_shutting_down)
    if report.rest:
        deliver_digests.delay(report.rest)


@shared_task
def open_edition(day: str) -> None:
    """Rebuild waiting digests, then open the edition and send them."""
    rebuild.rebuild_waiting(date.fromisoformat(day), timezone.now())
    if states.open_edition(date.fromisoformat(day), timezone.now()):
        deliver_edition.delay(day)


@shared_task
def deliver_edition(day: str) -> None:
    """Send all pending digests of an edition at once, after a pause."""
    for chunk in recovery.pending_chunks(date.fromisoformat(day)):
        deliver_digests.delay(chunk)


@shared_task
def import_readers(pk: int) -> None:
    importing.run_import(pk)


@shared_task
def resume_imports() -> None:
    """Resume imports whose task was lost. Scheduled."""
    for pk in importing.running():
        import_readers.delay(pk)


@shared_task
def import_author(pk: int) -> None:
    library_import.import_author(pk, timezone.now())


@shared_task
def refresh_zotero() -> None:
    """Start a task per Zotero account that is due for a refresh. Scheduled."""
    for pk in ZoteroAccount.objects.due_for_refresh(timezone.now()).values_list("pk", flat=True):
        refresh_zotero_account.delay(pk)


@shared_task
def refresh_zotero_account(pk: int) -> None:
    examples.refresh_account(pk, timezone.now)


@shared_task
def upload_to_zotero() -> None:
    """Start a task per Zotero account with papers to send. Scheduled."""
    for pk in ZoteroAccount.objects.due_for_upload(timezone.now()).values_list("pk", flat=True):
        upload_kept_papers.delay(pk)


@shared_task
def upload_kept_papers(pk: int) -> None:
    uploads.upload_kept_papers(pk, timezone.now, is_shutting_down)


@shared_task
def watch_editions() -> None:
    """Alert the operator about problems. Scheduled; see also `check_editions --every`."""
    alerts.alert_operator(timezone.now())


@shared_task
def recover_digests() -> None:
    """Queue digests again that Redis or a worker lost. Scheduled."""
    pks = recovery.recover_digests(timezone.now())
    for start in range(0, len(pks), settings.SUBSCRIBERS_PER_TASK):
        deliver_digests.delay(pks[start : start + settings.SUBSCRIBERS_PER_TASK])
    for day in states.editions_to_open(timezone.now()):
        open_edition.delay(day.isoformat())
    for day in alerts.editions_to_report():
        alerts.report_edition(day, timezone.now())


@shared_task
def recover_messages() -> None:
    """Queue lost messages again, on a queue that editions do not fill. Scheduled."""
    pks = recovery.recover_messages(timezone.now())
    for start in range(0, len(pks), settings.SUBSCRIBERS_PER_TASK):
        send_messages.delay(pks[start : start + settings.SUBSCRIBERS_PER_TASK])


@shared_task
def close_editions() -> None:
    totals.close_finished(timezone.now())
    scheduling.reschedule_far_future(timezone.now())


@shared_task
def count_reactions() -> None:
    like_counts.update_like_counts(timezone.now())


@shared_task
def link_kept_papers() -> None:
    """Link uploaded entries of libraries to papers that came since. Scheduled."""
    linking.link_entries()


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
    """Read the bounce mailbox. Scheduled if BOUNCE_MAILBOX_URL is set."""
    mailboxes.process_imap(
        settings.BOUNCE_MAILBOX_URL, lambda raw: returned_mail.process_mail(raw, timezone.now())
    )
