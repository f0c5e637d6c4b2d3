"""Lexicons in the database: learn, store and load them, beginning with the starter lexicon."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.db import connection

from papers.models import Paper, StoredLexicon
from papers.vectors.lexicon import METHOD, Lexicon, PaperText, version_prefix
from papers.vectors.starter import Starter, StarterError

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

    Each process loads a version once. Without a stored version, return that of the starter.
    """
    version = version or current_version()
    return _load(version) if version else _without_papers(settings.STARTER_LEXICON)


def load_starter(path: str) -> Starter | None:
    """Return the starter lexicon at `path`; None for "". Raise `StarterError` if it is none.

    It is not kept in memory: only learning needs it.
    """
    if not path:
        return None
    try:
        return Starter.loads(Path(path).read_bytes())
    except OSError as error:
        raise StarterError(f"{path}: {error.strerror}") from error
    except StarterError as error:
        raise StarterError(f"{path}: {error}") from error


@lru_cache(maxsize=1)
def _without_papers(starter_path: str) -> Lexicon:
    return Lexicon.learn([], load_starter(starter_path))


@lru_cache(maxsize=2)
def _load(version: str) -> Lexicon:
    return Lexicon.loads(bytes(StoredLexicon.objects.get(version=version).data))


def learn_lexicon(now: datetime) -> StoredLexicon | None:
    """Learn from all papers and store the result.

    Return None if too few papers are new since the newest lexicon, which is of the present method
    and starter, or if another worker is learning.
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
    starter = load_starter(settings.STARTER_LEXICON)
    prefix = version_prefix(starter, count)
    if not count or (newest and _is_recent(newest, count, prefix)):
        return None
    lexicon = Lexicon.learn(_paper_texts(), starter)
    stored, _is_new = StoredLexicon.objects.update_or_create(
        version=lexicon.version,
        defaults={"data": lexicon.dumps(), "papers": count, "made_at": now},
    )
    versions = StoredLexicon.objects.order_by("-made_at", "-pk").values_list("pk", flat=True)
    StoredLexicon.objects.filter(pk__in=list(versions[MAX_STORED:])).delete()
    return stored


def _is_recent(stored: StoredLexicon, papers: int, prefix: str) -> bool:
    """Return whether a lexicon is of the present method and starter, and few papers are new."""
    has_few_new = (papers - stored.papers) * GROWTH_SHARE < stored.papers
    return has_few_new and stored.version.rpartition("-")[0] == prefix.rstrip("-")


def _paper_texts() -> list[PaperText]:
    rows = Paper.objects.values_list("pk", "title", "abstract").order_by("pk")
    return [PaperText(str(pk), title, abstract) for pk, title, abstract in rows.iterator()]
