"""Figures and charts for the dashboard: the last month by day, reactions and next editions.

Counting reads whole tables, so figures are cached for a multiple of the time it took. On a small
installation they are always current.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from time import perf_counter

from django.core.cache import cache
from django.db import connection
from django.db.models import Count, Q
from django.db.models.functions import TruncDate
from redis import RedisError

from papers.models import Paper
from subscriptions.editions import states
from subscriptions.editions.totals import DAY_IS_OVER
from subscriptions.matching.selection import SECTIONS
from subscriptions.models import DeliveryEvent, Digest, Edition, Subscriber

DAYS = 30
REACTION_DAYS = 14
MAX_PAPERS = 10
MAX_CACHE_SECONDS = 600
CACHE_FACTOR = 200  # times the duration of counting
CACHE_KEY = "subscriptions.staff.dashboard.2"  # changes with the fields of Dashboard
WIDTH, HEIGHT, GAP = 600, 120, 4  # of a chart, in its own units

REACTIONS_SQL = """
WITH reaction AS (
    SELECT subscriber_id, paper_id, kind, created_at FROM subscriptions_reaction
    WHERE created_at >= %(since)s
    UNION ALL
    SELECT subscriber_id, paper_id, 'kept', kept_at FROM subscriptions_libraryentry
    WHERE kept_at >= %(since)s AND paper_id IS NOT NULL
)
"""
REACTIONS_BY_SECTION_SQL = """
SELECT item ->> 'section', reaction.kind, count(*)
FROM reaction
JOIN subscriptions_digest AS digest ON digest.subscriber_id = reaction.subscriber_id
    AND digest.day BETWEEN reaction.created_at::date - 14 AND reaction.created_at::date + 1
    AND reaction.paper_id = ANY (digest.paper_ids)
CROSS JOIN LATERAL jsonb_array_elements(digest.items) AS item
WHERE (item ->> 'paper')::bigint = reaction.paper_id
GROUP BY 1, 2
"""
REACTIONS_BY_PAPER_SQL = """
SELECT paper_id, count(*) FILTER (WHERE kind = 'more'), count(*) FILTER (WHERE kind = 'less'),
    count(*) FILTER (WHERE kind = 'kept')
FROM reaction GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """The bar of one day in a chart, with its position."""

    day: date
    count: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """A bar chart of counts by day, oldest first."""

    name: str
    bars: list[Bar]

    @property
    def total(self) -> int:
        return sum(bar.count for bar in self.bars)

    @property
    def most(self) -> int:
        return max(bar.count for bar in self.bars)

    @classmethod
    def of(cls, name: str, counts: Mapping[date, int], last: date) -> Chart:
        days = [last - timedelta(days=DAYS - 1 - number) for number in range(DAYS)]
        most = max([counts.get(day, 0) for day in days] + [1])
        step = WIDTH / DAYS
        bars = []
        for number, day in enumerate(days):
            count = counts.get(day, 0)
            height = round(HEIGHT * count / most, 1)
            x, y = round(number * step, 1), round(HEIGHT - height, 1)
            bars.append(Bar(day, count, x, y, round(step - GAP, 1), height))
        return cls(name, bars)


@dataclass(frozen=True, slots=True)
class Dashboard:
    """All figures at a point in time.

    `readers` are counts by status. `reactions` and `liked` have the numbers of "more" and "less"
    reactions, and how often papers were kept, by section and by paper.
    """

    at: datetime
    readers: dict[str, int]
    charts: list[Chart]
    reactions: list[tuple[str, int, int, int]]
    liked: list[tuple[Paper, int, int, int]]


def dashboard_figures(now: datetime) -> Dashboard:
    """Return cached figures, or count again if they have expired."""
    try:
        figures: Dashboard | None = cache.get(CACHE_KEY)
        if figures is None:
            started = perf_counter()
            figures = count_figures(now)
            timeout = min(MAX_CACHE_SECONDS, CACHE_FACTOR * (perf_counter() - started))
            cache.set(CACHE_KEY, figures, timeout)
    except RedisError:
        figures = count_figures(now)
    return figures


