"""Deliver digests and messages: claim, send, record; one mail in flight per connection.

A mail that was certainly not accepted is retried. One that may have been accepted becomes
`uncertain` and is never sent again automatically.
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
from subscriptions.delivery.circuit_breaker import CircuitBreaker
from subscriptions.delivery.claims import Outbound
from subscriptions.delivery.outcomes import MAX_REASON_LENGTH, Kind, Outcome
from subscriptions.delivery.rates import SendRate, Slot
from subscriptions.delivery.transports import Transport, open_transport
from subscriptions.editions import states
from subscriptions.mail import digest_mail, emails, transactional
from subscriptions.mail.cards import Cards
from subscriptions.mail.mime import OutgoingMail
from subscriptions.models import Digest, Message, Subscription

log = logging.getLogger(__name__)

Status = Digest.Status
MAX_WAIT = 5.0  # seconds a worker waits for the rate limit; after that the rest is postponed
NOT_ACTIVE = "The reader or the subscription is no longer active."


class MailKind(Protocol):
    """The differences between digests and messages."""

    urgent: bool  # not delayed by the warm-up or a Redis outage

    def render(self, mail: Outbound) -> OutgoingMail: ...

    def on_failures(self, mail: Outbound, why: str, breaker: CircuitBreaker, now: datetime) -> None:
        """React to too many failures; the run ends."""

    def drop(self, pks: Sequence[int], now: datetime) -> None:
        """Settle those of the unclaimed mails that must not be sent any more."""


class Digests:
    """The digests of an edition: failures pause it."""

    urgent = False

    def __init__(self, waiting: Sequence[Digest]) -> None:
        self.cards = Cards({pk for digest in waiting for pk in digest.shown_papers})

    def render(self, mail: Outbound) -> OutgoingMail:
        assert isinstance(mail, Digest)  # noqa: S101 - nothing else is among them
        return digest_mail.digest_message(mail, self.cards.current())

    def on_failures(self, mail: Outbound, why: str, breaker: CircuitBreaker, now: datetime) -> None:
        assert isinstance(mail, Digest)  # noqa: S101
        if Kind.BROKEN in breaker.last:
            states.pause_open_editions(why, now)
        else:
            states.pause_after_errors(mail.day, why, breaker.is_temporary(), now)

    def drop(self, pks: Sequence[int], now: datetime) -> None:
        waiting = Digest.objects.filter(pk__in=pks, status=Status.PENDING)
        wanted = Digest.objects.filter(pk__in=pks, subscription__in=Subscription.objects.active())
        gone = waiting.exclude(pk__in=wanted.values("pk"))
        gone.update(status=Status.SUPPRESSED, reason=NOT_ACTIVE)


class Messages:
    """All other emails: after failures each waits for its own next attempt."""

    urgent = True

    def render(self, mail: Outbound) -> OutgoingMail:
        assert isinstance(mail, Message)  # noqa: S101
        return emails.render_message(mail)

    def on_failures(self, mail: Outbound, why: str, breaker: CircuitBreaker, now: datetime) -> None:
        log.warning("messages are waiting: %s", why)

    def drop(self, pks: Sequence[int], now: datetime) -> None:
        _sendable_messages(pks, now)


@dataclass
class Run:
    """The delivery of one chunk, over one or more connections."""

    clock: Callable[[], datetime]
    stopping: Callable[[], bool]
    todo: deque[Outbound]
    mail_kind: MailKind
    tally: Counter[str] = field(default_factory=Counter)
    refused: list[int] = field(default_factory=list)
    later: deque[Outbound] = field(default_factory=deque)
    wait: float = 0.0  # seconds until one of those in `later` may leave
    breaker: CircuitBreaker = field(default_factory=CircuitBreaker)
    lock: Lock = field(default_factory=Lock)
    ended: Event = field(default_factory=Event)

    def next(self) -> Outbound | None:
        """Return the next mail to deliver; None if the run must end.

        Mails that exceed their domain's limit are tried again after the others.
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
        """Wait; return False if the run must end meanwhile."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self.stopping():
            if self.ended.wait(min(left, 0.2)):
                return False
        return not self.stopping()

    def add_outcome(self, mail: Outbound, outcome: Outcome) -> None:
        """Count an outcome; end the run after too many failures."""
        with self.lock:
            self.tally[claims.STATUS[outcome.kind]] += 1
            tripped = self.breaker.add(outcome.kind) or outcome.kind is Kind.BROKEN
            if tripped and (outcome.kind is Kind.BROKEN or not self.ended.is_set()):
                self.mail_kind.on_failures(mail, outcome.why, self.breaker, self.clock())
            if tripped:
                self.ended.set()

    def postpone(self, waiting: Sequence[Outbound], slot: Slot) -> None:
        """Postpone these mails; the recovery task finds them when they are due."""
        until = self.clock() + timedelta(seconds=slot.wait)
        claims.postpone(waiting, until, slot.why)


@dataclass(frozen=True, slots=True)
class Report:
    """Counts by state, and the keys that are left if the worker was stopped."""

    tally: dict[str, int]
    rest: list[int]


def deliver_digests(
    pks: Sequence[int],
    clock: Callable[[], datetime],
    stopping: Callable[[], bool] = lambda: False,
) -> Report:
    """Deliver those of these digests that are still pending."""
    waiting = _waiting(pks, clock())
    return _run(Run(clock, stopping, deque(waiting), Digests(waiting)))


def deliver_messages(
    pks: Sequence[int],
    clock: Callable[[], datetime],
    stopping: Callable[[], bool] = lambda: False,
) -> Report:
    """Deliver those of these messages that are still pending and may be sent."""
    waiting = _sendable_messages(pks, clock())
    return _run(Run(clock, stopping, deque(waiting), Messages()))


def _run(run: Run) -> Report:
    count = min(settings.MAIL_CONNECTIONS, len(run.todo))
    if count == 1:
        _deliver_all(run)
    elif count:
        with ThreadPoolExecutor(count) as pool:
            for future in [pool.submit(_thread, run) for _ in range(count)]:
                future.result()
    if run.refused:
        run.mail_kind.drop(run.refused, run.clock())
    left = [] if run.ended.is_set() else [mail.pk for mail in (*run.todo, *run.later)]
    return Report(dict(run.tally), left)


def _waiting(pks: Sequence[int], now: datetime) -> list[Digest]:
    """Return the pending digests of a chunk, in one query. A repeated task finds none."""
    waiting = Digest.objects.filter(any_of("pk", pks), status=Status.PENDING)
    waiting = waiting.filter(next_attempt_at__lte=now)
    return list(waiting.select_related("subscriber").order_by("pk"))


def _sendable_messages(pks: Sequence[int], now: datetime) -> list[Message]:
    """Return the pending messages that may be sent; suppress the others."""
    waiting = Message.objects.filter(
        any_of("pk", pks), status=Message.Status.PENDING, next_attempt_at__lte=now
    )
    sendable = []
    for message in waiting.select_related("subscriber").order_by("pk"):
        if reason := transactional.reason_not_to_send(message, now):
            row = Message.objects.filter(pk=message.pk, status=Message.Status.PENDING)
            row.update(status=Message.Status.SUPPRESSED, reason=reason)
        else:
            sendable.append(message)
    return sendable


def _thread(run: Run) -> None:
    try:
        _deliver_all(run)
    finally:
        connections.close_all()


def _deliver_all(run: Run) -> None:
    """Deliver the mails of a run over one connection, one after the other."""
    name = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:12]}"
    holder, rate = (
        claims.ClaimHolder(name, run.clock),
        SendRate(run.clock, urgent=run.mail_kind.urgent),
    )
    transport = open_transport()
    try:
        while mail := run.next():
            if _await_rate(run, holder, rate, mail):
                _deliver(run, holder, rate, mail, transport)
    finally:
        try:
            holder.settle()
        finally:
            transport.close()


def _await_rate(run: Run, holder: claims.ClaimHolder, rate: SendRate, mail: Outbound) -> bool:
    """Wait until this mail may be sent; return False if it is put back or postponed.

    The current mail is settled before waiting.
    """
    domain = mail.subscriber.email.rpartition("@")[2].lower() if mail.subscriber else ""
    if not (slot := rate.take_for(domain)).ours:
        run.later.append(mail)
        run.wait = slot.wait
        return False
    while (slot := rate.take()).wait or not slot.ours:
        holder.settle()
        if slot.wait > MAX_WAIT and not slot.ours:
            run.postpone([mail, *run.todo], slot)
            run.ended.set()
            return False
        if not run.sleep(slot.wait):
            run.todo.appendleft(mail)
            return False
        if slot.ours:
            break
    return True


def _deliver(
    run: Run, holder: claims.ClaimHolder, rate: SendRate, mail: Outbound, transport: Transport
) -> None:
    claim = holder.claim(mail)
    if not claim.ours:
        run.refused.append(mail.pk)
        if claim.held:
            run.ended.set()
        return
    fault_injection.point("claimed")
    holder.outcome = outcome = hand_over(mail, run.mail_kind, transport)
    fault_injection.point("handed over")
    if outcome.kind is Kind.THROTTLED:
        rate.slow_down(outcome.retry_after)
    run.add_outcome(mail, outcome)


def hand_over(mail: Outbound, mail_kind: MailKind, transport: Transport) -> Outcome:
    """Render and send one mail. A broken paper or address fails only this mail."""
    try:
        outgoing = mail_kind.render(mail)
    except Exception as error:  # a template or header may fail in any way; the rest goes on
        log.exception("cannot render %s %s", mail._meta.model_name, mail.pk)
        return Outcome(Kind.REFUSED, f"{type(error).__name__}: {error}"[:MAX_REASON_LENGTH])
    fault_injection.soon("handing over")
    return transport.send(outgoing)
