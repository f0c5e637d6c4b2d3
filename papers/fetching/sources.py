"""Sources: fetched when due, and how each check went."""

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
from papers.fetching.fetch import FetchResult, fetch
from papers.freshness import rules
from papers.freshness.rules import Facts, Verdict
from papers.ingest import IngestResult, ingest_document
from papers.models import MAX_WAIT, Document, Source, SourceCheck

logger = logging.getLogger(__name__)

UNREADABLE = "unreadable"
FAULT = "fault"  # of this program
FINE = ("ok", "not_modified", "postponed")
PARKED_AFTER = 10  # failures in a row; with growing waits that is a week of an hourly source
SECONDS = 30.0  # for one document, redirects included
MAX_PAGES = 10  # of one day's list
USUAL_DAYS = 10  # from which a category's usual number is told
KEPT = timedelta(days=60)  # checks


@dataclass(frozen=True, slots=True)
class CheckResult:
    """How one check went: a named outcome, and what was stored if a document came."""

    outcome: str
    error: str = ""
    status: int | None = None
    result: IngestResult | None = None
    retry_after: timedelta | None = None

    @property
    def is_failure(self) -> bool:
        return self.outcome not in FINE


def check_if_due(pk: int, now: datetime) -> CheckResult | None:
    """Check one source, unless another worker has taken it or it is not due."""
    if not Source.objects.claim(pk, now):
        return None
    return check_source(Source.objects.get(pk=pk), now)


def check_now(source: Source, now: datetime) -> SourceCheck:
    """Check a source whatever its state, as a curator asks; one that was parked is woken."""
    Source.objects.filter(pk=source.pk).update(parked_at=None, failures=0)
    source.parked_at, source.failures = None, 0
    check_source(source, now)
    return source.checks.latest("at", "pk")


def check_source(source: Source, now: datetime) -> CheckResult:
    """Fetch a source, store what it brought, and write down how it went."""
    started = time.monotonic()
    fetched = fetch_politely(source.url, now, source.etag, source.last_modified)
    done = _take(source, fetched, now)
    if done.result:
        _take_more(source, done.result, now)
    _write_down(source, fetched, done, now)
    _remember(source, done, now, time.monotonic() - started)
    return done


def fetch_politely(url: str, now: datetime, etag: str = "", last_modified: str = "") -> FetchResult:
    """Fetch in the house's manner: named, in turn, and never asking a host that wants a pause."""
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


def _take(source: Source, fetched: FetchResult, now: datetime) -> CheckResult:
    if fetched.outcome != "ok":
        told = fetched.outcome, fetched.detail, fetched.status
        return CheckResult(*told, retry_after=fetched.retry_after)
    try:
        result = ingest_document(fetched.body, source.url, now, source.kind or None, source)
    except DocumentError as error:
        return CheckResult(UNREADABLE, str(error), fetched.status)
    except Exception as error:
        # A fault of ours must be seen on the source like any other, and must not repeat at once.
        logger.exception("source %s: its document could not be stored", source.pk)
        return CheckResult(FAULT, type(error).__name__, fetched.status)
    return CheckResult("ok", status=fetched.status, result=result)


def _take_more(source: Source, first: IngestResult, now: datetime) -> None:
    """Fetch further pages and the lists of earlier days.

    These are optional: a page that fails is fetched by the next check.
    """
    kind = kinds.by_name(first.document.kind) if first.document else None
    if kind is None or kind.paging is None:
        return
    _take_pages(source, source.url, first, kind.paging, kind.name, now)
    for url in kind.paging.earlier_urls(source.url, now.date()):
        if page := _take_page(source, url, kind.name, now):
            _take_pages(source, url, page, kind.paging, kind.name, now)


