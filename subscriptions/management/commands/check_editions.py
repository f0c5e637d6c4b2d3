"""`manage.py check_editions`: for cron or a monitor. Reads PostgreSQL alone."""

from __future__ import annotations

import logging
import signal
import sys
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import close_old_connections
from django.utils import timezone

from subscriptions.delivery import mailing_run
from subscriptions.editions import alerts
from subscriptions.mail import transactional

log = logging.getLogger(__name__)


class Command(BaseCommand):
    """Each trouble is one line on stderr and exit status 1."""

    help = "Is an edition missing, paused, at a standstill, or with totals that do not close?"
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--mail", action="store_true", help="tell OPERATOR_EMAIL, once for each trouble"
        )
        parser.add_argument(
            "--every", type=int, metavar="SECONDS", help="go on, with --mail, until stopped"
        )
        parser.add_argument("--touch", type=Path, help="a file, each time that all was looked at")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["every"]:
            signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # to be stopped is no failure
        while options["every"]:
            self.look_and_mail(options["touch"])
            time.sleep(max(1, options["every"]))
        if options["mail"]:
            alerts.alert_operator(timezone.now())
            self.hand_alerts_over()
        found = alerts.current_problems(timezone.now())
        for said in found:
            self.stderr.write(said)
        if found:
            sys.exit(1)
        self.stdout.write("ok")

    def look_and_mail(self, touch: Path | None) -> None:
        """What fails now, as PostgreSQL being away, is tried again the next time."""
        close_old_connections()
        try:
            for sentence in alerts.alert_operator(timezone.now()):
                self.stderr.write(sentence)
            self.hand_alerts_over()
            if touch:
                touch.touch()
        except Exception:
            log.exception("could not look after the editions")

    def hand_alerts_over(self) -> None:
        """Send what waits for the operator from here: the workers may be what failed."""
        mailing_run.deliver_messages(transactional.waiting_alerts(), timezone.now)
