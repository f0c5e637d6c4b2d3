"""Sources: fetched when due, and how each check went."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from papers.feeds import DocumentError
from papers.fetch import Fetched, fetch
from papers.ingest import Result, ingest
from papers.models import Source

LONGEST_WAIT = timedelta(days=1)
UNREADABLE = "unreadable"
FINE = ("ok", "not_modified")


@dataclass(frozen=True, slots=True)
class Check:
    """How one check went: a named outcome, and what was stored if a document came."""

    outcome: str
    error: str = ""
    result: Result | None = None

    @property
    def is_failure(self) -> bool:
        return self.outcome not in FINE


def check_if_due(pk: int, now: datetime) -> Check | None:
    """Check one source, unless another worker has taken it or it is not due."""
    if not Source.objects.claim(pk, now):
        return None
    return check(Source.objects.get(pk=pk), now)


def check(source: Source, now: datetime) -> Check:
    """Fetch a source, store what it brought, and write down how it went."""
    fetched = fetch(
        source.url,
        etag=source.etag,
        last_modified=source.last_modified,
        user_agent=settings.USER_AGENT,
        now=now,
        allow_private=settings.ALLOW_PRIVATE_SOURCES,
    )
    done = _take(source, fetched, now)
    _write_down(source, fetched, done, now)
    return done


def _take(source: Source, fetched: Fetched, now: datetime) -> Check:
    if fetched.outcome != "ok":
        return Check(fetched.outcome, fetched.detail)
    try:
        result = ingest(fetched.body, source.url, now, source.kind or None, source)
    except DocumentError as error:
        return Check(UNREADABLE, str(error))
    return Check("ok", result=result)


def _write_down(source: Source, fetched: Fetched, done: Check, now: datetime) -> None:
    """Validators are kept only for a document that was stored, so that a bad one comes again."""
    source.checked_at, source.outcome, source.error = now, done.outcome, done.error
    source.failures = source.failures + 1 if done.is_failure else 0
    source.next_check_at = now + wait(source, fetched.retry_after)
    if not done.is_failure:
        source.succeeded_at = now
    source.active = source.active and done.outcome != "gone"  # told not to come again
    if done.result:
        source.etag, source.last_modified = fetched.etag, fetched.last_modified
    source.save(
        update_fields=[
            *("checked_at", "outcome", "error", "failures", "next_check_at", "succeeded_at"),
            *("etag", "last_modified", "active"),
        ]
    )


def wait(source: Source, retry_after: timedelta | None) -> timedelta:
    """Until the next check: longer after each failure, with jitter, and what the server asks."""
    usual = timedelta(minutes=source.check_every)
    longer = min(usual * 2 ** min(source.failures, 10), max(LONGEST_WAIT, usual))
    jitter = random.uniform(1.0, 1.1) if source.failures else 1.0  # noqa: S311 - spreads load
    return max(longer * jitter, retry_after or timedelta())
