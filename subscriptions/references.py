"""Reading lists as readers bring them: BibTeX, RIS and CSL JSON files, and arXiv ids among words.
Pure."""

from __future__ import annotations

import codecs
import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, pairwise

import bibtexparser
import rispy
from bibtexparser.model import Block, DuplicateBlockKeyBlock, Entry, ParsingFailedBlock
from django.utils.translation import gettext as _

from papers.feeds.identifiers import arxiv_id, doi
from papers.text import one_line, readable

MAX_BYTES = 2_000_000
MOST_ENTRIES = 2_000  # what one file may hold; a parser sees no more, however it is made
MOST_KEPT = 200  # more examples make a profile blunter, and each costs at every digest
LONGEST = 1_000  # characters of one field; no title or link comes near

# Where reference managers put an arXiv id: "eprint", a link, "arXiv:2401.00001 [cs]" as note or
# number, "arXiv preprint arXiv:2401.00001" as journal, "abs/2401.00001" as volume.
_ID_FIELDS = (
    *("eprint", "url", "urls", "doi", "note", "notes", "journal", "journal_name", "volume"),
    *("number", "howpublished", "accession_number", "secondary_title", "archiveprefix"),
)
_TITLE_FIELDS = ("title", "primary_title", "translated_title")
_YEAR_FIELDS = ("year", "date", "publication_year")

# Bounded, since \s* at every line start takes a file of blank lines quadratic time.
_BIBTEX_BLOCK = re.compile(r"@\s{0,8}\w{1,40}\s{0,8}[{(]")
_RIS_START = re.compile(r"^[ \t]{0,8}TY {0,2}-", re.M)
_RIS_END = re.compile(r"^[ \t]{0,8}ER {0,2}-", re.M)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_EMPTY = re.compile(r"\(\s*\)|\[\s*\]|(?<!\S)[,;]")  # where an id was taken out
_LIKE_ID = re.compile(r"(?i)\barxiv(?:\.org)?[:/]|^\d{3,5}\.\d{3,6}(?:v\d+)?$")
_TOKEN = re.compile(r"[^\s,;<>()\[\]{}\"'“”]+")

# It logs a warning for every broken block, and whoever uploads decides how many there are.
logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)


class ReferencesError(ValueError):
    """A file that cannot be used; str() is one line that says why."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One paper of a reading list. Id and DOI are in the form they are stored in, or empty."""

    title: str
    arxiv_id: str = ""
    doi: str = ""


@dataclass(frozen=True, slots=True)
class Library:
    """What a file held: the newest references, why others were refused, how many more came."""

    references: tuple[Reference, ...]
    refused: tuple[str, ...] = ()
    left_out: int = 0


def references(data: bytes, filename: str) -> Library:
    """Read a BibTeX, RIS or CSL JSON file, whatever it is named; raises `ReferencesError`, nothing
    else."""
    if len(data) > MAX_BYTES:
        raise ReferencesError(
            _("“%(name)s” is larger than 2 MB; upload a part of it.") % {"name": filename}
        )
    text = _decoded(data)
    ris, bibtex = bool(_RIS_START.search(text)), bool(_BIBTEX_BLOCK.search(text))
    # By content; the name decides only where both could be meant.
    if text.lstrip()[:1] in ("[", "{"):
        found = list(_from_csl(text, filename))
    elif ris and (not bibtex or filename.lower().endswith(".ris")):
        found = list(_from_ris(text))
    else:
        found = list(_from_bibtex(text)) if bibtex else []
    if not found:
        raise ReferencesError(
            _("“%(name)s” holds no entry in BibTeX, RIS or CSL JSON.") % {"name": filename}
        )
    return _library(found)


def split_ids(text: str) -> tuple[list[str], str]:
    """arXiv ids and links among words: the ids in order, once each, and the text without them."""
    ids: list[str] = []

    def take(found: re.Match[str]) -> str:
        name = _id_of(found[0])
        if name:
            ids.append(name)
        return "" if name else found[0]

    rest = _EMPTY.sub(" ", _TOKEN.sub(take, text))
    return list(dict.fromkeys(ids)), " ".join(rest.split()).strip(",; ") if ids else rest.strip()


def not_ids(text: str) -> list[str]:
    """What looks like an arXiv id or link in a text and is none."""
    tokens = (token.rstrip(".:!?") for token in _TOKEN.findall(text))
    return list(dict.fromkeys(one for one in tokens if _LIKE_ID.search(one) and not _id_of(one)))


@dataclass(frozen=True, slots=True)
class _Raw:
    """An entry as a parser gave it and where it stood: fields by lower-case name, or why there are
    none."""

    where: str
    fields: Mapping[str, str]
    problem: str = ""


