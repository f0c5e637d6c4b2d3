"""Files of reference managers as entries: BibTeX, RIS and CSL JSON. Pure."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice, pairwise
from typing import Any

import rispy
from django.utils.translation import gettext as _

from papers.text.markup import one_line
from subscriptions.profiles.bibtex import Chunk, is_bibtex, read_fields, split_entries

MAX_BYTES = 10_000_000  # a library of 5,000 entries with abstracts has some 7 MB
MAX_ENTRIES = 50_000  # per file
MAX_ENTRY_LENGTH = 200_000  # characters; more than any abstract and notes
MAX_FIELD_LENGTH = 1_000  # characters; more than any title or link
MAX_LISTED = 100  # values of a repeated field
MAX_NAMES = 10_000  # of authors; some papers have thousands
# Characters of fields that may be longer. Only the library reads them.
FIELD_LENGTHS = {
    **dict.fromkeys(("author", "authors", "first_authors"), MAX_ENTRY_LENGTH),
    **dict.fromkeys(("annote", "annotation", "comment", "notes", "keywords", "keyword"), 20_000),
}

_RIS_START = re.compile(r"^[ \t]{0,8}TY {0,2}-", re.M)
_RIS_END = re.compile(r"^[ \t]{0,8}ER {0,2}-", re.M)
_RIS_TAG = re.compile(r"^[ \t]{0,8}([A-Z][A-Z0-9]) {0,2}-[ \t]{0,4}", re.M)
_RIS_YEAR = re.compile(r"^[ \t]{0,8}(?:PY|Y1|DA) {0,2}-[^\n]{0,12}?\b((?:1[5-9]|20)\d\d)\b", re.M)
_YEAR = re.compile(r"\b(?:1[5-9]|20)\d\d\b")
_ENCODING = re.compile(rb"encoding[:= ]\s{0,4}\"?(?:x-)?([\w-]{3,20})", re.I)  # JabRef names it
_ATTACHED = ("attachment", "note", "annotation")


class ReferencesError(ValueError):
    """Unusable file. The message is one line with the reason."""


@dataclass(frozen=True, slots=True)
class RawEntry:
    """An entry not parsed yet.

    `where` returns its position for messages. `read` returns its fields by lower-case name, or the
    reason why it has none. `year` is for sorting; 0 if unknown.
    """

    where: Callable[[], str]
    year: int
    length: int
    read: Callable[[], Mapping[str, str] | str]


def split_file(data: bytes, filename: str) -> list[RawEntry]:
    """Return the entries of a file, not parsed yet; raise `ReferencesError` if there is none."""
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
    return found


def within_limits(entries: Sequence[RawEntry], most: int, most_characters: int) -> list[RawEntry]:
    """Return the first entries within the limits for one file."""
    taken: list[RawEntry] = []
    characters = 0
    for raw in entries[:most]:
        characters += min(raw.length, MAX_ENTRY_LENGTH)
        if characters > most_characters and taken:
            break
        taken.append(raw)
    return taken


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


def _from_bibtex(text: str) -> list[RawEntry]:
    entries, strings = split_entries(text, MAX_ENTRIES + 1)
    return [
        RawEntry(
            partial(_line, one.line), one.year, len(one.text), partial(_bibtex_fields, one, strings)
        )
        for one in entries
    ]


def _bibtex_fields(chunk: Chunk, strings: Mapping[str, str]) -> Mapping[str, str] | str:
    values = read_fields(chunk, strings)
    if values is None:
        return _("not closed properly")
    texts = {name: _cut(name, value).replace("\\_", "_") for name, value in values.items()}
    return texts | {"id": chunk.key}


def _cut(name: str, value: str) -> str:
    return value[: FIELD_LENGTHS.get(name, MAX_FIELD_LENGTH)]


# --- RIS ------------------------------------------------------------------------------------------


def _from_ris(text: str) -> list[RawEntry]:
    """Split a RIS file into entries, so that a broken entry does not affect others."""
    starts = [found.start() for found in islice(_RIS_START.finditer(text), MAX_ENTRIES + 1)]
    entries, line, before = [], 1, 0
    for start, end in pairwise([*starts, len(text)]):
        line, before = line + text.count("\n", before, start), start
        entry = text[start:end]
        found = _RIS_YEAR.search(entry)
        year, read = int(found[1]) if found else 0, partial(_ris_fields, entry)
        entries.append(RawEntry(partial(_line, line), year, len(entry), read))
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
    return _texts(values)


def _texts(values: Mapping[Any, object]) -> dict[str, str]:
    """Return values as text by lower-case name, each of limited length."""
    named = {str(name).lower(): value for name, value in values.items()}
    return {name: _cut(name, _joined(value, name)) for name, value in named.items()}


# --- CSL JSON -------------------------------------------------------------------------------------


def _from_csl(text: str, filename: str) -> list[RawEntry]:
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
        RawEntry(partial(_entry, number), _csl_year(entry), 0, partial(_csl_fields, entry))
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
    values = _texts(entry)
    values["names"] = _csl_names(entry.get("author") or entry.get("creators"))
    values["journal"] = values.get("container-title", "")
    return values


def _csl_year(entry: object) -> int:
    fields = entry if isinstance(entry, dict) else {}
    data = fields.get("data")
    fields = data if isinstance(data, dict) else fields
    told = (str(fields.get(name))[:200] for name in ("issued", "date", "year", "published"))
    years = (_YEAR.search(one) for one in told)
    return max((int(year[0]) for year in years if year), default=0)


def _csl_names(people: object) -> str:
    """Return names, line by line, the given name first."""
    listed = people[:MAX_NAMES] if isinstance(people, list) else []
    named = (one for one in listed if isinstance(one, dict))
    return "\n".join(filter(None, map(_csl_name, named)))


def _csl_name(person: Mapping[str, object]) -> str:
    fields = ("given", "firstName", "family", "lastName", "literal", "name", "suffix")
    texts = (one_line(text) for name in fields if isinstance(text := person.get(name), str))
    return " ".join(filter(None, texts))


def _joined(value: object, name: str = "") -> str:
    """Return a value as text: lists line by line, missing values empty."""
    if isinstance(value, list):
        most = MAX_NAMES if name in FIELD_LENGTHS else MAX_LISTED
        return "\n".join(filter(None, map(_joined, value[:most])))
    return "" if value is None or isinstance(value, dict) else _cut(name, str(value))
