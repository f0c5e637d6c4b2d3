"""`manage.py doctor`: check this installation."""

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
        "Check settings, PostgreSQL, Redis, workers, beat, queues, editions, sources, clock, mail "
        "provider and mail domain. Exit status: 0 ok, 1 errors, 2 warnings."
    )
    requires_system_checks: list[str] = []  # the doctor runs them itself

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--offline", action="store_true", help="skip network checks")
        parser.add_argument("--json", action="store_true", help="print the findings as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = doctor.examine(timezone.now(), network=not options["offline"])
        if options["json"]:
            rows = [asdict(finding) | {"level": finding.level.name.lower()} for finding in findings]
            self.stdout.write(json.dumps(rows, indent=1))
        else:
            for finding in findings:
                self.stdout.write(self.format_finding(finding))
        sys.exit({Level.ERROR: 1, Level.WARNING: 2}.get(doctor.worst_level(findings), 0))

    def format_finding(self, finding: Finding) -> str:
        style = {Level.OK: self.style.SUCCESS, Level.ERROR: self.style.ERROR}
        name = style.get(finding.level, self.style.WARNING)(f"{finding.level.name:<8}")
        text = f"{name}{finding.area}: {finding.message}"
        return f"{text}\n        → {finding.advice}" if finding.advice else text
