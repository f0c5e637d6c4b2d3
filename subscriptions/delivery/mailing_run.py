"""Hand digests and messages over: claim, send, record; one mail in flight per connection.

What was surely not accepted is tried again; what may have been accepted is `uncertain` and never
sent again by itself.
"""

from __future__ import annotations

import logging
import os
import socket
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event, Lock
from typing import Protocol

from django.conf import settings
from django.db import connections

from papers.bulk import any_of
from subscriptions.delivery import claims, fault_injection
from subscriptions.delivery.circuit_breaker import Breaker
from subscriptions.delivery.claims import Outbound
from subscriptions.delivery.outcomes import LONGEST_WHY, Kind, Outcome
from subscriptions.delivery.rates import SendRate, Slot
from subscriptions.delivery.transports import Transport, open_transport
from subscriptions.editions import states
from subscriptions.mail import digest_mail, emails, transactional
from subscriptions.mail.cards import Cards
from subscriptions.mail.mime import OutgoingMail
from subscriptions.models import Digest, Message, Subscriber

log = logging.getLogger(__name__)

Status = Digest.Status
PATIENCE = 5.0  # seconds a worker waits for its turn; longer, and the rest is set aside
CHANGED = "The reader is no longer active."


class Errand(Protocol):
    """What differs between digests and messages."""

    urgent: bool  # it does not wait for the warm-up, nor for Redis

    def render(self, mail: Outbound) -> OutgoingMail: ...

    def trouble(self, mail: Outbound, why: str, breaker: Breaker, now: datetime) -> None:
        """Too much goes wrong, and the run ends."""

    def drop(self, pks: Sequence[int], now: datetime) -> None:
        """Of those that could not be claimed, settle what shall not be sent any more."""


class Digests:
    """The digests of an edition: trouble pauses it."""

    urgent = False

    def __init__(self, waiting: Sequence[Digest]) -> None:
        self.cards = Cards({pk for digest in waiting for pk in digest.paper_ids})

    def render(self, mail: Outbound) -> OutgoingMail:
        assert isinstance(mail, Digest)  # noqa: S101 - nothing else is among them
        return digest_mail.digest_message(mail, self.cards.current())

    def trouble(self, mail: Outbound, why: str, breaker: Breaker, now: datetime) -> None:
        assert isinstance(mail, Digest)  # noqa: S101
        if Kind.BROKEN in breaker.seen:
            states.pause_open_editions(why, now)
        else:
            states.pause_after_errors(mail.day, why, breaker.passes(), now)

    def drop(self, pks: Sequence[int], now: datetime) -> None:
        gone = Digest.objects.filter(pk__in=pks, status=Status.PENDING)
        gone = gone.exclude(subscriber__status=Subscriber.Status.ACTIVE)
        gone.update(status=Status.SUPPRESSED, reason=CHANGED)


class Messages:
    """All other emails: in trouble each waits for its own next attempt."""

    urgent = True

    def render(self, mail: Outbound) -> OutgoingMail:
        assert isinstance(mail, Message)  # noqa: S101
        return emails.render_message(mail)

    def trouble(self, mail: Outbound, why: str, breaker: Breaker, now: datetime) -> None:
        log.warning("messages wait: %s", why)

    def drop(self, pks: Sequence[int], now: datetime) -> None:
        _objections(pks, now)


