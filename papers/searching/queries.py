"""Parser for the search syntax, which docs/search.md describes. Pure.

Every text parses. Parts that cannot be used are problems of the result, and the rest still counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from papers.metadata.identifiers import join_arxiv_ids
from papers.searching import query_tree
from papers.searching.query_parser import Parser
from papers.searching.query_problems import Kind, Problem
from papers.searching.query_tree import (
    TEXT_FIELDS,
    Leaf,
    Node,
    Or,
    Term,
    Words,
    conjunction,
    disjunction,
)

MAX_LENGTH = 1000  # characters; the rest is ignored
MAX_WORDS = 32  # words without an operator; the rest is ignored
MAX_PROBLEMS = 5

_QUESTION_WORDS = frozenset(
    "how what which who whose whom why when where whether is are was were am can could should "
    "would will shall may might must do does did has have had show find give tell list "
    "recommend suggest explain search looking i we you please any anything there paper papers "
    "article articles".split()
)
_QUESTION_FILLERS = _QUESTION_WORDS | frozenset(
    "a an the of to in on for about with that this these those it its be been being and or my "
    "our your me us make makes making made get gets getting got want wants needs need know like "
    "look some something best good way ways help".split()
)


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query: what a paper must match, and the problems of the text as typed."""

    tree: Node | None = None
    problems: tuple[Problem, ...] = ()

    def __bool__(self) -> bool:
        """Return whether the query can find anything; exclusions alone cannot."""
        return any(query_tree.positive_leaves(self.tree))

    def __str__(self) -> str:
        """Return the query in its normal form, which parses to the same tree."""
        return query_tree.write(self.tree)

    @property
    def is_plain(self) -> bool:
        """True for words without any operator or field, which may be ranked by meaning alone."""
        return isinstance(self.tree, Words)

    @property
    def loose_words(self) -> tuple[str, ...]:
        """The words without an operator, which papers of similar meaning need not have."""
        return _split_words(self.tree)[0]

    @property
    def paper_ids(self) -> tuple[Term, ...]:
        """The papers that the query names, which are found first."""
        for node in query_tree.conjuncts(self.tree):
            named = node.nodes if isinstance(node, Or) else (node,)
            ids = [each for each in named if isinstance(each, Term) and each.is_paper_id]
            if len(ids) == len(named):
                return tuple(ids)
        return ()

    @property
    def required(self) -> Node | None:
        """The conditions for papers of similar meaning, too."""
        named = self.paper_ids
        nodes = query_tree.conjuncts(self.tree)
        is_named = {*named, disjunction(named)}
        return conjunction(n for n in nodes if not isinstance(n, Words) and n not in is_named)

    @property
    def words(self) -> tuple[str, ...]:
        """All words that are not excluded, without quotes and fields."""
        leaves = query_tree.positive_leaves(self.tree)
        return _unique(text for leaf in leaves if isinstance(leaf, Words) for text in leaf.texts)

    @property
    def text(self) -> str:
        """The text to search for by words and by meaning, without fields."""
        return " ".join([*self.words, *self._values(*TEXT_FIELDS)])

    @property
    def prefixes(self) -> tuple[str, ...]:
        """The beginnings of words."""
        leaves = query_tree.positive_leaves(self.tree)
        terms = (n for n in leaves if isinstance(n, Term) and n.field in TEXT_FIELDS)
        return _unique(term.value for term in terms if term.is_prefix)

    @property
    def authors(self) -> tuple[str, ...]:
        return self._values("author")

    @property
    def subjects(self) -> tuple[str, ...]:
        return self._values("subject")

    def only_value(self, field: str) -> str:
        """Return the value of a query that consists of this field alone; else an empty string."""
        term = self.tree if isinstance(self.tree, Term) else Term("", "")
        return term.value if term.field == field and not term.is_prefix else ""

    def with_corrections(self, corrections: dict[str, str]) -> Query:
        """Return the query with misspelt words replaced."""

        def correct(leaf: Leaf) -> Leaf:
            if isinstance(leaf, Words):
                texts = (corrections.get(text, text) for text in leaf.texts)
                return Words(_unique(word for text in texts for word in text.split()))
            if isinstance(leaf, Term) and leaf.field == "author":
                parts = (corrections.get(part, part) for part in leaf.value.split())
                return Term("author", " ".join(parts))
            return leaf

        tree = query_tree.replace_leaves(self.tree, correct) if self.tree else None
        return Query(tree, self.problems)

    def _values(self, *fields: str) -> tuple[str, ...]:
        leaves = query_tree.positive_leaves(self.tree)
        return _unique(n.value for n in leaves if isinstance(n, Term) and n.field in fields)


def parse_query(typed: str) -> Query:
    """Parse a typed query."""
    parser = Parser.of_text(join_arxiv_ids(typed[:MAX_LENGTH]))
    if len(typed) > MAX_LENGTH:
        parser.report(Kind.TOO_LONG, str(MAX_LENGTH))
    tree = parser.parse()
    words, others = _split_words(tree)
    if typed.rstrip().endswith("?") or set(words[:1]) <= _QUESTION_WORDS:
        words = tuple(word for word in words if word not in _QUESTION_FILLERS) or words
    if len(words) > MAX_WORDS:
        parser.report(Kind.TOO_MANY, str(MAX_WORDS))
    tree = conjunction([*query_tree.words_of(words[:MAX_WORDS]), *others])
    query = Query(tree, tuple(dict.fromkeys(parser.problems))[:MAX_PROBLEMS])
    if tree and not query:
        return Query(tree, (*query.problems, Problem(Kind.ONLY_EXCLUDED)))
    return query


def _split_words(tree: Node | None) -> tuple[tuple[str, ...], list[Node]]:
    """Return the words without operator, and all else that a paper must match."""
    nodes = query_tree.conjuncts(tree)
    texts = tuple(text for node in nodes if isinstance(node, Words) for text in node.texts)
    return texts, [node for node in nodes if not isinstance(node, Words)]


def _unique(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
