"""What curators keep out and put together: blocks, duplicates, reports. All of it can be undone.

A block hides what matches it, now and whenever it comes; a paper merged into another is hidden and
its figures count for the other. Undoing shows again what only this had hidden.
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
from papers.text.markup import name_key

DUPLICATES_WITHIN = timedelta(days=30)
MOST_DUPLICATES = 20
CHUNK = 2_000  # papers looked at in one go


def key_of(kind: str, value: str) -> str:
    """What a block compares by; "" if `value` says nothing."""
    text = " ".join(value.casefold().split())
    if kind == Block.Kind.AUTHOR:
        return name_key(value)
    if kind == Block.Kind.SITE:
        return host_of(text if "//" in text else f"//{text}")
    return text


def host_of(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def matches(block: Block, paper: Paper) -> bool:
    if block.kind == Block.Kind.AUTHOR:
        return block.key in map(name_key, paper.authors)
    if block.kind == Block.Kind.SITE:
        host = host_of(paper.abstract_url)
        return host == block.key or host.endswith(f".{block.key}")
    return block.key in " ".join(paper.title.casefold().split())


@transaction.atomic
def add_block(kind: str, value: str, why: str, by: str, now: datetime) -> Block | None:
    """Hide what matches; None where it says nothing or is there already."""
    key = key_of(kind, value)
    if not key or kind not in Block.Kind.values:
        return None
    given = {"value": value.strip()[:300], "why": why[:500], "by": by, "at": now}
    made, is_new = Block.objects.get_or_create(kind=kind, key=key[:300], defaults=given)
    if not is_new:
        return None
    shown = Paper.objects.filter(hidden=False).only("title", "authors", "abstract_url", "hidden")
    _hide(made, shown.order_by("pk").iterator(chunk_size=CHUNK))
    return made


def hide_blocked(papers: Sequence[Paper]) -> None:
    """Papers just stored: hide those that a block matches."""
    if papers:
        for one in Block.objects.select_for_update().order_by("pk"):
            _hide(one, [paper for paper in papers if not paper.hidden])


def _hide(block: Block, papers: Iterable[Paper]) -> None:
    found = [paper for paper in papers if matches(block, paper)]
    for paper in found:
        paper.hidden = True
    pks = [paper.pk for paper in found]
    if pks:
        Paper.objects.filter(pk__in=pks).update(hidden=True)
        block.hid = [*block.hid, *pks]
        block.save(update_fields=["hid"])


@transaction.atomic
def remove_block(block: Block) -> int:
    """Show what only this block hid; returns how many."""
    others = list(Block.objects.exclude(pk=block.pk))
    merged = set(Merge.objects.filter(merged__in=block.hid).values_list("merged_id", flat=True))
    back = []
    for paper in Paper.objects.filter(pk__in=block.hid, hidden=True):
        other = next((one for one in others if matches(one, paper)), None)
        if other:
            Block.objects.filter(pk=other.pk).update(hid=[*other.hid, paper.pk])
        elif paper.pk not in merged:
            back.append(paper.pk)
    block.delete()
    return Paper.objects.filter(pk__in=back).update(hidden=False)


@transaction.atomic
def merge_papers(kept: int, merged: int, by: str, now: datetime) -> Merge | None:
    """Let one paper stand for both; None where that makes no sense."""
    papers = Paper.objects.select_for_update().in_bulk(sorted({kept, merged}))
    either = Merge.objects.filter(merged__in=(kept, merged))
    if len(papers) != 2 or either.exists() or Merge.objects.filter(kept=merged).exists():
        return None
    made = Merge.objects.create(
        kept_id=kept, merged_id=merged, was_hidden=papers[merged].hidden, by=by, at=now
    )
    Paper.objects.filter(pk=merged).update(hidden=True)
    return made


@transaction.atomic
def undo_merge(merge: Merge) -> None:
    Paper.objects.filter(pk=merge.merged_id).update(hidden=merge.was_hidden)
    merge.delete()


def merged_into() -> dict[int, int]:
    """For each paper that was merged, the one that stands for it; curators merge few."""
    return dict(Merge.objects.values_list("merged_id", "kept_id"))


def merged_papers() -> dict[int, list[Paper]]:
    """For each paper that stands for others, these."""
    found: dict[int, list[Paper]] = defaultdict(list)
    for merge in Merge.objects.select_related("merged"):
        found[merge.kept_id].append(merge.merged)
    return found


def likely_duplicates(today: date) -> list[list[Paper]]:
    """Groups of lately seen papers with one title; in each, the one talked about most first."""
    recent = Paper.objects.visible().filter(day__gt=today - DUPLICATES_WITHIN)
    titled = recent.annotate(low=Lower("title"))
    twice = titled.values_list("low").annotate(n=Count("pk")).filter(n__gt=1).order_by("low")
    titles = [low for low, _n in twice[:MOST_DUPLICATES]]
    groups: dict[str, list[Paper]] = {low: [] for low in titles}
    for paper in titled.filter(low__in=titles).order_by("-score", "pk"):
        groups[paper.low].append(paper)
    return list(groups.values())


@transaction.atomic
def uphold_report(report: Report) -> None:
    """The reader is right: the paper goes."""
    Paper.objects.filter(pk=report.paper_id).update(hidden=True)
    Report.objects.filter(paper=report.paper_id).update(status=Report.Status.UPHELD)


@transaction.atomic
def dismiss_report(report: Report) -> None:
    Report.objects.filter(paper=report.paper_id).update(status=Report.Status.DISMISSED)


@transaction.atomic
def reopen_report(report: Report) -> None:
    """Undo either: it waits again, and the paper is shown."""
    if report.status == Report.Status.UPHELD:
        Paper.objects.filter(pk=report.paper_id).update(hidden=False)
    Report.objects.filter(paper=report.paper_id).update(status=Report.Status.WAITING)
