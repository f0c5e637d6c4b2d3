"""Curators' decisions: blocks, merged duplicates, reports. Each can be undone.

A block hides matching papers, now and in future. A paper merged into another is hidden, and its
counts are added to the other. Undoing a decision shows the papers that only this decision hid.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import Count
from django.db.models.functions import Lower

from papers.models import Block, Merge, Paper, Report
from papers.text.identity import name_key

DUPLICATES_WITHIN = timedelta(days=30)
MAX_DUPLICATES = 20  # groups
CHUNK = 2_000  # papers compared at a time


def block_key(kind: str, value: str) -> str:
    """Return the normalised value of a block, or "" if it is empty."""
    text = " ".join(value.casefold().split())
    if kind == Block.Kind.AUTHOR:
        return name_key(value)
    if kind == Block.Kind.SITE:
        return host_of(text if "//" in text else f"//{text}")
    return text


def host_of(url: str) -> str:
    """Return the host without "www.", or "" if there is none."""
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def matches(block: Block, paper: Paper) -> bool:
    """Return whether a block applies to a paper."""
    if block.kind == Block.Kind.AUTHOR:
        return block.key in map(name_key, paper.authors)
    if block.kind == Block.Kind.SITE:
        host = host_of(paper.abstract_url)
        return host == block.key or host.endswith(f".{block.key}")
    return block.key in " ".join(paper.title.casefold().split())


@transaction.atomic
def add_block(kind: str, value: str, reason: str, author: str, now: datetime) -> Block | None:
    """Add a block and hide matching papers; return None if it is invalid or exists already."""
    key = block_key(kind, value)
    if not key or kind not in Block.Kind.values:
        return None
    values = {
        "value": value.strip()[:300],
        "reason": reason[:500],
        "created_by": author,
        "created_at": now,
    }
    block, is_new = Block.objects.get_or_create(kind=kind, key=key[:300], defaults=values)
    if not is_new:
        return None
    shown = Paper.objects.filter(hidden=False).only("title", "authors", "abstract_url", "hidden")
    _hide(block, shown.order_by("pk").iterator(chunk_size=CHUNK))
    return block


def hide_blocked(papers: Sequence[Paper]) -> None:
    """Hide the papers, just stored, that match a block."""
    if papers:
        for block in Block.objects.select_for_update().order_by("pk"):
            _hide(block, [paper for paper in papers if not paper.hidden])


def _hide(block: Block, papers: Iterable[Paper]) -> None:
    matching = [paper for paper in papers if matches(block, paper)]
    for paper in matching:
        paper.hidden = True
    pks = [paper.pk for paper in matching]
    if pks:
        Paper.objects.filter(pk__in=pks).update(hidden=True)
        block.hidden_papers = [*block.hidden_papers, *pks]
        block.save(update_fields=["hidden_papers"])


@transaction.atomic
def remove_block(block: Block) -> int:
    """Remove a block and show the papers that only it hid; return their number."""
    others = list(Block.objects.exclude(pk=block.pk))
    merged = set(
        Merge.objects.filter(merged__in=block.hidden_papers).values_list("merged_id", flat=True)
    )
    shown = []
    for paper in Paper.objects.filter(pk__in=block.hidden_papers, hidden=True):
        other = next((candidate for candidate in others if matches(candidate, paper)), None)
        if other:
            Block.objects.filter(pk=other.pk).update(hidden_papers=[*other.hidden_papers, paper.pk])
        elif paper.pk not in merged:
            shown.append(paper.pk)
    block.delete()
    return Paper.objects.filter(pk__in=shown).update(hidden=False)


@transaction.atomic
def merge_papers(kept: int, merged: int, author: str, now: datetime) -> Merge | None:
    """Merge one paper into another; return None if one is missing or merged already."""
    papers = Paper.objects.select_for_update().in_bulk(sorted({kept, merged}))
    either = Merge.objects.filter(merged__in=(kept, merged))
    if len(papers) != 2 or either.exists() or Merge.objects.filter(kept=merged).exists():
        return None
    merge = Merge.objects.create(
        kept_id=kept,
        merged_id=merged,
        was_hidden=papers[merged].hidden,
        created_by=author,
        created_at=now,
    )
    Paper.objects.filter(pk=merged).update(hidden=True)
    return merge


@transaction.atomic
def undo_merge(merge: Merge) -> None:
    """Separate two merged papers again."""
    Paper.objects.filter(pk=merge.merged_id).update(hidden=merge.was_hidden)
    merge.delete()


def merged_into() -> dict[int, int]:
    """Return {merged paper: kept paper} by primary key, for all merges."""
    return dict(Merge.objects.values_list("merged_id", "kept_id"))


def merged_papers() -> dict[int, list[Paper]]:
    """Return the papers merged into each kept paper, by its primary key."""
    merged: dict[int, list[Paper]] = defaultdict(list)
    for merge in Merge.objects.select_related("merged"):
        merged[merge.kept_id].append(merge.merged)
    return merged


def likely_duplicates(today: date) -> list[list[Paper]]:
    """Return groups of recent papers with equal titles, each with the most popular first."""
    recent = Paper.objects.visible().filter(day__gt=today - DUPLICATES_WITHIN)
    titled = recent.annotate(lower=Lower("title"))
    repeated = titled.values_list("lower").annotate(n=Count("pk")).filter(n__gt=1)
    titles = [lower for lower, _n in repeated.order_by("lower")[:MAX_DUPLICATES]]
    groups: dict[str, list[Paper]] = {lower: [] for lower in titles}
    for paper in titled.filter(lower__in=titles).order_by("-score", "pk"):
        groups[paper.lower].append(paper)
    return list(groups.values())


@transaction.atomic
def uphold_report(report: Report) -> None:
    """Accept a report: hide the paper."""
    Paper.objects.filter(pk=report.paper_id).update(hidden=True)
    Report.objects.filter(paper=report.paper_id).update(status=Report.Status.UPHELD)


@transaction.atomic
def dismiss_report(report: Report) -> None:
    """Reject a report; the paper stays visible."""
    Report.objects.filter(paper=report.paper_id).update(status=Report.Status.DISMISSED)


@transaction.atomic
def reopen_report(report: Report) -> None:
    """Undo a decision: the report waits again and the paper is shown."""
    if report.status == Report.Status.UPHELD:
        Paper.objects.filter(pk=report.paper_id).update(hidden=False)
    Report.objects.filter(paper=report.paper_id).update(status=Report.Status.WAITING)
