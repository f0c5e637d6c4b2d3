"""What search reads, kept in step: each paper's words, and its meaning by the lexicon in use.

Ingest enters the words of papers as it stores them, so that search finds them at once. `catch_up`
runs again and again; each run does what is missing. A lexicon serves searches once every paper has
its meaning by it; until then the one before goes on serving.
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

CHUNK = 500  # a transaction; some seconds at most
LOCK = 0x5EA2C4  # of PostgreSQL's advisory locks: one run at a time
AUTHORS = 200  # of a paper that it is found by
_WORD = re.compile(r"[^\W\d_]{3,40}")


def index_changed(now: datetime) -> int:
    """Index what is new or changed; the number of papers whose words were. One run at a time:
    another that starts meanwhile leaves the work to the first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            return 0
        try:
            entered = sum(map(_enter, _chunks(_stale())))
            _give_meanings(now)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
    return entered


def _stale() -> QuerySet[Paper]:
    """Papers whose text is not in the index as it is now."""
    same = Q(search_entry__text_seen_at=F("text_seen_at"), search_entry__method=lexemes.METHOD)
    return Paper.objects.filter(Q(search_entry=None) | ~same)


def _chunks(papers: QuerySet[Paper]) -> Iterator[list[Paper]]:
    last = 0
    wanted = papers.only("title", "abstract", "authors", "text_seen_at").order_by("pk")
    while chunk := list(wanted.filter(pk__gt=last)[:CHUNK]):
        yield chunk
        last = chunk[-1].pk


def index_papers(papers: Sequence[Paper]) -> None:
    """Index the words of those of these papers whose text is new or has changed."""
    pks = [paper.pk for paper in papers]
    known = SearchEntry.objects.filter(pk__in=pks, method=lexemes.METHOD)
    seen = dict(known.values_list("pk", "text_seen_at"))
    if stale := [paper for paper in papers if seen.get(paper.pk) != paper.text_seen_at]:
        _enter(stale)


@transaction.atomic
def _enter(papers: Sequence[Paper]) -> int:
    known = SearchEntry.objects.filter(pk__in=[paper.pk for paper in papers])
    before = set(known.values_list("pk", flat=True))
    SearchEntry.objects.bulk_create(
        map(_entry, papers),
        update_conflicts=True,
        unique_fields=["paper"],
        update_fields=["text_seen_at", "method", "words"],
    )
    PaperVector.objects.filter(paper__in=before).delete()
    _count_words([paper for paper in papers if paper.pk not in before])
    return len(papers)


def _entry(paper: Paper) -> SearchEntry:
    return SearchEntry(
        paper_id=paper.pk,
        text_seen_at=paper.text_seen_at,
        method=lexemes.METHOD,
        words=lexemes.vector(paper.title, paper.abstract, _authors(paper)),
    )


def _authors(paper: Paper) -> list[str]:
    return [str(name) for name in paper.authors[:AUTHORS]]


def _count_words(papers: Sequence[Paper]) -> None:
    texts = (fold_text(" ".join([paper.title, *_authors(paper)])) for paper in papers)
    counts = Counter(word for text in texts for word in set(_WORD.findall(text)))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO papers_searchword (word, papers)"
            " SELECT * FROM unnest(%s::text[], %s::int[]) ON CONFLICT (word) DO UPDATE"
            " SET papers = papers_searchword.papers + excluded.papers",
            # In one order everywhere, so that two never wait for each other.
            [sorted(counts), [counts[word] for word in sorted(counts)]],
        )


def _give_meanings(now: datetime) -> None:
    newest, serving = stored_lexicon.current_version(), serving_version()
    for version in dict.fromkeys(filter(None, [serving, newest])):
        _mean(version)
    if newest != serving:
        StoredLexicon.objects.filter(version=newest).update(meant_at=now)
        PaperVector.objects.exclude(version=newest).delete()


def _mean(version: str) -> None:
    """Give each paper that has none its meaning by this lexicon."""
    lexicon = stored_lexicon.load_lexicon(version)
    here = PaperVector.objects.filter(version=version, paper=OuterRef("pk"))
    for chunk in _chunks(Paper.objects.filter(~Exists(here))):
        texts = [PaperText(str(paper.pk), paper.title, paper.abstract) for paper in chunk]
        rows = lexicon.meanings(lexicon.vectors(texts))
        if not rows.shape[1]:
            return  # learnt from so few papers that it knows no meanings
        PaperVector.objects.bulk_create(
            PaperVector(paper=paper, version=version, vector=HalfVector(row))
            for paper, row in zip(chunk, rows, strict=True)
        )


def serving_version() -> str:
    """The lexicon that searches by meaning use; "" before there is one."""
    ready = StoredLexicon.objects.exclude(meant_at=None).order_by("-made_at", "-pk")
    ready = ready.filter(version__startswith=f"{METHOD}-")
    return ready.values_list("version", flat=True).first() or ""
