"""Pictures that sources show of papers: fetched once and served from here, so that no reader's
browser asks anybody else for them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from papers.fetching import sources
from papers.models import Paper, Thumbnail

LARGEST = 1_000_000  # bytes
AT_ONCE = 60  # a page of papers and some more; the rest has its turn next time
NEWS_DAYS, KEPT_DAYS = 3, 60
# By their first bytes; what a server calls them is not believed. SVG may hold scripts.
KINDS = {
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/webp": re.compile(rb"RIFF....WEBP", re.DOTALL),
}


def fetch_missing(now: datetime) -> int:
    """Fetch the pictures of papers that trend and have none yet; returns how many came.

    One that cannot be had is noted as well, and not asked for again.
    """
    since = now.date() - timedelta(days=NEWS_DAYS)
    wanted = Paper.objects.visible().filter(day__gt=since, thumbnail=None)
    wanted = wanted.exclude(thumbnail_url="").hottest()[:AT_ONCE]
    return sum(_fetch(pk, url, now) for pk, url in wanted.values_list("pk", "thumbnail_url"))


def _fetch(pk: int, url: str, now: datetime) -> bool:
    fetched = sources.fetch_politely(url, now)
    if fetched.outcome == "postponed":
        return False
    body = fetched.body if fetched.outcome == "ok" and len(fetched.body) <= LARGEST else b""
    kind = next((kind for kind, first in KINDS.items() if first.match(body)), "")
    made = {"media_type": kind, "body": body if kind else b"", "fetched_at": now}
    Thumbnail.objects.update_or_create(paper_id=pk, defaults=made)
    return bool(kind)


def delete_old(now: datetime) -> int:
    """Papers of weeks ago are shown without; returns how many were let go."""
    old = Thumbnail.objects.filter(fetched_at__lt=now - timedelta(days=KEPT_DAYS))
    return old.delete()[0]
