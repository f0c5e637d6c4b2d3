"""Previews of an edition for curators, as a typical reader or as an existing one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from subscriptions.editions import candidate_pool, composing, digests
from subscriptions.editions.desk import Desk
from subscriptions.mail import cards, digest_mail
from subscriptions.mail.addresses import email_key
from subscriptions.mail.mime import OutgoingMail
from subscriptions.models import Digest, Subscriber, Topic

TYPICAL = "typical"  # a reader without interests; "typical cs.CL" has that category
MAX_FIELDS = 4


class ReaderNotFound(LookupError):
    """No reader has this address."""


@dataclass(frozen=True, slots=True)
class Preview:
    """An unsent digest. `reader` is an address or a typical reader."""

    digest: Digest
    reader: str

    def mail(self, to: str) -> OutgoingMail:
        """Return a test email, whose links have no effect for the reader."""
        return digest_mail.test_message(self.digest, cards.visible_cards(self.digest.paper_ids), to)


def typical_readers(day: date) -> list[str]:
    """Return typical readers: one without a category, and one for each of the largest ones."""
    largest = candidate_pool.candidate_papers(day).fields()[:MAX_FIELDS]
    return [TYPICAL, *(f"{TYPICAL} {field}" for field, _count in largest)]


def is_valid_choice(who: str) -> bool:
    """Return whether this is a typical reader, or the address of an existing one."""
    if who.partition(" ")[0] == TYPICAL:
        return True
    return Subscriber.objects.filter(email_key=email_key(who)).exists()


def preview_for(day: date, who: str, now: datetime) -> Preview:
    """Return the digest of `day` for a typical reader or for the reader with this address.

    Raise ReaderNotFound for unknown addresses.
    """
    if who == TYPICAL or who.startswith(f"{TYPICAL} "):
        return Preview(_typical(day, who.removeprefix(TYPICAL).strip(), now), who)
    reader = Subscriber.objects.filter(email_key=email_key(who)).first()
    if reader is None:
        raise ReaderNotFound(who)
    return Preview(_existing_or_new(day, reader, now), reader.email)


def _existing_or_new(day: date, reader: Subscriber, now: datetime) -> Digest:
    digests_of_day = Digest.objects.filter(subscriber=reader, day=day)
    existing = digests_of_day.filter(status__in=Digest.RESERVING_STATUSES).first()
    return existing or digests.preview_digest(reader, now, day)


def _typical(day: date, field: str, now: datetime) -> Digest:
    desk = Desk.of(day)
    items = digests.preview_topic(Topic(categories=[field] if field else []), day, desk)
    return Digest(
        day=day,
        created_at=now,
        status=Digest.Status.PENDING if items else Digest.Status.SKIPPED,
        reason="" if items else composing.NO_NEW_PAPERS,
        subject=(desk.subject or composing.subject_line(items)) if items else "",
        items=items,
        paper_ids=[item["paper"] for item in items],
        notices=desk.notices(),
    )
