"""The edition desk: what a curator says of one day's edition, and what of it shapes digests.

What is pinned stands first in every digest that may hold it, in the curator's order; what is
hidden stands in none; a note goes with its paper; the edition's own subject and note go with all.
Each act returns what was done, for the log; "" where there was nothing to do.
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

MOST_PINNED = 10
NOTE_LENGTH = 350  # characters of a note to one paper


class ActionRefused(Exception):
    """The act was not done; the message says why."""


class ChangedMeanwhile(ActionRefused):
    """Somebody else changed the edition since this page of it was shown."""

    def __init__(self) -> None:
        super().__init__("Somebody changed this edition meanwhile: look again.")


@dataclass(frozen=True)
class Desk:
    """What shapes the digests of a day. Papers by primary key, the pinned ones in their order."""

    pinned: tuple[int, ...] = ()
    hidden: frozenset[int] = frozenset()
    notes: Mapping[int, str] = field(default_factory=dict)
    subject: str = ""
    note: str = ""

    @classmethod
    def of(cls, day: date) -> Desk:
        """One query, whether there is an edition or not."""
        rows = Edition.objects.filter(day=day).order_by("placements__place", "placements__pk")
        names = ("paper_id", "place", "hidden", "note")
        found = list(
            rows.values_list("subject", "note", *(f"placements__{name}" for name in names))
        )
        return cls(
            pinned=tuple(paper for *_, paper, place, _hidden, _note in found if place is not None),
            hidden=frozenset(paper for *_, paper, _place, hidden, _note in found if hidden),
            notes={paper: note for *_, paper, _place, _hidden, note in found if note},
            subject=found[0][0] if found else "",
            note=found[0][1] if found else "",
        )

    def notices(self) -> list[str]:
        """What every digest says first."""
        return [editor_note.as_notice(self.note)] if self.note else []

    def annotate(self, items: Sequence[dict[str, Any]]) -> None:
        """Put the curator's notes to the papers of a digest."""
        for item in items:
            if note := self.notes.get(item["paper"]):
                item["note"] = note


def edition_version(edition: Edition) -> str:
    """Names a state of the edition, so that a page can tell whether it shows the last one."""
    return edition.desk_changed_at.isoformat() if edition.desk_changed_at else ""


@transaction.atomic
def apply_change(
    day: date, now: datetime, act: Callable[..., str], *given: Any, seen: str | None = None
) -> str:
    """Do one of the acts below to an edition, one curator after the other.

    ChangedMeanwhile where `seen` is given and no longer how the edition is.
    """
    states.ensure_editions([day], now)
    edition = Edition.objects.select_for_update().get(day=day)
    if seen is not None and seen != edition_version(edition):
        raise ChangedMeanwhile
    if edition.closed_at or not (done := act(edition, *given)):
        return ""
    edition.desk_changed_at = now
    edition.save(update_fields=["desk_changed_at"])
    return done


def pin_paper(edition: Edition, paper: int) -> str:
    """Put a paper after those that are pinned already."""
    before = pinned_papers(edition)
    if paper in before or len(before) >= MOST_PINNED or not _are_known([paper]):
        return ""
    _write_order(edition, [*before, paper])
    return f"Pinned {_title(paper)}."


def unpin_paper(edition: Edition, paper: int) -> str:
    before = pinned_papers(edition)
    if paper not in before:
        return ""
    _write_order(edition, [one for one in before if one != paper])
    return f"Unpinned {_title(paper)}."


def reorder_pins(edition: Edition, papers: Sequence[int]) -> str:
    """Pin just these, in this order."""
    wanted = list(dict.fromkeys(papers))[:MOST_PINNED]
    if wanted == pinned_papers(edition) or not _are_known(wanted):
        return ""
    _write_order(edition, wanted)
    return "Ordered: " + "; ".join(map(_title, wanted)) if wanted else "Unpinned all."


