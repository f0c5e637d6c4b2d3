"""The guard before public doors: whom it lets in, on a real Redis. Promise 30."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings as configured
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from subscriptions import tokens
from subscriptions.models import Subscriber
from subscriptions.tokens import Purpose
from tests.pages import Page, forge
from web import rate_limit
from web.rate_limit import Limit

pytestmark = pytest.mark.usefixtures("redis")
MakeReader = Callable[..., Subscriber]


def request(peer: str = "192.0.2.7", forwarded: str | None = None) -> HttpRequest:
    header = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}
    return RequestFactory().post("/", REMOTE_ADDR=peer, **header)


# --- Limits ---------------------------------------------------------------------------------------


def test_so_many_come_in_at_once_and_then_one_at_a_time() -> None:
    limit = Limit("x", count=60, at_once=5)
    assert [rate_limit.take_tokens(limit) for _ in range(5)] == [0.0] * 5
    assert 0 < rate_limit.take_tokens(limit) <= 60


def test_whom_one_limit_refuses_uses_up_none_of_the_others() -> None:
    own, all_ = Limit("own", count=1, at_once=1), Limit("all", count=60, at_once=2)
    waits = [rate_limit.take_tokens(own, all_) for _ in range(20)]
    assert waits[0] == 0
    assert all(waits[1:])
    assert rate_limit.take_tokens(all_) == 0


def test_a_key_names_nobody() -> None:
    key = rate_limit.pseudonym("ada@example.org")
    assert "ada" not in key
    assert key == rate_limit.pseudonym("ada@example.org") != rate_limit.pseudonym("eve@example.org")


# --- Where a request comes from -------------------------------------------------------------------

TRUSTED = ["10.0.0.0/8", "2001:db8:ffff::/48"]
CASES = [
    # peer, X-Forwarded-For, the address that counts
    ("192.0.2.7", None, "192.0.2.7"),
    ("192.0.2.7", "203.0.113.9", "192.0.2.7"),
    ("192.0.2.7", "10.0.0.1", "192.0.2.7"),
    ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
    ("10.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
    ("10.0.0.1", "198.51.100.1, 203.0.113.9, 10.9.9.9", "203.0.113.9"),
    ("10.0.0.1", "10.0.0.2, 10.0.0.3", "10.0.0.2"),
    ("10.0.0.1", None, "10.0.0.1"),
    ("10.0.0.1", "", "10.0.0.1"),
    ("10.0.0.1", "203.0.113.9, nonsense", "10.0.0.1"),
    ("10.0.0.1", "203.0.113.9:4711", "10.0.0.1"),
    ("::ffff:10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"),
    ("2001:db8:ffff::1", "2001:db8:1:2::3", "2001:db8:1:2::3"),
    ("", "203.0.113.9", ""),
    ("not an address", "203.0.113.9", ""),
]


@pytest.mark.parametrize(("peer", "forwarded", "counts"), CASES)
@pytest.mark.promise(30)
def test_a_forwarded_header_counts_only_from_a_declared_proxy(
    settings: Any, peer: str, forwarded: str | None, counts: str
) -> None:
    settings.TRUSTED_PROXIES = TRUSTED
    assert rate_limit.client_address(request(peer, forwarded)) == counts


@given(st.text(st.characters(codec="latin-1"), max_size=200))
def test_whatever_stands_in_the_header_nothing_breaks(forwarded: str) -> None:
    found = rate_limit.client_address(request("10.0.0.1", forwarded))
    assert rate_limit.network_prefix(found) != "unknown"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.0/24"),
        ("::ffff:192.0.2.7", "192.0.2.0/24"),
        ("2001:db8:1:2ff::9", "2001:db8:1:200::/56"),
        ("", "unknown"),
    ],
)
def test_addresses_of_one_network_count_together(address: str, network: str) -> None:
    assert rate_limit.network_prefix(address) == network


# --- The doors ------------------------------------------------------------------------------------

# Pages that anybody may read, made of little; they take no POST.
PAGES = {
    *("home", "status", "check-inbox", "privacy", "feed-trending"),
    *("robots", "favicon"),
}
PAGES_OF = {
    "day",
    "paper",
    "picture",
    "ranking",
    "bibtex",
    "feed-day",
    "feed-field",
}  # one thing each
MONITORS = {"health-live", "healthz/live", "health-ready", "health-editions", "metrics"}
LOCAL = {"outbox", "outbox-message", "outbox-html"}  # only in debug, without a mail provider


API_PAGES = {"openapi-json", "api-root", "api-reference", "api-not-found"}  # made of nothing stored
# django-ninja calls the guard within its view: its answers show it.
GUARDED_WITHIN = {
    "api/papers": "/api/papers",
    "api/papers/<pk>": "/api/papers/1",
    "api/papers/<pk>/similar": "/api/papers/1/similar",
    "api/arxiv/<path:name>": "/api/arxiv/2604.10000",
    "api/search": "/api/search?q=language",
    "api/daily_papers": "/api/daily_papers?date=2026-04-30",
}


def entrances(found: Any = None, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every pattern of the site with its path; the admin's are behind its log-in."""
    for one in (found or get_resolver()).url_patterns:
        path = prefix + str(one.pattern)
        if isinstance(one, URLPattern):
            yield path, one
        elif one.app_name != "admin":
            yield from entrances(one, path)


