"""`manage.py doctor`: what is wrong with this installation, and what to do."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from operations import doctor
from operations.findings import Finding, Level


class Command(BaseCommand):
    help = (
        "Looks at settings, PostgreSQL, Redis, workers, beat, queues, editions, sources, clock, "
        "mail provider and mail domain. Exit status: 0 well, 1 wrong, 2 doubtful."
    )
    requires_system_checks: list[str] = []  # they are among what is looked at

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--offline", action="store_true", help="ask nobody outside")
        parser.add_argument("--json", action="store_true", help="a list of objects, for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        found = doctor.examine(timezone.now(), network=not options["offline"])
        if options["json"]:
            rows = [asdict(one) | {"level": one.level.name.lower()} for one in found]
            self.stdout.write(json.dumps(rows, indent=1))
        else:
            for finding in found:
                self.stdout.write(self.line(finding))
        sys.exit({Level.ERROR: 1, Level.WARNING: 2}.get(doctor.worst_level(found), 0))

    def line(self, finding: Finding) -> str:
        style = {Level.OK: self.style.SUCCESS, Level.ERROR: self.style.ERROR}
        name = style.get(finding.level, self.style.WARNING)(f"{finding.level.name:<8}")
        text = f"{name}{finding.area}: {finding.said}"
        return f"{text}\n        → {finding.advice}" if finding.advice else text
