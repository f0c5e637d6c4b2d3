"""Check sources: fetch, ingest, record the outcome and schedule the next check."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db.models import F, QuerySet

from papers.feeds import DocumentError, addresses, kinds
from papers.feeds.kinds import Paging
from papers.fetching import host_throttle
from papers.fetching.fetch import fetch
from papers.fetching.results import FetchResult
from papers.freshness import rules
from papers.freshness.rules import Facts, Verdict
from papers.ingest import IngestResult, ingest_document
from papers.models import MAX_WAIT, Document, Source, SourceCheck

logger = logging.getLogger(__name__)

UNREADABLE = "unreadable"
FAULT = "fault"  # of this program
FINE = ("ok", "not_modified", "postponed")
MAX_FAILURES = 10  # in a row, about a week for an hourly source; then checks are paused
SECONDS = 30.0  # for one document, redirects included
MAX_PAGES = 10  # of one day's list
USUAL_DAYS = 10  # used to compute a category's usual number of papers
KEEP_CHECKS = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The outcome of a check, and the ingest result if a document arrived."""

    outcome: str
    error: str = ""
    status: int | None = None
    result: IngestResult | None = None
    retry_after: timedelta | None = None

    @property
    def is_failure(self) -> bool:
        return self.outcome not in FINE


def check_if_due(pk: int, now: datetime) -> CheckResult | None:
    """Check one source, unless it is not due or claimed by another worker."""
    if not Source.objects.claim(pk, now):
        return None
    return check_source(Source.objects.get(pk=pk), now)


def check_now(source: Source, now: datetime) -> SourceCheck:
    """Check a source immediately, on a curator's request, and resume it if paused."""
    Source.objects.filter(pk=source.pk).update(parked_at=None, failures=0)
    source.parked_at, source.failures = None, 0
    check_source(source, now)
    return source.checks.latest("at", "pk")


def check_source(source: Source, now: datetime) -> CheckResult:
    """Fetch a source, ingest its document and record the outcome."""
    started = time.monotonic()
    fetched = fetch_politely(source.url, now, source.etag, source.last_modified)
    check = _ingest(source, fetched, now)
    if check.result:
        _ingest_further_lists(source, check.result, now)
    _update_source(source, fetched, check, now)
    _record_check(source, check, now, time.monotonic() - started)
    return check


def fetch_politely(url: str, now: datetime, etag: str = "", last_modified: str = "") -> FetchResult:
    """Fetch with our user agent, in turn, and respecting a host's Retry-After."""
    fetched = fetch(
        url,
        etag=etag,
        last_modified=last_modified,
        user_agent=settings.USER_AGENT,
        now=now,
        allow_private=settings.ALLOW_PRIVATE_SOURCES,
        seconds=SECONDS,
        turn=host_throttle.wait_for_turn,
    )
    if fetched.outcome == "throttled" and fetched.retry_after:
        host_throttle.hold_host(
            addresses.host_of(fetched.final_url), min(fetched.retry_after, MAX_WAIT)
        )
    return fetched


def _ingest(source: Source, fetched: FetchResult, now: datetime) -> CheckResult:
    if fetched.outcome != "ok":
        told = fetched.outcome, fetched.detail, fetched.status
        return CheckResult(*told, retry_after=fetched.retry_after)
    try:
        result = ingest_document(fetched.body, source.url, now, source.kind or None, source)
    except DocumentError as error:
        return CheckResult(UNREADABLE, str(error), fetched.status)
    except Exception as error:
        # An error of ours is shown on the source like any other, and is not retried at once.
        logger.exception("source %s: its document could not be stored", source.pk)
        return CheckResult(FAULT, type(error).__name__, fetched.status)
    return CheckResult("ok", status=fetched.status, result=result)


def _ingest_further_lists(source: Source, first: IngestResult, now: datetime) -> None:
    """Fetch further pages and the lists of earlier days.

    These are optional: a page that fails is fetched by the next check.
    """
    kind = kinds.by_name(first.document.kind) if first.document else None
    if kind is None or kind.paging is None:
        return
    _ingest_pages(source, source.url, first, kind.paging, kind.name, now)
    for url in kind.paging.earlier_urls(source.url, now.date()):
        if page := _ingest_page(source, url, kind.name, now):
            _ingest_pages(source, url, page, kind.paging, kind.name, now)


def _ingest_pages(
    source: Source, url: str, first: IngestResult, paging: Paging, kind: str, now: datetime
) -> None:
    """Fetch the pages after `first` until one is empty, known or far from full."""
    page = first
    for number in range(1, MAX_PAGES):
        if page.entries * 2 < paging.page_size(url):  # full pages may have fewer than requested
            return
        following = _ingest_page(source, paging.page_url(url, number), kind, now)
        if following is None or following.known or not following.entries:
            return
        page = following


