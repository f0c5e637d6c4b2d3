"""Parse the description of a feed's item: abstract, authors, journal, DOI and votes.

Journals put labels ("DOI: …"), citation lines ("Journal, Volume 3, Issue 2, May 2026") and
headings ("Abstract") into the description, before, after or instead of an abstract. A label counts
only where its value looks like one; everything else is prose and belongs to the abstract. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from papers.metadata import identifiers
from papers.text.markup import html_to_text

_LABELS = (
    r"authors?(?:\(s\))?|by|upvotes|votes|summary|abstract|source|journal|dois?"
    r"|publication date|published(?: online)?|date"
)
_LABEL = re.compile(rf"(?P<label>{_LABELS})\s*:\s*(?P<value>.*)", re.I | re.S)
# A label in bold, or a heading, begins a block of its own.
_MARKED = re.compile(rf"<(b|strong|h[1-6]|em|i|span)\b[^<>]*>\s*(?:{_LABELS})\s*:?\s*</\1>", re.I)
_HEADING = re.compile(
    r"<((?:\w+:)?(?:b|strong|h[1-6]|em|i|div|p|st|title|span))\b[^<>]*>\s*"
    r"(abstract|summary)\s*[.:]?\s*</\1\s*>",
    re.I,
)
_BARE_HEADING = re.compile(r"(?:(?:graphical |short )?abstract|summary)\W*", re.I)
_LOUD_HEADING = re.compile(r"ABSTRACT\b[\s.:—–-]*(?=\S)")
_ABSTRACT = {"abstract", "summary"}
_SHORT = 300  # characters of a citation line, at most

_MONTH = (
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"
    r"|spring|summer|autumn|fall|winter"
)
_CITED = re.compile(
    rf"""
      \b(?:volume|vol\.?|issue|iss\.?|number|no\.|pages?|pp?\.|article(?:\ number|\ no\.?)?|e?id
         |supplement|suppl\.?|part|art\.)\s*:?\s*[\w.()–-]*\d[\w.()–-]*
    | \b(?:early\s?view|(?:online\ )?ahead\ of\ (?:print|issue)|online\ first|first\ view|in\ press
         |articles?\ in\ (?:press|advance)|just\ accepted|latest\ articles|early\ access
         |accepted\ (?:manuscript|article)|advance\ (?:article|access)|version\ of\ record
         |corrected\ proof|e-?pub(?:\ ahead\ of\ print)?|published(?:\ online)?(?:\ first)?
         |publication\ date|available\ online|not\ available|open\ access)\b
    | \b(?:doi|pmid|pmcid|issn|e-?issn)\b:?\s*(?:https?://(?:dx\.)?doi\.org/)?[\w./()<>;:-]*\d[\w./()<>;:-]*
    | https?://\S+
    | \b10\.\d{{4,9}}/\S+
    | \b\d{{4}}-\d\d-\d\d\b | \b(?:{_MONTH})(?=[\s.,;:\d]|$)
    | \b(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{{0,6}}\b
    | \be?\d+[\w]*(?:\(\w+\))?(?::[\w–-]+)? | [\[\](),;.:|/–—-]
    """,
    re.I | re.X,
)
# At least one of these must be there: a year alone stands in many a sentence.
_STRONG = re.compile(
    rf"\b(?:volume|vol|issue|iss|pages?|pp|doi|pmid|10\.\d{{4,9}}/|early\s?view|ahead of"
    rf"|online first|first view|in press|just accepted|latest articles|early access|advance a"
    rf"|published(?: online)?|publication date|available online|corrected proof|e-?pub"
    r"|accepted (?:manuscript|article)"
    rf"|(?:19|20)\d\d (?:{_MONTH}) \d|\d+\(\d+\)(?::|,)|\d{{1,4}}, \d{{5,6}}\b)",
    re.I,
)
_LITTLE = frozenset("a an and the of for in on to de der die das und et la le du des & y e".split())
_SENTENCE = frozenset("we our here it this these in to a an i using although while".split())
_NAME = re.compile(r"[^\W\d_][\w.'’-]*(?: (?:[^\W\d_][\w.'’-]*)){0,8}")


@dataclass(slots=True)
class Description:
    """The parts of a description as plain text; paragraphs are separated by blank lines."""

    abstract: str = ""
    authors: str = ""
    journal: str = ""
    doi: str = ""
    votes: int | None = None


def parse_description(html: str) -> Description:
    """Parse a description. Never raises."""
    description = Description()
    labels: list[str] = []
    prose: list[str] = []
    for block in _blocks(html):
        label, value = _labelled(block, labels)
        if label in _ABSTRACT:
            prose = [value] if value else []  # a teaser before the abstract is no part of it
        elif label:
            _keep(description, label, value)
        else:
            prose.append(block)
        labels.append(label)
    if not _ABSTRACT & set(labels):
        prose = _without_authors_and_journal(description, prose)
    description.abstract = "\n\n".join(_without_citations(prose))
    return description


def _blocks(html: str) -> list[str]:
    """Return the paragraphs of a description as plain text, with each label in its own."""
    html = _HEADING.sub(r"<p>\2:</p>", html)
    html = _MARKED.sub(lambda found: f"<br>{found[0]}", html)
    return [block for block in html_to_text(html).split("\n\n") if block]


def _labelled(block: str, before: list[str]) -> tuple[str, str]:
    """Return the label of a block in lower case and its value; ("", "") for prose."""
    if _BARE_HEADING.fullmatch(block):
        return "abstract", ""
    if loud := _LOUD_HEADING.match(block):
        return "abstract", block[loud.end() :]
    found = _LABEL.fullmatch(block)
    if not found:
        return "", ""
    label, value = found["label"].lower().replace("(s)", "").rstrip("s"), found["value"].strip()
    label = {"upvote": "votes", "vote": "votes", "journal": "source"}.get(label, label)
    label = "date" if label.startswith("publi") else label
    return (label, value) if _fits(label, value, before) else ("", "")


def _fits(label: str, value: str, before: list[str]) -> bool:
    """Return whether a value matches its label, and is not the rest of a sentence."""
    if label in _ABSTRACT:
        return True
    if label == "doi":
        return bool(identifiers.parse_doi(value)) and len(value) < _SHORT
    if label == "votes":
        return re.fullmatch(r"\d{1,9}", value) is not None
    if label in ("author", "by"):
        return label == "author" or _are_names(value)
    if label == "date":
        return is_citation(f"Publication date: {value}")
    bibliographic = bool({"date", "author", "doi"} & set(before)) or is_citation(value)
    return bibliographic and len(value) < _SHORT and not value.endswith((".", "!", "?"))


def _keep(description: Description, label: str, value: str) -> None:
    if label in ("author", "by"):
        description.authors = description.authors or value
    elif label == "source":
        description.journal = description.journal or value
    elif label == "doi":
        description.doi = description.doi or identifiers.parse_doi(value)
    elif label == "votes":
        description.votes = int(value)


def _without_authors_and_journal(description: Description, prose: list[str]) -> list[str]:
    """Move "authors<br>journal, volume<br>DOI: …" out of the prose of a description."""
    is_pair = bool(description.doi) and len(prose) == 2 and not description.authors
    if not (is_pair and _are_names(prose[0]) and is_citation(prose[1])):
        return prose
    description.authors, description.journal = prose
    return []


def _without_citations(blocks: list[str]) -> list[str]:
    """Return the blocks without citation lines at the start and end."""
    while blocks and is_citation(blocks[0]):
        blocks = blocks[1:]
    while blocks and is_citation(blocks[-1]):
        blocks = blocks[:-1]
    return blocks


def is_citation(text: str) -> bool:
    """Return whether a line states only where and when something was published.

    >>> is_citation("Threads, Volume 134, Issue 7, Page 2166-2214, July 2026.")
    True
    >>> is_citation("Volume 3 of the archive was lost in 1914.")
    False
    """
    if len(text) > _SHORT or not _STRONG.search(text):
        return False
    words = _CITED.sub(" ", text).split()
    if len(words) > 12 or (words and words[0].lower() in _SENTENCE):
        return False
    if all(not word.islower() or word in _LITTLE for word in words):
        return True
    # A journal in lower case: then nothing but volume, issue, pages and date may follow it.
    rest = "".join(re.split("[,.;]", text, maxsplit=1)[1:])
    return len(_STRONG.findall(rest)) > 1 and not _CITED.sub(" ", rest).strip()


def _are_names(text: str) -> bool:
    """Return whether a text is a list of names: "Ann One, Bo van Two and C. Three"."""
    pieces = [piece.strip() for piece in re.split(r",|;|&|\band\b|\bet al\b\.?", text)]
    pieces = [piece for piece in pieces if piece]
    return bool(pieces) and all(_NAME.fullmatch(piece) and piece[:1].isupper() for piece in pieces)
