"""The text of a query as lexemes of the search index. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from papers.searching.query_tree import (
    TEXT_FIELDS,
    And,
    Dates,
    Lexemes,
    Node,
    Not,
    Or,
    Term,
    Words,
    positive_leaves,
)
from papers.text import lexemes

WEIGHTS = {"": "", "title": "A", "abstract": "B"}


def to_lexemes(tree: Node | None) -> Node | None:
    """Return the tree with lexemes in place of text; None if it can match nothing.

    Stop words are left out, since all papers have them.
    """
    node = convert_text(tree)
    return node if any(positive_leaves(node)) else None


def convert_text(tree: Node | None) -> Node | None:
    """Return the tree with lexemes in place of text, even if it only excludes."""
    return _converted(tree) if tree else None


def merge_lexemes(node: Node) -> Node:
    """Return the tree with as few lexemes as possible, so that an index can be used once."""
    match node:
        case Not(inner):
            merged = merge_lexemes(inner)
            if isinstance(merged, Lexemes):
                return Lexemes(lexemes.none_of([merged.tsquery]))
            return Not(merged)
        case And(nodes):
            return _merged(map(merge_lexemes, nodes), And)
        case Or(nodes):
            return _merged(map(merge_lexemes, nodes), Or)
    return node


def _converted(node: Node) -> Node | None:
    match node:
        case And(nodes):
            return _joined(filter(None, map(_converted, nodes)), And)
        case Or(nodes):
            return _joined(filter(None, map(_converted, nodes)), Or)
        case Not(inner):
            excluded = _converted(inner)
            return Not(excluded) if excluded else None
        case Words(texts):
            return _joined(map(Lexemes, filter(None, lexemes.words(texts))), And)
        case Term():
            return _converted_term(node)
        case Dates() | Lexemes():
            return node


def _converted_term(term: Term) -> Node | None:
    if term.field == "author":
        tsquery = lexemes.author(term.value)
    elif term.field not in TEXT_FIELDS:
        return term
    elif term.is_prefix:
        tsquery = lexemes.prefix(term.value, WEIGHTS[term.field])
    else:
        tsquery = lexemes.phrase(term.value, WEIGHTS[term.field])
    return Lexemes(tsquery) if tsquery else None


def _merged(nodes: Iterable[Node], kind: type[And | Or]) -> Node:
    nodes = list(nodes)
    texts = [node.tsquery for node in nodes if isinstance(node, Lexemes)]
    combine = lexemes.all_of if kind is And else lexemes.any_of
    merged: list[Node] = [Lexemes(combine(texts))] if texts else []
    merged += [node for node in nodes if not isinstance(node, Lexemes)]
    return kind(tuple(merged)) if len(merged) > 1 else merged[0]


def _joined(nodes: Iterable[Node], kind: type[And | Or]) -> Node | None:
    unique = tuple(dict.fromkeys(nodes))
    return kind(unique) if len(unique) > 1 else next(iter(unique), None)
