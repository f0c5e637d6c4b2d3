"""Enrol a second-factor device for an admin account, or remove all of its devices."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django_otp.plugins.otp_totp.models import TOTPDevice


class Command(BaseCommand):
    help = (
        "Enrol a device for an account and print the otpauth:// URL for an authenticator app. "
        "From then on, logging in requires its code."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("user")
        parser.add_argument(
            "--remove", action="store_true", help="remove all devices, for example a lost one"
        )

    def handle(self, *, user: str, remove: bool, **_options: Any) -> None:
        account = get_user_model().objects.filter(username=user, is_staff=True).first()
        if account is None:
            raise CommandError("There is no staff account with this name.")
        devices = TOTPDevice.objects.filter(user=account)
        if remove:
            self.stdout.write(f"{devices.delete()[0]} removed.")
        elif devices.exists():
            raise CommandError("This account has a device already; use --remove first.")
        else:
            device = TOTPDevice.objects.create(user=account, name="app")
            self.stdout.write(device.config_url)
