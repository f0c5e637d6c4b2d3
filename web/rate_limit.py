"""Rate limiting for public endpoints, per network and global.

    @rate_limited("preview")
    def preview(request): ...

`settings.RATE_LIMITS` has the hourly limits of each endpoint. A network is a /24 of IPv4 or a /56
of IPv6, because single addresses are cheap to change. Redis keeps the state and applies the generic
cell rate algorithm (GCRA) to all limits of a request at once: a request that one limit refuses
does not count towards the others. Without Redis, endpoints stay open, except those that send mail
(`fail_closed`).
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, wraps
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

import redis
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.crypto import salted_hmac

from config.redis_client import redis_client

log = logging.getLogger(__name__)

View = Callable[..., HttpResponse]
REDIS_TIMEOUT = 2  # seconds
KEY_PREFIX = "paperboy:rate-limit"
HOUR, DAY = 3600.0, 86_400.0
BURST = 1 / 3  # share of the hourly limit that may come at once
IPV4_PREFIX, IPV6_PREFIX = 24, 56

# KEYS are limits. For each, ARGV has the seconds between two requests and the size of a burst.
# A key holds the theoretical arrival time (TAT) of GCRA. Returns the seconds to wait as a string,
# because Redis truncates numbers from Lua to integers.
TAKE_SCRIPT = """
local at = redis.call('TIME')
local now = at[1] + at[2] / 1000000
local tat, wait = {}, 0
for i, key in ipairs(KEYS) do
    local interval, burst = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
    -- At most a full burst ahead, in case the clock was set back.
    local stored = math.min(tonumber(redis.call('GET', key) or '0'), now + burst * interval)
    tat[i] = math.max(stored, now) + interval
    wait = math.max(wait, tat[i] - burst * interval - now)
end
if wait > 0 then return tostring(wait) end
for i, key in ipairs(KEYS) do
    redis.call('SET', key, string.format('%.6f', tat[i]), 'EX', math.ceil(tat[i] - now) + 1)
end
return '0'
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """`count` requests per `seconds`, of which `at_once` may come in a burst.

    `key` must not contain personal data.
    """

    key: str
    count: float
    seconds: float = HOUR
    at_once: float = 0

    @property
    def arguments(self) -> tuple[float, float]:
        """Return the seconds between two requests and the size of a burst."""
        return self.seconds / self.count, self.at_once or max(1, self.count * BURST)


def take_tokens(*limits: Limit) -> float:
    """Count a request towards all limits, or none; return the seconds to wait, 0 if allowed.

    Raise redis.RedisError if Redis is unavailable.
    """
    if not limits:
        return 0.0
    arguments = [number for limit in limits for number in limit.arguments]
    keys = [f"{KEY_PREFIX}:{limit.key}" for limit in limits]
    script = redis_client(REDIS_TIMEOUT).register_script(TAKE_SCRIPT)
    return float(script(keys=keys, args=arguments))


def pseudonym(value: str) -> str:
    """Return a keyed hash of an address or name, which cannot be reversed."""
    return salted_hmac("paperboy.pseudonym", value, algorithm="sha256").hexdigest()[:32]


def client_address(request: HttpRequest) -> str:
    """Return the IP address of a request's client, or "" if it is unknown.

    Read X-Forwarded-For from its end and skip `settings.TRUSTED_PROXIES`: the first other address
    talked to the outermost trusted proxy. Clients can forge everything before it.
    """
    hops = [
        *request.headers.get("X-Forwarded-For", "").split(","),
        request.META.get("REMOTE_ADDR", ""),
    ]
    proxies = _parse_networks(tuple(settings.TRUSTED_PROXIES))
    client = ""
    for hop in reversed(hops):
        address = _parse_address(hop)
        if address is None:
            break
        client = str(address)
        if not any(address in network for network in proxies):
            break
    return client


def _parse_address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


@lru_cache
def _parse_networks(names: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(ip_network(name, strict=False) for name in names)


def network_prefix(address: str) -> str:
    """Return the network of an address, such as 192.0.2.0/24, or "unknown"."""
    if not (parsed := _parse_address(address)):
        return "unknown"
    prefix = IPV4_PREFIX if parsed.version == 4 else IPV6_PREFIX
    return str(ip_network((parsed, prefix), strict=False))


def network_limits(name: str, request: HttpRequest) -> list[Limit]:
    """Return the hourly limit of an endpoint for the request's network, if there is one."""
    count, _all = settings.RATE_LIMITS[name]
    return [Limit(f"{name}:{network_prefix(client_address(request))}", count)] if count else []


def global_limits(name: str) -> list[Limit]:
    """Return the hourly limit of an endpoint across all clients, if there is one."""
    _network, count = settings.RATE_LIMITS[name]
    return [Limit(f"{name}:all", count)] if count else []


def seconds_to_wait(name: str, limits: list[Limit], *, fail_closed: bool = False) -> float:
    """Count a request towards these limits; return the seconds to wait, 0 if allowed.

    Without Redis, allow the request. With `fail_closed`, raise the error instead; the middleware
    turns it into a 503 response (web.outages).
    """
    try:
        return take_tokens(*limits)
    except redis.RedisError as error:
        if fail_closed:
            raise
        log.warning("Redis is unavailable (%s): no rate limit for %s", type(error).__name__, name)
        return 0.0


def rate_limited(
    name: str,
    *,
    methods: tuple[str, ...] = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"),
    fail_closed: bool = False,
    skip_global: bool = False,
    refuse: Callable[[HttpRequest, int], HttpResponse] | None = None,
) -> Callable[[View], View]:
    """Limit how often a view is called by `methods`, by the limits of the endpoint `name`.

    `refuse` returns the response for a client that must wait so many seconds. With
    `skip_global`, the view itself applies the limit across all clients.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def limited_view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method not in methods:
                return view(request, *args, **kwargs)
            limits = network_limits(name, request) + ([] if skip_global else global_limits(name))
            if wait := seconds_to_wait(name, limits, fail_closed=fail_closed):
                return too_many_requests(request, wait, refuse)
            return view(request, *args, **kwargs)

        limited_view.rate_limit = name  # type: ignore[attr-defined]
        return limited_view

    return decorate


def constant_time(view: View) -> View:
    """Delay successful POST responses to a multiple of `settings.RESPONSE_STEP` seconds.

    Their timing then does not reveal whether an address exists. Refusals are sent immediately,
    because they are decided before the lookup.
    """

    @wraps(view)
    def delayed_view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        started = time.perf_counter()
        response = view(request, *args, **kwargs)
        if settings.RESPONSE_STEP and request.method == "POST" and response.status_code < 400:
            elapsed = time.perf_counter() - started
            time.sleep(-elapsed % settings.RESPONSE_STEP)
        return response

    return delayed_view


def too_many_requests(
    request: HttpRequest,
    wait: float,
    refuse: Callable[[HttpRequest, int], HttpResponse] | None = None,
) -> HttpResponse:
    """Return a response with status 429 and Retry-After; `refuse` provides the body."""
    seconds = max(1, math.ceil(wait))
    response = (refuse or too_many_page)(request, seconds)
    response.status_code = 429
    response["Retry-After"] = str(seconds)
    response["Cache-Control"] = "no-store"
    return response


def too_many_page(request: HttpRequest, seconds: int) -> HttpResponse:
    """Return a page that says how long to wait, or a fragment for htmx."""
    name = "_429.html" if "HX-Request" in request.headers else "429.html"
    return render(request, name, {"minutes": math.ceil(seconds / 60)})
