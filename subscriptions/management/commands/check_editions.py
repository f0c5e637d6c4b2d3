"""`manage.py check_editions`: for cron or a monitor. Reads PostgreSQL alone."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from subscriptions import editions


class Command(BaseCommand):
    """Silent success is the rule; each trouble is one line on stderr and exit status 1."""

    help = "Is an edition missing, paused, at a standstill, or with books that do not close?"
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        found = editions.trouble(timezone.now())
        for said in found:
            self.stderr.write(said)
        if found:
            sys.exit(1)
        self.stdout.write("ok")
