"""The tree of a parsed query, its normal form, and what it looks for. Pure.

`conjunction`, `disjunction` and `negation` build trees in normal form: nested nodes of one kind are
joined, duplicates dropped, and the order of alternatives does not matter. Queries that are equal
but for this have equal trees.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

TEXT_FIELDS = ("", "title", "abstract")  # "" is the whole text, with the authors
PAPER_IDS = ("arxiv", "doi")
WRITTEN_NAMES = {"subject": "cat"}  # the usual short name

_BARE = re.compile(r"[^\W_][\w'.-]*")

Bound = date | timedelta | None  # a day, so long before today, or open


@dataclass(frozen=True, slots=True)
class Words:
    """Words without a field or operator. Neighbours may also be written as one word."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Term:
    """One value of a field; text with spaces is a phrase.

    `field` is one of TEXT_FIELDS and PAPER_IDS, or author, subject, venue, source, has or is. With
    `is_prefix` a paper's value may be longer.
    """

    field: str
    value: str
    is_prefix: bool = False

    @property
    def is_paper_id(self) -> bool:
        return self.field in PAPER_IDS and not self.is_prefix


@dataclass(frozen=True, slots=True)
class Dates:
    """Days of papers, both inclusive."""

    since: Bound = None
    until: Bound = None


@dataclass(frozen=True, slots=True)
class Lexemes:
    """A `tsquery`, which stands for text in trees for PostgreSQL; see `query_lexemes`."""

    tsquery: str


@dataclass(frozen=True, slots=True)
class Not:
    node: Node


@dataclass(frozen=True, slots=True)
class And:
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    nodes: tuple[Node, ...]


Leaf = Words | Term | Dates | Lexemes
Node = Leaf | Not | And | Or


# --- Building ---------------------------------------------------------------------------------


def conjunction(nodes: Iterable[Node]) -> Node | None:
    """Return a tree that requires all nodes; None if there are none."""
    flat = list(_flatten(nodes, And))
    texts = [text for node in flat if isinstance(node, Words) for text in node.texts]
    others = _in_order(node for node in flat if not isinstance(node, Words))
    return _joined([*words_of(texts), *others], And)


def disjunction(nodes: Iterable[Node]) -> Node | None:
    """Return a tree that requires any of the nodes; None if there are none."""
    return _joined(_in_order(_flatten(nodes, Or)), Or)


def negation(node: Node) -> Node:
    """Return a tree that excludes what `node` matches."""
    if isinstance(node, Not):
        return node.node
    is_word = isinstance(node, Words) and len(node.texts) == 1
    return Not(Term("", node.texts[0]) if is_word and isinstance(node, Words) else node)


def words_of(texts: Iterable[str]) -> list[Words]:
    """Return a list with the words as one node, or an empty list."""
    unique = tuple(dict.fromkeys(texts))
    return [Words(unique)] if unique else []


def _in_order(nodes: Iterable[Node]) -> list[Node]:
    """Return the nodes without duplicates, in an order that does not depend on the given one."""
    unique = list(dict.fromkeys(nodes))
    return sorted(unique, key=write) if len(unique) > 1 else unique


def _flatten(nodes: Iterable[Node], kind: type[And | Or]) -> Iterator[Node]:
    for node in nodes:
        if isinstance(node, kind):
            yield from node.nodes
        else:
            yield node


def _joined(nodes: list[Node], kind: type[And | Or]) -> Node | None:
    return kind(tuple(nodes)) if len(nodes) > 1 else next(iter(nodes), None)


# --- Reading ----------------------------------------------------------------------------------


def conjuncts(tree: Node | None) -> tuple[Node, ...]:
    """Return the nodes that a paper must all match."""
    if tree is None:
        return ()
    return tree.nodes if isinstance(tree, And) else (tree,)


def positive_leaves(node: Node | None) -> Iterator[Leaf]:
    """Yield the leaves outside of exclusions, from left to right."""
    match node:
        case And(nodes) | Or(nodes):
            for each in nodes:
                yield from positive_leaves(each)
        case Words() | Term() | Dates() | Lexemes():
            yield node


def replace_leaves(node: Node, change: Callable[[Leaf], Leaf]) -> Node:
    """Return the tree with its leaves outside of exclusions changed."""
    match node:
        case Not():
            return node
        case And(nodes):
            return conjunction(replace_leaves(each, change) for each in nodes) or node
        case Or(nodes):
            return disjunction(replace_leaves(each, change) for each in nodes) or node
        case _:
            return change(node)


# --- Writing ----------------------------------------------------------------------------------


def write(tree: Node | None) -> str:
    """Return a query that parses to this tree."""
    match tree:
        case None:
            return ""
        case And(nodes):
            return " ".join(_write_conjunct(node, nodes) for node in nodes)
        case Or(nodes):
            return " OR ".join(map(_write_inside, nodes))
        case Not(node):
            return f"-{_write_excluded(node)}"
        case Words(texts):
            return " ".join(texts)
        case Term():
            return _write_term(tree)
        case Dates():
            return _write_dates(tree)
        case Lexemes(tsquery):
            return tsquery


def is_alternative(node: Node) -> bool:
    """Return whether several of such nodes side by side are alternatives."""
    return isinstance(node, Term) and (node.is_paper_id or node.field == "subject")


def is_same_alternative(node: Node, other: Node) -> bool:
    """Return whether both are subjects, or both name papers."""
    if not isinstance(node, Term) or not isinstance(other, Term):
        return False
    return is_alternative(node) and is_alternative(other) and node.is_paper_id == other.is_paper_id


def _write_conjunct(node: Node, nodes: tuple[Node, ...]) -> str:
    """Return a node of a conjunction; `+` marks those that would be read as alternatives."""
    if isinstance(node, Words):
        return write(node)
    is_marked = sum(is_same_alternative(node, other) for other in nodes) > 1
    return f"+{write(node)}" if is_marked else _write_inside(node)


def _write_inside(node: Node) -> str:
    is_group = isinstance(node, And | Or) or (isinstance(node, Words) and len(node.texts) > 1)
    return f"({write(node)})" if is_group else write(node)


def _write_excluded(node: Node) -> str:
    """Return an excluded node; a single word needs no quotation marks."""
    is_word = isinstance(node, Term) and not (node.field or node.is_prefix)
    if is_word and isinstance(node, Term) and _BARE.fullmatch(node.value):
        return node.value
    return _write_inside(node)


def _write_term(term: Term) -> str:
    name = WRITTEN_NAMES.get(term.field, term.field)
    is_bare = term.is_prefix or (term.field not in ("", "title", "abstract", "author", "venue"))
    value = f"{term.value}*" if term.is_prefix else term.value
    written = value if is_bare and " " not in value else f'"{value}"'
    # In a group, an unbalanced parenthesis of a DOI would end it.
    if term.is_paper_id and value.count("(") == value.count(")"):
        return written
    if term.is_paper_id:
        return f'{name}:"{value}"'
    return f"{name}:{written}" if name else written


def _write_dates(dates: Dates) -> str:
    since, until = write_bound(dates.since), write_bound(dates.until)
    if since and until:
        return f"date:{since}" if since == until else f"date:{since}..{until}"
    return f"since:{since}" if since else f"until:{until}"


def write_bound(bound: Bound) -> str:
    """Return a bound as it is typed: 2026-04-30, or 7d for a week ago."""
    if isinstance(bound, timedelta):
        return f"{bound.days}d"
    return bound.isoformat() if bound else ""
