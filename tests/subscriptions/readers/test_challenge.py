"""A riddle before a sign-up, where the operator asks for one."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import altcha
import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from subscriptions.models import Subscriber
from subscriptions.readers import challenge
from tests.signing_in import subscribe

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


@pytest.fixture(autouse=True)
def asked_for(settings: Any) -> None:
    settings.CHALLENGE, settings.CHALLENGE_COST = "altcha", 1


def solved(riddle: dict[str, Any]) -> str:
    solution = altcha.solve_challenge(altcha.Challenge.from_dict(riddle))
    assert solution
    whole = {"challenge": riddle, "solution": solution.to_dict()}
    return base64.b64encode(json.dumps(whole).encode()).decode()


def sign_up(client: Client, answer: str) -> int:
    """Subscribe with an answer, which a script puts into the form."""
    return subscribe(client, "a@example.org", follow=False, altcha=answer).status


def test_who_solves_the_riddle_signs_up_once_with_it(client: Client) -> None:
    answer = solved(client.get(reverse("challenge")).json())
    assert [sign_up(client, answer), sign_up(client, answer)] == [302, 400]
    assert Subscriber.objects.count() == 1


def test_without_an_answer_nobody_signs_up_and_the_page_says_why(client: Client) -> None:
    page = subscribe(client, "a@example.org")
    assert page.status == 400
    assert "JavaScript" in page.text
    assert not Subscriber.objects.exists()


def test_an_old_a_changed_and_a_strangers_riddle_are_refused(settings: Any) -> None:
    riddle = challenge.make_challenge(timezone.now())
    with time_machine.travel(timezone.now() + timedelta(minutes=21)):
        assert not challenge.is_solved(solved(riddle))
    easier = {**riddle, "parameters": {**riddle["parameters"], "keyPrefix": ""}}
    assert not challenge.is_solved(solved(easier))
    answer = solved(riddle)
    settings.SECRET_KEY = "another"
    assert not challenge.is_solved(answer)
    settings.SECRET_KEY_FALLBACKS = ["an older one"]
    assert not challenge.is_solved(answer)


@examples(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.text(max_size=200),
        st.binary(max_size=300).map(lambda raw: base64.b64encode(raw).decode()),
    )
)
def test_whatever_is_sent_as_an_answer_is_refused_and_nothing_breaks(payload: str) -> None:
    assert not challenge.is_solved(payload)


def test_where_none_is_asked_for_the_form_has_none(client: Client, settings: Any) -> None:
    assert "challenge.js" in client.get("/").text
    settings.CHALLENGE = ""
    assert "challenge.js" not in client.get("/").text
    assert subscribe(client, "a@example.org").url == reverse("check-inbox")
