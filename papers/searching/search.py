"""Papers by words and by meaning, from PostgreSQL.

Two lists are made, each of at most a thousand: papers that hold all the words, by how they hold
them, and papers that mean the like. Their ranks are fused, so that neither scale matters. Fields,
phrases and excluded words hold for both.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from django.contrib.postgres.search import SearchQuery, SearchRank, TrigramSimilarity
from django.db import connection, transaction
from django.db.models import F, Func, Q, TextField, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast, Ln

from papers.models import Paper, PaperVector, SearchEntry, SearchWord
from papers.searching import indexing, vector_index
from papers.searching.queries import Query
from papers.text import lexemes, spelling
from papers.text.folding import fold_text
from papers.vectors import stored_lexicon
from papers.vectors.lexicon import PaperText

MOST = 1000  # of a list, and of hits by words that are ranked
SMOOTHING = 60  # of reciprocal rank fusion, as its authors chose it: the first few weigh alike
ENOUGH = 200  # of a narrowed search by meaning; see `_by_meaning`
A_PAGE = 50  # with fewer hits the last word may be the beginning of one
FEW = 5  # with fewer hits by words we look whether some are misspelt
TITLE_WORDS = 10  # by which papers are similar; each pair is looked for
RAW = ("title_raw", "abstract_raw")
LOOKED_AT = 300  # known words that are compared letter by letter with one that is unknown
ALIKE = 0.35  # trigrams in common that make two words spellings of each other


class Condition(SearchQuery):
    """A `tsquery` as `lexemes` writes it."""

    template = "(%(expressions)s)::tsquery"


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Primary keys of visible papers, best first, and how many have all that was looked for."""

    pks: list[int]
    by_words: int


def search_papers(query: Query) -> SearchResult:
    found = ranked_lists(query)
    return SearchResult(_visible(fuse(found.values())), len(found["named"]) + len(found["worded"]))


def ranked_lists(query: Query) -> dict[str, list[int]]:
    """What is found in each way, best first; hidden papers too."""
    if not query:
        return {"named": [], "worded": [], "meant": [], "some": []}
    named = _by_id(query)
    if query.text:
        meant = _by_meaning(query)
        worded = _by_words(query, meant)
    else:
        meant, worded = [], [] if named else _newest(query)
    some = _by_any_word(query, meant) if query.text and not (named or worded) else []
    return {"named": named, "worded": worded, "meant": meant, "some": some}


def papers_with_words(query: Query) -> list[int]:
    """At most a thousand papers that hold the words, hidden ones too, and none by meaning."""
    named = _by_id(query)
    if query.text:
        return [*named, *_by_words(query, [])]
    return named or _newest(query)


def is_too_common(query: Query) -> bool:
    """Whether only words such as "the" are looked for, which every paper has."""
    return bool(query.text) and not _any_word(query)


def fuse(lists: Iterable[Sequence[int]]) -> list[int]:
    """Reciprocal rank fusion: what stands high in several lists comes first."""
    scores: dict[int, float] = defaultdict(float)
    for ranked in lists:
        for rank, pk in enumerate(ranked, start=1):
            scores[pk] += 1 / (SMOOTHING + rank)
    return sorted(scores, key=lambda pk: (-scores[pk], -pk))


def spelling_corrections(query: Query) -> dict[str, str]:
    """For words that no paper holds: the likeliest word that was meant, where there is one."""
    unknown = unknown_words(query)
    found = {word: _spelling_of(fold_text(word)) for word in unknown}
    if unknown:  # then others may be misspelt, too, although stemmed they are known
        others = [word for word in query.words if word not in found]
        found |= {word: _misspelt_ending(fold_text(word)) for word in others}
    return {word: right for word, right in found.items() if right}


def _misspelt_ending(word: str) -> str:
    """The known word that differs by one letter, for a word that no title has; a plural is no
    mistake."""
    if SearchWord.objects.filter(word=word, papers__gt=0).exists():
        return ""
    right = _spelling_of(word)
    is_plural = f"{word}s" == right or f"{right}s" == word
    return right if right and not is_plural and spelling.edit_distance(word, right) == 1 else ""


