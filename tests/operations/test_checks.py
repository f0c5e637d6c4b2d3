from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks
from django.utils import timezone

from operations import doctor

KEY = "a-key-of-the-tests"


def found(deploy: bool = False) -> dict[str, str]:
    messages = run_checks(include_deployment_checks=deploy)
    ours = [message for message in messages if str(message.id).startswith("operations.")]
    assert all(message.hint for message in ours), "each says what to do"
    return {str(message.id): message.msg for message in ours}


def test_the_settings_of_the_tests_pass() -> None:
    assert found() == {}


@pytest.mark.parametrize(
    ("number", "given", "named"),
    [
        ("W001", {"BOUNCE_EMAIL": "b@e.org", "ANYMAIL_PROVIDER": "postmark"}, "BOUNCE_EMAIL"),
        ("W002", {"BOUNCE_EMAIL": "b@e.org"}, "BOUNCE_MAILBOX_URL"),
        ("W003", {"SECRET_KEY": KEY, "SECRET_KEY_FALLBACKS": [KEY]}, "SECRET_KEY_FALLBACKS"),
        (
            "E001",
            {"SECRET_KEY": KEY, "SECRET_KEY_FALLBACKS": ["old"], "SUPPRESSION_KEY": KEY},
            "SUPPRESSION_KEY",
        ),
        ("W004", {"SEND_RATE": 5, "DOMAIN_RATES": {"gmail.com": 20.0}}, "DOMAIN_RATES"),
    ],
)
def test_inconsistent_settings_are_reported(
    settings: Any, number: str, given: dict[str, Any], named: str
) -> None:
    for name, value in given.items():
        setattr(settings, name, value)
    assert named in found()[f"operations.{number}"]


@pytest.mark.parametrize(
    ("number", "given", "named"),
    [
        ("W005", {"SITE_HOST": "localhost", "SITE_URL": "https://localhost"}, "SITE_URL"),
        ("W006", {"SECURE_SSL_REDIRECT": True}, "BEHIND_TLS_PROXY"),
        (
            "E002",
            {"EMAIL_BACKEND": "anymail.backends.postmark.EmailBackend", "ANYMAIL": {}},
            "POSTMARK_SERVER_TOKEN",
        ),
        (
            "E006",
            {"SITE_HOST": "paper.example", "ALLOWED_HOSTS": ["other.example", "127.0.0.1"]},
            "paper.example",
        ),
        ("E004", {"EMAIL_BACKEND": "devtools.outbox.OutboxBackend"}, "EMAIL_URL"),
    ],
)
def test_production_settings_are_reported_in_production_only(
    settings: Any, number: str, given: dict[str, Any], named: str
) -> None:
    for name, value in given.items():
        setattr(settings, name, value)
    assert named in found(deploy=True)[f"operations.{number}"]
    assert f"operations.{number}" not in found()


def test_the_hint_for_a_harmless_warning_names_a_setting_that_silences_it(settings: Any) -> None:
    settings.BOUNCE_EMAIL = "b@e.org"
    [warning] = run_checks()
    name, _, value = str(warning.hint).rpartition(" ")[2].rstrip(".").partition("=")
    setattr(settings, name, [value])
    assert warning.is_silenced()
    assert [
        f.message for f in doctor.configuration(timezone.now()) if warning.id in f.message
    ] == []
