"""`manage.py signup`: open or close sign-up."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from subscriptions.models import SignUpSwitch


class Command(BaseCommand):
    help = "Open or close sign-up. Existing subscribers are not affected."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("action", choices=("open", "close", "status"))

    def handle(self, *, action: str, **_options: Any) -> None:
        if action != "status":
            SignUpSwitch.set_open(action == "open", timezone.now())
        self.stdout.write("open" if SignUpSwitch.is_open() else "closed")