def _decoded(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _from_bibtex(text: str) -> Iterator[_Raw]:
    after = next(islice(_BIBTEX_BLOCK.finditer(text), MOST_ENTRIES, None), None)
    library = bibtexparser.parse_string(text[: after.start()] if after else text)
    for block in library.blocks:
        if isinstance(raw := _raw(block), _Raw):
            yield raw


def _raw(block: Block) -> _Raw | None:
    """An entry, or what was wrong with it; None for comments, strings and the like."""
    where = _line((block.start_line or 0) + 1)
    if isinstance(block, DuplicateBlockKeyBlock) and isinstance(block.ignore_error_block, Entry):
        block = block.ignore_error_block  # two papers under one key are two papers
    if isinstance(block, Entry):
        values = {field.key.lower(): str(field.value)[:LONGEST] for field in block.fields}
        return _Raw(where, {name: value.replace("\\_", "_") for name, value in values.items()})
    broken = isinstance(block, ParsingFailedBlock)
    return _Raw(where, {}, _("not closed properly")) if broken else None


def _line(number: int) -> str:
    return _("line %(number)s") % {"number": number}


def _from_ris(text: str) -> Iterator[_Raw]:
    """Entry by entry, so that a broken one costs itself alone."""
    starts = [found.start() for found in islice(_RIS_START.finditer(text), MOST_ENTRIES + 1)]
    line, before = 1, 0
    for start, end in pairwise([*starts, len(text)][: MOST_ENTRIES + 1]):
        line, before = line + text.count("\n", before, start), start
        try:
            entries = rispy.loads(f"{_RIS_END.split(text[start:end])[0].rstrip()}\nER  - \n")
        except (KeyError, ValueError, TypeError, IndexError, AttributeError):
            yield _Raw(_line(line), {}, _("not an entry in RIS"))
        else:
            yield from (_Raw(_line(line), _ris_fields(entry)) for entry in entries)


def _ris_fields(entry: Mapping[str, object]) -> dict[str, str]:
    values = {
        str(name).lower(): " ".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in entry.items()
    }
    return {name: value[:LONGEST] for name, value in values.items()}


def _from_csl(text: str, filename: str) -> Iterator[_Raw]:
    """CSL JSON, as Zotero and others export it: a list of entries, or an object with `items`."""
    try:
        whole = json.loads(text)
    except RecursionError:
        raise ReferencesError(
            _("“%(name)s” is nested too deeply to be a library.") % {"name": filename}
        ) from None
    except ValueError as error:
        told = {"name": filename, "line": getattr(error, "lineno", 1)}
        raise ReferencesError(
            _("“%(name)s” is no whole JSON: line %(line)s is broken or cut off. Export it anew.")
            % told
        ) from None
    entries = whole.get("items") if isinstance(whole, dict) else whole
    listed = entries if isinstance(entries, list) else []
    for number, entry in enumerate(listed[:MOST_ENTRIES], start=1):
        where = _("entry %(number)s") % {"number": number}
        if isinstance(entry, dict):
            yield _Raw(where, _csl_fields(entry))
        else:
            yield _Raw(where, {}, _("no object with a title"))


def _csl_fields(entry: Mapping[str, object]) -> dict[str, str]:
    values = {str(name).lower(): str(value)[:LONGEST] for name, value in entry.items()}
    values["journal"] = values.get("container-title", "")
    values["year"] = values.get("issued", "")
    return values


def _library(found: list[_Raw]) -> Library:
    """The newest entries first kept, in the order of the file where years are equal."""
    whole = [raw for raw in found if not raw.problem]
    refused = [f"{raw.where}: {raw.problem}" for raw in found if raw.problem]
    read: dict[Reference, None] = {}
    newest = sorted(whole, key=_year, reverse=True)
    for raw in newest[:MOST_KEPT]:
        reference = _reference(raw.fields)
        if reference.title or reference.arxiv_id or reference.doi:
            read[reference] = None
        else:
            refused.append(": ".join((raw.where, _("neither title nor id"))))
    return Library(tuple(read), tuple(refused), len(newest[MOST_KEPT:]))


def _year(raw: _Raw) -> int:
    years = (_YEAR.search(raw.fields.get(name, "")) for name in _YEAR_FIELDS)
    return max((int(year[0]) for year in years if year), default=0)


def _reference(fields: Mapping[str, str]) -> Reference:
    title = next(filter(None, (fields.get(name, "") for name in _TITLE_FIELDS)), "")
    ids = (split_ids(fields[name])[0] for name in _ID_FIELDS if name in fields)
    return Reference(
        title=one_line(re.sub(r"[{}]", "", readable(title))),
        arxiv_id=next((names[0] for names in ids if names), ""),
        doi=doi(fields.get("doi", "").strip("{} ")),
    )


def _id_of(token: str) -> str:
    return arxiv_id(token.rstrip(".:!?").removeprefix("abs/"))[0]
