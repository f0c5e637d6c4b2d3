"""Read exported files back with the libraries that others use, one dictionary per work."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any

import bibtexparser
import rispy
from bibtexparser.middlewares import LatexDecodingMiddleware, SeparateCoAuthors, SplitNameParts
from bibtexparser.middlewares.names import NameParts
from bibtexparser.model import Entry
from pylatexenc.latex2text import LatexNodes2Text

from papers.citations.work import Work
from papers.text.markup import one_line

Fields = dict[str, Any]
_TO_TEXT = LatexNodes2Text(math_mode="verbatim").latex_to_text
_FORMULA = re.compile("^'(?='?[=+@-])")
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()


def expected(work: Work) -> Fields:
    """Return the fields that every format should keep."""
    fields = {
        "title": one_line(work.title),
        "authors": [name.full for name in work.names],
        "date": work.iso_date,
        "venue": one_line(work.venue),
        "server": work.server,
        "arxiv_id": work.arxiv_id,
        "doi": work.identifier,
        "url": work.url,
        "categories": work.keywords,
        "abstract": one_line(work.abstract),
        "key": work.key,
    }
    return {name: value for name, value in fields.items() if value}


def read_bibtex(text: str) -> list[Fields]:
    whole = bibtexparser.parse_string(text, append_middleware=[SeparateCoAuthors()])
    split = bibtexparser.parse_string(
        text, append_middleware=[SeparateCoAuthors(), SplitNameParts()]
    )
    decoded = bibtexparser.parse_string(text, append_middleware=[LatexDecodingMiddleware()])
    assert not [
        library.failed_blocks for library in (whole, split, decoded) if library.failed_blocks
    ]
    return [
        _bibtex_fields(entry.key, _values(raw), _values(entry), _values(named).get("author", []))
        for raw, entry, named in zip(whole.entries, decoded.entries, split.entries, strict=True)
    ]


def _values(entry: Entry) -> Fields:
    return {field.key: field.value for field in entry.fields}


def _bibtex_fields(key: str, raw: Fields, decoded: Fields, people: list[NameParts]) -> Fields:
    """Return the decoded fields, except those that BibTeX styles print as they are."""
    # pylatexenc decodes \textasciicircum to a modifier letter.
    texts = {name: str(value).replace("ˆ", "^") for name, value in decoded.items()}
    month = f"{_MONTHS.index(raw['month']) + 1:02}" if "month" in raw else ""
    day = f"{int(raw['day']):02}" if "day" in raw else ""
    return {
        "title": texts.get("title"),
        "authors": list(map(_bibtex_name, people)),
        "date": "-".join(filter(None, [raw.get("year"), month, day])),
        "venue": texts.get("journal") or texts.get("booktitle"),
        "server": texts.get("publisher"),
        "arxiv_id": raw.get("eprint"),
        "doi": raw.get("doi"),
        "url": raw.get("url"),
        "categories": _parts(texts.get("keywords"), ", "),
        "abstract": texts.get("abstract"),
        "key": key,
    }


def _bibtex_name(name: NameParts) -> str:
    words = " ".join([*name.first, *name.von, *name.last, *name.jr])
    return str(_TO_TEXT(words)).replace("ˆ", "^")


def read_ris(text: str) -> list[Fields]:
    return [_ris_fields(entry) for entry in rispy.loads(text)]


def _ris_fields(entry: Any) -> Fields:
    is_preprint = entry["type_of_reference"] == "RPRT"
    number = entry.get("issn" if is_preprint else "accession_number") or ""
    return {
        "title": entry.get("title"),
        "authors": [_uninverted(name) for name in entry.get("authors", [])],
        "date": (entry.get("date") or entry.get("year", "")).replace("/", "-"),
        "venue": entry.get("secondary_title"),
        "server": entry.get("publisher"),
        "arxiv_id": number.removeprefix("arXiv:"),
        "doi": entry.get("doi"),
        "url": "".join(entry.get("urls", [])),
        "categories": entry.get("keywords", []),
        "abstract": entry.get("abstract"),
        "key": entry["id"],
    }


def _uninverted(name: str) -> str:
    family, *others = name.split(", ")
    return " ".join([*others[:1], family, *others[1:]])


def read_csl(text: str) -> list[Fields]:
    return [_csl_fields(item) for item in json.loads(text)]


def _csl_fields(item: Any) -> Fields:
    [parts] = item.get("issued", {"date-parts": [[]]})["date-parts"]
    names = (
        (name.get("given"), name.get("family"), name.get("suffix"), name.get("literal"))
        for name in item.get("author", [])
    )
    return {
        "title": item.get("title"),
        "authors": [" ".join(filter(None, parts)) for parts in names],
        "date": "-".join(
            f"{number:0{width}}" for number, width in zip(parts, (4, 2, 2), strict=False)
        ),
        "venue": item.get("container-title"),
        "server": item.get("publisher"),
        "arxiv_id": item.get("note", "").removeprefix("arXiv:").split(" [")[0],
        "doi": item.get("DOI"),
        "url": item.get("URL"),
        "categories": _parts(item.get("keyword"), ", "),
        "abstract": one_line(item.get("abstract", "")),
        "key": item["id"],
    }


def read_csv(text: str) -> list[Fields]:
    return [_csv_fields(row) for row in csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))]


def _csv_fields(row: dict[str, str]) -> Fields:
    cells = {name: _FORMULA.sub("", cell) for name, cell in row.items()}
    is_published = cells["kind"] in ("article", "conference")
    return cells | {
        "authors": _parts(cells["authors"], "; "),
        "venue": cells["published_in"] if is_published else "",
        "server": "" if is_published else cells["published_in"],
        "categories": _parts(cells["categories"], "; "),
        "key": cells["citation_key"],
    }


def _parts(text: str | None, separator: str) -> list[str]:
    return text.split(separator) if text else []


READERS: dict[str, Callable[[str], list[Fields]]] = {
    "bib": read_bibtex,
    "ris": read_ris,
    "json": read_csl,
    "csv": read_csv,
}
