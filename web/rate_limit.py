"""Who stands before the public doors: how often an entrance may be used, and from where.

    @guard("preview")
    def preview(request): ...

A network is a /24 of IPv4 or a /56 of IPv6, since addresses are cheap and networks are not. All
limits of a request are looked at and taken together, in Redis, by the generic cell rate algorithm:
whom one limit refuses uses up none of the others. `settings.RATE_LIMITS` says how much each
entrance takes. Redis gone, doors stand open but for those that send mail (`shut_without_redis`).
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

log = logging.getLogger(__name__)

View = Callable[..., HttpResponse]
KEY_PREFIX = "paperboy:guard"
HOUR, DAY = 3600.0, 86_400.0
BURST = 1 / 3  # of what an hour holds
IPV4_PREFIX, IPV6_PREFIX = 24, 56

# KEYS are limits; for each, ARGV has the seconds one request costs and how many may come at once.
# Each key holds the moment at which all that came is paid for. Answers the seconds to wait.
TAKE_SCRIPT = """
local at = redis.call('TIME')
local now = at[1] + at[2] / 1000000
local paid, wait = {}, 0
for i, key in ipairs(KEYS) do
    local cost, burst = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
    -- Never later than a full burst: a clock that ran ahead shuts nobody out.
    local kept = math.min(tonumber(redis.call('GET', key) or '0'), now + burst * cost)
    paid[i] = math.max(kept, now) + cost
    wait = math.max(wait, paid[i] - burst * cost - now)
end
if wait > 0 then return tostring(wait) end
for i, key in ipairs(KEYS) do
    redis.call('SET', key, string.format('%.6f', paid[i]), 'EX', math.ceil(paid[i] - now) + 1)
end
return '0'
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """`count` requests in `seconds`, so many `at_once`; known by `key`, which names nobody."""

    key: str
    count: float
    seconds: float = HOUR
    at_once: float = 0

    @property
    def arguments(self) -> tuple[float, float]:
        return self.seconds / self.count, self.at_once or max(1, self.count * BURST)


@lru_cache
def _script(url: str) -> Any:
    client = redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)
    return client.register_script(TAKE_SCRIPT)


def take_tokens(*limits: Limit) -> float:
    """Take one from each of these limits, or none; how many seconds to wait, 0 for come in.

    Raises redis.RedisError.
    """
    if not limits:
        return 0.0
    arguments = [number for limit in limits for number in limit.arguments]
    keys = [f"{KEY_PREFIX}:{limit.key}" for limit in limits]
    return float(_script(settings.REDIS_URL)(keys=keys, args=arguments))


def pseudonym(value: str) -> str:
    """A key for an address or a name that cannot be read back."""
    return salted_hmac("paperboy.guard", value, algorithm="sha256").hexdigest()[:32]


def client_address(request: HttpRequest) -> str:
    """Where a request comes from; "" where that is unknown.

    X-Forwarded-For is believed as far as `settings.TRUSTED_PROXIES` wrote it: read from its end,
    it names who spoke to the outermost proxy of ours. What stands before that anybody may write.
    """
    hops = [
        *request.headers.get("X-Forwarded-For", "").split(","),
        request.META.get("REMOTE_ADDR", ""),
    ]
    here = ""
    for hop in reversed(hops):
        address = _address(hop)
        if address is None:
            break
        here = str(address)
        if not any(address in network for network in _proxies(tuple(settings.TRUSTED_PROXIES))):
            break
    return here


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


@lru_cache
def _proxies(names: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(ip_network(name, strict=False) for name in names)


def network_prefix(address: str) -> str:
    """The network an address is in, such as 192.0.2.0/24."""
    if not (found := _address(address)):
        return "unknown"
    prefix = IPV4_PREFIX if found.version == 4 else IPV6_PREFIX
    return str(ip_network((found, prefix), strict=False))


def network_limits(name: str, request: HttpRequest) -> list[Limit]:
    """What this entrance takes in an hour from the request's network."""
    count, _all = settings.RATE_LIMITS[name]
    return [Limit(f"{name}:{network_prefix(client_address(request))}", count)] if count else []


def global_limits(name: str) -> list[Limit]:
    """What this entrance takes in an hour from everybody."""
    _network, count = settings.RATE_LIMITS[name]
    return [Limit(f"{name}:all", count)] if count else []


def seconds_to_wait(name: str, limits: list[Limit], *, shut_without_redis: bool = False) -> float:
    """Take one of these limits; how many seconds to wait, 0 for come in.

    Without Redis the limits are not known. With `shut_without_redis` its error goes on to the
    middleware, which answers 503 (web.outages).
    """
    try:
        return take_tokens(*limits)
    except redis.RedisError as error:
        if shut_without_redis:
            raise
        log.warning("Redis is away (%s): %s is unguarded", type(error).__name__, name)
        return 0.0


def rate_limited(
    name: str,
    *,
    methods: tuple[str, ...] = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"),
    shut_without_redis: bool = False,
    all_later: bool = False,
    refuse: Callable[[HttpRequest, int], HttpResponse] | None = None,
) -> Callable[[View], View]:
    """Protect a view. `refuse` makes the answer to who must wait so many seconds; `all_later`
    leaves it to the view to take from what there is for everybody."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method not in methods:
                return view(request, *args, **kwargs)
            limits = network_limits(name, request) + ([] if all_later else global_limits(name))
            if wait := seconds_to_wait(name, limits, shut_without_redis=shut_without_redis):
                return too_many_requests(request, wait, refuse)
            return view(request, *args, **kwargs)

        guarded.guard = name  # type: ignore[attr-defined]
        return guarded

    return decorate


def constant_time(view: View) -> View:
    """Where work was done, answer at a multiple of `settings.RESPONSE_STEP` seconds, so that
    the time it takes does not tell what was found. Refusals leave at once: nothing was looked at.
    """

    @wraps(view)
    def evened(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        begun = time.perf_counter()
        answer = view(request, *args, **kwargs)
        if settings.RESPONSE_STEP and request.method == "POST" and answer.status_code < 400:
            took = time.perf_counter() - begun
            time.sleep(-took % settings.RESPONSE_STEP)
        return answer

    return evened


def too_many_requests(
    request: HttpRequest,
    wait: float,
    refuse: Callable[[HttpRequest, int], HttpResponse] | None = None,
) -> HttpResponse:
    """429 with Retry-After."""
    seconds = max(1, math.ceil(wait))
    answer = (refuse or too_many)(request, seconds)
    answer.status_code = 429
    answer["Retry-After"] = str(seconds)
    answer["Cache-Control"] = "no-store"
    return answer


def too_many(request: HttpRequest, seconds: int) -> HttpResponse:
    """A page that says when to come back; the part of one where htmx asks."""
    name = "_429.html" if "HX-Request" in request.headers else "429.html"
    return render(request, name, {"minutes": math.ceil(seconds / 60)})
