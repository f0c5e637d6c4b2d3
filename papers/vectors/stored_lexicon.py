"""Lexicons in the database: learn, store and load them."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from django.db import connection

from papers.models import Paper, StoredLexicon
from papers.vectors.lexicon import METHOD, Lexicon, PaperText

GROWTH_SHARE = 10  # learn again once the collection has grown by one in so many papers
LOCK = 0x1EA241  # PostgreSQL advisory lock: one worker learns at a time
MAX_STORED = 3  # older versions are kept for workers that still use them


def current_version() -> str:
    """Return the newest version learnt by the present method; "" if there is none."""
    usable = StoredLexicon.objects.filter(version__startswith=f"{METHOD}-")
    versions = usable.order_by("-made_at", "-pk").values_list("version", flat=True)
    return versions.first() or ""


def load_lexicon(version: str = "") -> Lexicon:
    """Return the lexicon of this version, by default the current one.

    Each process loads a version once. Without a stored version, return an empty lexicon.
    """
    version = version or current_version()
    return _load(version) if version else Lexicon.learn([])


@lru_cache(maxsize=2)
def _load(version: str) -> Lexicon:
    return Lexicon.loads(bytes(StoredLexicon.objects.get(version=version).data))


def learn_lexicon(now: datetime) -> StoredLexicon | None:
    """Learn from all papers and store the result.

    Return None if too few papers are new since the newest lexicon, which is of the present method,
    or if another worker is learning.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            return None
        try:
            return _learn(now)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def _learn(now: datetime) -> StoredLexicon | None:
    count = Paper.objects.count()
    newest = StoredLexicon.objects.order_by("-made_at", "-pk").defer("data").first()
    if not count or (newest and _is_recent(newest, count)):
        return None
    lexicon = Lexicon.learn(_paper_texts())
    stored, _is_new = StoredLexicon.objects.update_or_create(
        version=lexicon.version,
        defaults={"data": lexicon.dumps(), "papers": count, "made_at": now},
    )
    versions = StoredLexicon.objects.order_by("-made_at", "-pk").values_list("pk", flat=True)
    StoredLexicon.objects.filter(pk__in=list(versions[MAX_STORED:])).delete()
    return stored


def _is_recent(stored: StoredLexicon, papers: int) -> bool:
    has_few_new = (papers - stored.papers) * GROWTH_SHARE < stored.papers
    return has_few_new and stored.version.startswith(f"{METHOD}-")


def _paper_texts() -> list[PaperText]:
    rows = Paper.objects.values_list("pk", "title", "abstract").order_by("pk")
    return [PaperText(str(pk), title, abstract) for pk, title, abstract in rows.iterator()]
