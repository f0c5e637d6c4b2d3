"""The search index: the words of each paper, and its vector in the current lexicon.

Ingest indexes the words of papers as it stores them, so that search finds them at once. A periodic
task calls `index_changed` for everything that is missing. A lexicon serves searches once every
paper has a vector; until then the previous one is used.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from pgvector import HalfVector

from papers.models import Paper, PaperVector, SearchEntry, StoredLexicon
from papers.text import lexemes
from papers.text.folding import fold_text
from papers.vectors import stored_lexicon
from papers.vectors.lexicon import METHOD, PaperText

CHUNK = 500  # papers per transaction, which takes some seconds at most
LOCK = 0x5EA2C4  # PostgreSQL advisory lock: one run at a time
MAX_AUTHORS = 200  # indexed authors of a paper
_WORD = re.compile(r"[^\W\d_]{3,40}")


def index_changed(now: datetime) -> int:
    """Index new and changed papers; return the number of papers whose words were indexed.

    Return 0 at once if another run is in progress.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            return 0
        try:
            indexed = sum(map(_index_words, _chunks(_stale_papers())))
            _update_vectors(now)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
    return indexed


def index_papers(papers: Sequence[Paper]) -> None:
    """Index the words of those of these papers whose text is new or has changed."""
    pks = [paper.pk for paper in papers]
    entries = SearchEntry.objects.filter(pk__in=pks, method=lexemes.METHOD)
    indexed_at = dict(entries.values_list("pk", "text_seen_at"))
    if stale := [paper for paper in papers if indexed_at.get(paper.pk) != paper.text_seen_at]:
        _index_words(stale)


def serving_version() -> str:
    """Return the lexicon version that searches use; "" before there is one."""
    ready = StoredLexicon.objects.exclude(vectorized_at=None).order_by("-made_at", "-pk")
    ready = ready.filter(version__startswith=f"{METHOD}-")
    return ready.values_list("version", flat=True).first() or ""


def _stale_papers() -> QuerySet[Paper]:
    """Return papers whose present text is not in the index."""
    is_same = Q(search_entry__text_seen_at=F("text_seen_at"), search_entry__method=lexemes.METHOD)
    return Paper.objects.filter(Q(search_entry=None) | ~is_same)


def _chunks(papers: QuerySet[Paper]) -> Iterator[list[Paper]]:
    last = 0
    rows = papers.only("title", "abstract", "authors", "text_seen_at").order_by("pk")
    while chunk := list(rows.filter(pk__gt=last)[:CHUNK]):
        yield chunk
        last = chunk[-1].pk


@transaction.atomic
def _index_words(papers: Sequence[Paper]) -> int:
    entries = SearchEntry.objects.filter(pk__in=[paper.pk for paper in papers])
    existing = set(entries.values_list("pk", flat=True))
    SearchEntry.objects.bulk_create(
        map(_entry, papers),
        update_conflicts=True,
        unique_fields=["paper"],
        update_fields=["text_seen_at", "method", "words"],
    )
    PaperVector.objects.filter(paper__in=existing).delete()
    _count_words([paper for paper in papers if paper.pk not in existing])
    return len(papers)


def _entry(paper: Paper) -> SearchEntry:
    return SearchEntry(
        paper_id=paper.pk,
        text_seen_at=paper.text_seen_at,
        method=lexemes.METHOD,
        words=lexemes.vector(paper.title, paper.abstract, _authors(paper)),
    )


def _authors(paper: Paper) -> list[str]:
    return [str(name) for name in paper.authors[:MAX_AUTHORS]]


def _count_words(papers: Sequence[Paper]) -> None:
    """Add the words of titles and names to the list used for spelling corrections."""
    texts = (fold_text(" ".join([paper.title, *_authors(paper)])) for paper in papers)
    counts = Counter(word for text in texts for word in set(_WORD.findall(text)))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO papers_searchword (word, papers)"
            " SELECT * FROM unnest(%s::text[], %s::int[]) ON CONFLICT (word) DO UPDATE"
            " SET papers = papers_searchword.papers + excluded.papers",
            # Sorted, so that concurrent transactions lock rows in the same order.
            [sorted(counts), [counts[word] for word in sorted(counts)]],
        )


def _update_vectors(now: datetime) -> None:
    """Add missing vectors; switch to the newest lexicon when all are there."""
    newest, serving = stored_lexicon.current_version(), serving_version()
    for version in dict.fromkeys(filter(None, [serving, newest])):
        _add_vectors(version)
    if newest != serving:
        StoredLexicon.objects.filter(version=newest).update(vectorized_at=now)
        PaperVector.objects.exclude(version=newest).delete()


def _add_vectors(version: str) -> None:
    """Store a vector in this version for each paper that has none."""
    lexicon = stored_lexicon.load_lexicon(version)
    vectors = PaperVector.objects.filter(version=version, paper=OuterRef("pk"))
    for chunk in _chunks(Paper.objects.filter(~Exists(vectors))):
        texts = [PaperText(str(paper.pk), paper.title, paper.abstract) for paper in chunk]
        rows = lexicon.embed(lexicon.vectors(texts))
        if not rows.shape[1]:
            return  # a lexicon of few papers has no embeddings
        PaperVector.objects.bulk_create(
            PaperVector(paper=paper, version=version, vector=HalfVector(row))
            for paper, row in zip(chunk, rows, strict=True)
        )