def count_figures(now: datetime) -> Dashboard:
    last = now.date()
    since = last - timedelta(days=DAYS - 1)
    series = {
        "Sign-ups": _readers_by_day("created_at", since),
        "Confirmations": _readers_by_day("confirmed_at", since),
        "Unsubscribed": _readers_by_day("unsubscribed_at", since),
        "Digests sent": _sent_by_day(since),
        **_feedback_by_day(since),
    }
    return Dashboard(
        at=now,
        readers=dict(Subscriber.objects.values_list("status").annotate(Count("pk")).order_by()),
        charts=[Chart.of(name, counts, last) for name, counts in series.items()],
        reactions=_reactions_by_section(now),
        liked=_reactions_by_paper(now),
    )


def _readers_by_day(field: str, since: date) -> dict[date, int]:
    """Return the number of readers with this timestamp per day, in UTC."""
    rows = Subscriber.objects.filter(**{f"{field}__gte": datetime.combine(since, time(), UTC)})
    return dict(rows.values_list(TruncDate(field)).annotate(Count("pk")).order_by())


def _sent_by_day(since: date) -> dict[date, int]:
    """Return the digests sent per local day, from closed totals or by counting."""
    editions = Edition.objects.filter(day__gte=since)
    closed = editions.exclude(closed_at=None).values_list("day", "totals")
    counts = {day: int(totals.get(Digest.Status.SENT, 0)) for day, totals in closed}
    open_days = editions.filter(closed_at=None).values("day")
    rows = Digest.objects.filter(day__in=open_days, status=Digest.Status.SENT)
    return counts | dict(rows.values_list("day").annotate(Count("pk")).order_by())


def _feedback_by_day(since: date) -> dict[str, dict[date, int]]:
    groups = {"Bounces": DeliveryEvent.BOUNCES, "Complaints": (DeliveryEvent.Kind.COMPLAINT,)}
    rows = DeliveryEvent.objects.filter(day__gte=since)
    return {
        name: dict(
            rows.filter(kind__in=kinds)
            .values_list("day")
            .annotate(Count("digest", distinct=True))
            .order_by()
        )
        for name, kinds in groups.items()
    }


def _reactions_by_section(now: datetime) -> list[tuple[str, int, int, int]]:
    """Return the numbers of "more" and "less" reactions and of kept papers per section."""
    with connection.cursor() as cursor:
        since = now - timedelta(days=REACTION_DAYS)
        cursor.execute(REACTIONS_SQL + REACTIONS_BY_SECTION_SQL, {"since": since})
        rows = cursor.fetchall()
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    for section, kind, number in rows:
        counts[section][kind] = number
    found = []
    for section, title in SECTIONS.items():
        more, less, kept = (counts[section].get(kind, 0) for kind in ("more", "less", "kept"))
        found.append((title, more, less, kept))
    return found


def _reactions_by_paper(now: datetime) -> list[tuple[Paper, int, int, int]]:
    """Return the same numbers for the papers with most of them together."""
    with connection.cursor() as cursor:
        since = now - timedelta(days=REACTION_DAYS)
        cursor.execute(
            REACTIONS_SQL + REACTIONS_BY_PAPER_SQL, {"since": since, "limit": MAX_PAPERS}
        )
        rows = cursor.fetchall()
    papers = Paper.objects.only("title").in_bulk([pk for pk, *_counts in rows])
    return [(papers[pk], more, less, kept) for pk, more, less, kept in rows]


@dataclass(frozen=True, slots=True)
class UpcomingEdition:
    """A current or next edition, with the number of pinned papers."""

    edition: Edition
    pinned: int
    cut_off: datetime
    outlook: str


def upcoming_editions(now: datetime) -> list[UpcomingEdition]:
    """Return the editions from yesterday to the day after tomorrow.

    Leave out a day that is over in all time zones and for which no digest was due.
    """
    days = [now.date() + timedelta(days=ahead) for ahead in range(-1, 3)]
    pinned = Count("placements", filter=Q(placements__place__isnull=False))
    rows = Edition.objects.filter(day__in=days).annotate(pins=pinned)
    saved = {edition.day: (edition, edition.pins) for edition in rows}
    unsaved = {
        day: (Edition(day=day, state=states.initial_state(day, now)), 0)
        for day in days
        if day > (now - DAY_IS_OVER).date()
    }
    return [
        UpcomingEdition(
            edition, pins, states.approve_by(day), states.describe_outlook(edition, now)
        )
        for day, (edition, pins) in sorted((unsaved | saved).items())
    ]
