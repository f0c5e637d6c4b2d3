"""The admin's login: lockout after wrong passwords, and the second factor."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice
from redis import Redis

from tests.pages import Page

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
PASSWORD = "long enough for this"


@pytest.fixture
def curator(django_user_model: type[User]) -> User:
    return django_user_model.objects.create_superuser("curator", password=PASSWORD)


def log_in(client: Client, password: str = PASSWORD, peer: str = "192.0.2.1") -> int:
    page = Page.open(client, "/admin/login/?next=/admin/", REMOTE_ADDR=peer)
    return page.submit("Log in", follow=False, username="curator", password=password).status


@pytest.mark.promise(30)
def test_wrong_passwords_lock_out_only_their_network(
    client: Client, curator: User, settings: Any
) -> None:
    tries = [log_in(client, "wrong") for _ in range(settings.AXES_FAILURE_LIMIT + 2)]
    assert tries[-3:] == [429] * 3
    assert log_in(client) == 429
    assert log_in(client, peer="198.51.100.1") == 302


def test_the_lockout_page_gives_advice(client: Client, curator: User, settings: Any) -> None:
    for _ in range(settings.AXES_FAILURE_LIMIT):
        log_in(client, "wrong")
    form = Page.open(client, "/admin/login/", REMOTE_ADDR="192.0.2.1")
    page = form.submit("Log in", username="curator", password=PASSWORD)
    assert page.status == 429
    assert page.response["Retry-After"] == "1800"
    assert "can't log in from there for 30 minutes" in page.text
    assert "manage.py axes_reset" in page.text
    assert "a lot of requests" not in page.text


@pytest.mark.parametrize(
    "command",
    [
        ("axes_reset",),
        ("axes_reset_username", "curator"),
        ("axes_reset_ip", "192.0.2.1"),
        ("axes_reset_ip_username", "192.0.2.1", "curator"),
    ],
)
def test_a_lockout_is_reset_on_the_server(
    client: Client, curator: User, settings: Any, command: tuple[str, ...]
) -> None:
    for _ in range(settings.AXES_FAILURE_LIMIT):
        log_in(client, "wrong")
    assert log_in(client) == 429
    for said in ("1 attempts removed.", "No attempts found."):
        out = StringIO()
        call_command(*command, stdout=out)
        assert said in out.getvalue()
    assert log_in(client) == 302


def test_further_attempts_do_not_prolong_a_lockout(
    client: Client, curator: User, settings: Any
) -> None:
    for _ in range(settings.AXES_FAILURE_LIMIT):
        log_in(client, "wrong")
    store = Redis.from_url(settings.REDIS_URL)
    [key] = store.scan_iter("*axes-*")
    store.expire(key, 60)
    assert log_in(client, "wrong") == 429
    assert store.ttl(key) <= 60


def test_a_correct_password_resets_the_count(curator: User, settings: Any) -> None:
    for client in (Client(), Client(), Client()):
        for _ in range(settings.AXES_FAILURE_LIMIT - 1):
            assert log_in(client, "wrong") == 200
        assert log_in(client) == 302


def enrolled(user: User) -> TOTPDevice:
    out = StringIO()
    call_command("second_factor", user.username, stdout=out)
    assert out.getvalue().startswith(f"otpauth://totp/Paperboy%3A{user.username}?")
    assert "issuer=Paperboy" in out.getvalue()
    return TOTPDevice.objects.get(user=user)


def code(device: TOTPDevice, drift: int = 0) -> str:
    return f"{totp(device.bin_key, drift=drift):06}"


def test_accounts_with_a_device_need_its_code_after_the_password(
    client: Client, curator: User
) -> None:
    device = enrolled(curator)
    log_in(client)
    page = Page.open(client, "/admin/papers/paper/")
    assert page.url == "/admin/second-factor/?next=%2Fadmin%2Fpapers%2Fpaper%2F"
    page = page.submit("Continue", otp_token="000000")
    assert page.status == 400
    TOTPDevice.objects.update(throttling_failure_count=0)  # the next try need not wait
    assert page.submit("Continue", otp_token=code(device)).url == "/admin/papers/paper/"
    assert client.get("/admin/papers/paper/").status_code == 200


def test_a_code_is_valid_once_and_wrong_codes_slow_down(client: Client, curator: User) -> None:
    device = enrolled(curator)
    log_in(client)
    second_step = Page.open(client, "/admin/second-factor/")
    assert second_step.submit("Continue", otp_token=code(device)).url == "/admin/"
    other = Client()
    log_in(other)
    second_step = Page.open(other, "/admin/second-factor/")
    assert second_step.submit("Continue", otp_token=code(device)).status == 400
    assert TOTPDevice.objects.get().throttling_failure_count == 1


def test_without_a_device_the_password_is_enough_unless_the_setting_says_no(
    client: Client, curator: User, settings: Any
) -> None:
    log_in(client)
    assert client.get("/admin/").status_code == 200
    settings.ADMIN_SECOND_FACTOR = True
    assert client.get("/admin/")["Location"].startswith("/admin/second-factor/")
    assert "enrol" in client.get("/admin/second-factor/").text


@pytest.mark.parametrize("target", ["//evil.example/", "https://evil.example/", "javascript:x"])
@pytest.mark.promise(29)
def test_the_second_factor_redirects_to_no_other_site(
    client: Client, curator: User, target: str
) -> None:
    device = enrolled(curator)
    log_in(client)
    page = Page.open(client, f"/admin/second-factor/?next={target}")
    answer = page.submit("Continue", follow=False, otp_token=code(device)).response
    assert answer["Location"] == "/admin/"


def test_a_lost_device_is_removed_by_command(curator: User) -> None:
    enrolled(curator)
    with pytest.raises(CommandError, match="already"):
        call_command("second_factor", "curator")
    call_command("second_factor", "curator", "--remove", stdout=StringIO())
    assert not TOTPDevice.objects.exists()
    with pytest.raises(CommandError, match="staff"):
        call_command("second_factor", "nobody")


def test_anonymous_visitors_are_redirected_to_the_login(client: Client) -> None:
    assert client.get("/admin/second-factor/")["Location"] == "/admin/login/"
    assert re.match("/admin/login/", client.get("/admin/")["Location"])
