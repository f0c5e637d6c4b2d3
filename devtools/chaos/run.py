"""Send an edition and confirm sign-ups during failures; compare with the provider's record."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerError

from config import services
from config.celery import app
from config.progress import step, track
from devtools.benchmarks import synthetic_text
from devtools.benchmarks.pages import preview
from devtools.chaos import environment
from subscriptions.delivery import fault_injection
from subscriptions.editions import recovery
from subscriptions.models import Digest, Message, Subscriber, Subscription, Topic
from subscriptions.readers import mail_requests, signup
from subscriptions.readers.mail_requests import RequestKind

PAPERS = 200
READERS_PER_SIGN_UP = 5
WORKERS = 2
FINISH_TIMEOUT = 90.0  # seconds after the last failure
WriteLine = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts of digests or messages by state; expired ones count as skipped.

    `kills` is the number of connections killed, by the test or the provider. The last three are
    from the provider's record.
    """

    due: int
    sent: int
    skipped: int
    suppressed: int
    failed: int
    uncertain: int
    pending: int
    kills: int
    max_per_reader: int
    lost: int
    duplicated: int

    def is_consistent(self, other_uncertain: int = 0) -> bool:
        """Return whether nothing is lost or duplicated, and killed connections explain the rest.

        `other_uncertain` counts uncertain mails of the other kind, which had the same connections.
        """
        in_doubt = self.uncertain + other_uncertain
        return not self.lost and not self.duplicated and in_doubt <= self.kills

    def line(self) -> str:
        """Return the totals as one line of text."""
        return " ".join(f"{name}={value}" for name, value in asdict(self).items())