def _spelling_of(word: str) -> str:
    """The known word with the fewest mistakes, the most frequent of several; else the one that has
    most in common with it, if that is much; "" for none."""
    likeness = TrigramSimilarity("word", word)
    near = Q(word__trigram_similar=word) | Q(word__startswith=word[:1])
    rows = SearchWord.objects.filter(near, papers__gt=0).annotate(likeness=likeness)
    nearest = list(rows.order_by("-likeness", "-papers").values_list("word", "papers")[:LOOKED_AT])
    mistakes = [(spelling.edit_distance(word, known), -papers, known) for known, papers in nearest]
    few = [one for one in mistakes if one[0] <= spelling.allowed_mistakes(word)]
    if few:
        return min(few)[2]
    alike = rows.filter(word__trigram_similar=word, papers__gt=1, likeness__gt=ALIKE)
    best = alike.order_by(-(likeness + Ln("papers") * 0.02))
    return best.values_list("word", flat=True).first() or ""


def similar_papers(paper: Paper, count: int) -> list[Paper]:
    """The papers nearest in meaning to this one; while meanings are not known, those that share
    most words of its title, and two at least."""
    own = PaperVector.objects.filter(paper=paper, version=indexing.serving_version()).first()
    if own is None:
        near = _holding(_title_words(paper.title), Query(), [])[: 2 * count + 1]
    else:
        vector = np.asarray(own.vector, np.float32)
        near = vector_index.held(own.version).nearest(vector, 2 * count + 1)
    return papers_in_order(_visible([pk for pk in near if pk != paper.pk])[:count])


def _title_words(title: str) -> str:
    """Any two words of a title, as a `tsquery`."""
    words = [lexemes.word(word) for word in dict.fromkeys(fold_text(title).split())]
    chosen = [word for word in words if word][:TITLE_WORDS]
    return lexemes.any_of(lexemes.all_of(pair) for pair in combinations(chosen, 2))


def papers_in_order(pks: Sequence[int], fields: Sequence[str] = ()) -> list[Paper]:
    """These papers as they are ordered here, those that are gone left out; with `fields` alone, or
    else with what any page shows of them."""
    rows = Paper.objects.only(*fields) if fields else Paper.objects.defer(*RAW)
    papers = rows.in_bulk(pks)
    return [papers[pk] for pk in pks if pk in papers]


