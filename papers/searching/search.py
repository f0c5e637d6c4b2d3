"""Search for papers by words and by meaning, in PostgreSQL.

A search makes two ranked lists of at most MAX_HITS papers each: papers with all words, and papers
of similar meaning; and a short one of papers whose title begins with the query. Reciprocal rank
fusion joins them, so that their scores need not compare. Fields, phrases and operators filter all
lists; only words without an operator may be missing from papers of similar meaning.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
from django.contrib.postgres.search import SearchRank
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.utils import timezone

from papers.models import Paper, PaperVector, SearchEntry
from papers.searching import indexing, vector_index
from papers.searching.conditions import OF_ENTRIES, Tsquery, condition, matching_papers
from papers.searching.queries import Query
from papers.searching.query_lexemes import convert_text, merge_lexemes, to_lexemes
from papers.searching.query_tree import Lexemes, conjuncts, positive_leaves
from papers.text import lexemes
from papers.text.folding import fold_text
from papers.text.identity import title_key
from papers.vectors import stored_lexicon
from papers.vectors.lexicon import PaperText

MAX_HITS = 1000  # in each list, and of the hits by words that are ranked
SMOOTHING = 60  # of reciprocal rank fusion, as its authors chose: the first ranks weigh alike
MIN_NEAREST = 200  # of a filtered search by meaning; see `_by_meaning`
MIN_WORD_HITS = 50  # with fewer hits, the last word may be the beginning of a longer one
MAX_TITLE_WORDS = 10  # words of a title used to find similar papers, pair by pair
MIN_NAME = 3  # letters and digits of a query that may be the beginning of a title
MAX_TITLES = 200  # titles compared with such a query
RAW_FIELDS = ("title_raw", "abstract_raw")


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Primary keys of visible papers, best first, and how many match everything typed."""

    pks: list[int]
    by_words: int


def search_papers(query: Query) -> SearchResult:
    """Return the visible papers that match a query."""
    lists = ranked_lists(query)
    full_matches = {pk for name in ("named", "titled", "worded") for pk in lists[name]}
    return SearchResult(_visible(fuse(lists.values())), len(full_matches))


def ranked_lists(query: Query) -> dict[str, list[int]]:
    """Return the hits of each method, best first, with hidden papers.

    "named" are papers with an ID of the query, "titled" those whose title begins with it, "worded"
    those with all words, "meant" those of similar meaning, "some" those with some of the words if
    none has all.
    """
    if not query:
        return {"named": [], "titled": [], "worded": [], "meant": [], "some": []}
    named, titled = _by_id(query), _by_title(query)
    if query.text:
        meant = _by_meaning(query)
        worded = _by_words(query, meant)
    else:
        meant, worded = [], [] if named else _newest(query)
    is_partial = bool(query.text) and not (named or titled or worded)
    some = _by_any_word(query, meant) if is_partial else []
    return {"named": named, "titled": titled, "worded": worded, "meant": meant, "some": some}


def papers_with_words(query: Query) -> list[int]:
    """Return at most MAX_HITS papers with all words, with hidden papers."""
    named = _by_id(query)
    if query.text:
        return [*named, *_by_words(query, [])]
    return named or _newest(query)


def is_too_common(query: Query) -> bool:
    """Return whether the query has only stop words."""
    return bool(query.text) and not _any_word(query)


def fuse(lists: Iterable[Sequence[int]]) -> list[int]:
    """Merge ranked lists by reciprocal rank fusion."""
    scores: dict[int, float] = defaultdict(float)
    for ranked in lists:
        for rank, pk in enumerate(ranked, start=1):
            scores[pk] += 1 / (SMOOTHING + rank)
    return sorted(scores, key=lambda pk: (-scores[pk], -pk))


def similar_papers(paper: Paper, count: int) -> list[Paper]:
    """Return the papers of most similar meaning.

    If the paper has no vector yet, return those that share most words of its title, at least two.
    """
    stored = PaperVector.objects.filter(paper=paper, version=indexing.serving_version()).first()
    if stored is None:
        words = _title_words(paper.title)
        pks = _with_words(words, Required(), [])[: 2 * count + 1] if words else []
    else:
        vector = np.asarray(stored.vector, np.float32)
        pks = vector_index.current_index(stored.version).nearest(vector, 2 * count + 1)
    return papers_in_order(_visible([pk for pk in pks if pk != paper.pk])[:count])


