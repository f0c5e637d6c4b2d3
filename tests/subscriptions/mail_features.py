"""Which features of HTML and CSS a mail uses, by the names that caniemail.com gives them.

caniemail.tsv holds what was found there for each feature in each client. A use that has no name
there is told as it stands, such as "html-href", so that nothing passes unseen.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import tinycss2
from lxml import html

TABLE = Path(__file__).resolve().parent.parent / "data" / "caniemail.tsv"
ELEMENTS = {
    **dict.fromkeys(("h1", "h2", "h3"), "html-h1-h6"),
    **dict.fromkeys(("table", "tr", "td"), "html-table"),
    "b": "html-strong",
    "a": "html-anchor",
}
ATTRIBUTES = {"dir": "html-direction"}  # "html-dir" is the element <dir>
SELECTORS = {".": "css-selector-class", "#": "css-selector-id", "[": "css-selector-attribute"}
COMBINATORS = {">": "css-selector-child", "+": "css-selector-adjacent-sibling"}


def support() -> dict[str, dict[str, str]]:
    """By feature and client: y yes, a in part, n no, u not tested."""
    lines = [line for line in TABLE.read_text().splitlines() if not line.startswith("#")]
    return {row.pop("feature"): row for row in csv.DictReader(lines, delimiter="\t")}


def features(page: str) -> set[str]:
    """Every element, attribute, selector, property, unit and function used."""
    known = support()
    return {_named(use, known) for use in _uses(html.document_fromstring(page.encode()))}


def _named(use: str, known: Iterable[str]) -> str:
    """The feature that a use belongs to: padding-left to padding, where that is not listed."""
    name = use
    while name not in known and name.count("-") > 1:
        name = name.rpartition("-")[0]
    return name if name in known else use


def _uses(root: Any) -> Iterator[str]:
    for element in root.iter():
        if not isinstance(element.tag, str):
            yield "html-comments"
            continue
        yield ELEMENTS.get(element.tag, f"html-{element.tag}")
        yield from (ATTRIBUTES.get(name, f"html-{name}") for name in element.attrib)
        if element.tag == "meta" and "name" in element.attrib:
            yield f"html-meta-{element.get('name')}"
        yield from _declarations(tinycss2.parse_blocks_contents(element.get("style", "")))
        if element.tag == "style":
            yield from _rules(tinycss2.parse_stylesheet(element.text, True, True))


def _rules(rules: Iterable[Any]) -> Iterator[str]:
    for rule in rules:
        if rule.type == "at-rule":
            yield f"css-at-{rule.at_keyword}"
            for part in _flat(rule.prelude):
                if part.type == "ident":
                    yield f"css-at-{rule.at_keyword}-{part.value}"
            yield from _rules(tinycss2.parse_rule_list(rule.content, True, True))
        else:
            yield from _selector(tinycss2.serialize(rule.prelude).strip())
            yield from _declarations(tinycss2.parse_blocks_contents(rule.content))


def _selector(text: str) -> Iterator[str]:
    if text.startswith(":"):
        yield f"css-pseudo-class-{text[1:]}"
    elif text[0].isalpha():
        yield "css-selector-type"
    yield from (name for sign, name in (SELECTORS | COMBINATORS).items() if sign in text)
    if " " in text:
        yield "css-selector-descendant"
    if "," in text:
        yield "css-selector-grouping"


def _declarations(found: Iterable[Any]) -> Iterator[str]:
    for one in found:
        if one.type != "declaration":
            continue
        yield f"css-{one.name}"
        if one.important:
            yield "css-important"
        for part in _flat(one.value):
            if part.type == "dimension":
                yield f"css-unit-{part.unit}"
            elif part.type == "percentage":
                yield "css-unit-percent"
            elif part.type == "function":
                yield f"css-function-{part.name}"
            elif part.type == "ident" and one.name == "display":
                yield f"css-display-{part.value}"


def _flat(parts: Iterable[Any]) -> Iterator[Any]:
    for part in parts:
        yield part
        yield from _flat(getattr(part, "content", None) or getattr(part, "arguments", None) or [])