def _visible(pks: list[int]) -> list[int]:
    """Few are out of sight, and those have an index of their own."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM papers_paper WHERE id = ANY(%s) AND (hidden OR withdrawn)", [pks]
        )
        out_of_sight = {pk for (pk,) in cursor.fetchall()}
    return [pk for pk in pks if pk not in out_of_sight]


def _by_id(query: Query) -> list[int]:
    if not query.is_identified:
        return []
    asked = Paper.objects.filter(Q(arxiv_id__in=query.arxiv_ids) | Q(doi__in=query.dois))
    return list(asked.values_list("pk", flat=True))


def _by_words(query: Query, meant: Sequence[int]) -> list[int]:
    """Papers with all the words; where that is less than a page, then also those in which the last
    word goes on."""
    found = _holding(_words(query), query, meant)
    if len(found) >= A_PAGE or not query.words:
        return found
    begun = _holding(_words(query, is_begun=True), query, meant)
    return list(dict.fromkeys([*found, *begun]))


def _by_any_word(query: Query, meant: Sequence[int]) -> list[int]:
    """Papers with some of the words, those with most and rarest first."""
    words = [one for word in query.text.split() if (one := lexemes.word(word))]
    if not words:
        return []
    either = lexemes.all_of([lexemes.any_of(words), _required(query)])
    hits = _holding(either, query, meant)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT paper_id, ARRAY(SELECT words @@ word::tsquery FROM unnest(%s::text[])"
            " WITH ORDINALITY AS asked (word, place) ORDER BY place)"
            " FROM papers_searchentry WHERE paper_id = ANY(%s)",
            [words, hits],
        )
        held = {pk: np.array(which, np.float64) for pk, which in cursor.fetchall()}
    if not held:
        return []
    rarity = np.log1p(len(held) / np.maximum(sum(held.values()), 1))
    return sorted(hits, key=lambda pk: -float(held[pk] @ rarity))


def _holding(condition: str, query: Query, meant: Sequence[int]) -> list[int]:
    """At most a thousand papers whose words match, best first. Where those are legion, their order
    says little and costs much: then only what also means the like is ranked, or what is newest."""
    if not condition:
        return []
    wanted = Condition(condition)
    entries = _narrowed(SearchEntry.objects.filter(words=wanted), query, "paper__")
    with transaction.atomic(), connection.cursor() as cursor:
        # A seldom phrase of common words would be looked for in every row.
        cursor.execute("SET LOCAL enable_seqscan = off")
        # Ranking is the slow part, and done once it is known of which.
        hits = list(entries.values_list("pk", flat=True)[: MOST + 1])
        if len(hits) > MOST:
            of_many = _ranked(entries, wanted)
            return _best_first(
                list(_among(of_many, meant) if meant else of_many.order_by("-pk")[:MOST])
            )
    return _best_first(list(_among(_ranked(SearchEntry.objects.all(), wanted), hits)))


def _best_first(hits: list[tuple[int, float]]) -> list[int]:
    return [pk for pk, _rank in sorted(hits, key=lambda hit: (-hit[1], -hit[0]))]


def _ranked(entries: Any, wanted: SearchQuery) -> Any:
    """Primary keys and ranks."""
    return entries.values_list("pk", SearchRank(F("words"), wanted, normalization=1))


def _by_meaning(query: Query) -> list[int]:
    version = indexing.serving_version()
    if not version:
        return []
    lexicon = stored_lexicon.load_lexicon(version)
    [vector] = lexicon.meanings(lexicon.vectors([PaperText("", query.text)]))
    if not vector.any():
        return []  # no word of it is known
    known = vector_index.held(version)
    required = _required(query)
    if not query.is_narrowed and not required:
        return known.nearest(vector, MOST)
    # Most often enough of the nearest are what was asked for. If not, that is so little of all
    # that each of it can be looked at.
    nearest = known.nearest(vector, MOST)
    rows = _narrowed(SearchEntry.objects.all(), query, "paper__")
    fitting = rows.filter(words=Condition(required)) if required else rows
    kept = set(_among(fitting, nearest).values_list("pk", flat=True))
    if len(kept) >= ENOUGH or len(nearest) < MOST:
        return [pk for pk in nearest if pk in kept]
    return known.nearest(vector, MOST, among=list(fitting.values_list("pk", flat=True)))


def _among(rows: Any, pks: Sequence[int]) -> Any:
    """The rows of these papers; one parameter instead of thousands, which take long to quote."""
    return rows.filter(paper__in=RawSQL("SELECT unnest(%s::bigint[])", [list(pks)]))


def _newest(query: Query) -> list[int]:
    """For who gave fields only."""
    papers = _narrowed(Paper.objects.all(), query, "")
    if required := _required(query):
        papers = papers.filter(search_entry__words=Condition(required))
    return list(papers.order_by("-day", "-score", "-pk").values_list("pk", flat=True)[:MOST])


def _words(query: Query, *, is_begun: bool = False) -> str:
    """All that must hold of a paper, as a `tsquery`; "" where only stop words were typed."""
    plain = lexemes.words(query.words, is_begun=is_begun)
    wanted = lexemes.all_of([*plain, _required(query)])
    return wanted if any(plain) or query.text != " ".join(query.words) or query.authors else ""


def _any_word(query: Query) -> str:
    """Any of the words that are looked for, wherever; "" where all are stop words."""
    return lexemes.any_of(lexemes.word(word) for word in query.text.split())


def _required(query: Query) -> str:
    """What holds for every hit, found by words or by meaning; "" where nothing must."""
    return lexemes.all_of(
        [
            *map(lexemes.phrase, query.phrases),
            *(lexemes.phrase(text, "A") for text in query.titles),
            *(lexemes.phrase(text, "B") for text in query.abstracts),
            lexemes.none_of(map(lexemes.phrase, query.excluded)),
            *map(lexemes.author, query.authors),
        ]
    )


def _narrowed(rows: Any, query: Query, path: str) -> Any:
    """Those of the days and categories asked for; `path` leads from the rows to their papers."""
    days = {f"{path}day__gte": query.since, f"{path}day__lte": query.until}
    rows = rows.filter(**{name: day for name, day in days.items() if day})
    if not query.categories:
        return rows
    wanted = Q(**{f"{path}categories__overlap": list(query.categories)})
    if archives := [re.escape(name) for name in query.categories if "." not in name]:
        joined = Func(F(f"{path}categories"), Value(" "), function="array_to_string")
        rows = rows.alias(joined=Cast(joined, TextField()))
        wanted |= Q(joined__regex=rf"(^| )({'|'.join(archives)})\.")
    return rows.filter(wanted)


def unknown_words(query: Query) -> list[str]:
    """Return words and parts of names that no paper has; stop words do not count."""
    parts = [part for name in query.authors for part in name.split()]
    asked = {fold_text(word): word for word in [*query.words, *parts]}
    # Those of titles and names are in a list; only for others abstracts are looked through.
    listed = SearchWord.objects.filter(word__in=[*asked], papers__gt=0)
    for word in listed.values_list("word", flat=True):
        del asked[word]
    conditions = {word: lexemes.word(word) for word in asked.values()}
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
