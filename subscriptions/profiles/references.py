"""Parsing of BibTeX, RIS and CSL JSON files, and of arXiv IDs in text. Pure."""

from __future__ import annotations

import codecs
import html
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice, pairwise

import rispy
from django.utils.translation import gettext as _

from papers.metadata.identifiers import join_arxiv_ids, parse_arxiv_id, parse_doi
from papers.text.markup import one_line, readable_text
from subscriptions.profiles.bibtex import Chunk, is_bibtex, read_fields, split_entries

MAX_BYTES = 10_000_000  # a library of 5,000 entries with abstracts has some 7 MB
MAX_ENTRIES = 50_000  # per file
MAX_PARSED = 1_000  # entries parsed per file, the newest
MAX_CHARACTERS = 2_000_000  # parsed per file
MAX_ENTRY_LENGTH = 200_000  # characters; more than any abstract and notes
MAX_EXAMPLES = 200  # more examples blur a profile, and each costs time for every digest
MAX_FIELD_LENGTH = 1_000  # characters; more than any title or link

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

_RIS_START = re.compile(r"^[ \t]{0,8}TY {0,2}-", re.M)
_RIS_END = re.compile(r"^[ \t]{0,8}ER {0,2}-", re.M)
_RIS_TAG = re.compile(r"^[ \t]{0,8}([A-Z][A-Z0-9]) {0,2}-[ \t]{0,4}", re.M)
_RIS_YEAR = re.compile(r"^[ \t]{0,8}(?:PY|Y1|DA) {0,2}-[^\n]{0,12}?\b((?:1[5-9]|20)\d\d)\b", re.M)
_YEAR = re.compile(r"\b(?:1[5-9]|20)\d\d\b")
_EMPTY = re.compile(r"\(\s*\)|\[\s*\]|(?<!\S)[,;]")  # left after removing an ID
_LIKE_ID = re.compile(r"(?i)\barxiv(?:\.org)?[:/]|^\d{3,5}\.\d{3,6}(?:v\d+)?$")
_TOKEN = re.compile(r"[^\s,;<>()\[\]{}\"'“”]+")
_ENCODING = re.compile(rb"encoding[:= ]\s{0,4}\"?(?:x-)?([\w-]{3,20})", re.I)  # JabRef names it
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
_ATTACHED = ("attachment", "note", "annotation")
_ENTITY = re.compile(r"&(?:#\d{2,6}|#x[\da-f]{2,6}|[a-z]\w{1,20});", re.I)
_NOTE_START = re.compile(
    r"(?:arxiv\s+(?=e-?print|preprint)|_?e-?print|preprint|available|at|url|doi|[:\s])*", re.I
)
_NOTE_KEY = re.compile(r"[\w .-]{2,40}:\s")
_DOI_ESCAPES = re.compile(r"\\url(?=\{)|\\(?=[_&%#$])|[{}]")


class ReferencesError(ValueError):
    """Unusable file. The message is one line with the reason."""


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
    if len(data) > MAX_BYTES:
        raise ReferencesError(
            _("“%(name)s” is larger than 10 MB. Please upload part of it.") % {"name": filename}
        )
    text = _decoded(data)
    ris, bibtex = bool(_RIS_START.search(text)), is_bibtex(text)
    # The name decides only if the content could be both RIS and BibTeX.
    if text.lstrip()[:1] in ("[", "{"):
        found = _from_csl(text, filename)
    elif ris and (not bibtex or filename.lower().endswith(".ris")):
        found = _from_ris(text)
    else:
        found = _from_bibtex(text) if bibtex else []
    if not found:
        raise ReferencesError(
            _("“%(name)s” contains no BibTeX, RIS or CSL JSON entries.") % {"name": filename}
        )
    if len(found) > MAX_ENTRIES:
        raise ReferencesError(
            _("“%(name)s” contains more than 50,000 entries. Please upload part of it.")
            % {"name": filename}
        )
    return _library(found)


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


@dataclass(frozen=True, slots=True)
class _Raw:
    """An entry not parsed yet.

    `where` returns its position for messages. `read` returns its fields by lower-case name, or the
    reason why it has none. `year` is for sorting; 0 if unknown.
    """

    where: Callable[[], str]
    year: int
    length: int
    read: Callable[[], Mapping[str, str] | str]