def papers_in_order(pks: Sequence[int], fields: Sequence[str] = ()) -> list[Paper]:
    """Return these papers in this order, without deleted ones.

    Load only `fields`, or by default everything but the raw texts.
    """
    rows = Paper.objects.only(*fields) if fields else Paper.objects.defer(*RAW_FIELDS)
    papers = rows.in_bulk(pks)
    return [papers[pk] for pk in pks if pk in papers]


def _title_words(title: str) -> str:
    """Return a `tsquery` for any two words of a title."""
    words = [lexemes.word(word) for word in dict.fromkeys(fold_text(title).split())]
    words = [word for word in words if word][:MAX_TITLE_WORDS]
    return lexemes.any_of(lexemes.all_of(pair) for pair in combinations(words, 2))


def _visible(pks: list[int]) -> list[int]:
    # Few papers are hidden or withdrawn, and a partial index has those.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM papers_paper WHERE id = ANY(%s) AND (hidden OR withdrawn)", [pks]
        )
        hidden = {pk for (pk,) in cursor.fetchall()}
    return [pk for pk in pks if pk not in hidden]


def _by_id(query: Query) -> list[int]:
    if not query.paper_ids:
        return []
    values = [term.value for term in query.paper_ids]
    papers = Paper.objects.filter(Q(arxiv_id__in=values) | Q(doi__in=values))
    return list(papers.values_list("pk", flat=True))


def _by_title(query: Query) -> list[int]:
    """Return papers whose title begins with the query, in any spelling of its words.

    So "sam3" finds "SAM 3: …", and "arcagi3" finds "ARC-AGI-3: …". Those in which the query is the
    whole name come first.
    """
    key = title_key(query.text) if query.is_plain else ""
    if len(key) < MIN_NAME:
        return []
    titles = Paper.objects.filter(title_key__startswith=key).order_by("title_key")
    rests = {
        pk: _rest_of_title(title, key)
        for pk, title in titles.values_list("pk", "title")[:MAX_TITLES]
    }
    named = [pk for pk, rest in rests.items() if rest is not None]
    return sorted(named, key=lambda pk: (not _ENDS_NAME.match(rests[pk] or ""), -pk))


_ENDS_NAME = re.compile(r"\s*(?:$|[:(–—])")
_BORDER = re.compile(r"(?<=\w)(?=\W|$)")


def _rest_of_title(title: str, key: str) -> str | None:
    """Return what follows the words with this title key; None if no words at the start have it."""
    ends = (match.start() for match in _BORDER.finditer(title))
    return next((title[end:] for end in ends if title_key(title[:end]) == key), None)


@dataclass(frozen=True, slots=True)
class Required:
    """The conditions for all hits, by words or by meaning: a `tsquery` and others.

    With `has_text`, the others have text, too, as one of several alternatives.
    """

    tsquery: str = ""
    others: Q = field(default_factory=Q)
    has_text: bool = False

    @classmethod
    def of_query(cls, query: Query) -> Required:
        node = convert_text(query.required)
        nodes = conjuncts(merge_lexemes(node)) if node else ()
        today = timezone.now().date()
        others = [each for each in nodes if not isinstance(each, Lexemes)]
        return cls(
            lexemes.all_of(each.tsquery for each in nodes if isinstance(each, Lexemes)),
            Q(*(condition(each, today, OF_ENTRIES) for each in others)),
            any(isinstance(leaf, Lexemes) for each in others for leaf in positive_leaves(each)),
        )

    def entries(self, tsquery: str = "") -> QuerySet[SearchEntry]:
        """Return the entries that match this and another `tsquery`."""
        entries = SearchEntry.objects.filter(self.others)
        both = lexemes.all_of([tsquery, self.tsquery])
        return entries.filter(words=Tsquery(both)) if both else entries


def _by_words(query: Query, meant: Sequence[int]) -> list[int]:
    """Return papers with all words.

    With few hits, also return those in which the last word is the beginning of a longer one.
    """
    if not to_lexemes(query.tree):
        return []  # only stop words
    if not _any_word(query):
        return _newest(query)
    required = Required.of_query(query)
    words = lexemes.all_of(lexemes.words(query.loose_words))
    hits = _with_words(words, required, meant, _any_word(query))
    if len(hits) >= MIN_WORD_HITS or not words:
        return hits
    begun = lexemes.all_of(lexemes.words(query.loose_words, is_begun=True))
    with_prefix = _with_words(begun, required, meant, _any_word(query))
    return list(dict.fromkeys([*hits, *with_prefix]))