def _ingest_page(source: Source, url: str, kind: str, now: datetime) -> IngestResult | None:
    fetched = fetch_politely(url, now)
    if fetched.outcome != "ok":
        return None
    try:
        return ingest_document(fetched.body, url, now, kind, source)
    except DocumentError:
        return None
    except Exception:  # must not fail the whole check
        logger.exception("source %s: a further page could not be stored", source.pk)
        return None


def _update_source(source: Source, fetched: FetchResult, check: CheckResult, now: datetime) -> None:
    """Update the source; keep the validators of stored documents only."""
    source.checked_at, source.outcome, source.error = now, check.outcome, check.error
    if check.outcome != "postponed":
        source.failures = source.failures + 1 if check.is_failure else 0
        source.succeeded_at = source.succeeded_at if check.is_failure else now
    source.next_check_at = now + wait(source, check)
    if check.outcome == "gone" or source.failures >= MAX_FAILURES:
        source.parked_at = now
    if check.result and (document := check.result.document):
        source.etag, source.last_modified = fetched.etag, fetched.last_modified
        source.kind = source.kind or document.kind
        source.name = source.name or document.title[:200]
    source.save(
        update_fields=[
            *("checked_at", "outcome", "error", "failures", "next_check_at", "succeeded_at"),
            *("etag", "last_modified", "parked_at", "kind", "name"),
        ]
    )


def wait(source: Source, check: CheckResult) -> timedelta:
    """Return the wait until the next check: doubled per failure, with jitter and Retry-After."""
    if check.outcome == "postponed":
        return check.retry_after or timedelta(minutes=1)
    usual = timedelta(minutes=source.check_every)
    longer = min(usual * 2 ** min(source.failures, 10), max(MAX_WAIT, usual))
    jitter = random.uniform(1.0, 1.1) if source.failures else 1.0  # noqa: S311 - spreads load
    return max(longer * jitter, check.retry_after or timedelta())


def _record_check(source: Source, check: CheckResult, now: datetime, seconds: float) -> None:
    verdict = judge(source, check, now)
    SourceCheck.objects.create(
        source=source,
        at=now,
        outcome=check.outcome,
        status=check.status,
        detail=check.error,
        state=verdict.overall.state,
        reason=verdict.overall.reason,
        messages=verdict.overall.messages,
        categories={name: asdict(told) for name, told in verdict.categories.items()},
        document=check.result.document if check.result else None,
        new=check.result.new if check.result else 0,
        seconds=round(seconds, 3),
    )


def judge(source: Source, check: CheckResult, now: datetime) -> Verdict:
    """Return the verdict on a check; without a new document, on the last one."""
    categories = kinds.requested_categories(source.url)
    if check.outcome == "postponed":
        return rules.judge_postponed(check.error)
    documents = list(_lists(source)[: USUAL_DAYS + 1])
    current = check.result.document if check.result else next(iter(documents), None)
    if check.is_failure or current is None:
        return rules.judge_failure(check.outcome, check.status, categories)
    others = [one for one in documents if one.pk != current.pk]
    new = check.result.new if check.result else 0
    return rules.judge_document(_facts(current, others, new), now, categories)


def _lists(source: Source) -> QuerySet[Document]:
    """Return a source's documents, newest list first."""
    return source.document_set.order_by(
        F("list_day").desc(nulls_last=True), "-first_seen_at", "-pk"
    )


def _facts(current: Document, others: Sequence[Document], new: int) -> Facts:
    before = max((one.published_at for one in others if one.published_at), default=None)
    return Facts(
        kind=current.kind,
        published_at=current.published_at,
        day=current.list_day,
        entries=current.entries,
        new=new,
        refused=current.refused,
        counts=_counts(current),
        usual=_usual([one for one in others if one.list_day != current.list_day]),
        previous_at=before,
    )


def _counts(document: Document) -> rules.CategoryCounts:
    return {
        name: (count, date.fromisoformat(newest) if newest else None)
        for name, (count, newest) in document.categories.items()
    }


def _usual(documents: Sequence[Document]) -> dict[str, list[int]]:
    """Return the number of entries per category in each non-empty document."""
    full = [document.categories for document in documents if document.categories]
    names = {name for categories in full for name in categories}
    return {name: [categories.get(name, (0,))[0] for categories in full] for name in names}


def delete_old_checks(now: datetime) -> int:
    """Delete checks older than `KEEP_CHECKS`; return the number deleted."""
    return SourceCheck.objects.filter(at__lt=now - KEEP_CHECKS).delete()[0]
