"""Hugging Face's daily papers: the JSON of /api/daily_papers, a list of {"paper": {...}, ...}.

The format is undocumented and gains keys over time, so nearly every field is optional. Recordings
also exist as JSON strings with Python literals, and wrapped as {"status": ..., "data": ...}; both
are accepted.
"""

import ast
import json
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from papers.feeds import fields
from papers.feeds.addresses import with_query
from papers.feeds.entries import Entry, ParsedDocument
from papers.metadata import identifiers

DEFAULT_PAGE_SIZE = 50  # entries, unless "limit" is given
EARLIER_DAYS = 2  # whose lists are read again, since their votes still grow
_MAX_LITERAL = 2**20
# Items have four levels; abstracts may add a few unclosed brackets.
_MAX_DEPTH = 40


def parse_daily(data: bytes) -> ParsedDocument:
    """Parse a daily list; raise `DocumentError` if it is not a list of items."""
    items = _items(_json(data))
    entries, refused = fields.read_all(items, _entry, _name)
    return ParsedDocument("Hugging Face daily papers", entries, refused)


def list_day(parsed: ParsedDocument) -> date | None:
    """Return the newest day on which an entry was featured."""
    return max((entry.featured_on for entry in parsed.entries if entry.featured_on), default=None)


def page_size(url: str) -> int:
    """Return the number of entries on a full page."""
    limit = dict(parse_qsl(urlsplit(url).query)).get("limit", "")
    return int(limit) if limit.isdigit() and 0 < int(limit) <= 1000 else DEFAULT_PAGE_SIZE


def page_url(url: str, number: int) -> str:
    """Return the address of a page; the first is 0."""
    return with_query(url, p=number)


def earlier_urls(url: str, today: date) -> list[str]:
    """Return the lists of the days before today; [] if the address names a day itself."""
    if "date" in dict(parse_qsl(urlsplit(url).query)):
        return []
    days = (today - timedelta(days=back) for back in range(1, EARLIER_DAYS + 1))
    return [with_query(url, date=day.isoformat()) for day in days]


def _json(text: bytes | str) -> object:
    try:
        return json.loads(text)
    except RecursionError as error:
        raise fields.document_error("JSON nested too deeply") from error
    except ValueError as error:
        raise fields.document_error("broken JSON", error) from error


def _items(document: object) -> list[object]:
    if isinstance(document, dict) and isinstance(document.get("data"), list | str):
        document = document["data"]
    if isinstance(document, str):
        document = _json(document)
    if isinstance(document, list):
        return document
    raise fields.document_error("JSON that is not a list of papers", _described(document))


def _described(document: object) -> str:
    if not isinstance(document, dict):
        return f"{type(document).__name__} {str(document)[:50]}"
    message = document.get("error") or document.get("message")
    if isinstance(message, str):
        return f'the message "{message}"'
    return f"an object with {', '.join(list(document)[:8]) or 'no keys'}"


def _item(item: object) -> dict[str, Any]:
    """Return the item as a dict with the fields of the paper under "paper"."""
    if isinstance(item, str):
        item = _python_literal(item)
    if not isinstance(item, dict) or not isinstance(item.get("paper"), dict):
        raise fields.EntryRefused('no object with a "paper"')
    return item


def _python_literal(text: str) -> object:
    """Return the value of a Python literal; bounded, because nesting can exhaust the C stack."""
    if len(text) > _MAX_LITERAL or _depth(text) > _MAX_DEPTH:
        raise fields.EntryRefused("text too large or too deep for an item")
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise fields.EntryRefused("text that is not an item") from error


def _depth(text: str) -> int:
    """Return the maximum nesting depth, including brackets within strings."""
    depth = deepest = 0
    for character in text:
        if character in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in ")]}":
            depth -= 1
    return deepest


def _name(item: object) -> str:
    try:
        return _text(_item(item)["paper"], "id")
    except fields.EntryRefused:
        return ""


def _entry(received: object) -> Entry:
    item = _item(received)
    paper = item["paper"]
    arxiv, version = identifiers.parse_arxiv_id(_text(paper, "id"))
    title = _text(paper, "title") or _text(item, "title")
    abstract = _text(paper, "summary") or _text(item, "summary")
    featured = fields.day(paper.get("submittedOnDailyAt") or _featured_before_2025(item))
    return Entry(
        title=fields.tex_title(title),
        abstract=fields.tex_abstract(abstract),
        title_raw=fields.raw(title),
        abstract_raw=fields.raw(abstract),
        authors=fields.names(_authors(paper)),
        arxiv_id=arxiv,
        version=version,
        published_at=fields.moment(paper.get("publishedAt")),
        listed_on=featured,
        featured_on=featured,
        abstract_url=identifiers.abstract_url(arxiv),
        pdf_url=identifiers.pdf_url(arxiv),
        code_url=fields.url(paper.get("githubRepo")),
        project_url=fields.url(paper.get("projectPage")),
        thumbnail_url=fields.url(item.get("thumbnail")),
        tldr=fields.short(_text(paper, "ai_summary")),
        votes=fields.count(paper.get("upvotes")),
        comments=fields.count(item.get("numComments")),
        stars=fields.count(paper.get("githubStars")),
        withdrawn=fields.withdrawn(abstract),
    )


def _featured_before_2025(item: dict[str, Any]) -> object:
    """Return the outer date, the day of the list until 2025; later it repeats the paper's."""
    outer, own = item.get("publishedAt"), item["paper"].get("publishedAt")
    later = isinstance(outer, str) and isinstance(own, str) and outer > own
    return outer if later else None


def _authors(paper: dict[str, Any]) -> list[str]:
    listed = paper.get("authors")
    people = (
        [person for person in listed if isinstance(person, dict)]
        if isinstance(listed, list)
        else []
    )
    return [_text(person, "name") for person in people if person.get("hidden") is not True]


def _text(holder: dict[str, Any], key: str) -> str:
    value = holder.get(key)
    return value if isinstance(value, str) else ""
