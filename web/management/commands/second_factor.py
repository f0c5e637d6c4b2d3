"""Enrol a device that shows codes for an account of the admin, or take all of them away."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django_otp.plugins.otp_totp.models import TOTPDevice


class Command(BaseCommand):
    help = "Print the address that an authenticator app reads; from then on its code is asked for."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("user")
        parser.add_argument("--remove", action="store_true", help="for who lost the device")

    def handle(self, *, user: str, remove: bool, **_options: Any) -> None:
        account = get_user_model().objects.filter(username=user, is_staff=True).first()
        if account is None:
            raise CommandError("Nobody of the staff has this name.")
        devices = TOTPDevice.objects.filter(user=account)
        if remove:
            self.stdout.write(f"{devices.delete()[0]} removed.")
        elif devices.exists():
            raise CommandError("A device is enrolled already; --remove takes it away.")
        else:
            device = TOTPDevice.objects.create(user=account, name="app")
            self.stdout.write(device.config_url)
