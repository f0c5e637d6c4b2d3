"""Conditions of a query on papers, for PostgreSQL.

A query matches in the same way on the search page and as a strict topic: `condition` is the only
place that turns its parts into SQL.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from django.contrib.postgres.search import SearchQuery
from django.db.models import Exists, F, Func, OuterRef, Q, QuerySet, TextField, Value
from django.db.models.lookups import IRegex, Regex
from django.utils import timezone

from papers.metadata.categories import canonical_category
from papers.models import Observation, Paper
from papers.searching.query_dates import resolve_bound
from papers.searching.query_lexemes import merge_lexemes, to_lexemes
from papers.searching.query_tree import And, Dates, Lexemes, Node, Not, Or, Term
from papers.searching.query_values import source_kinds

GAP = "[^[:alnum:]]+"  # between the words of a venue or a subject


class Tsquery(SearchQuery):
    """A `tsquery` as `papers.text.lexemes` writes it."""

    template = "(%(expressions)s)::tsquery"


@dataclass(frozen=True, slots=True)
class Paths:
    """The lookups that lead from the filtered rows to their papers and indexed words."""

    paper: str
    words: str


OF_PAPERS = Paths("", "search_entry__words")
OF_ENTRIES = Paths("paper__", "words")


def matching_papers(
    tree: Node | None, papers: QuerySet[Paper], today: date | None = None
) -> QuerySet[Paper]:
    """Return those of the papers that match all of a query; relative dates are before `today`.

    Papers that are not in the search index do not match.
    """
    node = to_lexemes(tree)
    if node is None:
        return papers.none()
    today = today or timezone.now().date()
    indexed = papers.filter(search_entry__isnull=False)
    return indexed.filter(condition(merge_lexemes(node), today, OF_PAPERS))


def condition(node: Node, today: date, paths: Paths) -> Q:
    """Return the condition for a tree with lexemes in place of its text."""
    match node:
        case And(nodes):
            return Q(*(condition(each, today, paths) for each in nodes))
        case Or(nodes):
            return Q(*(condition(each, today, paths) for each in nodes), _connector=Q.OR)
        case Not(inner):
            return ~condition(inner, today, paths)
        case Lexemes(tsquery):
            return Q(**{paths.words: Tsquery(tsquery)})
        case Dates(since, until):
            days = {"gte": resolve_bound(since, today), "lte": resolve_bound(until, today)}
            return Q(**{f"{paths.paper}day__{name}": day for name, day in days.items() if day})
        case Term():
            return _term_condition(node, paths.paper)
    raise TypeError(f"{node} has no lexemes")


def _term_condition(term: Term, paper: str) -> Q:
    match term.field:
        case "subject":
            return _subject_condition(term.value, f"{paper}categories")
        case "venue":
            return Q(IRegex(F(f"{paper}journal_ref"), Value(_words_pattern(term))))
        case "doi" if term.is_prefix:
            return Q(**{f"{paper}doi__startswith": term.value})
        case "doi":
            return Q(**{f"{paper}doi": term.value})
        case "arxiv":
            return Q(**{f"{paper}arxiv_id": term.value})
        case "source":
            return _source_condition(term.value, paper)
        case "has":
            return ~Q(**{f"{paper}code_url": ""})
        case "is" if term.value == "picked":
            return Q(**{f"{paper}featured": True})
        case "is":  # more attention than is usual in its field
            return Q(**{f"{paper}standing__gt": 0})
    raise ValueError(f"no condition for the field {term.field}")


def _subject_condition(name: str, path: str) -> Q:
    """Return the condition for a category of arXiv, an archive with its categories, or any name."""
    is_arxiv = "." in name or bool(canonical_category(name))
    named = Q(**{f"{path}__overlap": [name]}) if is_arxiv else Q()
    if "." in name:
        return named
    joined = Func(F(path), Value("|"), function="array_to_string", output_field=TextField())
    if is_arxiv:
        return named | Q(Regex(joined, Value(rf"(^|\|){re.escape(name)}\.")))
    pattern = "[^[:alnum:]|]+".join(name.split())
    return Q(IRegex(joined, Value(rf"(^|\|){pattern}(\||$)")))


def _source_condition(name: str, paper: str) -> Q:
    """Return the condition for papers that a source of these kinds listed or described."""
    kinds = source_kinds(name)
    observed = Observation.objects.filter(paper=OuterRef(f"{paper}pk"), kind__in=kinds)
    return Q(**{f"{paper}text_source__in": kinds}) | Q(Exists(observed))


def _words_pattern(term: Term) -> str:
    """Return a pattern for the words in this order; they consist of letters and digits."""
    return rf"\m{GAP.join(term.value.split())}" + ("" if term.is_prefix else r"\M")
