"""`manage.py privacy`: export or erase the data of a reader."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.progress import LINE_INTERVAL, step
from subscriptions.mail.addresses import email_key
from subscriptions.models import Subscriber
from subscriptions.readers import privacy


class Command(BaseCommand):
    help = "Export all data of a reader as JSON, or erase it."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("action", choices=("export", "erase"))
        parser.add_argument("address", help="the reader's email address")

    def handle(self, *, action: str, address: str, **_options: Any) -> None:
        reader = Subscriber.objects.filter(email_key=email_key(address)).first()
        if reader is None:
            raise CommandError("No reader has this address.")
        if action == "export":
            with step("Collecting", LINE_INTERVAL):
                document = privacy.export_json(reader)
            self.stdout.write(document)
        else:
            with step("Erasing", LINE_INTERVAL):
                privacy.erase_reader(reader, timezone.now(), privacy.RequestedBy.OPERATOR)
            self.stdout.write("Erased.")
