"""`manage.py chaos`: send an edition while workers, PostgreSQL, Redis and the provider fail."""

from __future__ import annotations

import os
import subprocess
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from devtools.chaos import environment, run

SENDING_SHARE = 0.7  # of --seconds, at the capped rate; failures must not come after all is sent


class Command(BaseCommand):
    """Fault injection while an edition is sent, in a temporary environment."""

    help = "Inject failures while an edition is sent; exit with 1 if mail is lost or duplicated."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--readers", type=int, default=3000, help="readers due")
        parser.add_argument("--kills", type=int, default=60, help="processes to kill")
        parser.add_argument("--seconds", type=float, default=90, help="duration of the failures")

    def handle(self, *_: Any, readers: int, kills: int, seconds: float, **__: Any) -> None:
        """Start the command again in a temporary environment, or run the test inside one."""
        if readers < 1 or kills < 0 or seconds <= 0:
            raise CommandError("--readers and --seconds must be positive, --kills not negative.")
        if "CHAOS_DIR" in os.environ:
            self.run_inside(readers, kills, seconds)
            return
        rate = max(round(readers / seconds / SENDING_SHARE), 1)
        options = ("chaos", f"--readers={readers}", f"--kills={kills}", f"--seconds={seconds}")
        with environment.temporary_environment(readers, rate) as variables:
            command = [sys.executable, str(settings.BASE_DIR / "manage.py"), *options]
            process = subprocess.run(command, env=variables, check=False)  # noqa: S603
        sys.exit(process.returncode)

    def run_inside(self, readers: int, kills: int, seconds: float) -> None:
        """Run the test; exit with 1 if mail was lost, duplicated or is unexplained."""
        digests, messages = run.run(readers, kills, seconds, self.write_line)
        self.write_line(f"messages: {messages.line()}")
        self.write_line(f"digests: {digests.line()}")
        is_good = messages.is_consistent() and digests.is_consistent(messages.uncertain)
        sys.exit(0 if is_good else 1)

    def write_line(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
