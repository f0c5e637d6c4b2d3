"""Parsing of BibTeX, RIS and CSL JSON files, and of arXiv IDs in text. Pure."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from papers.metadata.identifiers import join_arxiv_ids, parse_arxiv_id, parse_doi
from papers.text.markup import one_line, readable_text
from subscriptions.profiles.reference_files import (
    MAX_ENTRY_LENGTH,
    RawEntry,
    split_file,
    within_limits,
)

MAX_PARSED = 1_000  # entries parsed per file, the newest
MAX_CHARACTERS = 2_000_000  # parsed per file
MAX_EXAMPLES = 200  # more examples blur a profile, and each costs time for every digest

# Where reference managers put an arXiv id: "eprint" (Mendeley: "arxivid"), a link, "arXiv:…" as
# number, "arXiv preprint arXiv:2401.00001" as journal, "abs/2401.00001" as volume.
_ID_FIELDS = (
    *("eprint", "arxivid", "url", "urls", "link", "ee", "adsurl", "bdsk-url-1", "doi", "journal"),
    *("journal_name", "volume", "number", "howpublished", "accession_number", "secondary_title"),
    *("archiveprefix", "archive_location", "archiveid", "file_attachments1", "file_attachments2"),
)
_MARKED_ID_FIELDS = ("eid", "pages", "page", "start_page")  # only if they contain "arxiv"
# Notes often name other papers: only an ID or DOI at their start counts.
_NOTE_FIELDS = ("note", "notes", "annote", "annotation", "extra", "research_notes")
_DOI_FIELDS = (
    *("doi", "url", "urls", "link", "ee", "bdsk-url-1", "howpublished", "type_of_work"),
    *("accession_number", "l3", "file_attachments1", "file_attachments2", "lk", "eid"),
)
_TITLE_FIELDS = ("title", "primary_title", "translated_title")

_EMPTY = re.compile(r"\(\s*\)|\[\s*\]|(?<!\S)[,;]")  # left after removing an ID
_LIKE_ID = re.compile(r"(?i)\barxiv(?:\.org)?[:/]|^\d{3,5}\.\d{3,6}(?:v\d+)?$")
_TOKEN = re.compile(r"[^\s,;<>()\[\]{}\"'“”]+")
# Elements found in titles, but not "a < b" or Vec<T>.
_ELEMENT = re.compile(
    r"</?(?:i|b|u|em|strong|italic|bold|span|sub|sup|inf|sc|scp|tt|small|emph|ovl|(?:jats|mml):\w+)"
    r"(?:\s[^<>]{0,200})?/?>|<br\s{0,4}/?>",
    re.I,
)
_SIGN = re.compile(
    r"\\(?:text(less|greater|bar|asciicircum|braceleft|braceright)(?![a-zA-Z])(?:\{\}| )?|([{}])"
    r"|ensuremath\{\\([lr]brace)\})"
)
_SIGNS = {"less": "<", "greater": ">", "bar": "|", "asciicircum": "^"}
# Braces of the text, while those that only group are removed.
_BRACES = dict.fromkeys(("{", "lbrace", "braceleft"), "\ue000")
_BRACES |= dict.fromkeys(("}", "rbrace", "braceright"), "\ue001")
_TO_BRACES = str.maketrans("\ue000\ue001", "{}")
# Without one of these, a text is neither TeX nor HTML.
_MARKUP = re.compile(r"[\\{}$~`&<\ue000\ue001]|[_^]\{|--|''")
_ENTITY = re.compile(r"&(?:#\d{2,6}|#x[\da-f]{2,6}|[a-z]\w{1,20});", re.I)
_NOTE_START = re.compile(
    r"(?:arxiv\s+(?=e-?print|preprint)|_?e-?print|preprint|available|at|url|doi|[:\s])*", re.I
)
_NOTE_KEY = re.compile(r"[\w .-]{2,40}:\s")
_DOI_ESCAPES = re.compile(r"\\url(?=\{)|\\(?=[_&%#$])|[{}]")


@dataclass(frozen=True, slots=True)
class Reference:
    """One paper of a library. ID and DOI are normalized, or empty."""

    title: str
    arxiv_id: str = ""
    doi: str = ""


@dataclass(frozen=True, slots=True)
class ParsedLibrary:
    """The newest references of a file, reasons for the unusable ones, and the number left out."""

    references: tuple[Reference, ...]
    refused: tuple[str, ...] = ()
    left_out: int = 0


def parse_library(data: bytes, filename: str) -> ParsedLibrary:
    """Parse a BibTeX, RIS or CSL JSON file, detected by content.

    Raise `ReferencesError`, and no other exception, for an unusable file.
    """
    return _library(split_file(data, filename))


def split_ids(text: str) -> tuple[list[str], str]:
    """Return the distinct arXiv IDs in a text, in order, and the text without IDs and links."""
    ids: list[str] = []

    def take(found: re.Match[str]) -> str:
        name = _id_of(found[0])
        if name:
            ids.append(name)
        return "" if name else found[0]

    rest = _EMPTY.sub(" ", _TOKEN.sub(take, join_arxiv_ids(text)))
    return list(dict.fromkeys(ids)), " ".join(rest.split()).strip(",; ") if ids else rest.strip()


def malformed_ids(text: str) -> list[str]:
    """Return words that look like arXiv IDs or links but are invalid."""
    tokens = (token.rstrip(".:!?") for token in _TOKEN.findall(join_arxiv_ids(text)))
    return list(dict.fromkeys(one for one in tokens if _LIKE_ID.search(one) and not _id_of(one)))


def _library(found: list[RawEntry]) -> ParsedLibrary:
    """Parse the newest entries; entries of the same year keep the file's order."""
    newest = sorted(found, key=lambda raw: raw.year, reverse=True)
    kept: dict[Reference, None] = {}
    refused, whole = {}, 0
    looked_into = within_limits(newest, MAX_PARSED, MAX_CHARACTERS)
    for raw in looked_into:
        fields = raw.read() if raw.length <= MAX_ENTRY_LENGTH else _("too long")
        whole += not isinstance(fields, str)
        if isinstance(fields, str):
            refused[raw] = fields
        elif whole <= MAX_EXAMPLES:
            reference = read_reference(fields)
            if reference.title or reference.arxiv_id or reference.doi:
                kept[reference] = None
            else:
                refused[raw] = _("neither title nor ID")
    told = [f"{raw.where()}: {refused[raw]}" for raw in found if raw in refused]
    left_out = max(0, whole - MAX_EXAMPLES) + len(newest) - len(looked_into)
    return ParsedLibrary(tuple(kept), tuple(told), left_out)