def run(readers: int, kills: int, seconds: float, write_line: WriteLine) -> tuple[Totals, Totals]:
    """Run the test in the current environment; return the totals of digests and of messages."""
    with step("Starting PostgreSQL and Redis"):
        services.start_embedded()
    with step("Creating tables"):
        call_command("migrate", verbosity=0)
    with step(f"Storing {PAPERS} papers and {readers:,} readers"):
        prepare(readers)
    newcomers = max(readers // READERS_PER_SIGN_UP, 10)
    write_line(
        f"{readers} readers are due, {newcomers} more sign up; "
        f"{WORKERS} workers of {environment.PROCESSES} processes, 2 beats"
    )
    kills_at_points = plant_kills(max(kills // 2, len(fault_injection.POINTS)))
    processes = environment.ProcessGroup(WORKERS)
    try:
        with step("Waiting for the first digest"):
            wait_until(lambda: sent_count() > 0)
        arriving = iter(range(newcomers))
        killed = inject_failures(
            processes, max(kills - kills_at_points, 0), seconds, write_line, arriving
        )
        for number in track(list(arriving), "Signing up the remaining readers"):
            sign_up(number)
        kills_at_points -= remove_kills()
        write_line(f"failures have stopped; {pending_count()} mails are pending")
        with step("Waiting for pending mails"):
            wait_for_delivery(readers)
    finally:
        with step("Stopping the workers"):
            stopped = processes.stop()
    write_line(f"workers stopped in {stopped:.1f} s after SIGTERM")
    later = timezone.now() + settings.UNCERTAIN_AFTER + timedelta(minutes=1)
    recovery.recover_digests(later)
    recovery.recover_messages(later)
    return collect_totals(
        readers, newcomers, killed + kills_at_points * settings.MAIL_CONNECTIONS, write_line
    )


def prepare(readers: int) -> None:
    """Store papers of today, and readers who are all due now."""
    preview.store(synthetic_text.papers(PAPERS))
    now = timezone.now()
    subscribers = Subscriber.objects.bulk_create(
        Subscriber(
            email=(address := f"reader{n}@chaos.example"),
            email_key=address,
            status=Subscriber.Status.ACTIVE,
            created_at=now,
        )
        for n in range(readers)
    )
    Topic.objects.bulk_create(Topic(subscriber=reader) for reader in subscribers)
    Subscription.objects.bulk_create(
        Subscription(subscriber=reader, next_digest_at=now) for reader in subscribers
    )


def plant_kills(kills: int) -> int:
    """Place kills evenly at the named points of the code; return how many."""
    for number in range(kills):
        name = fault_injection.POINTS[number % len(fault_injection.POINTS)]
        (environment.folder() / f"{name}.{number}").touch()
    return kills


def remove_kills() -> int:
    """Remove kills at points that no process reached; return how many."""
    remaining = [
        kill for name in fault_injection.POINTS for kill in environment.folder().glob(f"{name}.*")
    ]
    for kill in remaining:
        kill.unlink(missing_ok=True)
    return len(remaining)


def sign_up(number: int) -> None:
    """Sign up as the page does; retry until PostgreSQL has stored it. Redis may lose the task."""
    email, now = f"newcomer{number}@chaos.example", timezone.now()
    while True:
        try:
            with transaction.atomic():
                signup.request_sign_up(signup.SignUpRequest(email, "UTC", "/subscribe/", None), now)
                message = mail_requests.request_mail(email, RequestKind.SIGN_UP, now)
            break
        except (OperationalError, InterfaceError):
            connection.close()
            time.sleep(0.2)
    with suppress(BrokerError):
        app.send_task("subscriptions.tasks.send_messages", [[message]], queue="urgent")


def inject_failures(
    processes: environment.ProcessGroup,
    kills: int,
    seconds: float,
    write_line: WriteLine,
    arriving: Iterator[int],
) -> int:
    """Inject all failures over so many seconds; return how many connections were killed."""
    plan: list[Callable[[], int]] = [environment.restart_postgres, environment.crash_postgres]
    plan += [environment.empty_redis] * 2
    plan += [processes.kill_worker] * (kills // 8)
    plan += [processes.kill_process] * (kills - kills // 8 * environment.PROCESSES)
    counts = Counter(act.__name__ for act in plan)
    random.shuffle(plan)
    started, killed = time.monotonic(), 0
    for number, act in enumerate(track(plan, "Injecting failures"), start=1):
        moment = started + seconds * number / len(plan)
        while (left := moment - time.monotonic()) > 0:
            if (newcomer := next(arriving, None)) is not None:
                sign_up(newcomer)
            time.sleep(min(left, 0.1))
        killed += act()
    write_line(f"failures: {', '.join(f'{name} {n}' for name, n in counts.items())}")
    return killed


def wait_for_delivery(readers: int) -> None:
    """Wait until no mail is pending or being sent.

    Mails that a killed worker was sending stay uncertain.
    """
    digests = Digest.objects.all()
    wait_until(lambda: digests.count() == readers and not pending_count() and not sending_count())


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, at most FINISH_TIMEOUT seconds."""
    deadline = time.monotonic() + FINISH_TIMEOUT
    while time.monotonic() < deadline and not condition():
        time.sleep(0.5)


def pending_count() -> int:
    messages = Message.objects.filter(status=Message.Status.PENDING).count()
    return Digest.objects.filter(status=Digest.Status.PENDING).count() + messages


def sending_count() -> int:
    """Return the mails claimed no longer ago than sending can take."""
    max_duration = timedelta(seconds=settings.EMAIL_TIMEOUT + 5)
    is_recent = Q(status=Digest.Status.SENDING, claimed_at__gt=timezone.now() - max_duration)
    return Digest.objects.filter(is_recent).count() + Message.objects.filter(is_recent).count()


def sent_count() -> int:
    return Digest.objects.filter(status=Digest.Status.SENT).count()


def collect_totals(
    readers: int, newcomers: int, killed: int, write_line: WriteLine
) -> tuple[Totals, Totals]:
    """Return the totals of the database and of the provider's record."""
    accepted = Counter((environment.folder() / "accepted").read_text().split())
    broken = Counter((environment.folder() / "broken").read_text().splitlines())
    write_line(f"connections killed by the test: {killed}; by the provider: {dict(broken)}")
    kills = killed + broken.total()
    digests, messages = Digest.objects.all(), Message.objects.all()
    return (
        _totals(digests, [f"reader{n}@chaos.example" for n in range(readers)], accepted, kills),
        _totals(
            messages, [f"newcomer{n}@chaos.example" for n in range(newcomers)], accepted, kills
        ),
    )


def _totals(
    rows: QuerySet[Any], addresses: Sequence[str], accepted: Counter[str], kills: int
) -> Totals:
    """Return the totals of `rows`; one mail is due to each of these addresses."""
    states = Counter(rows.values_list("status", flat=True))
    sent_to = rows.filter(status=Digest.Status.SENT).values_list("subscriber__email", flat=True)
    mails_per_address = [accepted[address] for address in addresses]
    missing = len(addresses) - states.total()
    return Totals(
        due=len(addresses),
        sent=states[Digest.Status.SENT],
        skipped=states[Digest.Status.SKIPPED] + states[Message.Status.EXPIRED],
        suppressed=states[Digest.Status.SUPPRESSED],
        failed=states[Digest.Status.FAILED],
        uncertain=states[Digest.Status.UNCERTAIN],
        pending=states[Digest.Status.PENDING] + states[Digest.Status.SENDING],
        kills=kills,
        max_per_reader=max(mails_per_address),
        lost=missing + len(set(sent_to) - set(accepted)),
        duplicated=sum(times > 1 for times in mails_per_address),
    )