def _by_any_word(query: Query, meant: Sequence[int]) -> list[int]:
    """Return papers with some of the words, those with the most and rarest first."""
    words = [word for typed in query.text.split() if (word := lexemes.word(typed))]
    if not words or not query.loose_words:
        return []
    hits = _with_words(lexemes.any_of(words), Required.of_query(query), meant)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT paper_id, ARRAY(SELECT words @@ word::tsquery FROM unnest(%s::text[])"
            " WITH ORDINALITY AS asked (word, place) ORDER BY place)"
            " FROM papers_searchentry WHERE paper_id = ANY(%s)",
            [words, hits],
        )
        flags = {pk: np.array(has_word, np.float64) for pk, has_word in cursor.fetchall()}
    if not flags:
        return []
    rarity = np.log1p(len(flags) / np.maximum(sum(flags.values()), 1))
    return sorted(hits, key=lambda pk: -float(flags[pk] @ rarity))


def _with_words(
    words: str, required: Required, meant: Sequence[int], any_word: str = ""
) -> list[int]:
    """Return at most MAX_HITS papers that match a `tsquery` and `required`, best first.

    With more hits, ranking is slow and says little. Then rank only those that are also in `meant`,
    or the newest ones if that is empty.
    """
    entries = required.entries(words)
    rank_by = "" if required.has_text else lexemes.all_of([words, required.tsquery])
    tsquery = Tsquery(rank_by or any_word)
    with transaction.atomic(), connection.cursor() as cursor:
        # The planner would scan all rows for a rare phrase of common words.
        cursor.execute("SET LOCAL enable_seqscan = off")
        # Ranking is the slow part, so the hits to rank are found first.
        hits = list(entries.values_list("pk", flat=True)[: MAX_HITS + 1])
        if len(hits) > MAX_HITS:
            ranked = _ranked(entries, tsquery)
            rows = _among(ranked, meant) if meant else ranked.order_by("-pk")[:MAX_HITS]
            return _best_first(list(rows))
    return _best_first(list(_among(_ranked(SearchEntry.objects.all(), tsquery), hits)))


def _best_first(hits: list[tuple[int, float]]) -> list[int]:
    return [pk for pk, _rank in sorted(hits, key=lambda hit: (-hit[1], -hit[0]))]


def _ranked(entries: Any, tsquery: Tsquery) -> Any:
    """Return primary keys and ranks."""
    return entries.values_list("pk", SearchRank(F("words"), tsquery, normalization=1))


def _by_meaning(query: Query) -> list[int]:
    version = indexing.serving_version()
    if not version:
        return []
    lexicon = stored_lexicon.load_lexicon(version)
    [vector] = lexicon.embed(lexicon.vectors([PaperText("", query.text)]))
    if not vector.any():
        return []  # no term of the query has an embedding
    index = vector_index.current_index(version)
    nearest = index.nearest(vector, MAX_HITS)
    if not query.required:
        return nearest
    # Usually enough of the nearest papers pass the filter. If not, so few papers pass it that all
    # of them can be compared.
    passing = Required.of_query(query).entries()
    kept = set(_among(passing, nearest).values_list("pk", flat=True))
    if len(kept) >= MIN_NEAREST or len(nearest) < MAX_HITS:
        return [pk for pk in nearest if pk in kept]
    return index.nearest(vector, MAX_HITS, among=list(passing.values_list("pk", flat=True)))


def _among(rows: Any, pks: Sequence[int]) -> Any:
    """Return the rows of these papers; one array parameter is faster than thousands of numbers."""
    return rows.filter(paper__in=RawSQL("SELECT unnest(%s::bigint[])", [list(pks)]))


def _newest(query: Query) -> list[int]:
    """Return the newest papers for a query that has only fields."""
    papers = matching_papers(query.required, Paper.objects.all())
    return list(papers.order_by("-day", "-score", "-pk").values_list("pk", flat=True)[:MAX_HITS])


def _any_word(query: Query) -> str:
    """Return a `tsquery` for any of the words; "" if all are stop words."""
    return lexemes.any_of(lexemes.word(word) for word in query.text.split())
