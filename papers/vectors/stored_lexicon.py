"""What the collected papers add up to: the lexicon in use."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from django.db import connection

from papers.models import Paper, StoredLexicon
from papers.vectors.lexicon import METHOD, Lexicon, PaperText

GROWN = 10  # learning anew pays when there are a tenth more papers
LOCK = 0x1EA241  # of PostgreSQL's advisory locks: one worker learns at a time
KEPT = 3  # older versions stay for a while, for workers that still use them


def current_version() -> str:
    """Return the version in use; empty before any was learnt in today's way."""
    usable = StoredLexicon.objects.filter(version__startswith=f"{METHOD}-")
    newest = usable.order_by("-made_at", "-pk").values_list("version", flat=True)
    return newest.first() or ""


def load_lexicon(version: str = "") -> Lexicon:
    """The lexicon in use, or the one of this version; read once by each process and version."""
    version = version or current_version()
    return _load(version) if version else Lexicon.learn([])


@lru_cache(maxsize=2)
def _load(version: str) -> Lexicon:
    return Lexicon.loads(bytes(StoredLexicon.objects.get(version=version).data))


def learn_lexicon(now: datetime) -> StoredLexicon | None:
    """Learn from all papers if there are enough new ones, or if the newest lexicon was learnt in
    another way; return None if there was nothing to do, or if another worker is learning."""
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
    if not count or (newest and _is_good(newest, count)):
        return None
    learnt = Lexicon.learn(_texts())
    stored, _new = StoredLexicon.objects.update_or_create(
        version=learnt.version,
        defaults={"data": learnt.dumps(), "papers": count, "made_at": now},
    )
    old = StoredLexicon.objects.order_by("-made_at", "-pk").values_list("pk", flat=True)[KEPT:]
    StoredLexicon.objects.filter(pk__in=list(old)).delete()
    return stored


def _is_good(stored: StoredLexicon, papers: int) -> bool:
    few = (papers - stored.papers) * GROWN < stored.papers
    return few and stored.version.startswith(f"{METHOD}-")


def _texts() -> list[PaperText]:
    rows = Paper.objects.values_list("pk", "title", "abstract").order_by("pk")
    return [PaperText(str(pk), title, abstract) for pk, title, abstract in rows.iterator()]
