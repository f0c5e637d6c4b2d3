"""Fetch the thumbnails of papers once, so that readers' browsers contact no other site."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from papers.fetching import sources
from papers.models import Paper, Thumbnail

MAX_BYTES = 1_000_000
MAX_PER_RUN = 60  # more than a page of papers; the rest is fetched next time
NEWS_DAYS, KEPT_DAYS = 3, 60
# By their first bytes, not by the server's Content-Type. No SVG: it may contain scripts.
KINDS = {
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/webp": re.compile(rb"RIFF....WEBP", re.DOTALL),
}


def fetch_missing(now: datetime) -> int:
    """Fetch missing thumbnails of recent trending papers; return the number fetched.

    A failure is stored too, so that it is not repeated.
    """
    since = now.date() - timedelta(days=NEWS_DAYS)
    missing = Paper.objects.visible().filter(day__gt=since, thumbnail=None)
    missing = missing.exclude(thumbnail_url="").hottest()[:MAX_PER_RUN]
    return sum(_fetch(pk, url, now) for pk, url in missing.values_list("pk", "thumbnail_url"))


def _fetch(pk: int, url: str, now: datetime) -> bool:
    fetched = sources.fetch_politely(url, now)
    if fetched.outcome == "postponed":
        return False
    body = fetched.body if fetched.outcome == "ok" and len(fetched.body) <= MAX_BYTES else b""
    kind = next((kind for kind, first in KINDS.items() if first.match(body)), "")
    values = {"media_type": kind, "body": body if kind else b"", "fetched_at": now}
    Thumbnail.objects.update_or_create(paper_id=pk, defaults=values)
    return bool(kind)


def delete_old(now: datetime) -> int:
    """Delete old thumbnails; return the number deleted."""
    old = Thumbnail.objects.filter(fetched_at__lt=now - timedelta(days=KEPT_DAYS))
    return old.delete()[0]
