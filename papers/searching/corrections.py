"""Corrections of queries: misspelt words, and German and Chinese ones."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from django.contrib.postgres.search import TrigramSimilarity
from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Ln

from papers.models import SearchWord
from papers.searching.queries import Query
from papers.searching.search import SearchResult, search_papers
from papers.text import lexemes, spelling
from papers.text.folding import fold_text
from papers.text.vocabulary import is_german_stop_word, translate, translate_parts

MAX_COMPARED = 300  # indexed words compared letter by letter with an unknown one
MIN_SIMILARITY = 0.35  # of trigrams, for a correction with more mistakes than usual
MAX_SIMILAR = 20  # words with most trigrams in common that are compared letter by letter
MIN_JOINED = 6  # letters of a word that was typed as two
MIN_HALF, MIN_HALF_PAPERS = 3, 5  # letters of each of two words typed as one, and their papers
FEW_HITS = 5  # with fewer hits by words, look for misspelt words


@dataclass(frozen=True, slots=True)
class CorrectedSearch:
    """The results of a search.

    `shown` is the query they are of, and `instead` the query with its spelling corrected, if that
    differs from the query as typed.
    """

    result: SearchResult
    shown: Query
    instead: Query | None


def search_with_corrections(query: Query) -> CorrectedSearch:
    """Search for a query; if no paper has all words, for the query with its words corrected."""
    result = search_papers(query)
    if result.by_words >= FEW_HITS:
        return CorrectedSearch(result, query, None)
    corrected = query.with_corrections(spelling_corrections(query))
    if corrected != query:
        if result.by_words:
            return CorrectedSearch(result, query, corrected)
        return CorrectedSearch(search_papers(corrected), corrected, corrected)
    if not result.by_words:
        joined = query.with_corrections(_joined_words(query))
        if joined != query and (other := search_papers(joined)).by_words:
            return CorrectedSearch(other, joined, joined)
    return CorrectedSearch(result, query, None)


def spelling_corrections(query: Query) -> dict[str, str]:
    """Return the likeliest correction or translation of each word that no paper has.

    Other words are then likely misspelt or foreign, too, although some paper has them. German stop
    words have the correction "", beside a German word.
    """
    unknown = unknown_words(query)
    is_foreign = bool(unknown) and is_translated(query)
    dropped = {word for word in query.words if is_foreign and is_german_stop_word(word)}
    corrections = {word: _correct_word(word, is_foreign) for word in unknown if word not in dropped}
    others = [word for word in query.words if word not in corrections] if unknown else []
    if any(map(translate, unknown)):
        corrections |= {word: english for word in others if (english := translate(word))}
    else:
        endings = {word: _correct_ending(fold_text(word)) for word in others}
        corrections |= {word: ending for word, ending in endings.items() if ending}
    known = {word: text for word, text in corrections.items() if text}
    return dict.fromkeys(dropped, "") | known


def is_translated(query: Query) -> bool:
    """Return whether a word of a query has a translation into English."""
    return any(map(_is_foreign, query.words))


def _is_foreign(word: str) -> bool:
    return translate(word) not in ("", fold_text(word))


def _correct_word(word: str, is_foreign: bool) -> str:
    """Return a word in English, with the known parts of a German one, or correctly spelled."""
    folded = fold_text(word)
    known = translate(word) or (is_foreign and translate_parts(word))
    return known or _closest_word(folded) or _split_word(folded)


def _joined_words(query: Query) -> dict[str, str]:
    """Return one listed word for two neighbouring words: deepseek for both of `deap seek`."""
    for before, after in pairwise(query.words):
        joined = fold_text(before + after)
        if len(joined) >= MIN_JOINED and (word := _closest_word(joined, most=1)):
            return {before: word, after: word}
    return {}


def _split_word(word: str) -> str:
    """Return two listed words that were typed as one, the most frequent ones; "" if none are."""
    ends = range(MIN_HALF, len(word) - MIN_HALF + 1)
    halves = {half for end in ends for half in (word[:end], word[end:])}
    listed = dict(SearchWord.objects.filter(word__in=halves).values_list("word", "papers"))
    pairs = [(word[:end], word[end:]) for end in ends]
    known = [(min(listed.get(half, 0) for half in pair), pair) for pair in pairs]
    papers, pair = max(known, default=(0, ("", "")))
    return " ".join(pair) if papers >= MIN_HALF_PAPERS else ""


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


def _closest_word(word: str, most: int | None = None) -> str:
    """Return the listed word with the fewest mistakes, the most frequent one of several.

    With `most`, it has at most so many mistakes. Without, if all have too many mistakes, return the
    one with the most trigrams in common, if they are enough; otherwise "".
    """
    similarity = TrigramSimilarity("word", word)
    is_near = Q(word__trigram_similar=word) | Q(word__startswith=word[:1])
    rows = SearchWord.objects.filter(is_near, papers__gt=0).annotate(similarity=similarity)
    nearest = rows.order_by("-similarity", "-papers").values_list("word", "papers")[:MAX_COMPARED]
    distances = [
        (spelling.edit_distance(word, listed), -papers, listed) for listed, papers in nearest
    ]
    allowed = spelling.allowed_mistakes(word) if most is None else most
    close = [row for row in distances if row[0] <= allowed]
    if close or most is not None:
        return min(close)[2] if close else ""
    similar = rows.filter(word__trigram_similar=word, papers__gt=1, similarity__gt=MIN_SIMILARITY)
    best = similar.order_by(-(similarity + Ln("papers") * 0.02)).values_list("word", flat=True)
    near = (one for one in best[:MAX_SIMILAR] if _has_half_in_common(word, one))
    return next(near, "")


def _has_half_in_common(word: str, other: str) -> bool:
    """Return whether fewer than half of the letters differ: “guo” is no spelling of “guorui”."""
    return 2 * spelling.edit_distance(word, other) < len(word)