def move_pin(edition: Edition, paper: int, by: int) -> str:
    """One place up (-1) or down (1)."""
    papers = pinned_papers(edition)
    there = papers.index(paper) + by if paper in papers else -1
    if not 0 <= there < len(papers):
        return ""
    papers.remove(paper)
    papers.insert(there, paper)
    _write_order(edition, papers)
    return f"Moved {_title(paper)} to place {there + 1}."


def replace_pin(edition: Edition, out: int, into: int) -> str:
    """Put one paper where another was pinned."""
    before = pinned_papers(edition)
    if out not in before or into in before or not _are_known([into]):
        return ""
    _write_order(edition, [into if paper == out else paper for paper in before])
    return f"Swapped {_title(out)} for {_title(into)}."


def hide_paper(edition: Edition, paper: int) -> str:
    """Leave it out of this edition; pages and other editions keep it."""
    if not _are_known([paper]) or placements_of(edition).filter(paper=paper, hidden=True).exists():
        return ""
    _write_order(edition, [one for one in pinned_papers(edition) if one != paper])
    _put(edition, paper, hidden=True)
    return f"Left out {_title(paper)}."


def show_paper(edition: Edition, paper: int) -> str:
    if not placements_of(edition).filter(paper=paper, hidden=True).update(hidden=False):
        return ""
    _tidy(edition)
    return f"Let {_title(paper)} in again."


def write_paper_note(edition: Edition, paper: int, note: str) -> str:
    """A note to one paper, for this edition; empty: none."""
    note = fitting("The note", " ".join(note.split()), NOTE_LENGTH)
    before = placements_of(edition).filter(paper=paper).values_list("note", flat=True).first() or ""
    if note == before or not _are_known([paper]):
        return ""
    _put(edition, paper, note=note)
    _tidy(edition)
    return f"Note to {_title(paper)}: {note or 'none'}"


def write_subject_and_note(edition: Edition, subject: str, note: str) -> str:
    """The edition's subject line and note; empty: each reader's own subject, no note."""
    note = note.replace("\r\n", "\n").replace("\r", "\n").strip()
    words = {
        "subject": fitting("The subject line", one_line(subject), SUBJECT_LENGTH),
        "note": fitting("The note", note, editor_note.MAX_LENGTH),
    }
    said = [
        f"{name.capitalize()}: {text or 'none'}"
        for name, text in words.items()
        if text != getattr(edition, name)
    ]
    Edition.objects.filter(pk=edition.pk).update(**words)
    return " ".join(said)


def fitting(name: str, text: str, most: int) -> str:
    """Return the text, or refuse one that is too long: cutting it would lose words unseen."""
    if len(text) > most:
        raise ActionRefused(f"{name} has {len(text):,} characters; at most {most:,} fit.")
    return text


def placements_of(edition: Edition) -> QuerySet[Placement]:
    return Placement.objects.filter(edition=edition.pk)


def pinned_papers(edition: Edition) -> list[int]:
    found = placements_of(edition).filter(place__isnull=False).order_by("place", "pk")
    return list(found.values_list("paper_id", flat=True))


def _write_order(edition: Edition, papers: Sequence[int]) -> None:
    placements_of(edition).update(place=None)
    for place, paper in enumerate(papers):
        _put(edition, paper, place=place, hidden=False)
    _tidy(edition)


def _put(edition: Edition, paper: int, **values: Any) -> None:
    Placement.objects.update_or_create(edition=edition, paper_id=paper, defaults=values)


def _tidy(edition: Edition) -> None:
    """Rows that say nothing any more go."""
    says = Q(place__isnull=False) | Q(hidden=True) | ~Q(note="")
    placements_of(edition).exclude(says).delete()


def _are_known(papers: Sequence[int]) -> bool:
    return Paper.objects.visible().filter(pk__in=papers).count() == len(papers)


def _title(paper: int) -> str:
    title = Paper.objects.filter(pk=paper).values_list("title", flat=True).first() or str(paper)
    return f"“{title[:80]}”"