def _take_pages(
    source: Source, url: str, first: IngestResult, paging: Paging, kind: str, now: datetime
) -> None:
    """Fetch the pages after `first` until one is empty, known or far from full."""
    page = first
    for number in range(1, MAX_PAGES):
        if page.entries * 2 < paging.page_size(url):  # full pages may have fewer than requested
            return
        following = _take_page(source, paging.page_url(url, number), kind, now)
        if following is None or following.known or not following.entries:
            return
        page = following


def _take_page(source: Source, url: str, kind: str, now: datetime) -> IngestResult | None:
    fetched = fetch_politely(url, now)
    if fetched.outcome != "ok":
        return None
    try:
        return ingest_document(fetched.body, url, now, kind, source)
    except DocumentError:
        return None
    except Exception:  # an extra page is not worth the check that brought it
        logger.exception("source %s: a further page could not be stored", source.pk)
        return None


def _write_down(source: Source, fetched: FetchResult, done: CheckResult, now: datetime) -> None:
    """Validators are kept only for a document that was stored, so that a bad one comes again."""
    source.checked_at, source.outcome, source.error = now, done.outcome, done.error
    if done.outcome != "postponed":
        source.failures = source.failures + 1 if done.is_failure else 0
        source.succeeded_at = source.succeeded_at if done.is_failure else now
    source.next_check_at = now + wait(source, done)
    if done.outcome == "gone" or source.failures >= PARKED_AFTER:
        source.parked_at = now
    if done.result and (document := done.result.document):
        source.etag, source.last_modified = fetched.etag, fetched.last_modified
        source.kind = source.kind or document.kind
        source.name = source.name or document.title[:200]
    source.save(
        update_fields=[
            *("checked_at", "outcome", "error", "failures", "next_check_at", "succeeded_at"),
            *("etag", "last_modified", "parked_at", "kind", "name"),
        ]
    )


def wait(source: Source, done: CheckResult) -> timedelta:
    """Until the next check: longer after each failure, with jitter, and what the server asks."""
    if done.outcome == "postponed":
        return done.retry_after or timedelta(minutes=1)
    usual = timedelta(minutes=source.check_every)
    longer = min(usual * 2 ** min(source.failures, 10), max(MAX_WAIT, usual))
    jitter = random.uniform(1.0, 1.1) if source.failures else 1.0  # noqa: S311 - spreads load
    return max(longer * jitter, done.retry_after or timedelta())


def _remember(source: Source, done: CheckResult, now: datetime, seconds: float) -> None:
    verdict = judge(source, done, now)
    SourceCheck.objects.create(
        source=source,
        at=now,
        outcome=done.outcome,
        status=done.status,
        detail=done.error,
        state=verdict.overall.state,
        reason=verdict.overall.reason,
        messages=verdict.overall.messages,
        categories={name: asdict(told) for name, told in verdict.categories.items()},
        document=done.result.document if done.result else None,
        new=done.result.new if done.result else 0,
        seconds=round(seconds, 3),
    )


def judge(source: Source, done: CheckResult, now: datetime) -> Verdict:
    """What a check says of the day; one without a new document judges the last one anew."""
    categories = kinds.requested_categories(source.url)
    if done.outcome == "postponed":
        return rules.judge_postponed(done.error)
    documents = list(_lists(source)[: USUAL_DAYS + 1])
    current = done.result.document if done.result else next(iter(documents), None)
    if done.is_failure or current is None:
        return rules.judge_failure(done.outcome, done.status, categories)
    others = [one for one in documents if one.pk != current.pk]
    new = done.result.new if done.result else 0
    return rules.judge_document(_facts(current, others, new), now, categories)


def _lists(source: Source) -> QuerySet[Document]:
    """A source's documents, that of the newest day first."""
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
    """How many entries each category had on each of these days that had any."""
    full = [document.categories for document in documents if document.categories]
    names = {name for categories in full for name in categories}
    return {name: [categories.get(name, (0,))[0] for categories in full] for name in names}


def delete_old_checks(now: datetime) -> int:
    """Old checks are of no use to anybody."""
    return SourceCheck.objects.filter(at__lt=now - KEPT).delete()[0]
