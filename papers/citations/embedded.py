"""Data about papers in pages, for reference managers and search engines. Pure.

- `meta_tags`: Highwire Press tags of one paper. Google Scholar requires title, author and date;
  Zotero, Mendeley and others read all of them.
- `json_ld`: one paper as a schema.org `ScholarlyArticle`.
- `context_object`: one paper of a list as COinS, which needs no request per paper, unlike unAPI.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from papers.citations.names import Name
from papers.citations.venues import Kind
from papers.citations.work import Work
from papers.text.markup import one_line

MAX_LISTED_AUTHORS = 100  # per paper of a list; some papers have thousands
_SAFE_IN_SCRIPT = {ord(sign): f"\\u{ord(sign):04X}" for sign in "<>&"}


def meta_tags(work: Work) -> list[tuple[str, str]]:
    """Return names and contents of `meta` elements, one for each author."""
    return [(name, line) for name, text in _tags(work) if (line := one_line(text))]


def _tags(work: Work) -> Iterator[tuple[str, str]]:
    yield "citation_title", work.title
    yield from (("citation_author", _write_name(name)) for name in work.names)
    yield "citation_publication_date", work.iso_date.replace("-", "/")
    yield "citation_online_date", "/".join(f"{number:02}" for number in work.date)
    if work.kind == Kind.CONFERENCE:
        yield "citation_conference_title", work.venue
    yield "citation_journal_title", work.venue if work.kind == Kind.ARTICLE else ""
    yield "citation_publisher", work.server
    yield "citation_doi", work.identifier
    yield "citation_arxiv_id", work.arxiv_id
    if work.kind == Kind.PREPRINT:
        # Zotero's item type and its number; no Highwire tag means "preprint".
        yield "DC.type", "preprint"
        yield "citation_technical_report_number", f"arXiv:{work.arxiv_id}" if work.arxiv_id else ""
    yield "citation_pdf_url", work.pdf_url
    yield "citation_abstract_html_url", work.url
    yield "citation_public_url", work.url  # Zotero prefers it to the address of this page
    yield "citation_language", work.language
    yield "citation_keywords", "; ".join(work.keywords)
    yield "citation_abstract", work.abstract


def _write_name(name: Name) -> str:
    """Return "Family, Given". A comma keeps the name of a group in one piece, without which Zotero
    reads "GLM-V Team" as a person called Team."""
    is_group = name.is_whole and " " in name.family
    return f"{name.family}," if is_group else name.inverted


def json_ld(work: Work) -> str:
    """Return JSON that is safe inside a `script` element."""
    return json.dumps(_article(work), ensure_ascii=False).translate(_SAFE_IN_SCRIPT)


def _article(work: Work) -> dict[str, Any]:
    title = one_line(work.title)
    pdf = {"@type": "MediaObject", "contentUrl": work.pdf_url, "encodingFormat": "application/pdf"}
    fields: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "ScholarlyArticle",
        "@id": work.url,
        "headline": title[:110],  # the longest that search engines accept
        "name": title,
        "author": [_agent(name) for name in work.names],
        "datePublished": work.iso_date,
        "url": work.url,
        "mainEntityOfPage": work.page,
        "identifier": [f"arXiv:{work.arxiv_id}"] if work.arxiv_id else [],
        "sameAs": f"https://doi.org/{quote(work.identifier, safe='/')}" if work.identifier else "",
        "publisher": _named("Organization", work.server),
        "isPartOf": _named("Periodical" if work.kind == Kind.ARTICLE else "Event", work.venue),
        "inLanguage": work.language,
        "keywords": work.keywords,
        "encoding": pdf if work.pdf_url else {},
    }
    return {name: value for name, value in fields.items() if value}


def _named(kind: str, name: str) -> dict[str, str]:
    return {"@type": kind, "name": one_line(name)} if name else {}


def _agent(name: Name) -> dict[str, str]:
    if name.is_whole:
        return _named("Organization" if " " in name.family else "Person", name.family)
    return _named("Person", name.full) | {"givenName": name.given, "familyName": name.family}


def context_object(work: Work) -> str:
    """Return an OpenURL context object, the `title` of a COinS `span`.

    Zotero reads "+" as a space even where it is encoded, so "C++" loses its signs there.
    """
    pairs = [*_context(work), *_publication(work)]
    return "&".join(
        f"{name}={quote(line, safe='')}" for name, text in pairs if (line := one_line(text))
    )


def _context(work: Work) -> Iterator[tuple[str, str]]:
    yield "ctx_ver", "Z39.88-2004"
    yield "rft_id", f"info:doi/{work.identifier}" if work.identifier else ""
    yield "rft_id", work.url
    yield "rft.date", work.iso_date
    for name in work.names[:MAX_LISTED_AUTHORS]:
        yield "rft.au", _write_name(name)


def _publication(work: Work) -> Iterator[tuple[str, str]]:
    if work.kind == Kind.ARTICLE:
        yield "rft_val_fmt", "info:ofi/fmt:kev:mtx:journal"
        yield "rft.genre", "article"
        yield "rft.atitle", work.title
        yield "rft.jtitle", work.venue
    elif work.kind == Kind.CONFERENCE:
        yield "rft_val_fmt", "info:ofi/fmt:kev:mtx:book"
        yield "rft.genre", "proceeding"
        yield "rft.atitle", work.title
        yield "rft.btitle", work.venue
    else:
        yield "rft_val_fmt", "info:ofi/fmt:kev:mtx:dc"
        yield "rft.type", "preprint" if work.kind == Kind.PREPRINT else "document"  # of Zotero
        yield "rft.title", work.title
        yield "rft.publisher", work.server
