"""Handing digests over: claim, send, record; one message in flight per connection.

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

from django.conf import settings
from django.db import connections

from papers.bulk import among
from subscriptions import digest_mail, editions, faults, ledger
from subscriptions.breaker import Breaker
from subscriptions.cards import Cards
from subscriptions.models import Digest, Subscriber
from subscriptions.outcomes import LONGEST_WHY, Kind, Outcome
from subscriptions.rates import Pace, Slot
from subscriptions.transports import Transport, open_transport

log = logging.getLogger(__name__)

Status = Digest.Status
PATIENCE = 5.0  # seconds a worker waits for its turn; longer, and the rest is set aside
CHANGED = "The reader is no longer active."


@dataclass
class Run:
    """One chunk on its way out, by one or more connections."""

    clock: Callable[[], datetime]
    stopping: Callable[[], bool]
    todo: deque[Digest]
    cards: Cards
    tally: Counter[str] = field(default_factory=Counter)
    refused: list[int] = field(default_factory=list)
    later: deque[Digest] = field(default_factory=deque)
    wait: float = 0.0  # seconds until one of those in `later` may leave
    breaker: Breaker = field(default_factory=Breaker)
    lock: Lock = field(default_factory=Lock)
    ended: Event = field(default_factory=Event)

    def next(self) -> Digest | None:
        """The next digest to hand over; None once the run is to end.

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

    def came_out(self, digest: Digest, outcome: Outcome) -> None:
        """Count an outcome; where too much goes wrong, pause and end."""
        with self.lock:
            self.tally[ledger.STATUS[outcome.kind]] += 1
            tripped = self.breaker.add(outcome.kind)
            if outcome.kind is Kind.BROKEN:
                editions.pause_all(outcome.why, self.clock())
            elif tripped and not self.ended.is_set():
                editions.burst(digest.day, outcome.why, self.breaker.passes(), self.clock())
            if outcome.kind is Kind.BROKEN or tripped:
                self.ended.set()

    def set_aside(self, waiting: Sequence[Digest], slot: Slot) -> None:
        """These are not for now: the sweep finds them when it is time."""
        until = self.clock() + timedelta(seconds=slot.wait)
        ledger.postpone([digest.pk for digest in waiting], until, slot.why)


@dataclass(frozen=True, slots=True)
class Report:
    """How many came to which state, and the digests left when the worker was told to stop."""

    tally: dict[str, int]
    rest: list[int]


def deliver(
    pks: Sequence[int],
    clock: Callable[[], datetime],
    stopping: Callable[[], bool] = lambda: False,
) -> Report:
    """Hand these digests over, those that are still to be; in other hands they stay."""
    waiting = _waiting(pks, clock())
    cards = Cards({pk for digest in waiting for pk in digest.paper_ids})
    run = Run(clock, stopping, deque(waiting), cards)
    connections_ = min(settings.MAIL_CONNECTIONS, len(run.todo))
    if connections_ == 1:
        _connection(run)
    elif connections_:
        with ThreadPoolExecutor(connections_) as pool:
            for done in [pool.submit(_thread, run) for _ in range(connections_)]:
                done.result()
    _suppress(run.refused)
    left = [] if run.ended.is_set() else [digest.pk for digest in (*run.todo, *run.later)]
    return Report(dict(run.tally), left)


def _waiting(pks: Sequence[int], now: datetime) -> list[Digest]:
    """One query for the whole chunk. A task that comes twice finds nothing left to do."""
    waiting = Digest.objects.filter(among("pk", pks), status=Status.PENDING)
    waiting = waiting.filter(next_attempt_at__lte=now)
    return list(waiting.select_related("subscriber").order_by("pk"))


def _suppress(pks: Sequence[int]) -> None:
    """Of those that could not be claimed, settle whose readers are gone."""
    if pks:
        gone = Digest.objects.filter(pk__in=pks, status=Status.PENDING)
        gone = gone.exclude(subscriber__status=Subscriber.Status.ACTIVE)
        gone.update(status=Status.SUPPRESSED, reason=CHANGED)


def _thread(run: Run) -> None:
    try:
        _connection(run)
    finally:
        connections.close_all()


def _connection(run: Run) -> None:
    """Hand digests of a run over, one after the other, until there is none."""
    name = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:12]}"
    hand, pace = ledger.Hand(name, run.clock), Pace(run.clock)
    transport = open_transport()
    try:
        while digest := run.next():
            if _has_its_turn(run, hand, pace, digest):
                _one(run, hand, pace, digest, transport)
    finally:
        try:
            hand.put_down()
        finally:
            transport.close()


def _has_its_turn(run: Run, hand: ledger.Hand, pace: Pace, digest: Digest) -> bool:
    """Wait until this digest may leave; False if it is put back or set aside.

    What is in hand is settled before waiting.
    """
    domain = digest.subscriber.email.rpartition("@")[2].lower()
    if not (slot := pace.take_for(domain)).ours:
        run.later.append(digest)
        run.wait = slot.wait
        return False
    while (slot := pace.take()).wait or not slot.ours:
        hand.put_down()
        if slot.wait > PATIENCE and not slot.ours:
            run.set_aside([digest, *run.todo], slot)
            run.ended.set()
            return False
        if not run.sleep(slot.wait):
            run.todo.appendleft(digest)
            return False
        if slot.ours:
            break
    return True


def _one(run: Run, hand: ledger.Hand, pace: Pace, digest: Digest, transport: Transport) -> None:
    claim = hand.take(digest)
    if not claim.ours:
        run.refused.append(digest.pk)
        if claim.held:
            run.ended.set()
        return
    faults.point("claimed")
    hand.outcome = outcome = hand_over(digest, run.cards, transport)
    faults.point("handed over")
    if outcome.kind is Kind.THROTTLED:
        pace.slow_down(outcome.retry_after)
    run.came_out(digest, outcome)


def hand_over(digest: Digest, cards: Cards, transport: Transport) -> Outcome:
    """Render and send one message. A broken paper or address fails alone."""
    try:
        outgoing = digest_mail.outgoing(digest, cards.now())
    except Exception as error:  # whatever a template or a header objects to, the rest goes on
        log.exception("digest %s cannot be rendered", digest.pk)
        return Outcome(Kind.REFUSED, f"{type(error).__name__}: {error}"[:LONGEST_WHY])
    faults.soon("handing over")
    return transport.send(outgoing)
