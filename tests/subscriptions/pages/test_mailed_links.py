"""Links in mails: scanners change nothing, one click leaves, tokens last. Promises 26 to 29."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from papers.models import Paper
from subscriptions import tokens
from subscriptions.delivery import claims, mailing_run
from subscriptions.delivery.transports import django_message
from subscriptions.editions import digests
from subscriptions.mail import digest_mail, emails, transactional
from subscriptions.models import Digest, Edition, Message, Subscriber
from subscriptions.readers import lifecycle
from subscriptions.tokens import Purpose
from tests.pages import Page, forge
from tests.subscriptions.conftest import MakeReader, Sink
from tests.subscriptions.messages import sign_up

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/124.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (via ggpht.com GoogleImageProxy)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5",
    "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 6.1; Microsoft Outlook 16.0; ms-office)",
    "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0; Pro)",
    "BarracudaCentral/1.0",
    "Mimecast/1.0",
    "Proofpoint URL Defense",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
    "WhatsApp/2.23",
    "curl/8.5.0",
    "Wget/1.21.4",
    "python-requests/2.31.0",
    "",
)
LINK = re.compile(r'https?://[^\s"<>]+')


def database() -> dict[str, list[Any]]:
    """Every row of every table of ours."""
    models = [
        model
        for app in ("papers", "subscriptions")
        for model in apps.get_app_config(app).get_models()
    ]
    return {one.__name__: list(one._default_manager.order_by("pk").values()) for one in models}


def links_of(message: Any, site: str) -> Iterator[str]:
    """Our own addresses in a mail: in both parts and in the headers."""
    texts = [str(value) for name, value in message.items() if name.startswith("List-")]
    texts += [
        part.get_content() for part in message.walk() if part.get_content_type()[:4] == "text"
    ]
    for text in texts:
        for url in LINK.findall(unescape(text)):
            if url.startswith(site):
                yield url.removeprefix(site).rstrip(".,)") or "/"


FOR_OPERATORS = ("edition_trouble", "signup_trouble", "standstill")


@pytest.fixture
def mailed(
    smtp: Sink, edition: list[Paper], make_reader: MakeReader, now: datetime, settings: Any
) -> dict[str, set[str]]:
    """Each kind of mail that we send, with its links, out of a real SMTP server."""
    reader = make_reader(topic={"text": "language models"})
    waiting = make_reader("waiting@example.org", status="pending", confirmed_at=None)
    mailing_run.deliver_digests(digests.build_due_digests([reader.pk], now), lambda: now)
    sign_up(waiting.email, now)
    django_message(emails.preferences_link(reader)).send()
    django_message(
        digest_mail.test_message(digests.preview_digest(reader, now), {}, "c@e.org")
    ).send()
    django_message(
        emails.edition_trouble(Edition(day=now.date(), reason="Too many bounces"))
    ).send()
    django_message(emails.signup_trouble(["Of 60 sign-ups only 3 were confirmed."])).send()
    django_message(emails.standstill(["No digest went out for 40 minutes."])).send()
    for letter in (emails.welcome, emails.less_often, emails.goodbye):
        django_message(letter(reader)).send()
    django_message(emails.vote_link(reader, edition[0])).send()
    names = (
        *("digest", "confirmation", "preferences_link", "test", *FOR_OPERATORS),
        *("welcome", "less_often", "goodbye", "vote_link"),
    )
    links = [set(links_of(message, settings.SITE_URL)) for message in smtp.accepted]
    return dict(zip(names, links, strict=True))


def kind_of(link: str) -> str:
    return link.split("/")[1]


@pytest.mark.parametrize("all_agents", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.promise(26)
def test_no_link_scanner_changes_anything(
    mailed: dict[str, set[str]], client: Client, all_agents: bool
) -> None:
    """Fetch each link as one of the agents, or a link of each kind as all of them."""
    links = set().union(*mailed.values())
    one_of_each = {kind_of(link): link for link in links}
    assert one_of_each.keys() == {
        "",
        "confirm",
        "preferences",
        "rhythm",
        "sign-in",
        "feeds",
        "vote",
        "unsubscribe",
        "react",
        "keep",
        "digest",
        "data",
        "admin",
    }
    nobodys = mailed["test"] - set().union(*(mailed[kind] for kind in mailed if kind != "test"))
    before = database()
    assert len(links) >= len(AGENTS)
    for number, link in enumerate(sorted(one_of_each.values() if all_agents else links)):
        for agent in AGENTS if all_agents else AGENTS[number % len(AGENTS) :][:1]:
            for fetch in (client.get, client.head) * (1 if all_agents else 2):
                answer = fetch(link, headers={"User-Agent": agent})
                assert answer.status_code < 400 or link in nobodys, link
                assert not answer.cookies or set(answer.cookies) == {"csrftoken"}, link
    assert database() == before


def test_every_kind_of_email_is_covered(mailed: dict[str, set[str]]) -> None:
    """The fixture `mailed` must send each email that is added."""
    functions = {
        name
        for name, value in vars(emails).items()
        if inspect.isfunction(value) and value.__module__ == emails.__name__ and name[0] != "_"
    }
    assert functions == {*Message.Kind.values, "render_message"}
    assert set(emails.RENDERERS) == set(transactional.RULES) == set(Message.Kind)
    assert set(mailed) == {*Message.Kind.values, "digest", "test"}


@pytest.mark.promise(26)
def test_confirming_unsubscribing_and_reacting_happen_on_post(
    mailed: dict[str, set[str]], client: Client
) -> None:
    for start, button, happened in (
        (
            "/confirm/",
            "Yes, send me papers",
            lambda: Subscriber.objects.filter(status="pending").count() == 0,
        ),
        (
            "/react/",
            "Show me less like this",
            lambda: Subscriber.objects.filter(reactions__isnull=False).count() == 1,
        ),
        (
            "/unsubscribe/",
            "Unsubscribe",
            lambda: Subscriber.objects.filter(status="unsubscribed").count() == 1,
        ),
    ):
        link = min(
            one for one in mailed["digest"] | mailed["confirmation"] if one.startswith(start)
        )
        page = Page.open(client, link)
        assert not happened()
        page.submit(button)
        assert happened()


# --- Promise 27: RFC 8058 -------------------------------------------------------------------------

ONE_CLICK = {
    "data": "List-Unsubscribe=One-Click",
    "content_type": "application/x-www-form-urlencoded",
}


@pytest.fixture
def provider() -> Client:
    """As a mailbox provider posts: no cookie, no token, no Referer, CSRF enforced."""
    return Client(enforce_csrf_checks=True)


def leave(reader: Subscriber) -> str:
    return reverse("unsubscribe", args=[tokens.make_token(Purpose.UNSUBSCRIBE, reader.pk)])


@pytest.mark.promise(27)
def test_one_click_unsubscribes_at_once_and_is_idempotent(
    provider: Client, make_reader: MakeReader
) -> None:
    reader = make_reader()
    seen = []
    for _ in range(3):
        answer = forge(provider, leave(reader), **ONE_CLICK)
        assert (answer.status_code, answer.cookies) == (200, {})
        seen.append(Subscriber.objects.values().get())
    assert seen[0]["status"] == "unsubscribed"
    assert seen == [seen[0]] * 3


@pytest.mark.promise(27)
def test_one_click_works_as_a_multipart_form(provider: Client, make_reader: MakeReader) -> None:
    reader = make_reader()
    assert forge(provider, leave(reader), {"List-Unsubscribe": "One-Click"}).status_code == 200
    reader.refresh_from_db()
    assert reader.status == "unsubscribed"


@pytest.mark.parametrize("status", ["pending", "unsubscribed", "suppressed", "erased"])
@pytest.mark.promise(27)
def test_one_click_succeeds_for_a_reader_already_gone(
    provider: Client, make_reader: MakeReader, status: str
) -> None:
    reader = make_reader(status="active" if status == "erased" else status)
    link = leave(reader)
    if status == "erased":
        reader.delete()
    assert forge(provider, link, **ONE_CLICK).status_code == 200
    assert provider.get(link).status_code == 200


@pytest.mark.promise(27)
def test_a_changed_or_cut_token_gets_4xx_and_changes_nothing(
    provider: Client, make_reader: MakeReader
) -> None:
    reader = make_reader()
    token = tokens.make_token(Purpose.UNSUBSCRIBE, reader.pk)
    others = [tokens.make_token(one, reader.pk) for one in Purpose if one != Purpose.UNSUBSCRIBE]
    changed = [
        token[:n] + ("A" if token[n] != "A" else "B") + token[n + 1 :] for n in range(len(token))
    ]
    cut = [token[:n] for n in range(1, len(token))]
    # The last character of base64 holds bits that are not part of the signature.
    for bad in (*others, *changed[:-1], *cut, f"{token}x", f"9{token}"):
        answer = forge(provider, reverse("unsubscribe", args=[bad]), **ONE_CLICK)
        assert 400 <= answer.status_code < 500, bad
    reader.refresh_from_db()
    assert reader.status == "active"


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("csrf", [True, False])
@pytest.mark.promise(27)
def test_one_click_without_the_trailing_slash_neither_redirects_nor_fails(
    make_reader: MakeReader, settings: Any, debug: bool, csrf: bool
) -> None:
    settings.DEBUG = debug
    reader = make_reader()
    provider = Client(enforce_csrf_checks=csrf)
    answer = forge(provider, leave(reader).rstrip("/"), **ONE_CLICK)
    assert answer.status_code == 200
    reader.refresh_from_db()
    assert reader.status == "unsubscribed"


@pytest.mark.parametrize("debug", [True, False])
def test_without_the_last_slash_a_get_is_redirected_and_nothing_else_becomes_a_page(
    provider: Client, make_reader: MakeReader, settings: Any, debug: bool
) -> None:
    settings.DEBUG = debug
    link = leave(make_reader())
    answer = provider.get(link.rstrip("/"))
    assert (answer.status_code, answer["Location"]) == (301, link)
    assert forge(provider, "/no-such-page", **ONE_CLICK).status_code == 404
    assert forge(provider, "/subscribe", {"email": "a@example.org"}).status_code == 403  # CSRF


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_token_that_was_encoded_again_works(
    provider: Client, make_reader: MakeReader, times: int
) -> None:
    reader = make_reader()
    link = leave(reader).replace(":", f"%{'25' * (times - 1)}3A")
    assert provider.get(link).status_code == 200
    assert forge(provider, link, **ONE_CLICK).status_code == 200
    reader.refresh_from_db()
    assert reader.status == "unsubscribed"


@pytest.mark.promise(27)
def test_get_on_the_one_click_address_shows_a_button(
    provider: Client, make_reader: MakeReader
) -> None:
    reader = make_reader()
    page = provider.get(leave(reader))
    assert page.status_code == 200
    assert re.search(r'<form method="post">\s*<button', page.text)
    reader.refresh_from_db()
    assert reader.status == "active"


@pytest.mark.promise(27)
def test_the_header_of_the_email_is_the_address_that_works(
    mailed: dict[str, set[str]], smtp: Sink, provider: Client, settings: Any
) -> None:
    digest = smtp.accepted[0]
    assert digest["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    https, mailto = re.findall(r"<([^>]+)>", str(digest["List-Unsubscribe"]))
    assert mailto.startswith(f"mailto:{settings.UNSUBSCRIBE_EMAIL}?subject=")
    forge(provider, https.removeprefix(settings.SITE_URL), **ONE_CLICK)
    assert Subscriber.objects.get(email=digest["To"]).status == "unsubscribed"


# --- Promise 28 -----------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["one click", "token by mail", "complaint"])
@pytest.mark.promise(28)
def test_nothing_is_claimed_after_unsubscribing(
    edition: list[Paper], make_reader: MakeReader, provider: Client, now: datetime, way: str
) -> None:
    reader = make_reader(topic={"text": "language models"})
    [pk] = digests.build_due_digests([reader.pk], now)
    ways: dict[str, Callable[[], object]] = {
        "one click": lambda: forge(provider, leave(reader), **ONE_CLICK),
        "token by mail": lambda: lifecycle.unsubscribe_reader(reader.pk, now),
        "complaint": lambda: Subscriber.objects.update(status="suppressed"),
    }
    ways[way]()
    digest = Digest.objects.get(pk=pk)
    assert not claims.ClaimHolder("worker", lambda: now).claim(digest).ours


# --- Promise 29 -----------------------------------------------------------------------------------
@pytest.mark.promise(29)
def test_no_link_holds_an_email_address_and_every_link_lasts_60_days(
    mailed: dict[str, set[str]], client: Client, settings: Any
) -> None:
    lasting = mailed["digest"] | mailed["preferences_link"]
    lasting = {link for link in lasting if not link.startswith("/data/")}  # good for a day
    assert lasting
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a new key of no importance"
    with time_machine.travel(timezone.now() + timedelta(days=60)):
        for link in sorted(lasting):
            assert "@" not in link
            assert "%40" not in link
            answer = client.get(link)
            assert answer.status_code == 200, link
            assert answer["Referrer-Policy"] == "same-origin"
