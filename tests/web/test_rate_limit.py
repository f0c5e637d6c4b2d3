"""Rate limits of public endpoints, tested on a real Redis."""

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

from config.redis_client import redis_client
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


def test_a_burst_is_allowed_and_then_requests_are_spaced() -> None:
    limit = Limit("x", count=60, at_once=5)
    assert [rate_limit.take_tokens(limit) for _ in range(5)] == [0.0] * 5
    assert 0 < rate_limit.take_tokens(limit) <= 60


def test_a_request_refused_by_one_limit_does_not_count_towards_the_others() -> None:
    strict, shared = Limit("own", count=1, at_once=1), Limit("all", count=60, at_once=2)
    waits = [rate_limit.take_tokens(strict, shared) for _ in range(20)]
    assert waits[0] == 0
    assert all(waits[1:])
    assert rate_limit.take_tokens(shared) == 0


def test_a_pseudonym_is_stable_and_does_not_contain_the_address() -> None:
    key = rate_limit.pseudonym("ada@example.org")
    assert "ada" not in key
    assert key == rate_limit.pseudonym("ada@example.org") != rate_limit.pseudonym("eve@example.org")


TRUSTED = ["10.0.0.0/8", "2001:db8:ffff::/48"]
CASES = [
    # peer, X-Forwarded-For, expected client address
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
def test_any_forwarded_header_is_handled(forwarded: str) -> None:
    address = rate_limit.client_address(request("10.0.0.1", forwarded))
    assert rate_limit.network_prefix(address) != "unknown"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.0/24"),
        ("::ffff:192.0.2.7", "192.0.2.0/24"),
        ("2001:db8:1:2ff::9", "2001:db8:1:200::/56"),
        ("", "unknown"),
    ],
)
def test_addresses_are_grouped_by_network(address: str, network: str) -> None:
    assert rate_limit.network_prefix(address) == network


# Cheap public pages that do not accept POST need no rate limit.
PAGES = {
    *("home", "status", "check-inbox", "privacy", "feed-trending"),
    *("robots", "favicon"),
}
ITEM_PAGES = {
    "day",
    "paper",
    "picture",
    "ranking",
    "bibtex",
    "cite",
    "feed-day",
    "feed-field",
}  # pages of a single item
MONITORS = {"health-live", "healthz/live", "health-ready", "health-editions", "metrics"}
LOCAL = {"outbox", "outbox-message", "outbox-html"}  # only with DEBUG and without a mail provider


API_PAGES = {
    "openapi-json",
    "api-root",
    "api-reference",
    "api-not-found",
}  # they use no stored data
# django-ninja applies the rate limit inside its view, so only responses show it.
API_PATHS = {
    "api/papers": "/api/papers",
    "api/papers/<pk>": "/api/papers/1",
    "api/papers/<pk>/similar": "/api/papers/1/similar",
    "api/arxiv/<path:name>": "/api/arxiv/2604.10000",
    "api/search": "/api/search?q=language",
    "api/daily_papers": "/api/daily_papers?date=2026-04-30",
}


