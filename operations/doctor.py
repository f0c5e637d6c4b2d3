"""Looks at everything Paperboy needs, and says of each thing what is wrong and what to do.

Each check is a function from the time to findings. One that trips is a finding too, so that
the others are still made.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import kombu.exceptions
import redis
from django.conf import settings
from django.core import checks
from django.core.mail import get_connection
from django.core.mail.backends.smtp import EmailBackend
from django.db import DatabaseError, InterfaceError, connection
from django.urls import reverse

from config.logs import redact
from operations import health, maildomain, queues
from operations.findings import Finding, Level
from papers.models import Source
from subscriptions.editions import alerts
from subscriptions.mail import transactional
from subscriptions.readers import lifecycle

log = logging.getLogger(__name__)

Findings = Iterable[Finding]
Check = Callable[[datetime], Findings]

OLDEST_POSTGRES = 18
EXTENSIONS = ("vector", "pg_trgm")
BEAT_SILENT = timedelta(minutes=5)
SOURCE_SILENT = timedelta(days=2)  # longer than a weekend's pause: a check succeeds on those too
CLOCKS_APART = timedelta(seconds=2)
MANY_WAITING = {"urgent": 50, "mail": 5000, "build": 5000, "ingest": 1000}
MAIL_SECONDS = 8
LEVELS = ((checks.ERROR, Level.ERROR), (checks.WARNING, Level.WARNING), (0, Level.NOTE))


def examine(now: datetime, network: bool = True) -> list[Finding]:
    """All findings; without `network` nothing outside is asked (mail provider, DNS)."""
    rounds = (*INSIDE, *OUTSIDE) if network else INSIDE
    away: set[Check] = set()
    return [finding for check in rounds for finding in _make(check, now, away)]


def quick_report(now: datetime) -> list[Finding]:
    """What can be found at once: workers take two seconds to answer, other servers longer."""
    away: set[Check] = set()
    checks = [check for check in INSIDE if check is not workers]
    return [finding for check in checks for finding in _make(check, now, away)]


def worst_level(findings: Iterable[Finding]) -> Level:
    return max((finding.level for finding in findings), default=Level.OK)


def _make(check: Check, now: datetime, away: set[Check]) -> Findings:
    """What a check finds. A server that is away is one cause: what needs it is not checked."""
    if NEEDS.get(check, set()) & away:
        return [_not_checked(check)]
    try:
        return list(check(now))
    except OUTAGES as error:
        if check in SERVERS:
            away.add(check)
            said, advice = f"It does not answer: {_one_line(error)}", SERVERS[check]
        elif _server(error) in away:
            return [_not_checked(check)]
        else:
            said, advice = f"It could not be checked: {_one_line(error)}", "Run the doctor again."
        return [Finding(_area(check), Level.ERROR, said, advice)]
    except Exception as error:
        log.exception("The doctor's check of %s failed", _area(check))
        said = f"It could not be checked: {_one_line(error)}"
        return [Finding(_area(check), Level.ERROR, said, "The log has the whole error.")]


def _not_checked(check: Check) -> Finding:
    return Finding(_area(check), Level.NOTE, "Not checked.", "Fix the server above first.")


def _server(error: Exception) -> Check:
    return database if isinstance(error, DatabaseError | InterfaceError) else broker


def _area(check: Check) -> str:
    return (check.__doc__ or "").rstrip(".")


def _one_line(error: Exception) -> str:
    return redact(f"{type(error).__name__}: {error}".split("\n")[0])


def configuration(_now: datetime) -> Findings:
    """Settings."""
    if settings.DEBUG:
        said = "DEBUG is on: they are for trying Paperboy, not for production."
        yield Finding("Settings", Level.NOTE, said, "In production set DEBUG=0.")
    found = checks.run_checks(include_deployment_checks=not settings.DEBUG)
    for message in found:
        level = next(ours for theirs, ours in LEVELS if message.level >= theirs)
        yield Finding("Settings", level, f"{message.msg} ({message.id})", message.hint or "")
    if not found and not settings.DEBUG:
        yield Finding("Settings", Level.OK, "They are complete and fit together.")


def database(_now: datetime) -> Findings:
    """PostgreSQL."""
    version = connection.cursor().connection.info.server_version // 10_000
    if version < OLDEST_POSTGRES:
        yield _database(f"It is of version {version}.", f"Upgrade it to {OLDEST_POSTGRES}.")
    there = _column("SELECT extname FROM pg_extension")
    for name in (name for name in EXTENSIONS if name not in there):
        yield _database(f"The extension {name} is missing.", f"CREATE EXTENSION {name};")
    if _value("SHOW synchronous_commit") not in ("on", "remote_write", "remote_apply"):
        advice = "Switch it on: a crash may forget claims, and mail would come twice."
        yield _database("synchronous_commit is off.", advice)
    if not settings.EMBEDDED_POSTGRES and _value("SHOW is_superuser") == "on":
        advice = "Use a role that may less: deploy/roles.sql."
        yield Finding("PostgreSQL", Level.WARNING, "We are its superuser.", advice)
    yield Finding("PostgreSQL", Level.OK, f"Version {version} answers.")


def _database(said: str, advice: str) -> Finding:
    return Finding("PostgreSQL", Level.ERROR, said, advice)


def _column(sql: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [row[0] for row in cursor.fetchall()]


def _value(sql: str) -> Any:
    return _column(sql)[0]


def migrations(_now: datetime) -> Findings:
    """Migrations."""
    if missing := health.unapplied():
        said = f"{len(missing)} are not applied: {', '.join(missing[:5])}."
        yield Finding("Migrations", Level.ERROR, said, "manage.py migrate")
    else:
        yield Finding("Migrations", Level.OK, "All are applied.")


def broker(_now: datetime) -> Findings:
    """Redis."""
    server = queues.client()
    info: dict[str, Any] = server.info()
    policy = info.get("maxmemory_policy", "")
    if policy and policy != "noeviction":
        advice = "Set maxmemory-policy noeviction: what is evicted waits for the next sweep."
        yield Finding("Redis", Level.ERROR, f"When it is full it evicts ({policy}).", advice)
    if not info.get("aof_enabled"):
        advice = "Set appendonly yes: after a restart mail would wait for the sweep."
        yield Finding("Redis", Level.WARNING, "It does not write down what it holds.", advice)
    most, used = int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
    if most and used > 0.8 * most:
        said = f"It is {used / most:.0%} full."
        yield Finding("Redis", Level.WARNING, said, "Give it more memory (maxmemory).")
    yield Finding("Redis", Level.OK, f"Version {info.get('redis_version')} answers.")


def workers(_now: datetime) -> Findings:
    """Workers."""
    alive = queues.workers()
    for queue in queues.QUEUES:
        if alive[queue]:
            yield Finding("Workers", Level.OK, f"{queue}: {', '.join(sorted(alive[queue]))}")
        else:
            advice = f"Start one: celery -A config worker -Q {queue}"
            yield Finding("Workers", Level.ERROR, f"Nobody reads the queue {queue}.", advice)


def beat(now: datetime) -> Findings:
    """Beat."""
    seen = queues.beat_last_seen()
    if seen is None or abs(now - seen) > BEAT_SILENT:  # a stamp in the future proves nothing
        when = f"since {seen:%Y-%m-%d %H:%M} UTC" if seen else "so far"
        advice = "Start one, and a worker of the queue ingest: celery -A config beat"
        yield Finding("Beat", Level.ERROR, f"None of its tasks ran {when}.", advice)
    else:
        yield Finding("Beat", Level.OK, f"A task of its ran at {seen:%H:%M:%S} UTC.")


def waiting(_now: datetime) -> Findings:
    """Queues."""
    for queue, count in queues.depths().items():
        if count > MANY_WAITING[queue]:
            advice = "Start more workers of this queue, or see in the log why they are slow."
            yield Finding("Queues", Level.WARNING, f"{queue}: {count} tasks wait.", advice)
        else:
            yield Finding("Queues", Level.OK, f"{queue}: {count} tasks wait.")


def sending(now: datetime) -> Findings:
    """Editions."""
    troubles = alerts.current_problems(now)
    for said in troubles:
        advice = "docs/operations.md, “Mail is not going out”."
        yield Finding("Editions", Level.ERROR, said, advice)
    for said in alerts.stopped_by_curators():
        yield Finding("Editions", Level.NOTE, said, "Resume or approve it on its page.")
    if not troubles:
        yield Finding("Editions", Level.OK, "None is missing or stuck.")


def messages(now: datetime) -> Findings:
    """Messages."""
    waiting = transactional.describe_standstill(now)
    for told in waiting:
        advice = "Start one (celery -A config worker -Q urgent), then see to the mail provider."
        yield Finding("Messages", Level.ERROR, told, advice)
    wrong = transactional.describe_failures(transactional.recent_failures(now))
    if wrong:
        told = f"In the last day: {', '.join(wrong)}."
        advice = "See why at /admin/subscriptions/message/ and send them again there."
        yield Finding("Messages", Level.WARNING, told, advice)
    if not (waiting or wrong):
        yield Finding("Messages", Level.OK, "All of the last day were handed over or wait.")


def time_zones(_now: datetime) -> Findings:
    """Time zones."""
    unknown = lifecycle.unknown_zones()
    for name, count in sorted(unknown.items()):
        told = f"{count} readers name {name!r}, which this machine does not know."
        advice = "They are treated as UTC. Install the system's tzdata, or correct the readers."
        yield Finding("Time zones", Level.WARNING, told, advice)
    if not unknown:
        yield Finding("Time zones", Level.OK, "All that readers name are known here.")


def sources(now: datetime) -> Findings:
    """Sources."""
    active = list(Source.objects.filter(active=True))
    if not active:
        page = f"{settings.SITE_URL}{reverse('admin:papers_source_recommended')}"
        advice = f"Add some at {page}, or: manage.py add_source --recommended"
        said = "All are switched off." if Source.objects.exists() else "There is none."
        yield Finding("Sources", Level.ERROR, said, advice)
    for source in active:
        yield _source(source, now)


def _source(source: Source, now: datetime) -> Finding:
    advice = "docs/operations.md, “A source is broken”."
    if source.parked_at:
        said = f"{source} is left alone since {source.parked_at:%Y-%m-%d}: {source.outcome}"
        return Finding("Sources", Level.ERROR, said, advice)
    if source.succeeded_at is None:
        level = Level.WARNING if source.failures else Level.NOTE
        return Finding("Sources", level, f"{source} has not been read yet.", advice)
    if now - source.succeeded_at > SOURCE_SILENT:
        said = f"{source} was last read at {source.succeeded_at:%Y-%m-%d %H:%M}: {source.outcome}"
        return Finding("Sources", Level.ERROR, said, advice)
    if source.failures:
        said = f"{source} failed {source.failures} times in a row: {source.outcome}"
        return Finding("Sources", Level.WARNING, said, advice)
    return Finding("Sources", Level.OK, f"{source} was read at {source.succeeded_at:%m-%d %H:%M}.")


def clock(_now: datetime) -> Findings:
    """Clock."""
    theirs = {"PostgreSQL": _value("SELECT clock_timestamp()")}
    seconds, micro = queues.client().time()
    theirs["Redis"] = datetime.fromtimestamp(int(seconds) + int(micro) / 1e6, UTC)
    apart = {name: datetime.now(UTC) - moment for name, moment in theirs.items()}
    for name, difference in apart.items():
        if abs(difference) > CLOCKS_APART:
            said = f"It is {difference.total_seconds():+.1f} seconds off {name}'s."
            yield Finding("Clock", Level.ERROR, said, "Run an NTP client on all machines.")
    if all(abs(difference) <= CLOCKS_APART for difference in apart.values()):
        yield Finding("Clock", Level.OK, "It agrees with those of PostgreSQL and Redis.")


def mail_provider(_now: datetime) -> Findings:
    """Mail provider."""
    backend = get_connection(timeout=MAIL_SECONDS)
    if isinstance(backend, EmailBackend):
        yield _smtp(backend)
    elif address := getattr(backend, "api_url", ""):
        yield _api(address)
    else:
        name = settings.EMAIL_BACKEND.rpartition(".")[2]
        yield Finding("Mail provider", Level.NOTE, f"{name} cannot be tried without mailing.")


def _smtp(backend: EmailBackend) -> Finding:
    place = f"{backend.host}:{backend.port}"
    try:
        backend.open()
        backend.close()
    except OSError as error:  # smtplib's errors are such, and so are those of TLS
        said = f"{place} does not let us in: {_one_line(error)}"
        return Finding("Mail provider", Level.ERROR, said, "Check EMAIL_URL and the firewall.")
    return Finding("Mail provider", Level.OK, f"{place} lets us in.")


def _api(address: str) -> Finding:
    """Whether its host answers; whether it takes our key only a mail would show."""
    host = urlsplit(address).netloc
    try:
        httpx.head(f"https://{host}/", timeout=MAIL_SECONDS)
    except httpx.HTTPError as error:
        said = f"{host} cannot be reached: {_one_line(error)}"
        return Finding("Mail provider", Level.ERROR, said, "Check the network and the firewall.")
    return Finding("Mail provider", Level.OK, f"{host} answers.")


def mail_domain(_now: datetime) -> Iterator[Finding]:
    """Mail domain."""
    return maildomain.check_mail_domain(
        settings.MAIL_DOMAIN, settings.DKIM_SELECTORS, maildomain.asking()
    )


# A server, and what to do where it does not answer; and checks that would wait for it in vain.
SERVERS: dict[Check, str] = {
    database: "Start PostgreSQL, and check DATABASE_URL.",
    broker: "Start Redis, and check REDIS_URL.",
}
NEEDS: dict[Check, set[Check]] = {
    **{check: {database} for check in (migrations, sending, sources)},
    **{check: {broker} for check in (workers, beat, waiting)},
    clock: {database, broker},
}
OUTAGES = (DatabaseError, InterfaceError, redis.RedisError, kombu.exceptions.OperationalError)
INSIDE: tuple[Check, ...] = (
    *(configuration, database, migrations, broker, workers, beat, waiting),
    *(sending, messages, time_zones, sources, clock),
)
OUTSIDE: tuple[Check, ...] = (mail_provider, mail_domain)
