"""Import of examples from library files and from arXiv author pages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from papers.feeds import DocumentError, parse_document
from papers.fetching import sources
from papers.fetching.results import FetchResult
from papers.models import Paper
from papers.text.identity import title_key
from subscriptions.models import CLOCK_SKEW, Topic
from subscriptions.profiles.references import MAX_EXAMPLES, ParsedLibrary, Reference

AUTHOR_FEED = "https://arxiv.org/a/{}.atom2"
MAX_REASONS_SHOWN = 3
AUTHOR_PAGE_COOLDOWN = timedelta(minutes=10)  # per reader, to spare arXiv

_AUTHOR_ID = re.compile(r"[a-z][a-z'-]{0,40}(?:_[a-z][a-z'-]{0,40}){1,3}_\d{1,4}")
_ORCID = re.compile(r"\d{4}-\d{4}-\d{4}-\d{3}[\dX]")
_ADDRESS = re.compile(r"(?:https?://)?(?:www\.)?(?:arxiv\.org/a/|orcid\.org/)([^/?#]+)/?", re.I)
_ENDING = re.compile(r"\.atom2?$|\.html$")


@dataclass(frozen=True, slots=True)
class Added:
    """Counts of imported papers: found in our database, matched by title only, and dropped."""

    found: int
    by_title: int
    left_out: int = 0

    @property
    def total(self) -> int:
        return self.found + self.by_title

    def in_words(self) -> str:
        text = _("We have %(found)s of %(total)s papers") % {
            "found": self.found,
            "total": self.total,
        }
        if self.by_title:
            text += ", " + ngettext(
                "%(count)s is matched by title only",
                "%(count)s are matched by title only",
                self.by_title,
            ) % {"count": self.by_title}
        if self.left_out:
            text += ", " + _("%(count)s older examples were dropped (maximum %(most)s)") % {
                "count": self.left_out,
                "most": MAX_EXAMPLES,
            }
        return text


def describe_upload(added: Added, library: ParsedLibrary) -> str:
    """Return the result of an upload in one line."""
    text = added.in_words()
    text += describe_rest(library.refused, library.left_out, len(library.references))
    return text.rstrip(".") + "."


def describe_rest(refused: Sequence[str], left_out: int, taken: int) -> str:
    """Return why entries were refused, and how many older ones were left out, to end a line."""
    text = ""
    if refused:
        more = ["…"] if len(refused) > MAX_REASONS_SHOWN else []
        text += _(", %(count)s couldn't be read: %(why)s") % {
            "count": len(refused),
            "why": "; ".join([*refused[:MAX_REASONS_SHOWN], *more]),
        }
    if left_out:
        text += _(". We took the newest %(most)s and skipped %(count)s older ones") % {
            "most": taken,
            "count": left_out,
        }
    return text


def parse_author_id(typed: str) -> str:
    """Return the arXiv author ID or ORCID from an ID or a link; "" for anything else."""
    found = _ADDRESS.fullmatch(typed.strip())
    name = _ENDING.sub("", found[1] if found else typed.strip())
    if _ORCID.fullmatch(name.upper()):
        return name.upper() if _is_orcid(name.upper()) else ""
    return name.lower() if _AUTHOR_ID.fullmatch(name.lower()) else ""


def _is_orcid(name: str) -> bool:
    """Return True if the check digit (ISO 7064, MOD 11-2) is correct."""
    total = 0
    for digit in name.replace("-", "")[:-1]:
        total = (total + int(digit)) * 2
    return "0123456789X"[(12 - total % 11) % 11] == name[-1]


@transaction.atomic
def add_examples(pk: int, brought: Sequence[Reference]) -> Added:
    """Add papers to a topic's examples: stored papers by arXiv ID, others as references.

    New papers come first. Those beyond MAX_EXAMPLES of each kind are dropped.
    """
    topic = Topic.objects.select_for_update().get(pk=pk)
    ours = find(brought)
    ids = [paper.arxiv_id for paper in ours.values() if paper.arxiv_id]
    # A stored paper without an arXiv ID is kept by its DOI or title.
    named = {ref for ref, paper in ours.items() if paper.arxiv_id}
    others = [_as_stored(ref, ours.get(ref)) for ref in brought if ref not in named]
    examples = list(dict.fromkeys([*ids, *topic.examples]))
    references = _once([*others, *topic.references])
    topic.examples, topic.references = examples[:MAX_EXAMPLES], references[:MAX_EXAMPLES]
    topic.save(update_fields=["examples", "references"])
    left_out = len(examples[MAX_EXAMPLES:]) + len(references[MAX_EXAMPLES:])
    return Added(len(ours), len(brought) - len(ours), left_out)


def find(brought: Sequence[Reference]) -> dict[Reference, Paper]:
    """Return the stored papers by arXiv ID, DOI or title; takes three queries at most."""
    ids = {ref.arxiv_id for ref in brought} - {""}
    dois = {ref.doi for ref in brought} - {""}
    by_id: dict[str, Paper] = {}
    for paper in Paper.objects.filter(Q(arxiv_id__in=ids) | Q(doi__in=dois)):
        by_id |= {name: paper for name in (paper.arxiv_id, paper.doi) if name}
    by_title = _by_title(ref.title for ref in brought if not ref.arxiv_id)
    found = {
        ref: by_id.get(ref.arxiv_id) or by_id.get(ref.doi) or by_title.get(title_key(ref.title))
        for ref in brought
    }
    return {ref: paper for ref, paper in found.items() if paper}


def _by_title(titles: Iterable[str]) -> dict[str, Paper]:
    """Return papers by normalized title, without titles that several papers share."""
    keys = {key for title in titles if (key := title_key(title))}
    same = Q()
    for key in keys:
        same |= Q(title_key__startswith=f"{key[:390]}|")
    found: dict[str, list[Paper]] = {}
    for paper in Paper.objects.filter(same) if keys else ():
        found.setdefault(paper.title_key.rpartition("|")[0], []).append(paper)
    return {key: papers[0] for key, papers in found.items() if len(papers) == 1}


def _as_stored(reference: Reference, ours: Paper | None) -> dict[str, str]:
    if ours is None:
        return asdict(reference)
    return {"title": ours.title, "arxiv_id": "", "doi": ours.doi or reference.doi}


def _once(references: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    """Remove duplicates by arXiv ID, DOI or title; the last one is kept."""
    known = {ref["arxiv_id"] or ref["doi"] or title_key(ref["title"]): ref for ref in references}
    return list(known.values())


def request_author_page(pk: int, author: str, now: datetime) -> bool:
    """Request the import of an author page; return False during the cooldown."""
    just_now = (now - AUTHOR_PAGE_COOLDOWN, now + CLOCK_SKEW)
    recent = Topic.objects.filter(pk=pk, author_page_requested_at__range=just_now)
    waiting = Topic.objects.filter(pk=pk).exclude(pk__in=recent.values("pk"))
    return bool(
        waiting.update(
            author_page=author,
            author_page_requested_at=now,
            author_page_status=_("Asking arXiv. Check back in a minute."),
        )
    )


def import_author(pk: int, now: datetime) -> None:
    """Fetch a topic's author page from arXiv, add its papers as examples and save the result."""
    topic = Topic.objects.filter(pk=pk).first()
    author = parse_author_id(topic.author_page) if topic else ""
    if author:
        url = AUTHOR_FEED.format(author)
        take(pk, sources.fetch_politely(url, now))


def take(pk: int, fetched: FetchResult) -> None:
    """Import a fetched author page and save the result as text in the reader's language."""
    topic = Topic.objects.filter(pk=pk)
    language = topic.values_list("subscriber__language", flat=True).first()
    with override(language):
        topic.update(author_page_status=_import_entries(pk, fetched)[:300])


def _import_entries(pk: int, fetched: FetchResult) -> str:
    if fetched.status in (404, 410):
        return _("arXiv has no author page with this name.")
    if fetched.outcome != "ok":
        return _("We couldn't reach arXiv. Please try again later.")
    try:
        entries = parse_document(fetched.body).entries
    except DocumentError:
        return _("We couldn't read arXiv's answer. Please try again later.")
    if not entries:
        return _("The author page lists no papers.")
    brought = [Reference(one.title, one.arxiv_id, one.doi) for one in entries[:MAX_EXAMPLES]]
    return add_examples(pk, brought).in_words() + "."
