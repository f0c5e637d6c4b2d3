"""The edition desk: a curator's changes to one day's edition.

Pinned papers come first in every digest that can include them, in the curator's order. Hidden
papers are in no digest. Notes appear with their paper; the edition's subject and note apply to all
digests. Each change returns a description for the log, or "" if there was nothing to change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from papers.models import Paper
from papers.text.markup import one_line
from subscriptions.editions import states
from subscriptions.mail import editor_note
from subscriptions.mail.digest_mail import SUBJECT_LENGTH
from subscriptions.models import Edition, Placement

MAX_PINNED = 10
NOTE_LENGTH = 350  # characters of a note to one paper
TITLE_LENGTH = 80  # characters of a title in the log


class ActionRefused(Exception):
    """The change was not made. The message says why."""


class ChangedMeanwhile(ActionRefused):
    """Another curator changed the edition after this page was loaded."""

    def __init__(self) -> None:
        super().__init__("Someone else has changed this edition. Check it and try again.")


@dataclass(frozen=True)
class Desk:
    """A curator's settings for a day. Papers are primary keys, pinned ones in order."""

    pinned: tuple[int, ...] = ()
    hidden: frozenset[int] = frozenset()
    notes: Mapping[int, str] = field(default_factory=dict)
    subject: str = ""
    note: str = ""

    @classmethod
    def of(cls, day: date) -> Desk:
        """Return the desk of a day, with one query."""
        editions = Edition.objects.filter(day=day).order_by("placements__place", "placements__pk")
        names = ("paper_id", "place", "hidden", "note")
        rows = list(
            editions.values_list("subject", "note", *(f"placements__{name}" for name in names))
        )
        return cls(
            pinned=tuple(paper for *_, paper, place, _hidden, _note in rows if place is not None),
            hidden=frozenset(paper for *_, paper, _place, hidden, _note in rows if hidden),
            notes={paper: note for *_, paper, _place, _hidden, note in rows if note},
            subject=rows[0][0] if rows else "",
            note=rows[0][1] if rows else "",
        )

    def notices(self) -> list[str]:
        """Return the notices at the top of every digest."""
        return [editor_note.as_notice(self.note)] if self.note else []

    def annotate(self, items: Sequence[dict[str, Any]]) -> None:
        """Add the curator's notes to the items of a digest."""
        for item in items:
            if note := self.notes.get(item["paper"]):
                item["note"] = note


def edition_version(edition: Edition) -> str:
    """Return a version string, which a page uses to detect concurrent changes."""
    return edition.desk_changed_at.isoformat() if edition.desk_changed_at else ""


@transaction.atomic
def apply_change(
    day: date,
    now: datetime,
    change: Callable[..., str],
    *arguments: Any,
    expected_version: str | None = None,
) -> str:
    """Apply one of the changes below to an edition, holding its lock.

    Raise ChangedMeanwhile if the edition no longer has the `expected_version`.
    """
    states.ensure_editions([day], now)
    edition = Edition.objects.select_for_update().get(day=day)
    if expected_version is not None and expected_version != edition_version(edition):
        raise ChangedMeanwhile
    if edition.closed_at or not (description := change(edition, *arguments)):
        return ""
    edition.desk_changed_at = now
    edition.save(update_fields=["desk_changed_at"])
    return description


def pin_paper(edition: Edition, paper: int) -> str:
    """Pin a paper after those already pinned."""
    pinned = pinned_papers(edition)
    if paper in pinned or len(pinned) >= MAX_PINNED or not _all_visible([paper]):
        return ""
    _write_order(edition, [*pinned, paper])
    return f"Pinned {_title(paper)}."


def unpin_paper(edition: Edition, paper: int) -> str:
    pinned = pinned_papers(edition)
    if paper not in pinned:
        return ""
    _write_order(edition, [pk for pk in pinned if pk != paper])
    return f"Unpinned {_title(paper)}."


def reorder_pins(edition: Edition, papers: Sequence[int]) -> str:
    """Pin exactly these papers, in this order."""
    order = list(dict.fromkeys(papers))[:MAX_PINNED]
    if order == pinned_papers(edition) or not _all_visible(order):
        return ""
    _write_order(edition, order)
    return "New order: " + "; ".join(map(_title, order)) if order else "Unpinned all."


