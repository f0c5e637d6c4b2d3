"""OAuth 1.0a: signatures, and the way to an API key."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import time_machine

from subscriptions.zotero import oauth
from subscriptions.zotero.api import Denied, Unavailable
from subscriptions.zotero.signing import Credentials, authorization_header, signature_base
from tests.subscriptions.zotero.conftest import Clock
from tests.subscriptions.zotero.server import KEY, Fault, Zotero

CLIENT = ("dpf43f3p2l4k3l03", "kd94hf93k423kf44")  # of RFC 5849, 1.2


@pytest.mark.parametrize(
    ("method", "url", "token", "more", "signature"),
    [
        (
            *("POST", "https://photos.example.net/initiate", ()),
            {"timestamp": 137131200, "nonce": "wIjqoS"}
            | {"callback": "http://printer.example.com/ready"},
            "74KNZJeDHnMBp0EMJ9ZHt/XKycU=",
        ),
        (
            *("POST", "https://photos.example.net/token", ("hh5s93j4hdidpola", "hdhd0244k9j7ao03")),
            {"timestamp": 137131201, "nonce": "walatlh", "verifier": "hfdp7dh39dks9884"},
            "gKgrFCywp7rO0OXSjdot/IHF7IU=",
        ),
        (
            *("GET", "http://photos.example.net/photos?file=vacation.jpg&size=original"),
            ("nnch734d00sl2jdk", "pfkkdhi9sl3r4s00"),
            {"timestamp": 137131202, "nonce": "chapoH"},
            "MdpQcU8iPSUjWoN/UDMsK2sui9I=",
        ),
    ],
)
def test_signatures_are_those_of_the_specification(
    method: str, url: str, token: tuple[str, ...], more: dict[str, Any], signature: str
) -> None:
    header = authorization_header(method, url, Credentials(*CLIENT, *token), **more)
    assert f'oauth_signature="{quote(signature, safe="")}"' in header


def test_the_signed_text_is_that_of_the_specification() -> None:
    """RFC 5849, 3.4.1.1, with the parameters of its body in the query and c@ spelt there."""
    url = "http://EXAMPLE.COM/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b&c2=&a3=2+q"
    protocol = {
        "oauth_consumer_key": "9djdj82h48djs9d2",
        "oauth_token": "kkk9d7dh3k39sjv7",
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_timestamp": "137131201",
        "oauth_nonce": "7d8f3e4a",
    }
    assert signature_base("post", url, protocol) == (
        "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D"
        "%25253D%26c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e"
        "4a%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9"
        "d7dh3k39sjv7"
    )


def agree(zotero: Zotero, started: oauth.Start) -> tuple[str, str]:
    """Return the token and the verifier with which Zotero's page leads back."""
    [token] = parse_qs(urlsplit(started.url).query)["oauth_token"]
    return token, zotero.verifiers[token]


def test_the_reader_who_started_in_this_browser_gets_the_key(zotero: Zotero, clock: Clock) -> None:
    started = oauth.start(1, "https://paperboy.example.org/zotero/callback/", clock())
    query = parse_qs(urlsplit(started.url).query)
    assert (query["write_access"], query["all_groups"]) == (["1"], ["none"])
    secret = f"secret-of-{query['oauth_token'][0]}"
    assert secret not in started.cookie + started.url
    assert oauth.finish(1, started.cookie, *agree(zotero, started), clock()) == KEY


def test_another_reader_token_or_browser_is_refused(zotero: Zotero, clock: Clock) -> None:
    started, other = (oauth.start(pk, "https://x.example/", clock()) for pk in (1, 2))
    token, verifier = agree(zotero, started)
    before = len(zotero.requests)
    for reader, cookie in ((2, started.cookie), (1, other.cookie), (1, ""), (1, "gAAAAAforged")):
        with pytest.raises(Denied):
            oauth.finish(reader, cookie, token, verifier, clock())
    assert len(zotero.requests) == before
    with pytest.raises(Denied):
        oauth.finish(1, started.cookie, token, "wrong", clock())


def test_the_cookie_is_valid_for_some_minutes(zotero: Zotero, clock: Clock) -> None:
    started = oauth.start(1, "https://x.example/", clock())
    with time_machine.travel(timedelta(minutes=16)), pytest.raises(Denied):
        oauth.finish(1, started.cookie, *agree(zotero, started), clock())


@pytest.mark.parametrize("fault", [Fault(500), Fault(200, b"<html>"), Fault(hang_up=True)])
def test_zotero_may_be_down(zotero: Zotero, clock: Clock, fault: Fault) -> None:
    zotero.faults.append(fault)
    with pytest.raises(Unavailable):
        oauth.start(1, "https://x.example/", clock())
