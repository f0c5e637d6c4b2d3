"""How it goes, in figures and charts: the last month by day, reactions, sources, next editions.

The figures read whole tables, so they are cached: the longer the counting took, the longer. On a
small installation they are always of now.
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
from subscriptions.matching.selection import SECTIONS
from subscriptions.models import DeliveryEvent, Digest, Edition, Reaction, Subscriber

DAYS = 30
REACTION_DAYS = 14
MOST_PAPERS = 10
KEPT_FOR = 600  # seconds at most
KEPT_TIMES = 200  # as long as the counting took
KEY = "subscriptions.staff.dashboard"
WIDTH, HEIGHT, GAP = 600, 120, 4  # of a chart, in its own units

BY_SECTION = """
SELECT item ->> 'section', reaction.kind, count(*)
FROM subscriptions_reaction AS reaction
JOIN subscriptions_digest AS digest ON digest.subscriber_id = reaction.subscriber_id
    AND digest.day BETWEEN reaction.created_at::date - 14 AND reaction.created_at::date + 1
    AND reaction.paper_id = ANY (digest.paper_ids)
CROSS JOIN LATERAL jsonb_array_elements(digest.items) AS item
WHERE reaction.created_at >= %s AND (item ->> 'paper')::bigint = reaction.paper_id
GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """One day of a chart, where it is drawn."""

    day: date
    count: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Counts by day, oldest first."""

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
    """All of it, as of a moment. `readers` by status; `reactions` by section; `liked` are papers
    with how often more and less of them was asked for."""

    at: datetime
    readers: dict[str, int]
    charts: list[Chart]
    reactions: list[tuple[str, int, int]]
    liked: list[tuple[Paper, int, int]]


def dashboard_figures(now: datetime) -> Dashboard:
    """Counted anew when the last count is too old."""
    try:
        kept: Dashboard | None = cache.get(KEY)
        if kept is None:
            started = perf_counter()
            kept = count(now)
            cache.set(KEY, kept, min(KEPT_FOR, KEPT_TIMES * (perf_counter() - started)))
    except RedisError:
        kept = count(now)
    return kept


def count(now: datetime) -> Dashboard:
    last = now.date()
    since = last - timedelta(days=DAYS - 1)
    series = {
        "Sign-ups": _moments("created_at", since),
        "Confirmations": _moments("confirmed_at", since),
        "Unsubscribed": _moments("unsubscribed_at", since),
        "Digests sent": _sent(since),
        **_came_back(since),
    }
    return Dashboard(
        at=now,
        readers=dict(Subscriber.objects.values_list("status").annotate(Count("pk")).order_by()),
        charts=[Chart.of(name, counts, last) for name, counts in series.items()],
        reactions=_by_section(now),
        liked=_by_paper(now),
    )


def _moments(field: str, since: date) -> dict[date, int]:
    """How many readers have this moment on each day, in UTC."""
    rows = Subscriber.objects.filter(**{f"{field}__gte": datetime.combine(since, time(), UTC)})
    return dict(rows.values_list(TruncDate(field)).annotate(Count("pk")).order_by())


def _sent(since: date) -> dict[date, int]:
    """By the readers' local day: closed totals as they were closed, open ones as they stand."""
    here = Edition.objects.filter(day__gte=since)
    closed = here.exclude(closed_at=None).values_list("day", "totals")
    found = {day: int(totals.get(Digest.Status.SENT, 0)) for day, totals in closed}
    under_way = here.filter(closed_at=None).values("day")
    rows = Digest.objects.filter(day__in=under_way, status=Digest.Status.SENT)
    return found | dict(rows.values_list("day").annotate(Count("pk")).order_by())


def _came_back(since: date) -> dict[str, dict[date, int]]:
    kinds = {"Bounces": DeliveryEvent.BOUNCES, "Complaints": (DeliveryEvent.Kind.COMPLAINT,)}
    rows = DeliveryEvent.objects.filter(day__gte=since)
    return {
        name: dict(
            rows.filter(kind__in=which)
            .values_list("day")
            .annotate(Count("digest", distinct=True))
            .order_by()
        )
        for name, which in kinds.items()
    }


def _by_section(now: datetime) -> list[tuple[str, int, int]]:
    """Section, and how often more and less of its papers was asked for."""
    with connection.cursor() as cursor:
        cursor.execute(BY_SECTION, [now - timedelta(days=REACTION_DAYS)])
        rows = cursor.fetchall()
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for section, kind, number in rows:
        found[section][kind] = number
    return [
        (title, found[section].get("more", 0), found[section].get("less", 0))
        for section, title in SECTIONS.items()
    ]


def _by_paper(now: datetime) -> list[tuple[Paper, int, int]]:
    rows = Reaction.objects.filter(created_at__gte=now - timedelta(days=REACTION_DAYS))
    counted = rows.values("paper").annotate(
        more=Count("pk", filter=Q(kind=Reaction.Kind.MORE)),
        less=Count("pk", filter=Q(kind=Reaction.Kind.LESS)),
        all=Count("pk"),
    )
    top = list(counted.order_by("-all", "paper")[:MOST_PAPERS])
    papers = Paper.objects.only("title").in_bulk([row["paper"] for row in top])
    return [(papers[row["paper"]], row["more"], row["less"]) for row in top]


@dataclass(frozen=True, slots=True)
class Coming:
    """An edition that is under way or next, and how much of it is pinned."""

    edition: Edition
    pinned: int
    cut_off: datetime
    outlook: str


def upcoming_editions(now: datetime) -> list[Coming]:
    """Of yesterday to the day after tomorrow: what is under way somewhere, and what is next."""
    days = [now.date() + timedelta(days=ahead) for ahead in range(-1, 3)]
    pinned = Count("placements", filter=Q(placements__place__isnull=False))
    there = Edition.objects.filter(day__in=days).annotate(pins=pinned)
    found = {edition.day: (edition, edition.pins) for edition in there}
    nothing = {day: (Edition(day=day, state=states.initial_state(day, now)), 0) for day in days}
    return [
        Coming(edition, pins, states.approve_by(day), states.describe_outlook(edition, now))
        for day, (edition, pins) in (nothing | found).items()
    ]
