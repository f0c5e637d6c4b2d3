"""What Prometheus reads at /metrics.

Paperboy's own figures are read from PostgreSQL and Redis when asked for, so they need no counting
in any process. Requests are counted where they happen: by gunicorn's processes together, through
the files in PROMETHEUS_MULTIPROC_DIR (config.gunicorn), else by this process alone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from datetime import datetime

import redis
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector

from operations import figures, queues
from subscriptions.mail import transactional

REQUESTS = Histogram(
    "paperboy_request_seconds",
    "How long requests took, by the name of the page and the first digit of the status.",
    ("page", "status"),
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10),
    registry=None,
)
OUR_OWN = ("health-live", "health-ready", "health-editions", "metrics")


def time_requests(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[..., HttpResponse]:
    """Middleware: times requests. A page is known by the name of its URL, never by its path."""

    def middleware(request: HttpRequest) -> HttpResponse:
        begun = time.perf_counter()
        response = get_response(request)
        page = (request.resolver_match and request.resolver_match.view_name) or "none"
        if page not in OUR_OWN:
            seconds = time.perf_counter() - begun
            REQUESTS.labels(page, f"{response.status_code // 100}xx").observe(seconds)
        return response

    return middleware


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """For whoever shows METRICS_TOKEN; without such a setting only where DEBUG is on."""
    token = settings.METRICS_TOKEN
    shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not (constant_time_compare(shown, token) if token else settings.DEBUG):
        raise Http404
    registry = CollectorRegistry()
    registry.register(PaperboyCollector())
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        MultiProcessCollector(registry)
    else:
        registry.register(REQUESTS)
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class PaperboyCollector:
    """Paperboy's own figures as a collector."""

    def collect(self) -> Iterable[Metric]:
        found = figures.collect_figures(timezone.now())
        yield from _of_editions(found.editions)
        yield from _of_sources(found.sources)
        yield from _of_sending(found)
        yield from _of_messages(found.messages, timezone.now())
        yield from _of_queues()


def _of_editions(editions: list[figures.EditionFigures]) -> Iterable[Metric]:
    due = _gauge("edition_due", "Digests due, of editions whose totals are open.", "edition")
    digests = _gauge("digests", "Digests by state, of editions.", "edition", "status")
    back = _gauge("came_back", "Digests that bounced or were complained about.", "edition", "what")
    held = _gauge("edition_held", "1 while an edition is paused or cancelled.", "edition")
    for edition in editions:
        due.add_metric([edition.day], edition.due)
        held.add_metric([edition.day], edition.state != "open")
        for status, count in edition.totals.items():
            digests.add_metric([edition.day, status], count)
        for what, count in edition.came_back.items():
            back.add_metric([edition.day, what], count)
    return due, digests, back, held


def _of_sources(sources: list[figures.SourceFigures]) -> Iterable[Metric]:
    age = _gauge("source_age_seconds", "Since a check of a source succeeded.", "source", "kind")
    failures = _gauge("source_failures", "Failed checks in a row.", "source", "kind")
    parked = _gauge("source_parked", "1 where a source is left alone.", "source", "kind")
    for source in sources:
        labels = [source.name, source.kind]
        failures.add_metric(labels, source.failures)
        parked.add_metric(labels, source.parked)
        if source.age is not None:
            age.add_metric(labels, source.age)
    return age, failures, parked


def _of_sending(found: figures.Figures) -> Iterable[Metric]:
    ages = {
        "oldest_due_reader": "Since the reader who waits longest was due and has no digest.",
        "oldest_pending": "Since the digest that waits longest could be handed over.",
        "oldest_claim": "Since the oldest claim that nobody settled.",
    }
    for name, text in ages.items():
        metric = _gauge(f"{name}_seconds", f"{text} 0: none.")
        metric.add_metric([], getattr(found, name))
        yield metric
    last = _gauge("last_success_timestamp_seconds", "When a digest was last sent; 0: never.")
    last.add_metric([], found.last_success.timestamp() if found.last_success else 0)
    yield last


def _of_messages(kinds: list[transactional.KindFigures], now: datetime) -> Iterable[Metric]:
    states = _gauge(
        "messages",
        "Emails beside the digest, by state: those of the last day, and all that wait.",
        "kind",
        "status",
    )
    oldest = _gauge(
        "oldest_pending_message_seconds", "Since the oldest one that waits was asked for.", "kind"
    )
    for kind in kinds:
        for status, count in kind.states.items():
            states.add_metric([kind.kind, status], count)
        since = kind.oldest_pending
        oldest.add_metric([kind.kind], (now - since).total_seconds() if since else 0)
    return states, oldest


def _of_queues() -> Iterable[Metric]:
    up = _gauge("redis_up", "1 if Redis answers.")
    waiting = _gauge("queue_messages", "Tasks that wait in a queue.", "queue")
    beat = _gauge("beat_timestamp_seconds", "When a task of beat's last ran; 0: not known.")
    try:
        for queue, count in queues.depths().items():
            waiting.add_metric([queue], count)
        seen = queues.beat_last_seen()
        beat.add_metric([], seen.timestamp() if seen else 0)
        up.add_metric([], 1)
    except redis.RedisError:
        up.add_metric([], 0)
    return up, waiting, beat


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"paperboy_{name}", text, labels=labels)
