"""Matching many strict queries with a day's papers at once.

Queries share most of their parts. Each distinct part, such as a word, an author or a subject, is
compared with the papers once, in PostgreSQL; its matches become the bits of a number. Queries are
combinations of these numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import reduce
from itertools import islice
from operator import and_, or_
from typing import TypeVar

from django.db import connection, transaction
from django.db.models import BooleanField, ExpressionWrapper
from django.utils import timezone

from papers.models import Paper
from papers.searching.conditions import OF_PAPERS, condition
from papers.searching.queries import parse_query
from papers.searching.query_lexemes import to_lexemes
from papers.searching.query_tree import And, Leaf, Lexemes, Node, Not, Or

TEXTS_AT_ONCE = 5_000  # in one statement
FIELDS_AT_ONCE = 100  # columns of one statement

Bits = int  # bit n is set if the paper at place n matches
T = TypeVar("T")


@transaction.atomic
def match_queries(
    queries: Iterable[str], paper_pks: Sequence[int], today: date | None = None
) -> dict[str, list[int]]:
    """Return the papers that match each query, as `matching_papers` finds them, in their order.

    Relative dates are before `today`. Equal queries share one list.
    """
    trees = {query: to_lexemes(parse_query(query).tree) for query in dict.fromkeys(queries)}
    distinct = dict.fromkeys(tree for tree in trees.values() if tree)
    parts = dict.fromkeys(part for tree in distinct for part in _parts(tree))
    papers = _store_words(paper_pks)
    texts = [part for part in parts if isinstance(part, Lexemes)]
    fields = [part for part in parts if not isinstance(part, Lexemes)]
    bits = _match_texts(texts) | _match_fields(fields, papers, today or timezone.now().date())
    all_bits = (1 << len(papers)) - 1
    matches = {tree: _papers_of(_combine(tree, bits, all_bits), papers) for tree in distinct}
    return {query: matches[tree] if tree else [] for query, tree in trees.items()}


def _parts(node: Node) -> Iterator[Leaf]:
    """Yield all leaves, including excluded ones."""
    match node:
        case And(nodes) | Or(nodes):
            for each in nodes:
                yield from _parts(each)
        case Not(inner):
            yield from _parts(inner)
        case _:
            yield node


def _store_words(paper_pks: Sequence[int]) -> list[int]:
    """Copy the words of these papers to a temporary table; return the indexed papers by place.

    Its index has only these papers, so that a common word finds hundreds of rows, not a large part
    of all papers.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE matched_words ON COMMIT DROP AS"
            " SELECT row_number() OVER (ORDER BY place)::int - 1 AS place, paper_id, words"
            " FROM papers_searchentry JOIN (SELECT paper, min(place) AS place"
            " FROM unnest(%s::bigint[]) WITH ORDINALITY AS given (paper, place) GROUP BY paper)"
            " AS papers ON paper = paper_id",
            [list(paper_pks)],
        )
        cursor.execute("CREATE INDEX ON matched_words USING gin (words)")
        cursor.execute("ANALYZE matched_words")
        cursor.execute("SELECT paper_id FROM matched_words ORDER BY place")
        return [pk for (pk,) in cursor.fetchall()]


def _match_texts(texts: Sequence[Lexemes]) -> dict[Leaf, Bits]:
    """Return the papers that match each text."""
    bits: dict[Leaf, Bits] = dict.fromkeys(texts, 0)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL jit = off")
        for some in _batches(texts, TEXTS_AT_ONCE):
            cursor.execute(
                "SELECT number, array_agg(place) FROM unnest(%s::text[]) WITH ORDINALITY"
                " AS asked (condition, number) JOIN matched_words"
                " ON words @@ condition::tsquery GROUP BY number",
                [[text.tsquery for text in some]],
            )
            for number, places in cursor.fetchall():
                bits[some[number - 1]] = _bits_of(places)
        # The settings would hold for the rest of the transaction.
        cursor.execute("SET LOCAL enable_seqscan TO DEFAULT")
        cursor.execute("SET LOCAL jit TO DEFAULT")
        cursor.execute("DROP TABLE matched_words")
    return bits


def _match_fields(fields: Sequence[Leaf], papers: Sequence[int], today: date) -> dict[Leaf, Bits]:
    """Return the papers that match each value of a field."""
    places = {pk: place for place, pk in enumerate(papers)}
    bits: dict[Leaf, Bits] = {}
    for some in _batches(fields, FIELDS_AT_ONCE):
        columns = {
            f"part_{number}": ExpressionWrapper(
                condition(part, today, OF_PAPERS), output_field=BooleanField()
            )
            for number, part in enumerate(some)
        }
        rows = Paper.objects.filter(pk__in=papers).annotate(**columns)
        table = list(rows.values_list("pk", *columns))
        for column, part in enumerate(some, start=1):
            bits[part] = _bits_of(places[row[0]] for row in table if row[column])
    return bits


def _combine(node: Node, bits: Mapping[Leaf, Bits], all_bits: Bits) -> Bits:
    match node:
        case And(nodes):
            return reduce(and_, (_combine(each, bits, all_bits) for each in nodes))
        case Or(nodes):
            return reduce(or_, (_combine(each, bits, all_bits) for each in nodes))
        case Not(inner):
            return all_bits & ~_combine(inner, bits, all_bits)
        case _:
            return bits[node]


def _bits_of(places: Iterable[int]) -> Bits:
    bits = 0
    for place in places:
        bits |= 1 << place
    return bits


def _papers_of(bits: Bits, papers: Sequence[int]) -> list[int]:
    found = []
    while bits:
        lowest = bits & -bits
        found.append(papers[lowest.bit_length() - 1])
        bits ^= lowest
    return found


def _batches(items: Sequence[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some