ENTRANCES = list(entrances())


@pytest.mark.parametrize(("path", "pattern"), ENTRANCES, ids=[path for path, _ in ENTRANCES])
@pytest.mark.promise(30)
def test_every_public_endpoint_has_a_rate_limit(path: str, pattern: URLPattern) -> None:
    """A page that takes no POST and is made of little needs none; all else does."""
    name = getattr(pattern.callback, "rate_limit", None)
    if name is None and path.startswith(("api/", "^api/")):
        assert pattern.name in API_PAGES or path in GUARDED_WITHIN
    elif name is None and path.startswith("admin/"):
        assert pattern.callback(_stranger()).status_code == 302
    elif name is None:
        assert (pattern.name or path) in PAGES | PAGES_OF | MONITORS | LOCAL
    else:
        assert name in {*configured.RATE_LIMITS, "webhook"}


@pytest.mark.parametrize("name", sorted(PAGES - {"feed-trending"} | MONITORS - {"healthz/live"}))
@pytest.mark.promise(30)
def test_pages_without_a_rate_limit_accept_no_post(client: Client, name: str) -> None:
    assert forge(client, reverse(name)).status_code == 405


@pytest.mark.promise(30)
def test_the_admin_opens_only_through_its_rate_limited_login() -> None:
    [own] = [
        one
        for one in get_resolver().url_patterns
        if isinstance(one, URLResolver) and one.app_name == "admin"
    ]
    first = get_resolver().resolve("/admin/login/")
    assert first.func.rate_limit == "login"  # type: ignore[attr-defined]
    open_ = {"login", "logout", "jsi18n", None}
    for pattern in own.url_patterns:
        if isinstance(pattern, URLPattern) and pattern.name not in open_:
            answer = pattern.callback(_stranger(), **dict.fromkeys(pattern.pattern.converters, "1"))
            assert answer.status_code == 302, pattern


def _stranger() -> HttpRequest:
    asked = RequestFactory().get("/admin/x/")
    asked.user = AnonymousUser()
    return asked


DOORS: dict[str, Callable[[Client, str], HttpResponse]] = {
    "signup": lambda client, peer: forge(
        client, "/subscribe/", {"email": f"reader@{peer}.example"}, REMOTE_ADDR=peer
    ),
    "link": lambda client, peer: forge(client, "/sign-in/", {"email": "nobody"}, REMOTE_ADDR=peer),
    "preview": lambda client, peer: client.get("/preview/", REMOTE_ADDR=peer),
    "login": lambda client, peer: forge(client, "/admin/login/", REMOTE_ADDR=peer),
    "upload": lambda client, peer: forge(client, "/profile/x/upload/", REMOTE_ADDR=peer),
    "community": lambda client, peer: forge(client, "/vote/1/x/", REMOTE_ADDR=peer),
    "mailed": lambda client, peer: client.get("/confirm/x/", REMOTE_ADDR=peer),
}


@pytest.mark.django_db
@pytest.mark.parametrize("name", DOORS)
@pytest.mark.promise(30)
def test_one_network_is_capped_at_every_endpoint_and_others_are_not(
    client: Client, settings: Any, name: str
) -> None:
    settings.RATE_LIMITS = dict.fromkeys(settings.RATE_LIMITS, (0, 0)) | {name: (6, 0)}
    knock = DOORS[name]
    answers = [knock(client, f"192.0.2.{n}").status_code for n in range(1, 8)]
    assert answers[2:] == [429] * 5
    assert 429 not in answers[:2]
    assert knock(client, "198.51.100.1").status_code == answers[0]
    refused = knock(client, "192.0.2.250")
    assert 0 < int(refused["Retry-After"]) <= 600
    assert "no-store" in refused["Cache-Control"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", GUARDED_WITHIN.values())
@pytest.mark.promise(30)
def test_the_api_is_capped(client: Client, settings: Any, path: str) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"api": (3, 0)}
    answers = [client.get(path).status_code for _ in range(3)]
    assert answers[1:] == [429] * 2
    assert answers[0] in (200, 404)


@pytest.mark.django_db
@pytest.mark.parametrize("name", [name for name in DOORS if name != "mailed"])
@pytest.mark.promise(30)
def test_all_networks_together_are_capped(client: Client, settings: Any, name: str) -> None:
    settings.RATE_LIMITS = dict.fromkeys(settings.RATE_LIMITS, (0, 0)) | {name: (0, 6)}
    answers = [DOORS[name](client, f"192.0.{n}.1").status_code for n in range(1, 8)]
    assert answers[2:] == [429] * 5


def sign_up(page: Page, email: str) -> int:
    """Submit the sign-up form of a page, and return the status of the answer."""
    return page.submit("Subscribe", follow=False, email=email).status


