"""Recursive descent over the tokens of a query. Pure.

    alternatives = sequence ("OR" sequence)*
    sequence     = operand ("AND"? operand)*
    operand      = ("NOT" | "-" | "!" | "+")* (value | field? "(" alternatives ")")

No input fails: what does not fit is reported and skipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from papers.searching.query_problems import Kind, Problem
from papers.searching.query_tokens import Token, Type, join_spaced_values, suggest_fields, tokenize
from papers.searching.query_tree import (
    And,
    Node,
    Term,
    Words,
    conjunction,
    disjunction,
    is_alternative,
    is_same_alternative,
    negation,
    words_of,
)
from papers.searching.query_values import Item, read_excluded, read_value

MAX_TERMS = 100  # values; the rest is ignored
MAX_DEPTH = 10  # parentheses inside each other

_SIGNS = (Type.NOT, Type.REQUIRED)
_STARTS = (*_SIGNS, Type.VALUE, Type.SCOPE, Type.OPEN)


@dataclass(slots=True)
class Parser:
    """The tokens of a query, how many of them are parsed, and the problems so far."""

    tokens: list[Token]
    problems: list[Problem] = field(default_factory=list)
    place: int = 0
    depth: int = 0
    ignored: int = 0  # parentheses that are open and do not count
    scope: str | None = None  # the field of the present group

    @classmethod
    def of_text(cls, typed: str) -> Parser:
        """Return a parser for the tokens of a text, up to the last value that counts."""
        tokens = list(join_spaced_values(tokenize(typed)))
        places = [place for place, token in enumerate(tokens) if token.type == Type.VALUE]
        if len(places) <= MAX_TERMS:
            return cls(tokens)
        return cls(tokens[: places[MAX_TERMS - 1] + 1], [Problem(Kind.TOO_MANY, str(MAX_TERMS))])

    def parse(self) -> Node | None:
        """Return the tree of all tokens; a closing parenthesis too many is ignored."""
        nodes = []
        while self._next is not None:
            nodes.append(self._parse_alternatives())
            if self._next == Type.CLOSE:
                self._take()
                self.report(Kind.UNOPENED_GROUP)
        return conjoin(node for node in nodes if node)

    def report(self, kind: Kind, text: str = "", hint: str = "") -> None:
        self.problems.append(Problem(kind, text, hint))

    @property
    def _next(self) -> Type | None:
        return self.tokens[self.place].type if self.place < len(self.tokens) else None

    def _take(self) -> Token:
        self.place += 1
        return self.tokens[self.place - 1]

    def _parse_alternatives(self) -> Node | None:
        nodes = []
        while True:
            start = self.place
            nodes.append(self._parse_sequence())
            if self._next != Type.OR:
                break
            is_first = self.place == start
            operator = self._take()
            if is_first or self._next not in _STARTS:
                self.report(Kind.DANGLING, operator.source)
        return disjunction(node for node in nodes if node)

    def _parse_sequence(self) -> Node | None:
        """Parse operands side by side, up to an OR or the end of the group."""
        items: list[Item] = []
        fixed: list[Node] = []
        is_joined = False  # by AND: then each word is required
        start = self.place
        while (kind := self._next) not in (None, Type.OR):
            if kind == Type.CLOSE:
                if not self.ignored:
                    break
                self.ignored -= 1
                self._take()
            elif kind == Type.UNSUPPORTED:
                self.report(Kind.UNSUPPORTED, self._take().source)
            elif kind == Type.AND:
                is_first, operator = self.place == start, self._take()
                if is_first or self._next not in _STARTS:
                    self.report(Kind.DANGLING, operator.source)
                else:
                    is_joined = True
            else:
                self._parse_operand(items, fixed)
        return conjoin(items, fixed, is_joined=is_joined)

    def _parse_operand(self, items: list[Item], fixed: list[Node]) -> None:
        """Add an operand to `items`, or to `fixed` if a sign excludes or requires it."""
        signs = []
        while self._next in _SIGNS:
            signs.append(self._take())
        if self._next not in _STARTS:
            self.report(Kind.DANGLING, signs[-1].source)
            return
        is_excluded = sum(sign.type == Type.NOT for sign in signs) % 2 == 1
        found = self._parse_group_or_value(is_excluded=is_excluded)
        if not signs:
            items.extend(found)
        elif node := conjoin(found, is_joined=not is_excluded):
            fixed.append(negation(node) if is_excluded else node)

    def _parse_group_or_value(self, *, is_excluded: bool) -> list[Item]:
        token = self._take()
        if token.type == Type.VALUE:
            items, problems = (read_excluded if is_excluded else read_value)(token, self.scope)
            self.problems += problems
            return items
        scope = self.scope
        if token.type == Type.SCOPE:
            if token.unknown:
                self.report(Kind.UNKNOWN_FIELD, token.source, suggest_fields(token.unknown))
            else:
                self.scope = token.field
            token = self._take()
        node = self._parse_group()
        self.scope = scope
        return [node] if node else []

    def _parse_group(self) -> Node | None:
        """Parse a group after its opening parenthesis."""
        if self.depth == MAX_DEPTH:
            self.ignored += 1
            self.report(Kind.TOO_DEEP, str(MAX_DEPTH))
            return None
        self.depth += 1
        node = self._parse_alternatives()
        self.depth -= 1
        if self._next == Type.CLOSE:
            self._take()
        else:
            self.report(Kind.OPEN_GROUP)
        return node


def conjoin(
    items: Iterable[Item], fixed: Iterable[Node] = (), *, is_joined: bool = False
) -> Node | None:
    """Return the tree for operands side by side.

    Subjects side by side are alternatives, and so are the IDs of papers. With `is_joined`, each
    operand is required. The `fixed` nodes are required anyway.
    """
    texts: list[str] = []
    alternatives: list[Node] = []
    nodes = [node for each in fixed for node in (each.nodes if isinstance(each, And) else (each,))]
    for item in items:
        if isinstance(item, And):
            texts += [t for node in item.nodes if isinstance(node, Words) for t in node.texts]
            nodes += [node for node in item.nodes if not isinstance(node, Words)]
        elif isinstance(item, str | Words):
            texts += [item] if isinstance(item, str) else item.texts
        elif is_alternative(item) and not is_joined:
            alternatives.append(item)
        else:
            nodes.append(item)
    words: list[Node] = [Term("", text) for text in texts] if is_joined else [*words_of(texts)]
    return conjunction([*words, *_as_alternatives(alternatives), *nodes])


def _as_alternatives(nodes: list[Node]) -> Iterator[Node]:
    for node in nodes:
        group = [other for other in nodes if is_same_alternative(node, other)]
        if group[0] is node and (either := disjunction(group)):
            yield either
