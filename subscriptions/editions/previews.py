"""An edition as one reader would get it, or a typical one; for a curator's eyes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from subscriptions.editions import candidate_pool, digests
from subscriptions.editions.desk import Desk
from subscriptions.mail import cards, digest_mail
from subscriptions.mail.addresses import email_key
from subscriptions.mail.mime import OutgoingMail
from subscriptions.models import Digest, Interests, Subscriber

TYPICAL = "typical"  # who said nothing yet; "typical cs.CL": whose field that is
MOST_FIELDS = 4


class ReaderNotFound(LookupError):
    """Nobody signed up with this address."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A digest that nobody gets, and whose it would be."""

    digest: Digest
    of: str

    def mail(self, to: str) -> OutgoingMail:
        """For a curator's eyes; its links act for no reader."""
        return digest_mail.test_message(self.digest, cards.visible_cards(self.digest.paper_ids), to)


def typical_readers(day: date) -> list[str]:
    """Typical readers to choose from: of no field, and of the fields with most papers."""
    most = candidate_pool.candidate_papers(day).fields()[:MOST_FIELDS]
    return [TYPICAL, *(f"{TYPICAL} {field}" for field, _papers in most)]


def is_valid_choice(who: str) -> bool:
    """Is this a typical reader, or the address of one that there is?"""
    if who.partition(" ")[0] == TYPICAL:
        return True
    return Subscriber.objects.filter(email_key=email_key(who)).exists()


def preview_for(day: date, who: str, now: datetime) -> Preview:
    """The edition of `day` as `who` gets it: one of `typical`, or a reader's address.

    Raises NoSuchReader.
    """
    if who == TYPICAL or who.startswith(f"{TYPICAL} "):
        return Preview(_typical(day, who.removeprefix(TYPICAL).strip(), now), who)
    reader = Subscriber.objects.filter(email_key=email_key(who)).first()
    if reader is None:
        raise ReaderNotFound(who)
    return Preview(_made(day, reader, now), reader.email)


def _made(day: date, reader: Subscriber, now: datetime) -> Digest:
    """What the reader has already, or what would be made."""
    there = Digest.objects.filter(subscriber=reader, day=day)
    kept = there.filter(status__in=Digest.RESERVING_STATUSES).first()
    return kept or digests.preview_digest(reader, now, day)


def _typical(day: date, field: str, now: datetime) -> Digest:
    desk = Desk.of(day)
    items = digests.preview_interests(Interests(categories=[field] if field else []), day, desk)
    digest = Digest(day=day, created_at=now, items=items, notices=desk.notices())
    digest.paper_ids = [item["paper"] for item in items]
    digest.subject = desk.subject or digests.subject_line(items) if items else ""
    if not items:
        digest.status, digest.reason = Digest.Status.SKIPPED, digests.NO_NEW_PAPERS
    return digest
