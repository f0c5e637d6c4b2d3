"""The bibliographic data of a paper, the same for all formats. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from papers.citations.names import Name, split_names
from papers.citations.venues import Kind, preprint_server, publication_kind, publication_year
from papers.text.folding import fold_text

_WORD = re.compile(r"[a-z0-9]+")
_STOP_WORDS = frozenset("a an and for from in is of on or the to towards with".split())
_SEPARATOR = re.compile("[,;]")
_ARXIV_MONTH = re.compile(r"(?:[a-z-]+/)?(\d\d)(\d\d)")
MAX_KEY_WORD = 30  # characters
Date = tuple[int, ...]  # year, month and day, as far as they are known


@dataclass(frozen=True, slots=True)
class Kept:
    """The notes of a reader on a work in their library; dates are ISO dates or ""."""

    note: str = ""
    tags: Sequence[str] = ()
    kept_on: str = ""
    read_on: str = ""


@dataclass(frozen=True)
class Work:
    """A paper to cite; an unknown field is "" or empty.

    `id` makes citation keys unique. `url` is the page of the paper where it was published, `page`
    its page on this site. `citation_key` is a key that others use already.
    """

    title: str
    authors: Sequence[str]
    date: Date
    url: str
    id: str = ""
    page: str = ""
    pdf_url: str = ""
    arxiv_id: str = ""
    categories: Sequence[str] = ()
    doi: str = ""
    journal: str = ""
    abstract: str = ""
    language: str = ""
    citation_key: str = ""
    kept: Kept | None = None

    @cached_property
    def names(self) -> list[Name]:
        """Return the authors with the parts of their names."""
        return split_names(self.authors)

    @cached_property
    def kind(self) -> Kind:
        """Return the kind of publication."""
        return publication_kind(self.journal, self.doi, self.arxiv_id)

    @property
    def server(self) -> str:
        """Return the preprint server of a preprint, or ""."""
        return preprint_server(self.journal, self.doi, self.arxiv_id)

    @property
    def venue(self) -> str:
        """Return the journal or conference of a published paper, or ""."""
        return self.journal if self.kind in (Kind.ARTICLE, Kind.CONFERENCE) else ""

    @property
    def issued(self) -> Date:
        """Return the date of publication.

        The date of a paper on arXiv is that of the preprint. If the paper was published in a
        journal, only the year in the journal reference is known.
        """
        if not (self.venue and self.arxiv_id):
            return self.date
        year = publication_year(self.venue)
        return (year,) if year else self.date[:1]

    @property
    def identifier(self) -> str:
        """Return the DOI; arXiv registers one for each preprint."""
        if self.doi or self.kind != Kind.PREPRINT or not self.arxiv_id:
            return self.doi
        return f"10.48550/arXiv.{self.arxiv_id}"

    @property
    def keywords(self) -> list[str]:
        """Return the reader's tags and the categories."""
        tags = self.kept.tags if self.kept else ()
        return list(dict.fromkeys([*tags, *self.category_names]))

    @property
    def category_names(self) -> list[str]:
        """Return the categories; a list such as "68T45, 62H30" (MSC) is several names."""
        parts = (part.strip() for name in self.categories for part in _SEPARATOR.split(name))
        return list(dict.fromkeys(filter(None, parts)))

    @property
    def primary_category(self) -> str:
        """Return the primary category, or ""."""
        return self.categories[0] if self.categories else ""

    @property
    def arxiv_note(self) -> str:
        """Return "arXiv:2401.00001 [cs.CL]" as Zotero writes it, or ""."""
        if not self.arxiv_id:
            return ""
        # Only identifiers since 2007 are followed by a category.
        category = f" [{self.primary_category}]" if "/" not in self.arxiv_id else ""
        return f"arXiv:{self.arxiv_id}{category if self.primary_category else ''}"

    @property
    def iso_date(self) -> str:
        """Return the date of publication as 2024, 2024-01 or 2024-01-31."""
        return "-".join(
            f"{number:0{width}}" for number, width in zip(self.issued, (4, 2, 2), strict=False)
        )

    @cached_property
    def key(self) -> str:
        """Return the citation key: surname, year, first significant word, and the work's id.

        It depends on nothing but the paper, so it stays the same in every list.
        """
        if self.citation_key:
            return self.citation_key
        words = _WORD.findall(fold_text(self.title))
        significant = [word for word in words if word not in _STOP_WORDS] or words
        surname = _WORD.findall(fold_text(self.names[0].family)) if self.names else []
        surname = surname[:2] if self.names and self.names[0].is_whole else surname[-1:]
        stem = [*surname, *map(str, self.date[:1]), *significant[:1]]
        return f"{''.join(word[:MAX_KEY_WORD] for word in stem)}-{self.id or self._hash()}"

    def _hash(self) -> str:
        identity = "|".join((self.arxiv_id, self.doi, self.title, *self.authors[:1]))
        return hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()[:8]


def arxiv_month(arxiv_id: str) -> Date:
    """Return the year and month in which arXiv assigned an identifier; () for other text.

    >>> arxiv_month("2401.00001"), arxiv_month("hep-th/9901001")
    ((2024, 1), (1999, 1))
    """
    digits = _ARXIV_MONTH.match(arxiv_id)
    if not digits or not 1 <= int(digits[2]) <= 12:
        return ()
    year = int(digits[1])
    return (1900 + year if year > 90 else 2000 + year), int(digits[2])
