"""Find arXiv lists that were missed, and fetch their papers.

arXiv serves a list on its day only. Later, its papers are requested from the query API, by
submission time, or from OAI-PMH, by the day of the record. A holiday, for which nothing is
returned, counts as filled and is not requested again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import Literal

from papers import ingest
from papers.feeds import DocumentError, ParsedDocument, addresses, parse_document
from papers.feeds.addresses import with_query
from papers.feeds.kinds import ARXIV_API, ARXIV_OAI, ARXIV_RSS
from papers.feeds.schedule import NEW_YORK, arxiv_day, is_working_day, last_working_day
from papers.fetching import sources
from papers.models import Source

API = "https://export.arxiv.org/api/query"
OAI = "https://oaipmh.arxiv.org/oai"
MAX_DAYS = 14  # older papers are no longer news
PAGE_SIZE = 500  # entries; arXiv returns up to 2,000, slowly
MAX_PAGES = 20
DEADLINE = time(14)  # in New York; later submissions are announced a day later

Way = Literal["api", "oai"]
PHYSICS = (
    "astro-ph cond-mat gr-qc hep-ex hep-lat hep-ph hep-th math-ph nlin nucl-ex nucl-th physics "
    "quant-ph"
).split()


@dataclass(slots=True)
class DayResult:
    """The result of filling one day of one source."""

    source: Source
    day: date
    results: list[ingest.IngestResult] = field(default_factory=list)
    error: str = ""

    def line(self) -> str:
        if self.error:
            return f"{self.source} {self.day}: {self.error}"
        entries = sum(result.entries for result in self.results)
        new = sum(result.new for result in self.results)
        return f"{self.source} {self.day}: entries={entries} new={new}"


def gaps(source: Source, now: datetime, days: int = MAX_DAYS) -> list[date]:
    """Return recent working days without a list, since the source was first read."""
    covered = source.document_set.values_list("list_day", flat=True)
    held = {day for day in covered if day}
    today = arxiv_day(now)
    first = max(today - timedelta(days=days), min(held, default=today))
    between = [first + timedelta(days=number) for number in range((today - first).days)]
    return [day for day in between if is_working_day(day) and day not in held]


def missed_days(now: datetime, days: int = MAX_DAYS) -> list[tuple[Source, date]]:
    """Return (source, day) for the gaps of all active arXiv lists."""
    lists = Source.objects.filter(active=True, kind=ARXIV_RSS.name)
    listed = [source for source in lists if addresses.arxiv_categories(source.url)]
    return [(source, day) for source in listed for day in gaps(source, now, days)]


def fill_missed_days(
    now: datetime, days: int = MAX_DAYS, way: Way | None = None
) -> list[DayResult]:
    """Fill all gaps."""
    return [fill_day(source, day, now, way) for source, day in missed_days(now, days)]


def fill_day(source: Source, day: date, now: datetime, way: Way | None = None) -> DayResult:
    """Fetch a missed day from the query API, or from OAI-PMH if that fails."""
    filled = DayResult(source, day)
    for each in (way,) if way else ("api", "oai"):
        ask = _from_api if each == "api" else _from_oai
        filled.results, filled.error = [], ""
        try:
            ask(filled, now)
        except DocumentError as error:
            filled.error = f"{each}: {error}"
        if not filled.error:
            break
    return filled


def submission_period(day: date) -> tuple[datetime, datetime]:
    """Return the submission period of a day's list, in New York time.

    Tuesday's list has the submissions from Friday to Monday, Monday's those from Thursday to
    Friday, any other day's those from two days before to the day before.
    """
    end = last_working_day(day)
    start = last_working_day(end)
    at = (datetime.combine(one, DEADLINE, NEW_YORK) for one in (start, end))
    return next(at), next(at)


def _from_api(filled: DayResult, now: datetime) -> None:
    url = query(addresses.arxiv_categories(filled.source.url), filled.day)
    for number in range(MAX_PAGES):
        parsed = _ingest_answer(
            filled, with_query(url, start=number * PAGE_SIZE), ARXIV_API.name, now
        )
        if len(parsed.entries) + len(parsed.refused) < PAGE_SIZE:
            return


def query(categories: Sequence[str], day: date) -> str:
    """Return the query API's address for a day's submissions in these categories."""
    start, end = (f"{moment.astimezone(UTC):%Y%m%d%H%M}" for moment in submission_period(day))
    each = (name if "." in name else f"{name}*" for name in categories)
    fields = " OR ".join(f"cat:{name}" for name in each)
    search = f"({fields}) AND submittedDate:[{start} TO {end}]"
    return with_query(API, search_query=search, sortBy="submittedDate", max_results=PAGE_SIZE)


def _from_oai(filled: DayResult, now: datetime) -> None:
    for name in addresses.arxiv_categories(filled.source.url):
        first, last = filled.day - timedelta(days=1), filled.day
        more = {"from": first, "until": last, "set": oai_set(name), "metadataPrefix": "arXiv"}
        for _number in range(MAX_PAGES):
            url = with_query(OAI, verb="ListRecords", **more)
            token = _ingest_answer(filled, url, ARXIV_OAI.name, now).more
            if not token:
                break
            more = {"resumptionToken": token}


def oai_set(category: str) -> str:
    """Return the OAI-PMH set of a category: "cs:cs:AI", "physics:hep-th", "math"."""
    archive, _dot, subject = category.partition(".")
    group = "physics" if archive in PHYSICS else archive
    parts = [group, archive, subject] if subject else list(dict.fromkeys([group, archive]))
    return ":".join(parts)


def _ingest_answer(filled: DayResult, url: str, kind: str, now: datetime) -> ParsedDocument:
    """Fetch and ingest one answer; raise `DocumentError` if that fails."""
    fetched = sources.fetch_politely(url, now)
    if fetched.outcome != "ok":
        raise DocumentError(f"{fetched.outcome}: {fetched.detail}")
    parsed = parse_document(fetched.body, kind)
    kept = _entries_of_day(parsed, filled.day)
    digest = sha256(fetched.body + filled.day.isoformat().encode()).hexdigest()
    result = ingest.store_document(kept, digest, url, now, filled.source, filled.day)
    filled.results.append(result)
    return parsed


def _entries_of_day(parsed: ParsedDocument, day: date) -> ParsedDocument:
    """Keep the entries submitted for a day's list; OAI-PMH also returns later changes.

    Its records have the day of submission, not the time, which may be on a weekend.
    """
    if parsed.kind != ARXIV_OAI.name:
        return parsed
    start, end = (moment.date() for moment in submission_period(day))
    kept = [
        entry
        for entry in parsed.entries
        if entry.published_at and start <= entry.published_at.date() <= end
    ]
    return replace(parsed, entries=tuple(kept))
