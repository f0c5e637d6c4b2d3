"""Spelling corrections for search queries."""

from __future__ import annotations

from django.contrib.postgres.search import TrigramSimilarity
from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Ln

from papers.models import SearchWord
from papers.searching.queries import Query
from papers.text import lexemes, spelling
from papers.text.folding import fold_text

MAX_COMPARED = 300  # indexed words compared letter by letter with an unknown one
MIN_SIMILARITY = 0.35  # of trigrams, for a correction with more mistakes than usual
FEW_HITS = 5  # with fewer hits by words, look for misspelt words


def spelling_corrections(query: Query) -> dict[str, str]:
    """Return the likeliest correction of each word that no paper has, if there is one."""
    unknown = unknown_words(query)
    corrections = {word: _closest_word(fold_text(word)) for word in unknown}
    if unknown:  # then other words may be misspelt, too, although papers have their stems
        others = [word for word in query.words if word not in corrections]
        corrections |= {word: _correct_ending(fold_text(word)) for word in others}
    return {word: correction for word, correction in corrections.items() if correction}


def unknown_words(query: Query) -> list[str]:
    """Return words and parts of names that no paper has, without stop words."""
    parts = [part for name in query.authors for part in name.split()]
    typed = {fold_text(word): word for word in [*query.words, *parts]}
    # Words of titles and names are listed; only for other words the abstracts are searched.
    listed = SearchWord.objects.filter(word__in=[*typed], papers__gt=0)
    for word in listed.values_list("word", flat=True):
        del typed[word]
    conditions = {word: lexemes.word(word) for word in typed.values()}
    conditions = {word: condition for word, condition in conditions.items() if condition}
    if not conditions:
        return []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "SELECT word FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY"
            " AS asked (word, condition, place) WHERE NOT EXISTS (SELECT FROM papers_searchentry"
            " WHERE words @@ condition::tsquery) ORDER BY place",
            [[*conditions], [*conditions.values()]],
        )
        return [word for (word,) in cursor.fetchall()]


def _correct_ending(word: str) -> str:
    """Return the listed word that differs by one letter from a word that no title has.

    A plural is not a mistake.
    """
    if SearchWord.objects.filter(word=word, papers__gt=0).exists():
        return ""
    correction = _closest_word(word)
    is_plural = f"{word}s" == correction or f"{correction}s" == word
    if not correction or is_plural or spelling.edit_distance(word, correction) != 1:
        return ""
    return correction


def _closest_word(word: str) -> str:
    """Return the listed word with the fewest mistakes, the most frequent one of several.

    If all have too many mistakes, return the one with the most trigrams in common, if they are
    enough; otherwise "".
    """
    similarity = TrigramSimilarity("word", word)
    is_near = Q(word__trigram_similar=word) | Q(word__startswith=word[:1])
    rows = SearchWord.objects.filter(is_near, papers__gt=0).annotate(similarity=similarity)
    nearest = rows.order_by("-similarity", "-papers").values_list("word", "papers")[:MAX_COMPARED]
    distances = [
        (spelling.edit_distance(word, listed), -papers, listed) for listed, papers in nearest
    ]
    close = [row for row in distances if row[0] <= spelling.allowed_mistakes(word)]
    if close:
        return min(close)[2]
    similar = rows.filter(word__trigram_similar=word, papers__gt=1, similarity__gt=MIN_SIMILARITY)
    best = similar.order_by(-(similarity + Ln("papers") * 0.02))
    return best.values_list("word", flat=True).first() or ""
