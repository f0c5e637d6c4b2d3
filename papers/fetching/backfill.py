"""Days of arXiv's lists that were missed: noticed from the documents stored, and filled.

The list itself is served on its day only. What it held is asked of the query API, by the hours in
which its papers were submitted, or of OAI-PMH, by the day on which its records changed. A day that
was asked for and had nothing, a holiday, is filled as well and never asked for again.
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
REACH_DAYS = 14  # older gaps are no news for anybody
PAGE = 500  # entries; arXiv answers up to 2,000 at a time, slowly
MOST_PAGES = 20
CLOSES = time(14)  # in New York: what comes later is announced a day later

Way = Literal["api", "oai"]
PHYSICS = (
    "astro-ph cond-mat gr-qc hep-ex hep-lat hep-ph hep-th math-ph nlin nucl-ex nucl-th physics "
    "quant-ph"
).split()


@dataclass(slots=True)
class DayResult:
    """What became of one day of one source."""

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


def gaps(source: Source, now: datetime, days: int = REACH_DAYS) -> list[date]:
    """Working days of the last days, since the source was first read, without a list of theirs."""
    covered = source.document_set.values_list("list_day", flat=True)
    held = {day for day in covered if day}
    today = arxiv_day(now)
    first = max(today - timedelta(days=days), min(held, default=today))
    between = [first + timedelta(days=number) for number in range((today - first).days)]
    return [day for day in between if is_working_day(day) and day not in held]


def missed_days(now: datetime, days: int = REACH_DAYS) -> list[tuple[Source, date]]:
    """The gaps of every arXiv list that is in use."""
    lists = Source.objects.filter(active=True, kind=ARXIV_RSS.name)
    listed = [source for source in lists if addresses.arxiv_categories(source.url)]
    return [(source, day) for source in listed for day in gaps(source, now, days)]


def fill_missed_days(
    now: datetime, days: int = REACH_DAYS, way: Way | None = None
) -> list[DayResult]:
    """Fill what was missed."""
    return [fill_day(source, day, now, way) for source, day in missed_days(now, days)]


def fill_day(source: Source, day: date, now: datetime, way: Way | None = None) -> DayResult:
    """Ask for a day that was missed: the query API, and OAI-PMH where that fails."""
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


def submitted(day: date) -> tuple[datetime, datetime]:
    """From when till when the papers on a day's list were submitted; New York's time.

    Tuesday's list holds what came from Friday to Monday, Monday's what came from Thursday to
    Friday; every other day's, what came from two days before to the day before.
    """
    end = last_working_day(day)
    start = last_working_day(end)
    at = (datetime.combine(one, CLOSES, NEW_YORK) for one in (start, end))
    return next(at), next(at)


def _from_api(filled: DayResult, now: datetime) -> None:
    url = query(addresses.arxiv_categories(filled.source.url), filled.day)
    for number in range(MOST_PAGES):
        parsed = _asked(filled, with_query(url, start=number * PAGE), ARXIV_API.name, now)
        if len(parsed.entries) + len(parsed.refused) < PAGE:
            return


def query(categories: Sequence[str], day: date) -> str:
    """The address at which the query API tells of a day's submissions in these categories."""
    start, end = (f"{moment.astimezone(UTC):%Y%m%d%H%M}" for moment in submitted(day))
    each = (name if "." in name else f"{name}*" for name in categories)
    fields = " OR ".join(f"cat:{name}" for name in each)
    wanted = f"({fields}) AND submittedDate:[{start} TO {end}]"
    return with_query(API, search_query=wanted, sortBy="submittedDate", max_results=PAGE)


def _from_oai(filled: DayResult, now: datetime) -> None:
    for name in addresses.arxiv_categories(filled.source.url):
        first, last = filled.day - timedelta(days=1), filled.day
        more = {"from": first, "until": last, "set": oai_set(name), "metadataPrefix": "arXiv"}
        for _number in range(MOST_PAGES):
            url = with_query(OAI, verb="ListRecords", **more)
            token = _asked(filled, url, ARXIV_OAI.name, now).more
            if not token:
                break
            more = {"resumptionToken": token}


def oai_set(category: str) -> str:
    """The name of a category's set: "cs:cs:AI", "physics:hep-th", "math"."""
    archive, _dot, subject = category.partition(".")
    group = "physics" if archive in PHYSICS else archive
    parts = [group, archive, subject] if subject else list(dict.fromkeys([group, archive]))
    return ":".join(parts)


def _asked(filled: DayResult, url: str, kind: str, now: datetime) -> ParsedDocument:
    """Fetch and store one answer; `DocumentError` where none came, or none that can be read."""
    fetched = sources.fetch_politely(url, now)
    if fetched.outcome != "ok":
        raise DocumentError(f"{fetched.outcome}: {fetched.detail}")
    parsed = parse_document(fetched.body, kind)
    kept = _of_day(parsed, filled.day)
    digest = sha256(fetched.body + filled.day.isoformat().encode()).hexdigest()
    result = ingest.store_document(kept, digest, url, now, filled.source, filled.day)
    filled.results.append(result)
    return parsed


def _of_day(parsed: ParsedDocument, day: date) -> ParsedDocument:
    """The entries submitted for a day's list: OAI-PMH also tells of all that changed since.

    Its records bear the day of submission, not the hour, and that day is a working day or not.
    """
    if parsed.kind != ARXIV_OAI.name:
        return parsed
    start, end = (moment.date() for moment in submitted(day))
    kept = [
        entry
        for entry in parsed.entries
        if entry.published_at and start <= entry.published_at.date() <= end
    ]
    return replace(parsed, entries=tuple(kept))
