"""Write works as CSL JSON. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from papers.citations.names import Name
from papers.citations.venues import Kind
from papers.citations.work import Work
from papers.text.markup import one_line

# "article" is the type of a preprint: https://docs.citationstyles.org/en/stable/specification.html
_TYPES = {
    Kind.PREPRINT: "article",
    Kind.ARTICLE: "article-journal",
    Kind.CONFERENCE: "paper-conference",
    Kind.OTHER: "document",
}


def write_csl(works: Iterable[Work]) -> str:
    """Return a list with an item for each work."""
    return json.dumps([_item(work) for work in works], ensure_ascii=False, indent=1)


def _item(work: Work) -> dict[str, Any]:
    is_preprint = work.kind == Kind.PREPRINT
    item: dict[str, Any] = {
        "id": work.key,
        "type": _TYPES[work.kind],
        "title": one_line(work.title),
        "author": [_write_name(name) for name in work.names],
        "issued": {"date-parts": [list(work.issued)]} if work.issued else {},
        "container-title": one_line(work.venue),
        "publisher": work.server,
        "genre": "preprint" if is_preprint else "",
        "number": f"arXiv:{work.arxiv_id}" if is_preprint and work.arxiv_id else "",
        "DOI": one_line(work.identifier),
        "URL": one_line(work.url),
        "keyword": one_line(", ".join(work.keywords)),
        "note": one_line(work.arxiv_note),  # Zotero's "Extra" field
        "annote": work.kept.note if work.kept else "",
        "abstract": "\n\n".join(map(one_line, work.abstract.split("\n\n"))),
    }
    return {name: value for name, value in item.items() if value}


def _write_name(name: Name) -> dict[str, str]:
    """Return the parts of a name. Zotero reads particles only as part of the family name."""
    if name.is_whole:
        return {"literal": name.family}
    suffix = {"suffix": name.suffix} if name.suffix else {}
    return {"family": name.family, "given": name.given} | suffix
