"""Metrics for Prometheus at /metrics.

Figures are read from PostgreSQL and Redis on each request, so no process has to count. Requests
are counted by all gunicorn processes together, through files in PROMETHEUS_MULTIPROC_DIR
(config.gunicorn), or by this process alone.
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
    "Duration of requests, by name of the page and first digit of the status.",
    ("page", "status"),
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10),
    registry=None,
)
EXCLUDED_PAGES = ("health-live", "health-ready", "health-editions", "metrics")


def time_requests(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[..., HttpResponse]:
    """Measure the duration of requests. Pages are labelled by URL name, never by path."""

    def middleware(request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = get_response(request)
        page = (request.resolver_match and request.resolver_match.view_name) or "none"
        if page not in EXCLUDED_PAGES:
            seconds = time.perf_counter() - started
            REQUESTS.labels(page, f"{response.status_code // 100}xx").observe(seconds)
        return response

    return middleware


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Return all metrics. Requires METRICS_TOKEN or, if it is not set, DEBUG."""
    token = settings.METRICS_TOKEN
    sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not (constant_time_compare(sent, token) if token else settings.DEBUG):
        raise Http404
    registry = CollectorRegistry()
    registry.register(PaperboyCollector())
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        MultiProcessCollector(registry)
    else:
        registry.register(REQUESTS)
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class PaperboyCollector:
    """Collector of Paperboy's figures."""

    def collect(self) -> Iterable[Metric]:
        current = figures.collect_figures(timezone.now())
        yield from _edition_metrics(current.editions)
        yield from _source_metrics(current.sources)
        yield from _sending_metrics(current)
        yield from _message_metrics(current.messages, timezone.now())
        yield from _queue_metrics()


def _edition_metrics(editions: list[figures.EditionFigures]) -> Iterable[Metric]:
    due = _gauge("edition_due", "Digests due, for editions with open totals.", "edition")
    digests = _gauge("digests", "Digests by status.", "edition", "status")
    back = _gauge("came_back", "Digests with bounces or complaints.", "edition", "what")
    held = _gauge("edition_held", "1 if an edition is not open.", "edition")
    for edition in editions:
        due.add_metric([edition.day], edition.due)
        held.add_metric([edition.day], edition.state != "open")
        for status, count in edition.totals.items():
            digests.add_metric([edition.day, status], count)
        for what, count in edition.feedback.items():
            back.add_metric([edition.day, what], count)
    return due, digests, back, held


def _source_metrics(sources: list[figures.SourceFigures]) -> Iterable[Metric]:
    age = _gauge("source_age_seconds", "Time since the last successful check.", "source", "kind")
    failures = _gauge("source_failures", "Failed checks in a row.", "source", "kind")
    parked = _gauge("source_parked", "1 if a source is no longer checked.", "source", "kind")
    for source in sources:
        labels = [source.name, source.kind]
        failures.add_metric(labels, source.failures)
        parked.add_metric(labels, source.parked)
        if source.age is not None:
            age.add_metric(labels, source.age)
    return age, failures, parked


def _sending_metrics(current: figures.Figures) -> Iterable[Metric]:
    ages = {
        "oldest_due_reader": "Time since the longest waiting reader was due.",
        "oldest_pending": "Time since the longest waiting digest could be sent.",
        "oldest_claim": "Age of the oldest unsettled claim.",
    }
    for name, text in ages.items():
        metric = _gauge(f"{name}_seconds", f"{text} 0 if none.")
        metric.add_metric([], getattr(current, name))
        yield metric
    last = _gauge("last_success_timestamp_seconds", "Time of the last sent digest, 0 if none.")
    last.add_metric([], current.last_success.timestamp() if current.last_success else 0)
    yield last


def _message_metrics(kinds: list[transactional.KindFigures], now: datetime) -> Iterable[Metric]:
    states = _gauge(
        "messages",
        "Other emails by status: those of the last day, and all waiting ones.",
        "kind",
        "status",
    )
    oldest = _gauge("oldest_pending_message_seconds", "Age of the oldest waiting message.", "kind")
    for kind in kinds:
        for status, count in kind.states.items():
            states.add_metric([kind.kind, status], count)
        since = kind.oldest_pending
        oldest.add_metric([kind.kind], (now - since).total_seconds() if since else 0)
    return states, oldest


def _queue_metrics() -> Iterable[Metric]:
    up = _gauge("redis_up", "1 if Redis answers.")
    waiting = _gauge("queue_messages", "Tasks waiting in a queue.", "queue")
    beat = _gauge("beat_timestamp_seconds", "Time of the last scheduled task, 0 if unknown.")
    try:
        for queue, count in queues.depths().items():
            waiting.add_metric([queue], count)
        last_seen = queues.beat_last_seen()
        beat.add_metric([], last_seen.timestamp() if last_seen else 0)
        up.add_metric([], 1)
    except redis.RedisError:
        up.add_metric([], 0)
    return up, waiting, beat


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"paperboy_{name}", text, labels=labels)
