"""A parsed query in words, as a reader is shown how it was understood. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from papers.searching.query_tree import And, Bound, Dates, Lexemes, Node, Not, Or, Term, Words

TEXTS = {
    "": gettext_lazy("“%(text)s”"),
    "title": gettext_lazy("title contains “%(text)s”"),
    "abstract": gettext_lazy("abstract contains “%(text)s”"),
    "author": gettext_lazy("by “%(text)s”"),
    "subject": gettext_lazy("in %(text)s"),
    "venue": gettext_lazy("published in “%(text)s”"),
    "doi": gettext_lazy("DOI %(text)s"),
    "arxiv": gettext_lazy("arXiv %(text)s"),
    "source": gettext_lazy("from the source “%(text)s”"),
}
FLAGS = {
    "code": gettext_lazy("with code"),
    "trending": gettext_lazy("trending"),
    "picked": gettext_lazy("picked by a curator"),
}


def describe(tree: Node | None) -> str:
    """Return what a paper must have: title contains “sparse attention”, not “survey”."""
    if isinstance(tree, And):
        return ", ".join(map(_describe, _exclusions_last(tree.nodes)))
    return _describe(tree) if tree else ""


def _describe(node: Node) -> str:
    match node:
        case And(nodes):
            return f"({_all_of(map(_describe, _exclusions_last(nodes)))})"
        case Or(nodes):
            return f"({_any_of(map(_describe, nodes))})"
        case Not(inner):
            return _("not %(part)s") % {"part": _describe(inner)}
        case Words(texts):
            return _all_of(str(TEXTS[""]) % {"text": text} for text in texts)
        case Term():
            return _describe_term(node)
        case Dates(since, until):
            return _describe_dates(since, until)
        case Lexemes(tsquery):
            return tsquery


def _exclusions_last(nodes: Iterable[Node]) -> list[Node]:
    return sorted(nodes, key=lambda node: isinstance(node, Not))


def _all_of(parts: Iterable[str]) -> str:
    return _(" and ").join(parts)


def _any_of(parts: Iterable[str]) -> str:
    return _(" or ").join(parts)


def _describe_term(term: Term) -> str:
    if term.field in ("has", "is"):
        return str(FLAGS[term.value])
    value = f"{term.value}…" if term.is_prefix else term.value
    return str(TEXTS[term.field]) % {"text": value}


def _describe_dates(since: Bound, until: Bound) -> str:
    if since == until and since is not None:
        return _("on %(day)s") % {"day": _day(since)}
    if isinstance(since, timedelta) and until is None:
        days = max(since.days, 1)
        text = ngettext("in the last day", "in the last %(days)s days", days)
        return text % {"days": days}
    if since is None:
        return _("until %(day)s") % {"day": _day(until)}
    if until is None:
        return _("since %(day)s") % {"day": _day(since)}
    return _("from %(first)s to %(last)s") % {"first": _day(since), "last": _day(until)}


def _day(bound: Bound) -> str:
    if isinstance(bound, date):
        return date_format(bound, _("j F Y"))
    days = bound.days if bound else 0
    if not days:
        return _("today")
    return ngettext("yesterday", "%(days)s days ago", days) % {"days": days}
