"""Write works as items of Zotero. Pure.

Zotero refuses items with unknown fields; those used here are in its schema of every year.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from papers.citations.names import Name
from papers.citations.venues import Kind
from papers.citations.work import Work
from papers.text.markup import one_line

# Digits and capitals without 0, 1 and O.
KEY_CHARACTERS = sorted({*string.digits, *string.ascii_uppercase} - {*"01O"})
MAX_TAG = 255  # characters; Zotero refuses longer ones
MAX_NAME = 255  # characters of a part of a name
Item = dict[str, Any]


def write_item(work: Work, key: str, collection: str, tags: Iterable[str]) -> Item:
    """Return a new item for a work in a collection, with the reader's tags and its keywords."""
    item_type, fields = _type_and_fields(work)
    fields |= {
        "title": work.title,
        "date": work.iso_date,
        "url": work.url,
        "language": work.language,
    }
    item: Item = {name: line for name, text in fields.items() if (line := one_line(text))}
    item |= {"abstractNote": work.abstract} if work.abstract else {}
    return item | {
        "key": key,
        "version": 0,
        "itemType": item_type,
        "creators": [_creator(name) for name in work.names],
        "tags": _tags(tags, work.keywords),
        "collections": [collection],
        "relations": {},
    }


def _type_and_fields(work: Work) -> tuple[str, dict[str, str]]:
    """Return the item type, and the fields that only this type has."""
    number = f"arXiv:{work.arxiv_id}" if work.arxiv_id else ""
    if work.kind == Kind.PREPRINT:
        fields = {"repository": work.server, "archiveID": number, "DOI": work.identifier}
        return "preprint", fields | {"extra": work.arxiv_note}
    published = {"DOI": work.identifier, "extra": work.arxiv_note}
    if work.kind == Kind.CONFERENCE:
        return "conferencePaper", published | {"proceedingsTitle": work.venue}
    return "journalArticle", published | {"publicationTitle": work.venue}


def _creator(name: Name) -> Item:
    if name.is_whole:
        return {"creatorType": "author", "name": name.family[:MAX_NAME]}
    given = ", ".join(filter(None, (name.given, name.suffix)))
    return {
        "creatorType": "author",
        "firstName": given[:MAX_NAME],
        "lastName": name.family[:MAX_NAME],
    }


def _tags(own: Iterable[str], keywords: Iterable[str]) -> list[Item]:
    """Return the reader's tags, and the keywords as automatic ones (type 1), each once."""
    tags: dict[str, Item] = {}
    for kind, texts in ((0, own), (1, keywords)):
        for text in texts:
            tag = one_line(text)[:MAX_TAG]
            if tag and tag not in tags:
                tags[tag] = {"tag": tag, "type": 1} if kind else {"tag": tag}
    return list(tags.values())


def write_pdf_link(parent: str, url: str) -> Item:
    """Return an attachment that links to a PDF."""
    return {
        "key": child_key(parent, "pdf"),
        "version": 0,
        "itemType": "attachment",
        "parentItem": parent,
        "linkMode": "linked_url",
        "title": "PDF",
        "url": url,
        "contentType": "application/pdf",
        "tags": [],
        "relations": {},
    }


def write_note(parent: str, text: str) -> Item:
    """Return a child note with a text, as escaped HTML with paragraphs and line breaks."""
    return {
        "key": child_key(parent, "note"),
        "version": 0,
        "itemType": "note",
        "parentItem": parent,
        "note": note_html(text),
        "tags": [],
        "relations": {},
    }


def note_html(text: str) -> str:
    """Return text as HTML.

    >>> note_html("a < b\\n\\nc\\nd")
    '<p>a &lt; b</p>\\n<p>c<br>d</p>'
    """
    paragraphs = re.split(r"\n\s*\n", text.replace("\r\n", "\n").strip())
    lines = (escape(one).replace("\n", "<br>") for one in paragraphs)
    return "\n".join(f"<p>{one}</p>" for one in lines)


def new_key() -> str:
    """Return a random key for an item; Zotero lets clients choose them."""
    return "".join(secrets.choice(KEY_CHARACTERS) for _ in range(8))


def new_write_token() -> str:
    """Return a random value for the header Zotero-Write-Token."""
    return secrets.token_hex(16)


def child_key(parent: str, part: str) -> str:
    """Return the key of a part of an item; the same each time, so that no part is made twice."""
    digest = hashlib.sha256(f"{parent} {part}".encode()).digest()
    return "".join(KEY_CHARACTERS[byte % len(KEY_CHARACTERS)] for byte in digest[:8])


def search_words(title: str, most: int = 6) -> str:
    """Return words of a title for Zotero's quick search, which wants all of them in the title.

    The longest words of plain letters are the same in all spellings of a title, with LaTeX,
    accents or other punctuation.
    """
    words = dict.fromkeys(re.findall(r"(?<![\w$\\{^-])[A-Za-z]{3,}(?![\w$\\}^-])", title))
    longest: Sequence[str] = sorted(words, key=len, reverse=True)[:most]
    other = max(re.findall(r"[^\W\d_]{2,}", title), key=len, default="")  # of another script
    return " ".join(longest) or other