def move_pin(edition: Edition, paper: int, step: int) -> str:
    """Move a pinned paper one place up (-1) or down (1)."""
    papers = pinned_papers(edition)
    place = papers.index(paper) + step if paper in papers else -1
    if not 0 <= place < len(papers):
        return ""
    papers.remove(paper)
    papers.insert(place, paper)
    _write_order(edition, papers)
    return f"Moved {_title(paper)} to place {place + 1}."


def replace_pin(edition: Edition, paper: int, replacement: int) -> str:
    """Pin the replacement at the place of a pinned paper."""
    pinned = pinned_papers(edition)
    if paper not in pinned or replacement in pinned or not _all_visible([replacement]):
        return ""
    _write_order(edition, [replacement if pk == paper else pk for pk in pinned])
    return f"Swapped {_title(paper)} for {_title(replacement)}."


def hide_paper(edition: Edition, paper: int) -> str:
    """Leave a paper out of this edition. The site and other editions are not affected."""
    is_hidden = placements_of(edition).filter(paper=paper, hidden=True).exists()
    if is_hidden or not _all_visible([paper]):
        return ""
    _write_order(edition, [pk for pk in pinned_papers(edition) if pk != paper])
    _update_placement(edition, paper, hidden=True)
    return f"Left out {_title(paper)}."


def show_paper(edition: Edition, paper: int) -> str:
    if not placements_of(edition).filter(paper=paper, hidden=True).update(hidden=False):
        return ""
    _delete_empty_placements(edition)
    return f"Included {_title(paper)} again."


def write_paper_note(edition: Edition, paper: int, note: str) -> str:
    """Set the note to a paper in this edition; an empty note removes it."""
    note = check_length("The note", " ".join(note.split()), NOTE_LENGTH)
    notes = placements_of(edition).filter(paper=paper).values_list("note", flat=True)
    if note == (notes.first() or "") or not _all_visible([paper]):
        return ""
    _update_placement(edition, paper, note=note)
    _delete_empty_placements(edition)
    return f"Note to {_title(paper)}: {note or 'none'}"


def write_subject_and_note(edition: Edition, subject: str, note: str) -> str:
    """Set the edition's subject line and note. If empty, each digest has a subject of its own."""
    note = note.replace("\r\n", "\n").replace("\r", "\n").strip()
    values = {
        "subject": check_length("The subject line", one_line(subject), SUBJECT_LENGTH),
        "note": check_length("The note", note, editor_note.MAX_LENGTH),
    }
    changes = [
        f"{name.capitalize()}: {text or 'none'}"
        for name, text in values.items()
        if text != getattr(edition, name)
    ]
    Edition.objects.filter(pk=edition.pk).update(**values)
    return " ".join(changes)


def check_length(name: str, text: str, max_length: int) -> str:
    """Return the text. Raise ActionRefused if it is too long."""
    if len(text) > max_length:
        raise ActionRefused(f"{name} has {len(text):,} characters; the maximum is {max_length:,}.")
    return text


def placements_of(edition: Edition) -> QuerySet[Placement]:
    return Placement.objects.filter(edition=edition.pk)


def pinned_papers(edition: Edition) -> list[int]:
    pinned = placements_of(edition).filter(place__isnull=False).order_by("place", "pk")
    return list(pinned.values_list("paper_id", flat=True))


def _write_order(edition: Edition, papers: Sequence[int]) -> None:
    placements_of(edition).update(place=None)
    for place, paper in enumerate(papers):
        _update_placement(edition, paper, place=place, hidden=False)
    _delete_empty_placements(edition)


def _update_placement(edition: Edition, paper: int, **values: Any) -> None:
    Placement.objects.update_or_create(edition=edition, paper_id=paper, defaults=values)


def _delete_empty_placements(edition: Edition) -> None:
    has_effect = Q(place__isnull=False) | Q(hidden=True) | ~Q(note="")
    placements_of(edition).exclude(has_effect).delete()


def _all_visible(papers: Sequence[int]) -> bool:
    return Paper.objects.visible().filter(pk__in=papers).count() == len(papers)


def _title(paper: int) -> str:
    title = Paper.objects.filter(pk=paper).values_list("title", flat=True).first() or str(paper)
    return f"“{title[:TITLE_LENGTH]}”"