@dataclass
class Run:
    """One chunk on its way out, by one or more connections."""

    clock: Callable[[], datetime]
    stopping: Callable[[], bool]
    todo: deque[Outbound]
    errand: Errand
    tally: Counter[str] = field(default_factory=Counter)
    refused: list[int] = field(default_factory=list)
    later: deque[Outbound] = field(default_factory=deque)
    wait: float = 0.0  # seconds until one of those in `later` may leave
    breaker: Breaker = field(default_factory=Breaker)
    lock: Lock = field(default_factory=Lock)
    ended: Event = field(default_factory=Event)

    def next(self) -> Outbound | None:
        """The next mail to hand over; None once the run is to end.

        Those whose domain's cap was met come again when the others are through.
        """
        if self.ended.is_set() or self.stopping():
            return None
        if not self.todo and self.later and self.sleep(self.wait):
            with self.lock:
                self.todo.extend(self.later)
                self.later.clear()
        try:
            return self.todo.popleft()
        except IndexError:
            return None

    def sleep(self, seconds: float) -> bool:
        """Wait; False if the run is to end meanwhile."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self.stopping():
            if self.ended.wait(min(left, 0.2)):
                return False
        return not self.stopping()

    def came_out(self, mail: Outbound, outcome: Outcome) -> None:
        """Count an outcome; where too much goes wrong, end."""
        with self.lock:
            self.tally[claims.STATUS[outcome.kind]] += 1
            tripped = self.breaker.add(outcome.kind) or outcome.kind is Kind.BROKEN
            if tripped and (outcome.kind is Kind.BROKEN or not self.ended.is_set()):
                self.errand.trouble(mail, outcome.why, self.breaker, self.clock())
            if tripped:
                self.ended.set()

    def set_aside(self, waiting: Sequence[Outbound], slot: Slot) -> None:
        """These are not for now: the sweep finds them when it is time."""
        until = self.clock() + timedelta(seconds=slot.wait)
        claims.postpone(waiting, until, slot.why)


@dataclass(frozen=True, slots=True)
class Report:
    """How many came to which state, and what is left when the worker was told to stop."""

    tally: dict[str, int]
    rest: list[int]


def deliver_digests(
    pks: Sequence[int],
    clock: Callable[[], datetime],
    stopping: Callable[[], bool] = lambda: False,
) -> Report:
    """Hand these digests over, those that are still to be sent."""
    waiting = _waiting(pks, clock())
    return _run(Run(clock, stopping, deque(waiting), Digests(waiting)))


def deliver_messages(
    pks: Sequence[int],
    clock: Callable[[], datetime],
    stopping: Callable[[], bool] = lambda: False,
) -> Report:
    """Hand these messages over, those that are still to be sent and may be."""
    waiting = _objections(pks, clock())
    return _run(Run(clock, stopping, deque(waiting), Messages()))


def _run(run: Run) -> Report:
    connections_ = min(settings.MAIL_CONNECTIONS, len(run.todo))
    if connections_ == 1:
        _connection(run)
    elif connections_:
        with ThreadPoolExecutor(connections_) as pool:
            for done in [pool.submit(_thread, run) for _ in range(connections_)]:
                done.result()
    if run.refused:
        run.errand.drop(run.refused, run.clock())
    left = [] if run.ended.is_set() else [mail.pk for mail in (*run.todo, *run.later)]
    return Report(dict(run.tally), left)


def _waiting(pks: Sequence[int], now: datetime) -> list[Digest]:
    """One query for the whole chunk. A task that comes twice finds nothing left to do."""
    waiting = Digest.objects.filter(any_of("pk", pks), status=Status.PENDING)
    waiting = waiting.filter(next_attempt_at__lte=now)
    return list(waiting.select_related("subscriber").order_by("pk"))


def _objections(pks: Sequence[int], now: datetime) -> list[Message]:
    """Of these messages, those that wait and may be sent; the others are suppressed."""
    waiting = Message.objects.filter(
        any_of("pk", pks), status=Message.Status.PENDING, next_attempt_at__lte=now
    )
    wanted = []
    for message in waiting.select_related("subscriber").order_by("pk"):
        if why := transactional.reason_not_to_send(message, now):
            here = Message.objects.filter(pk=message.pk, status=Message.Status.PENDING)
            here.update(status=Message.Status.SUPPRESSED, reason=why)
        else:
            wanted.append(message)
    return wanted


def _thread(run: Run) -> None:
    try:
        _connection(run)
    finally:
        connections.close_all()


def _connection(run: Run) -> None:
    """Hand mails of a run over, one after the other, until there is none."""
    name = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:12]}"
    hand, pace = claims.ClaimHolder(name, run.clock), SendRate(run.clock, urgent=run.errand.urgent)
    transport = open_transport()
    try:
        while mail := run.next():
            if _has_its_turn(run, hand, pace, mail):
                _one(run, hand, pace, mail, transport)
    finally:
        try:
            hand.put_down()
        finally:
            transport.close()


def _has_its_turn(run: Run, hand: claims.ClaimHolder, pace: SendRate, mail: Outbound) -> bool:
    """Wait until this mail may leave; False if it is put back or set aside.

    What is in hand is settled before waiting.
    """
    domain = mail.subscriber.email.rpartition("@")[2].lower() if mail.subscriber else ""
    if not (slot := pace.take_for(domain)).ours:
        run.later.append(mail)
        run.wait = slot.wait
        return False
    while (slot := pace.take()).wait or not slot.ours:
        hand.put_down()
        if slot.wait > PATIENCE and not slot.ours:
            run.set_aside([mail, *run.todo], slot)
            run.ended.set()
            return False
        if not run.sleep(slot.wait):
            run.todo.appendleft(mail)
            return False
        if slot.ours:
            break
    return True


def _one(
    run: Run, hand: claims.ClaimHolder, pace: SendRate, mail: Outbound, transport: Transport
) -> None:
    claim = hand.take(mail)
    if not claim.ours:
        run.refused.append(mail.pk)
        if claim.held:
            run.ended.set()
        return
    fault_injection.point("claimed")
    hand.outcome = outcome = hand_over(mail, run.errand, transport)
    fault_injection.point("handed over")
    if outcome.kind is Kind.THROTTLED:
        pace.slow_down(outcome.retry_after)
    run.came_out(mail, outcome)


def hand_over(mail: Outbound, errand: Errand, transport: Transport) -> Outcome:
    """Render and send one mail. A broken paper or address fails alone."""
    try:
        outgoing = errand.render(mail)
    except Exception as error:  # whatever a template or a header objects to, the rest goes on
        log.exception("%s %s cannot be rendered", mail._meta.model_name, mail.pk)
        return Outcome(Kind.REFUSED, f"{type(error).__name__}: {error}"[:LONGEST_WHY])
    fault_injection.soon("handing over")
    return transport.send(outgoing)
