"""Send an edition, and confirm sign-ups, while everything breaks; count at the provider what came
of it."""

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
from devtools.benchmarks import preview, synthetic_text
from devtools.chaos import environment
from subscriptions.delivery import fault_injection
from subscriptions.editions import recovery
from subscriptions.models import Digest, Interests, Message, Subscriber
from subscriptions.readers import mail_requests, signup
from subscriptions.readers.mail_requests import RequestKind

PAPERS = 200
NEWCOMERS = 5  # one sign-up for so many readers
WORKERS = 2
PATIENCE = 90.0  # seconds that what is left is given once nothing breaks any more
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Books:
    """Of the edition's digests, or of the messages, by state (expired ones count as skipped);
    `kills` are connections killed, by us or the provider; the last three are counted at the
    provider.
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
    doubled: int

    def hold(self, others_in_doubt: int = 0) -> bool:
        """Nothing lost, nothing doubled, and no more in doubt than connections were killed."""
        in_doubt = self.uncertain + others_in_doubt
        return not self.lost and not self.doubled and in_doubt <= self.kills

    def line(self) -> str:
        return " ".join(f"{name}={value}" for name, value in asdict(self).items())


def run(readers: int, kills: int, seconds: float, say: Say) -> tuple[Books, Books]:
    """The whole of it, in the place that the environment names: totals of digests and messages."""
    with step("Starting PostgreSQL and Redis"):
        services.start_embedded()
    with step("Making the tables"):
        call_command("migrate", verbosity=0)
    with step(f"Storing {PAPERS} papers and {readers:,} readers"):
        prepare(readers)
    newcomers = max(readers // NEWCOMERS, 10)
    say(
        f"{readers} readers are due, {newcomers} more sign up; "
        f"{WORKERS} workers of {environment.PROCESSES} processes, 2 beats"
    )
    at_points = hide_kills(max(kills // 2, len(fault_injection.POINTS)))
    crew = environment.Crew(WORKERS)
    try:
        with step("Waiting for the first digest"):
            until(lambda: sent() > 0)
        arriving = iter(range(newcomers))
        killed = break_things(crew, max(kills - at_points, 0), seconds, say, arriving)
        for number in track(list(arriving), "Signing up the last ones"):
            sign_up(number)
        at_points -= take_kills_back()
        say(f"nothing breaks any more; {waiting()} digests are waiting")
        with step("Waiting for them"):
            let_finish(readers)
    finally:
        with step("Stopping the workers"):
            stopped = crew.dismiss()
    say(f"workers stopped in {stopped:.1f} s after SIGTERM")
    later = timezone.now() + settings.UNCERTAIN_AFTER + timedelta(minutes=1)
    recovery.recover_digests(later)
    recovery.recover_messages(later)
    return count(readers, newcomers, killed + at_points * settings.MAIL_CONNECTIONS, say)


def prepare(readers: int) -> None:
    """Papers of today and readers who are all due now."""
    preview.store(synthetic_text.papers(PAPERS))
    now = timezone.now()
    made = Subscriber.objects.bulk_create(
        Subscriber(
            email=(address := f"reader{n}@chaos.example"),
            email_key=address,
            status=Subscriber.Status.ACTIVE,
            created_at=now,
            next_digest_at=now,
        )
        for n in range(readers)
    )
    Interests.objects.bulk_create(Interests(subscriber=reader) for reader in made)


def hide_kills(count_: int) -> int:
    """Put so many kills at the named points, evenly; returns how many."""
    for number in range(count_):
        name = fault_injection.POINTS[number % len(fault_injection.POINTS)]
        (environment.folder() / f"{name}.{number}").touch()
    return count_


def take_kills_back() -> int:
    """Remove the kills at points that nobody came by; returns how many."""
    left = [
        kill for name in fault_injection.POINTS for kill in environment.folder().glob(f"{name}.*")
    ]
    for kill in left:
        kill.unlink(missing_ok=True)
    return len(left)


def sign_up(number: int) -> None:
    """As the page does it, until PostgreSQL has taken it; Redis may lose the hint."""
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


def break_things(
    crew: environment.Crew, kills: int, seconds: float, say: Say, arriving: Iterator[int]
) -> int:
    """Everything that can break does, over so many seconds; returns how many connections died."""
    plan: list[Callable[[], int]] = [environment.restart_postgres, environment.crash_postgres]
    plan += [environment.empty_redis] * 2
    plan += [crew.kill_a_worker] * (kills // 8)
    plan += [crew.kill_a_process] * (kills - kills // 8 * environment.PROCESSES)
    random.shuffle(plan)
    begun, killed = time.monotonic(), 0
    for number, act in enumerate(track(plan, "Breaking things"), start=1):
        moment = begun + seconds * number / len(plan)
        while (left := moment - time.monotonic()) > 0:
            if (newcomer := next(arriving, None)) is not None:
                sign_up(newcomer)
            time.sleep(min(left, 0.1))
        killed += act()
    say(f"broken: {', '.join(f'{name} {n}' for name, n in names(plan).items())}")
    return killed


def names(plan: list[Callable[[], int]]) -> Counter[str]:
    return Counter(act.__name__ for act in plan)


def let_finish(readers: int) -> None:
    """Until nothing is waiting or in hand, from where it may come back to be sent again; what a
    lost worker had in hand stays in doubt."""
    made = Digest.objects.all()
    until(lambda: made.count() == readers and not waiting() and not in_hand())


def until(true: Callable[[], bool]) -> None:
    """Wait for something, within limits."""
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up and not true():
        time.sleep(0.5)


def waiting() -> int:
    messages = Message.objects.filter(status=Message.Status.PENDING).count()
    return Digest.objects.filter(status=Digest.Status.PENDING).count() + messages


def in_hand() -> int:
    """Claimed no longer ago than a hand-over can take."""
    longest = timedelta(seconds=settings.EMAIL_TIMEOUT + 5)
    lately = Q(status=Digest.Status.SENDING, claimed_at__gt=timezone.now() - longest)
    return Digest.objects.filter(lately).count() + Message.objects.filter(lately).count()


def sent() -> int:
    return Digest.objects.filter(status=Digest.Status.SENT).count()


def count(readers: int, newcomers: int, killed: int, say: Say) -> tuple[Books, Books]:
    """What the database says, next to what the provider wrote down."""
    accepted = Counter((environment.folder() / "accepted").read_text().split())
    broken = Counter((environment.folder() / "broken").read_text().splitlines())
    say(f"connections killed by us: {killed}; by the provider: {dict(broken)}")
    kills = killed + broken.total()
    digests, messages = Digest.objects.all(), Message.objects.all()
    return (
        _books(digests, [f"reader{n}@chaos.example" for n in range(readers)], accepted, kills),
        _books(messages, [f"newcomer{n}@chaos.example" for n in range(newcomers)], accepted, kills),
    )


def _books(
    rows: QuerySet[Any], addresses: Sequence[str], accepted: Counter[str], kills: int
) -> Books:
    """One mail was due to each of these addresses."""
    states = Counter(rows.values_list("status", flat=True))
    sent = rows.filter(status=Digest.Status.SENT).values_list("subscriber__email", flat=True)
    each = [accepted[address] for address in addresses]
    never_made = len(addresses) - states.total()
    return Books(
        due=len(addresses),
        sent=states[Digest.Status.SENT],
        skipped=states[Digest.Status.SKIPPED] + states[Message.Status.EXPIRED],
        suppressed=states[Digest.Status.SUPPRESSED],
        failed=states[Digest.Status.FAILED],
        uncertain=states[Digest.Status.UNCERTAIN],
        pending=states[Digest.Status.PENDING] + states[Digest.Status.SENDING],
        kills=kills,
        max_per_reader=max(each),
        lost=never_made + len(set(sent) - set(accepted)),
        doubled=sum(times > 1 for times in each),
    )
