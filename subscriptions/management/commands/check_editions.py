"""`manage.py check_editions`, for cron or a monitor. Reads PostgreSQL only."""

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
    """Writes each problem as a line to stderr, with exit status 1."""

    help = "Report editions that are missing, stuck or paused, or whose totals do not add up."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--mail", action="store_true", help="email each problem to OPERATOR_EMAIL once"
        )
        parser.add_argument(
            "--every", type=int, metavar="SECONDS", help="repeat with --mail until stopped"
        )
        parser.add_argument("--touch", type=Path, help="file to touch after each complete check")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["every"]:
            signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # a stop is not a failure
        while options["every"]:
            self.check_and_mail(options["touch"])
            time.sleep(max(1, options["every"]))
        if options["mail"]:
            alerts.alert_operator(timezone.now())
            self.send_alerts()
        problems = alerts.current_problems(timezone.now())
        for sentence in problems:
            self.stderr.write(sentence)
        if problems:
            sys.exit(1)
        self.stdout.write("ok")

    def check_and_mail(self, touch: Path | None) -> None:
        """Check once. Errors, such as an outage of PostgreSQL, are logged and retried next time."""
        close_old_connections()
        try:
            for sentence in alerts.alert_operator(timezone.now()):
                self.stderr.write(sentence)
            self.send_alerts()
            if touch:
                touch.touch()
        except Exception:
            log.exception("Checking the editions failed")

    def send_alerts(self) -> None:
        """Send waiting alerts from this process, because the workers may have failed."""
        mailing_run.deliver_messages(transactional.waiting_alerts(), timezone.now)
