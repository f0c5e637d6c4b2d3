"""`manage.py chaos`: an edition sent while workers, PostgreSQL, Redis and the provider fail."""

from __future__ import annotations

import os
import subprocess
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from devtools.chaos import environment as place
from devtools.chaos import run

BEGINS = 0.7  # of the seconds given, the cap lets sending take: kills must not come too late


class Command(BaseCommand):
    help = "Break everything while an edition is sent; exit status 1 if mail is lost or doubled."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--readers", type=int, default=3000)
        parser.add_argument("--kills", type=int, default=60, help="processes killed")
        parser.add_argument("--seconds", type=float, default=90, help="how long things break")

    def handle(self, *_: Any, readers: int, kills: int, seconds: float, **__: Any) -> None:
        """The first time in the environment given: once more, in one of its own."""
        if readers < 1 or kills < 0 or seconds <= 0:
            raise CommandError("--readers and --seconds must be positive, --kills not negative.")
        if "CHAOS_DIR" in os.environ:
            self.inside(readers, kills, seconds)
            return
        rate = max(round(readers / seconds / BEGINS), 1)
        asked = ("chaos", f"--readers={readers}", f"--kills={kills}", f"--seconds={seconds}")
        with place.environment(readers, rate) as environment:
            command = [sys.executable, str(settings.BASE_DIR / "manage.py"), *asked]
            done = subprocess.run(command, env=environment, check=False)  # noqa: S603
        sys.exit(done.returncode)

    def inside(self, readers: int, kills: int, seconds: float) -> None:
        digests, messages = run.run(readers, kills, seconds, self.say)
        self.say(f"messages: {messages.line()}")
        self.say(f"digests: {digests.line()}")
        holds = messages.hold() and digests.hold(messages.uncertain)
        sys.exit(0 if holds else 1)

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