@pytest.mark.django_db
@pytest.mark.promise(30)
def test_a_refused_client_uses_up_no_shared_limit(client: Client, settings: Any) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"signup": (0, 6)}
    page = Page.open(client, "/subscribe/")
    refused = [{"email": "nobody"}, {"email": "a@example.org", "nickname": "x"}]
    for n in range(20):
        page.submit("Subscribe", follow=False, **refused[n % 2])
    good = [sign_up(page, f"{n}@example.org") for n in range(3)]
    assert good == [302, 302, 429]


@pytest.mark.django_db
@pytest.mark.promise(30)
def test_one_repeated_address_uses_up_no_shared_limit(client: Client, settings: Any) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"signup": (0, 30), "typed": (6, 0)}
    page = Page.open(client, "/subscribe/")
    answers = [sign_up(page, f"vic.tim+{n}@example.org") for n in range(20)]
    assert answers == [302, 302, *[429] * 18]
    good = [sign_up(page, f"{n}@example.org") for n in range(8)]
    assert good == [302] * 8


@pytest.mark.django_db
@pytest.mark.promise(30)
def test_a_spoofed_header_does_not_bypass_the_rate_limit(client: Client, settings: Any) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"signup": (6, 0)}
    answers = [
        forge(
            client, "/subscribe/", {"email": "nobody"}, headers={"X-Forwarded-For": f"203.0.{n}.1"}
        ).status_code
        for n in range(6)
    ]
    assert answers == [400, 400, 429, 429, 429, 429]


@pytest.mark.django_db
def test_one_reader_acts_so_often_by_mailed_links_and_may_leave_always(
    client: Client, settings: Any, make_reader: MakeReader
) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"mailed": (3, 0)}
    reader, other = make_reader(), make_reader("other@example.org")
    mute = reverse("profile-mute", args=[tokens.make_token(Purpose.PREFERENCES, reader.pk)])
    assert [forge(client, mute).status_code for _ in range(3)] == [302, 429, 429]
    mute = reverse("profile-mute", args=[tokens.make_token(Purpose.PREFERENCES, other.pk)])
    assert forge(client, mute).status_code == 302
    leave = reverse("unsubscribe", args=[tokens.make_token(Purpose.UNSUBSCRIBE, reader.pk)])
    assert [forge(client, leave).status_code for _ in range(5)] == [200] * 5


@pytest.mark.django_db
def test_without_redis_pages_open_and_nothing_is_mailed(client: Client, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"signup": (6, 6), "preview": (6, 6)}
    assert client.get("/preview/", {"interests": "x"}).status_code == 200
    assert sign_up(Page.open(client, "/subscribe/"), "a@example.org") == 503
    assert not Subscriber.objects.exists()


def test_the_page_says_when_to_come_back_and_htmx_gets_a_part() -> None:
    page = rate_limit.too_many_requests(request(), 90.5)
    assert "in 2 minutes" in page.text
    asked = RequestFactory().get("/", headers={"HX-Request": "true"})
    assert "<html" not in rate_limit.too_many_requests(asked, 5).text


@pytest.mark.parametrize(
    ("method", "status", "waits"), [("post", 302, True), ("post", 400, False), ("get", 200, False)]
)
@pytest.mark.promise(24)
def test_answers_leave_at_whole_steps_of_time(
    settings: Any, method: str, status: int, *, waits: bool
) -> None:
    settings.RESPONSE_STEP = 0.02
    view = rate_limit.constant_time(lambda _request: HttpResponse(status=status))
    begun = time.perf_counter()
    assert view(getattr(RequestFactory(), method)("/")).status_code == status
    assert (time.perf_counter() - begun >= settings.RESPONSE_STEP) == waits


@pytest.mark.parametrize(
    ("view", "button"),
    [
        ("subscribe", "Subscribe"),
        ("sign-in", "Email me the link"),
        ("vote", "Email me the link"),
    ],
)
@pytest.mark.django_db
@pytest.mark.promise(24)
def test_all_endpoints_that_take_an_address_answer_in_constant_time(
    client: Client, settings: Any, make_paper: Any, view: str, button: str
) -> None:
    settings.RESPONSE_STEP = 0.5
    where = reverse(view, args=[make_paper().pk] if view == "vote" else [])
    page = Page.open(client, where)
    begun = time.perf_counter()
    assert page.submit(button, follow=False, email="somebody@example.org").status == 302
    assert time.perf_counter() - begun >= settings.RESPONSE_STEP


@pytest.mark.promise(48)
def test_a_future_timestamp_blocks_a_client_no_longer_than_a_burst(
    redis: None, settings: Any
) -> None:
    """A minute holds ten requests, three at once; the clock of Redis ran a day ahead."""
    limit = rate_limit.Limit("ahead", 10, seconds=60, at_once=3)
    store = Redis.from_url(settings.REDIS_URL)
    store.set(f"{rate_limit.KEY_PREFIX}:ahead", time.time() + 86_400, ex=90_000)
    wait = rate_limit.take_tokens(limit)
    assert 5 < wait <= 6.1
    store.delete(f"{rate_limit.KEY_PREFIX}:ahead")
    assert rate_limit.take_tokens(limit) == 0