def _decoded(data: bytes) -> str:
    """Return the text of a file, with Unix line ends."""
    text = _text(data)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _text(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    if b"\0" in data[:2]:
        return data.decode("utf-16-be" if data[:1] == b"\0" else "utf-16-le", errors="replace")
    named = _ENCODING.search(data[:1_000])
    for encoding in ("utf-8-sig", named[1].decode() if named else "cp1252", "cp1252"):
        try:
            return data.decode(encoding)
        except (UnicodeError, LookupError):
            continue
    return data.decode("latin-1")


def _line(number: int) -> str:
    return _("line %(number)s") % {"number": number}


def _entry(number: int) -> str:
    return _("entry %(number)s") % {"number": number}


# --- BibTeX ---------------------------------------------------------------------------------------


def _from_bibtex(text: str) -> list[_Raw]:
    entries, strings = split_entries(text, MAX_ENTRIES + 1)
    return [
        _Raw(
            partial(_line, one.line), one.year, len(one.text), partial(_bibtex_fields, one, strings)
        )
        for one in entries
    ]


def _bibtex_fields(chunk: Chunk, strings: Mapping[str, str]) -> Mapping[str, str] | str:
    values = read_fields(chunk, strings)
    if values is None:
        return _("not closed properly")
    return {name: value[:MAX_FIELD_LENGTH].replace("\\_", "_") for name, value in values.items()}


# --- RIS ------------------------------------------------------------------------------------------


def _from_ris(text: str) -> list[_Raw]:
    """Split a RIS file into entries, so that a broken entry does not affect others."""
    starts = [found.start() for found in islice(_RIS_START.finditer(text), MAX_ENTRIES + 1)]
    entries, line, before = [], 1, 0
    for start, end in pairwise([*starts, len(text)]):
        line, before = line + text.count("\n", before, start), start
        entry = text[start:end]
        year = _RIS_YEAR.search(entry)
        read = partial(_ris_fields, entry)
        entries.append(_Raw(partial(_line, line), int(year[1]) if year else 0, len(entry), read))
    return entries


def _ris_fields(text: str) -> Mapping[str, str] | str:
    """Parse an RIS entry. `rispy` requires two spaces after a tag, but some files have fewer."""
    whole = _RIS_TAG.sub(r"\1  - ", _RIS_END.split(text)[0].rstrip())
    try:
        entries = rispy.loads(f"{whole}\nER  - \n")
    except (KeyError, ValueError, TypeError, IndexError, AttributeError):
        return _("not a RIS entry")
    if not entries:
        return _("not a RIS entry")
    values = dict(entries[0])
    values |= {str(tag): told for tag, told in dict(values.pop("unknown_tag", {})).items()}
    return {str(name).lower(): _joined(value)[:MAX_FIELD_LENGTH] for name, value in values.items()}


# --- CSL JSON -------------------------------------------------------------------------------------


def _from_csl(text: str, filename: str) -> list[_Raw]:
    """Split CSL JSON: a list of entries, an object with such a list, or a single entry.

    Zotero exports lists; doi.org and Crossref return single entries.
    """
    try:
        whole = json.loads(text)
    except RecursionError:
        raise ReferencesError(
            _("“%(name)s” is nested too deeply for a reference library.") % {"name": filename}
        ) from None
    except ValueError as error:
        told = {"name": filename, "line": getattr(error, "lineno", 1)}
        raise ReferencesError(
            _(
                "“%(name)s” isn't valid JSON: line %(line)s is broken or cut off. "
                "Please export it again."
            )
            % told
        ) from None
    return [
        _Raw(partial(_entry, number), _csl_year(entry), 0, partial(_csl_fields, entry))
        for number, entry in enumerate(_csl_entries(whole)[: MAX_ENTRIES + 1], start=1)
    ]


def _csl_entries(whole: object) -> list[object]:
    if isinstance(whole, list):
        return [entry for entry in whole if not _is_attached(entry)]
    if not isinstance(whole, dict):
        return []
    for name in ("message", "items", "references"):
        if name in whole and isinstance(whole[name], list | dict):
            return _csl_entries(whole[name])
    return [whole] if {"title", "DOI", "doi", "URL"} & whole.keys() else []


def _is_attached(entry: object) -> bool:
    """Return True for a Zotero attachment or note of another entry."""
    return isinstance(entry, dict) and entry.get("itemType") in _ATTACHED


def _csl_fields(entry: object) -> Mapping[str, str] | str:
    if not isinstance(entry, dict):
        return _("not an object with a title")
    data = entry.get("data")  # as Zotero's own API has it
    entry = data if isinstance(data, dict) and "title" not in entry else entry
    values = {str(name).lower(): _joined(value)[:MAX_FIELD_LENGTH] for name, value in entry.items()}
    values["journal"] = values.get("container-title", "")
    return values


def _csl_year(entry: object) -> int:
    fields = entry if isinstance(entry, dict) else {}
    data = fields.get("data")
    fields = data if isinstance(data, dict) else fields
    told = (str(fields.get(name))[:200] for name in ("issued", "date", "year", "published"))
    years = (_YEAR.search(one) for one in told)
    return max((int(year[0]) for year in years if year), default=0)


def _joined(value: object) -> str:
    """Return a value as text: lists line by line, missing values empty."""
    if isinstance(value, list):
        return "\n".join(filter(None, map(_joined, value[:100])))
    return "" if value is None or isinstance(value, dict) else str(value)[:MAX_FIELD_LENGTH]


# --- Entries of any format ------------------------------------------------------------------------


def _library(found: list[_Raw]) -> ParsedLibrary:
    """Parse the newest entries; entries of the same year keep the file's order."""
    newest = sorted(found, key=lambda raw: raw.year, reverse=True)
    kept: dict[Reference, None] = {}
    refused, whole = {}, 0
    looked_into = _looked_into(newest)
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


def _looked_into(newest: list[_Raw]) -> list[_Raw]:
    """Return the newest entries within the limits for one file."""
    taken: list[_Raw] = []
    characters = 0
    for raw in newest[:MAX_PARSED]:
        characters += min(raw.length, MAX_ENTRY_LENGTH)
        if characters > MAX_CHARACTERS and taken:
            break
        taken.append(raw)
    return taken


def read_reference(fields: Mapping[str, str]) -> Reference:
    """Return the paper that an entry describes, by its fields with lower-case names."""
    title = next(filter(None, (fields.get(name, "") for name in _TITLE_FIELDS)), "")
    return Reference(title=_title(title), arxiv_id=_id_in(fields), doi=_doi_in(fields))


def _title(raw: str) -> str:
    """Return a title as plain text; reference managers may encode HTML once or twice."""
    signs = _SIGNS | _BRACES
    tex = _SIGN.sub(lambda found: signs[found[1] or found[2] or found[3]], _unescaped(raw))
    text = re.sub(r"[{}]", "", readable_text(tex)).translate(_TO_BRACES)
    return one_line(_ELEMENT.sub(_in_place, _unescaped(text)))


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
