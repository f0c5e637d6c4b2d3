"""The operator's switch: close sign-up, or open it again."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from subscriptions.models import SignUpSwitch


class Command(BaseCommand):
    help = "Close sign-up, or open it again; readers who are there already go on getting digests."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("action", choices=("open", "close", "status"))

    def handle(self, *, action: str, **_options: Any) -> None:
        if action != "status":
            SignUpSwitch.set_open(action == "open", timezone.now())
        self.stdout.write("open" if SignUpSwitch.is_open() else "closed")