def read_reference(fields: Mapping[str, str]) -> Reference:
    """Return the paper that an entry describes, by its fields with lower-case names."""
    title = next(filter(None, (fields.get(name, "") for name in _TITLE_FIELDS)), "")
    return Reference(title=plain_line(title), arxiv_id=_id_in(fields), doi=_doi_in(fields))


def plain_line(raw: str) -> str:
    """Return TeX or HTML, which may be encoded once or twice, as one line of plain text."""
    if not _MARKUP.search(raw):  # most names and words of a large library
        return one_line(raw)
    return html_line(tex_line(_unescaped(raw)))


def tex_line(raw: str) -> str:
    """Return TeX as one line of plain text."""
    signs = _SIGNS | _BRACES
    tex = _SIGN.sub(lambda found: signs[found[1] or found[2] or found[3]], raw)
    return re.sub(r"[{}]", "", readable_text(tex)).translate(_TO_BRACES)


def html_line(raw: str) -> str:
    """Return HTML as one line of plain text."""
    return one_line(_ELEMENT.sub(_in_place, _unescaped(raw)))


def _in_place(element: re.Match[str]) -> str:
    return " " if element.group().lower().startswith("<br") else ""


def _unescaped(text: str) -> str:
    for _round in range(3):
        text, before = _ENTITY.sub(lambda found: html.unescape(found.group()), text), text
        if text == before:
            break
    return text


def _id_in(fields: Mapping[str, str]) -> str:
    ids = (split_ids(fields[name])[0] for name in _ID_FIELDS if name in fields)
    marked = (split_ids(fields[name])[0] for name in _MARKED_ID_FIELDS if _is_marked(fields, name))
    found = (names[0] for names in (*ids, *marked) if names)
    return next(found, "") or next(filter(None, _at_start(fields, _first_id)), "")


def _is_marked(fields: Mapping[str, str], name: str) -> bool:
    return "arxiv" in fields.get(name, "").lower()


def _doi_in(fields: Mapping[str, str]) -> str:
    values = (one for name in _DOI_FIELDS for one in fields.get(name, "").split("\n"))
    found = (parse_doi(_DOI_ESCAPES.sub("", value).strip()) for value in values)
    return next(filter(None, found), "") or next(filter(None, _at_start(fields, parse_doi)), "")


def _at_start(fields: Mapping[str, str], read: Callable[[str], str]) -> Iterable[str]:
    """Yield the IDs at the start of notes, after any "name: value" lines as in Zotero's field."""
    for name in _NOTE_FIELDS:
        for line in _DOI_ESCAPES.sub("", fields.get(name, "")).splitlines()[:50]:
            yield read(line.strip()) or read(_NOTE_START.sub("", line, count=1))
            if not _NOTE_KEY.match(line.strip()):
                break


def _first_id(text: str) -> str:
    first = _TOKEN.search(join_arxiv_ids(text))
    return _id_of(first[0]) if first else ""


def _id_of(token: str) -> str:
    return parse_arxiv_id(token)[0]
