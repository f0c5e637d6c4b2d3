from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from subscriptions import tokens
from subscriptions.tokens import BadLink, ExpiredLink, Purpose


def test_a_token_gives_back_what_it_was_made_for() -> None:
    assert tokens.read_token(Purpose.REACT, tokens.make_token(Purpose.REACT, 17)) == "17"


@pytest.mark.parametrize("other", [purpose for purpose in Purpose if purpose != Purpose.REACT])
def test_a_token_is_good_for_one_purpose_only(other: Purpose) -> None:
    with pytest.raises(BadLink):
        tokens.read_token(other, tokens.make_token(Purpose.REACT, 17))


def test_every_changed_or_cut_token_is_refused() -> None:
    token = tokens.make_token(Purpose.UNSUBSCRIBE, 17)
    for bad in (token[:-1], "18" + token[2:], token.replace(":", ";"), "", token + "x"):
        with pytest.raises(BadLink):
            tokens.read_token(Purpose.UNSUBSCRIBE, bad)


@pytest.mark.parametrize(
    "purpose", [p for p in Purpose if p not in (Purpose.CONFIRM, Purpose.DATA)]
)
def test_links_in_digests_stay_good_for_sixty_days(purpose: Purpose) -> None:
    token = tokens.make_token(purpose, 17)
    with time_machine.travel(timezone.now() + timedelta(days=60)):
        assert tokens.read_token(purpose, token) == "17"


def test_an_old_confirmation_says_that_it_expired() -> None:
    token = tokens.make_token(Purpose.CONFIRM, 17)
    with time_machine.travel(timezone.now() + timedelta(days=8)), pytest.raises(ExpiredLink):
        tokens.read_token(Purpose.CONFIRM, token)


def test_tokens_survive_a_new_secret_key(settings: Any) -> None:
    token = tokens.make_token(Purpose.UNSUBSCRIBE, 17)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a new key of no importance"
    assert tokens.read_token(Purpose.UNSUBSCRIBE, token) == "17"
