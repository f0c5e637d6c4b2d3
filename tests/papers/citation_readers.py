"""Read pages as reference managers and search engines do, by the rules that they publish.

- Zotero, translators "Embedded Metadata", "COinS" and "RDF" of github.com/zotero/translators, and
  `openurl.js` and `cleanAuthor` of github.com/zotero/utilities, as of June 2026.
- Google Scholar, "Inclusion Guidelines for Webmasters", section "Indexing":
  https://scholar.google.com/intl/en/scholar/inclusion.html#indexing

Only the rules that concern our pages are here.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from lxml import html

Item = dict[str, Any]

# Embedded Metadata: HIGHWIRE_MAPPINGS. The first tag of a name counts.
_HIGHWIRE = {
    "citation_title": "title",
    "citation_publication_date": "date",
    "citation_journal_title": "publicationTitle",
    "citation_conference_title": "conferenceName",
    "citation_technical_report_number": "number",
    "citation_publisher": "publisher",
    "citation_abstract": "abstractNote",
    "citation_doi": "DOI",
    "citation_public_url": "url",
    "citation_language": "language",
}
_ITEM_TYPES = {
    "citation_journal_title": "journalArticle",
    "citation_technical_report_institution": "report",
    "citation_conference_title": "conferencePaper",
}


def zotero_item(page: Any) -> Item:
    """Return the item that Zotero makes of a paper's page."""
    tags = _tags(page)
    item: Item = {
        field: content
        for name, field in _HIGHWIRE.items()
        if (content := next((content for tag, content in tags if tag == name), ""))
    }
    hard = [kind for tag, kind in _ITEM_TYPES.items() if any(name == tag for name, _ in tags)]
    # RDF: og:type "article" is only a guess, a type of Dublin Core that Zotero knows is not.
    dublin_core = [content for name, content in tags if name == "DC.type"]
    item["itemType"] = [*hard, *dublin_core, "journalArticle"][0]
    item["creators"] = [clean_author(text) for name, text in tags if name == "citation_author"]
    item["attachments"] = [text for name, text in tags if name == "citation_pdf_url"]
    if "url" not in item:
        urls = [text for name, text in tags if name == "citation_abstract_html_url"]
        item["url"] = [*urls, *page.xpath("//link[@rel='canonical']/@href")][0]
    return item


def clean_author(text: str) -> tuple[str, str]:
    """Return first and last name as Zotero's `cleanAuthor` does."""
    name = re.sub(r"^[\s.,/\[\]:]+|[\s.,/\[\]:]+$", "", text)
    if "," not in text:
        first, _space, last = name.rpartition(" ")
        return first, last
    last, _comma, first = name.partition(",")
    return first.split(",")[0].strip(), last


def scholar_record(page: Any) -> dict[str, list[str]]:
    """Return the tags that Google Scholar uses, by name; {} without the three required ones."""
    record: dict[str, list[str]] = {}
    for name, content in _tags(page):
        if name.startswith("citation_"):
            record.setdefault(name, []).append(content)
    required = ("citation_title", "citation_author", "citation_publication_date")
    if any(not record.get(name) for name in required):
        return {}
    [date] = record["citation_publication_date"]
    return record if re.fullmatch(r"\d{4}(?:/\d\d?(?:/\d\d?)?)?", date) else {}


def _tags(page: Any) -> list[tuple[str, str]]:
    """Return names and contents of the `meta` elements in the head, in order."""
    metas = page.xpath("/html/head/meta[@content and (@name or @property)]")
    return [(meta.get("name") or meta.get("property"), meta.get("content")) for meta in metas]


def coins_items(page: Any) -> list[Item]:
    """Return the items that Zotero offers for a list; it skips those that it cannot read."""
    spans = page.xpath("//span[@title and contains(concat(' ', @class, ' '), ' Z3988 ')]")
    return [item for span in spans if (item := parse_context_object(span.get("title")))]


def parse_context_object(text: str) -> Item:
    """Read an OpenURL context object as Zotero's `parseContextObject` does."""
    parts = [part.partition("=") for part in text.split("&")]
    assert all("=" not in value for _key, _equals, value in parts), "Zotero splits at each ="
    pairs = [(key, unquote(re.sub(r"\+|%2[bB]", " ", value))) for key, _equals, value in parts]
    values = dict(pairs)
    formats = {"journal": "journalArticle", "book": "book", "dc": "webpage"}
    kind = formats.get(values.get("rft_val_fmt", "").rpartition(":")[2], "")
    if not kind:
        return {}
    if kind == "book" and values.get("rft.genre") == "proceeding":
        kind = "conferencePaper"
    is_part = kind in ("journalArticle", "conferencePaper")
    ids = [value for key, value in pairs if key == "rft_id"]
    return {
        "itemType": values.get("rft.type", kind) if kind == "webpage" else kind,
        "title": values.get("rft.atitle" if is_part else "rft.title"),
        "publicationTitle": values.get("rft.jtitle") or values.get("rft.btitle"),
        "publisher": values.get("rft.publisher"),
        "date": values.get("rft.date"),
        "creators": [clean_author(value) for key, value in pairs if key == "rft.au"],
        "DOI": next((value[9:] for value in ids if value.lower().startswith("info:doi")), None),
        "url": next((value for value in ids if re.match(r"https?://", value)), None),
    }


def parse(text: str) -> Any:
    """Return the tree of a page."""
    return html.document_fromstring(text)