def public_patterns(resolver: Any = None, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Yield every URL pattern with its path, except those of the admin, which requires a login."""
    for entry in (resolver or get_resolver()).url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield path, entry
        elif entry.app_name != "admin":
            yield from public_patterns(entry, path)


PUBLIC_PATTERNS = list(public_patterns())


@pytest.mark.parametrize(
    ("path", "pattern"), PUBLIC_PATTERNS, ids=[path for path, _ in PUBLIC_PATTERNS]
)
@pytest.mark.promise(30)
def test_every_public_endpoint_has_a_rate_limit(path: str, pattern: URLPattern) -> None:
    """Cheap pages that do not accept POST need none."""
    name = getattr(pattern.callback, "rate_limit", None)
    if name is None and path.startswith(("api/", "^api/")):
        assert pattern.name in API_PAGES or path in API_PATHS
    elif name is None and path.startswith("admin/"):
        assert pattern.callback(_anonymous_request()).status_code == 302
    elif name is None:
        assert (pattern.name or path) in PAGES | ITEM_PAGES | MONITORS | LOCAL
    else:
        assert name in {*configured.RATE_LIMITS, "webhook"}


@pytest.mark.parametrize("name", sorted(PAGES - {"feed-trending"} | MONITORS - {"healthz/live"}))
@pytest.mark.promise(30)
def test_pages_without_a_rate_limit_accept_no_post(client: Client, name: str) -> None:
    assert forge(client, reverse(name)).status_code == 405


@pytest.mark.promise(30)
def test_the_admin_opens_only_through_its_rate_limited_login() -> None:
    [admin_resolver] = [
        entry
        for entry in get_resolver().url_patterns
        if isinstance(entry, URLResolver) and entry.app_name == "admin"
    ]
    login = get_resolver().resolve("/admin/login/")
    assert login.func.rate_limit == "login"  # type: ignore[attr-defined]
    exempt = {"login", "logout", "jsi18n", None}
    for pattern in admin_resolver.url_patterns:
        if isinstance(pattern, URLPattern) and pattern.name not in exempt:
            answer = pattern.callback(
                _anonymous_request(), **dict.fromkeys(pattern.pattern.converters, "1")
            )
            assert answer.status_code == 302, pattern


def _anonymous_request() -> HttpRequest:
    anonymous = RequestFactory().get("/admin/x/")
    anonymous.user = AnonymousUser()
    return anonymous


ENDPOINTS: dict[str, Callable[[Client, str], HttpResponse]] = {
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
@pytest.mark.parametrize("name", ENDPOINTS)
@pytest.mark.promise(30)
def test_one_network_is_capped_at_every_endpoint_and_others_are_not(
    client: Client, settings: Any, name: str
) -> None:
    settings.RATE_LIMITS = dict.fromkeys(settings.RATE_LIMITS, (0, 0)) | {name: (6, 0)}
    send = ENDPOINTS[name]
    statuses = [send(client, f"192.0.2.{n}").status_code for n in range(1, 8)]
    assert statuses[2:] == [429] * 5
    assert 429 not in statuses[:2]
    assert send(client, "198.51.100.1").status_code == statuses[0]
    refused = send(client, "192.0.2.250")
    assert 0 < int(refused["Retry-After"]) <= 600
    assert "no-store" in refused["Cache-Control"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", API_PATHS.values())
@pytest.mark.promise(30)
def test_the_api_is_capped(client: Client, settings: Any, path: str) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"api": (3, 0)}
    statuses = [client.get(path).status_code for _ in range(3)]
    assert statuses[1:] == [429] * 2
    assert statuses[0] in (200, 404)


@pytest.mark.django_db
@pytest.mark.parametrize("name", [name for name in ENDPOINTS if name != "mailed"])
@pytest.mark.promise(30)
def test_all_networks_together_are_capped(client: Client, settings: Any, name: str) -> None:
    settings.RATE_LIMITS = dict.fromkeys(settings.RATE_LIMITS, (0, 0)) | {name: (0, 6)}
    statuses = [ENDPOINTS[name](client, f"192.0.{n}.1").status_code for n in range(1, 8)]
    assert statuses[2:] == [429] * 5


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
    statuses = [sign_up(page, f"vic.tim+{n}@example.org") for n in range(20)]
    assert statuses == [302, 302, *[429] * 18]
    good = [sign_up(page, f"{n}@example.org") for n in range(8)]
    assert good == [302] * 8


@pytest.mark.django_db
@pytest.mark.promise(30)
def test_a_spoofed_header_does_not_bypass_the_rate_limit(client: Client, settings: Any) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"signup": (6, 0)}
    statuses = [
        forge(
            client, "/subscribe/", {"email": "nobody"}, headers={"X-Forwarded-For": f"203.0.{n}.1"}
        ).status_code
        for n in range(6)
    ]
    assert statuses == [400, 400, 429, 429, 429, 429]


@pytest.mark.django_db
def test_mailed_links_are_limited_per_reader_except_unsubscribing(
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
def test_without_redis_pages_work_and_no_mail_is_sent(client: Client, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"signup": (6, 6), "preview": (6, 6)}
    assert client.get("/preview/", {"interests": "x"}).status_code == 200
    assert sign_up(Page.open(client, "/subscribe/"), "a@example.org") == 503
    assert not Subscriber.objects.exists()


def test_the_429_page_says_how_long_to_wait_and_htmx_gets_a_fragment() -> None:
    page = rate_limit.too_many_requests(request(), 90.5)
    assert "in 2 minutes" in page.text
    htmx_request = RequestFactory().get("/", headers={"HX-Request": "true"})
    assert "<html" not in rate_limit.too_many_requests(htmx_request, 5).text


@pytest.mark.parametrize(
    ("method", "status", "waits"), [("post", 302, True), ("post", 400, False), ("get", 200, False)]
)
@pytest.mark.promise(24)
def test_answers_leave_at_whole_steps_of_time(
    settings: Any, method: str, status: int, *, waits: bool
) -> None:
    settings.RESPONSE_STEP = 0.02
    view = rate_limit.constant_time(lambda _request: HttpResponse(status=status))
    started = time.perf_counter()
    assert view(getattr(RequestFactory(), method)("/")).status_code == status
    assert (time.perf_counter() - started >= settings.RESPONSE_STEP) == waits


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
    started = time.perf_counter()
    assert page.submit(button, follow=False, email="somebody@example.org").status == 302
    assert time.perf_counter() - started >= settings.RESPONSE_STEP


@pytest.mark.promise(48)
def test_a_future_timestamp_blocks_a_client_no_longer_than_a_burst(
    redis: None, settings: Any
) -> None:
    """A minute holds ten requests, three at once; the clock of Redis ran a day ahead."""
    limit = rate_limit.Limit("ahead", 10, seconds=60, at_once=3)
    store = redis_client()
    store.set(f"{rate_limit.KEY_PREFIX}:ahead", time.time() + 86_400, ex=90_000)
    wait = rate_limit.take_tokens(limit)
    assert 5 < wait <= 6.1
    store.delete(f"{rate_limit.KEY_PREFIX}:ahead")
    assert rate_limit.take_tokens(limit) == 0
