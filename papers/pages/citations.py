"""Citations in pages: links to files, and data for reference managers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from papers.citations.bibtex import write_bibtex
from papers.citations.embedded import json_ld, meta_tags
from papers.citations.export import FORMATS
from papers.exports import make_work
from papers.models import Paper

LIST_PARAMETERS = ("window", "field", "by", "q")


def citation_context(paper: Paper) -> dict[str, Any]:
    """Return the template context of a paper's citation."""
    work = make_work(paper)
    return {
        "bibtex": write_bibtex([work], with_abstracts=False),
        "exports": export_links("cite", {}, paper.pk),
        "meta_tags": meta_tags(work),
        "json_ld": SafeString(json_ld(work)),
    }


def export_links(url_name: str, query: Mapping[str, str], *args: object) -> list[tuple[str, str]]:
    """Return the name of each format and the URL of the file of a page's papers."""
    kept = {name: query[name] for name in LIST_PARAMETERS if query.get(name)}
    suffix = f"?{urlencode(kept)}" if kept else ""
    return format_links(lambda ending: reverse(url_name, args=[*args, ending]) + suffix)


def format_links(url_of: Callable[[str], str]) -> list[tuple[str, str]]:
    """Return the name of each format, and the URL for its ending."""
    return [(file_format.name, url_of(ending)) for ending, file_format in FORMATS.items()]
