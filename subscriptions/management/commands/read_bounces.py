"""`manage.py read_bounces`: process returned mail from a mailbox, from files or from a pipe."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.progress import LINE_INTERVAL, step
from subscriptions.feedback import mailboxes, returned_mail


class Command(BaseCommand):
    help = (
        "Process bounces, complaints and unsubscribe mails from the mailbox of "
        "BOUNCE_MAILBOX_URL, or from each PATH (a mail, an mbox, a directory, a Maildir, or - for "
        "standard input)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="*", metavar="PATH")
        parser.add_argument(
            "--to", default="", help="Envelope recipient of a mail on standard input."
        )

    def handle(self, *_: Any, paths: list[str], to: str, **__: Any) -> None:
        def process(raw: bytes) -> str:
            return returned_mail.process_mail(raw, timezone.now(), sent_to=to)

        try:
            if not (paths or settings.BOUNCE_MAILBOX_URL):
                raise CommandError("Give a PATH, or set BOUNCE_MAILBOX_URL.")
            with step("Reading returned mail", LINE_INTERVAL):
                if paths:
                    tally = sum(
                        (mailboxes.process_path(path, process) for path in paths), Counter[str]()
                    )
                else:
                    tally = mailboxes.process_imap(settings.BOUNCE_MAILBOX_URL, process)
        except mailboxes.MailboxError as error:
            raise CommandError(str(error)) from error
        counts = " ".join(f"{name.replace(' ', '_')}={tally[name]}" for name in sorted(tally))
        self.stdout.write(f"mails={tally.total()} {counts}".strip())
