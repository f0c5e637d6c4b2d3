"""Check everything Paperboy needs, and report problems with advice.

Each check is a function from the time to findings, named by its docstring. An error in a check is
a finding too, so the other checks still run.
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
from django.db import DatabaseError, InterfaceError, ProgrammingError, connection
from django.urls import reverse

from config.logs import redact
from operations import health, maildomain, queues
from operations.findings import Finding, Level
from papers.models import Source
from subscriptions.editions import alerts
from subscriptions.feedback import mailboxes
from subscriptions.mail import transactional
from subscriptions.readers import scheduling

log = logging.getLogger(__name__)

Findings = Iterable[Finding]
Check = Callable[[datetime], Findings]

MIN_POSTGRES_VERSION = 18
EXTENSIONS = ("vector", "pg_trgm")
MAX_BEAT_AGE = timedelta(minutes=5)
MAX_SOURCE_AGE = timedelta(days=2)  # checks succeed on weekends too, without new papers
MAX_CLOCK_DIFFERENCE = timedelta(seconds=2)
MAX_QUEUE_LENGTHS = {"urgent": 50, "mail": 5000, "build": 5000, "ingest": 1000}
MAIL_TIMEOUT = 8  # seconds
LEVELS = ((checks.ERROR, Level.ERROR), (checks.WARNING, Level.WARNING), (0, Level.NOTE))


def examine(now: datetime, network: bool = True) -> list[Finding]:
    """Run all checks. Without `network`, skip those that use the mail provider or DNS."""
    checks_to_run = (*LOCAL_CHECKS, *NETWORK_CHECKS) if network else LOCAL_CHECKS
    unavailable: set[Check] = set()
    return [finding for check in checks_to_run for finding in _run(check, now, unavailable)]


def quick_report(now: datetime) -> list[Finding]:
    """Run the fast checks: workers take two seconds to answer, other servers longer."""
    unavailable: set[Check] = set()
    fast = [check for check in LOCAL_CHECKS if check is not workers]
    return [finding for check in fast for finding in _run(check, now, unavailable)]


def worst_level(findings: Iterable[Finding]) -> Level:
    return max((finding.level for finding in findings), default=Level.OK)


def _run(check: Check, now: datetime, unavailable: set[Check]) -> Findings:
    """Return the findings of a check. Skip it if it needs a server that does not answer."""
    if NEEDS.get(check, set()) & unavailable:
        return [_not_checked(check)]
    try:
        return list(check(now))
    except OUTAGES as error:
        if check in SERVERS:
            unavailable.add(check)
            message, advice = f"No answer: {_one_line(error)}", SERVERS[check]
        elif _server(error) in unavailable:
            return [_not_checked(check)]
        elif isinstance(error, ProgrammingError) and health.unapplied_migrations():
            return [_not_checked(check, "Run the migrations first.")]
        else:
            message, advice = f"The check failed: {_one_line(error)}", "Run the doctor again."
        return [Finding(_area(check), Level.ERROR, message, advice)]
    except Exception as error:
        log.exception("The doctor's check of %s failed", _area(check))
        message = f"The check failed: {_one_line(error)}"
        return [Finding(_area(check), Level.ERROR, message, "See the log for the full error.")]


def _not_checked(check: Check, advice: str = "Fix the server above first.") -> Finding:
    return Finding(_area(check), Level.NOTE, "Not checked.", advice)


def _server(error: Exception) -> Check:
    return database if isinstance(error, DatabaseError | InterfaceError) else broker


def _area(check: Check) -> str:
    return (check.__doc__ or "").rstrip(".")


def _one_line(error: Exception) -> str:
    return redact(f"{type(error).__name__}: {error}".split("\n")[0])


def configuration(_now: datetime) -> Findings:
    """Settings."""
    if settings.DEBUG:
        message = "DEBUG is on. Don't use it in production."
        yield Finding("Settings", Level.NOTE, message, "Set DEBUG=0 in production.")
    found = checks.run_checks(include_deployment_checks=not settings.DEBUG)
    problems = [problem for problem in found if not problem.is_silenced()]
    for problem in problems:
        level = next(level for minimum, level in LEVELS if problem.level >= minimum)
        yield Finding("Settings", level, f"{problem.msg} ({problem.id})", problem.hint or "")
    if not problems and not settings.DEBUG:
        yield Finding("Settings", Level.OK, "Complete and consistent.")


def database(_now: datetime) -> Findings:
    """PostgreSQL."""
    version = connection.cursor().connection.info.server_version // 10_000
    if version < MIN_POSTGRES_VERSION:
        yield _database(f"Version {version} is too old.", f"Upgrade to {MIN_POSTGRES_VERSION}.")
    installed = _column("SELECT extname FROM pg_extension")
    for name in (name for name in EXTENSIONS if name not in installed):
        yield _database(f"The extension {name} is missing.", f"Run CREATE EXTENSION {name};")
    if _value("SHOW synchronous_commit") not in ("on", "remote_write", "remote_apply"):
        advice = "Turn it on. After a crash, claims may be lost and emails sent twice."
        yield _database("synchronous_commit is off.", advice)
    if not settings.EMBEDDED_POSTGRES and _value("SHOW is_superuser") == "on":
        advice = "Use a restricted role; see deploy/roles.sql."
        yield Finding("PostgreSQL", Level.WARNING, "Connected as superuser.", advice)
    yield Finding("PostgreSQL", Level.OK, f"Version {version} is running.")


def _database(message: str, advice: str) -> Finding:
    return Finding("PostgreSQL", Level.ERROR, message, advice)


def _column(sql: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [row[0] for row in cursor.fetchall()]


def _value(sql: str) -> Any:
    return _column(sql)[0]


def migrations(_now: datetime) -> Findings:
    """Migrations."""
    if missing := health.unapplied_migrations():
        message = f"{len(missing)} not applied: {', '.join(missing[:5])}."
        yield Finding("Migrations", Level.ERROR, message, "Run manage.py migrate.")
    else:
        yield Finding("Migrations", Level.OK, "All applied.")


def broker(_now: datetime) -> Findings:
    """Redis."""
    server = queues.client()
    info: dict[str, Any] = server.info()
    policy = info.get("maxmemory_policy", "")
    if policy and policy != "noeviction":
        advice = "Set maxmemory-policy noeviction. Evicted tasks are delayed until recovery."
        yield Finding("Redis", Level.ERROR, f"It evicts data when full ({policy}).", advice)
    if not info.get("aof_enabled"):
        advice = "Set appendonly yes. After a restart, emails would be delayed until recovery."
        yield Finding("Redis", Level.WARNING, "It doesn't persist its data.", advice)
    limit, used = int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
    if limit and used > 0.8 * limit:
        message = f"Memory is {used / limit:.0%} full."
        yield Finding("Redis", Level.WARNING, message, "Increase maxmemory.")
    yield Finding("Redis", Level.OK, f"Version {info.get('redis_version')} is running.")


def workers(_now: datetime) -> Findings:
    """Workers."""
    active = queues.workers()
    for queue in queues.QUEUES:
        if active[queue]:
            yield Finding("Workers", Level.OK, f"{queue}: {', '.join(sorted(active[queue]))}")
        else:
            advice = f"Start one: celery -A config worker -Q {queue}"
            yield Finding("Workers", Level.ERROR, f"No worker for queue “{queue}”.", advice)


def beat(now: datetime) -> Findings:
    """Beat."""
    last = queues.beat_last_seen()
    if last is None or abs(now - last) > MAX_BEAT_AGE:  # a time in the future is no proof either
        when = f"since {last:%Y-%m-%d %H:%M} UTC" if last else "so far"
        advice = "Start beat (celery -A config beat) and a worker for queue “ingest”."
        yield Finding("Beat", Level.ERROR, f"No task has run {when}.", advice)
    else:
        yield Finding("Beat", Level.OK, f"Last task ran at {last:%H:%M:%S} UTC.")


def waiting(_now: datetime) -> Findings:
    """Queues."""
    for queue, count in queues.depths().items():
        if count > MAX_QUEUE_LENGTHS[queue]:
            advice = "Start more workers for this queue, or check the log for why they are slow."
            yield Finding("Queues", Level.WARNING, f"{queue}: {count} tasks waiting.", advice)
        else:
            yield Finding("Queues", Level.OK, f"{queue}: {count} tasks waiting.")


def sending(now: datetime) -> Findings:
    """Editions."""
    problems = alerts.current_problems(now)
    for message in problems:
        advice = "See docs/operations.md, “Mail is not going out”."
        yield Finding("Editions", Level.ERROR, message, advice)
    for message in alerts.stopped_by_curators():
        yield Finding("Editions", Level.NOTE, message, "Resume or approve it on its page.")
    if not problems:
        yield Finding("Editions", Level.OK, "None missing or stuck.")


def messages(now: datetime) -> Findings:
    """Messages."""
    standstill = transactional.describe_standstill(now)
    for message in standstill:
        advice = "Start a worker (celery -A config worker -Q urgent), then check the mail provider."
        yield Finding("Messages", Level.ERROR, message, advice)
    failures = transactional.describe_failures(transactional.recent_failures(now))
    if failures:
        message = f"In the last day: {', '.join(failures)}."
        advice = "See the reasons at /admin/subscriptions/message/ and resend from there."
        yield Finding("Messages", Level.WARNING, message, advice)
    if not (standstill or failures):
        yield Finding("Messages", Level.OK, "No failures in the last day.")


def time_zones(_now: datetime) -> Findings:
    """Time zones."""
    unknown = scheduling.unknown_zones()
    for name, count in sorted(unknown.items()):
        message = f"{count} readers use {name!r}, which is unknown on this machine."
        advice = "They are treated as UTC. Install tzdata, or correct the subscribers."
        yield Finding("Time zones", Level.WARNING, message, advice)
    if not unknown:
        yield Finding("Time zones", Level.OK, "All time zones of readers are known.")


def sources(now: datetime) -> Findings:
    """Sources."""
    active = list(Source.objects.filter(active=True))
    if not active:
        page = f"{settings.SITE_URL}{reverse('admin:papers_source_recommended')}"
        advice = f"Add sources at {page}, or run manage.py add_source --recommended."
        message = "All are switched off." if Source.objects.exists() else "No sources yet."
        yield Finding("Sources", Level.ERROR, message, advice)
    for source in active:
        yield _source(source, now)


def _source(source: Source, now: datetime) -> Finding:
    advice = "See docs/operations.md, “A source is broken”."
    if source.parked_at:
        message = f"{source} was parked on {source.parked_at:%Y-%m-%d}: {source.outcome}"
        return Finding("Sources", Level.ERROR, message, advice)
    if source.failures and source.succeeded_at is None:
        message = f"{source} has never been read. Now: {source.outcome}"
        return Finding("Sources", Level.WARNING, message, advice)
    if source.succeeded_at is None:
        advice = "The ingest worker checks it within a minute, or when its server allows it."
        return Finding("Sources", Level.NOTE, f"{source} has not been checked yet.", advice)
    if now - source.succeeded_at > MAX_SOURCE_AGE:
        last = f"{source.succeeded_at:%Y-%m-%d %H:%M}"
        message = f"{source}: last success at {last}. Now: {source.outcome}"
        return Finding("Sources", Level.ERROR, message, advice)
    if source.failures:
        message = f"{source} failed {source.failures} times in a row: {source.outcome}"
        return Finding("Sources", Level.WARNING, message, advice)
    message = f"{source}: last success at {source.succeeded_at:%m-%d %H:%M}."
    return Finding("Sources", Level.OK, message)


def clock(_now: datetime) -> Findings:
    """Clock."""
    times = {"PostgreSQL": _value("SELECT clock_timestamp()")}
    seconds, micro = queues.client().time()
    times["Redis"] = datetime.fromtimestamp(int(seconds) + int(micro) / 1e6, UTC)
    differences = {name: datetime.now(UTC) - moment for name, moment in times.items()}
    for name, difference in differences.items():
        if abs(difference) > MAX_CLOCK_DIFFERENCE:
            message = f"{difference.total_seconds():+.1f} seconds off the clock of {name}."
            yield Finding("Clock", Level.ERROR, message, "Run an NTP client on all machines.")
    if all(abs(difference) <= MAX_CLOCK_DIFFERENCE for difference in differences.values()):
        yield Finding("Clock", Level.OK, "In sync with PostgreSQL and Redis.")


def mail_provider(_now: datetime) -> Findings:
    """Mail provider."""
    backend = get_connection(timeout=MAIL_TIMEOUT)
    if isinstance(backend, EmailBackend):
        yield _smtp(backend)
    elif address := getattr(backend, "api_url", ""):
        yield _api(address)
    else:
        name = settings.EMAIL_BACKEND.rpartition(".")[2]
        yield Finding("Mail provider", Level.NOTE, f"{name} cannot be tested without sending.")


def _smtp(backend: EmailBackend) -> Finding:
    server = f"{backend.host}:{backend.port}"
    try:
        backend.open()
        backend.close()
    except OSError as error:  # includes errors of smtplib and TLS
        message = f"Cannot connect to {server}: {_one_line(error)}"
        return Finding("Mail provider", Level.ERROR, message, "Check EMAIL_URL and the firewall.")
    return Finding("Mail provider", Level.OK, f"Connected to {server}.")


def _api(address: str) -> Finding:
    """Check that the host answers. Only a real email would test the API key."""
    host = urlsplit(address).netloc
    try:
        httpx.head(f"https://{host}/", timeout=MAIL_TIMEOUT)
    except httpx.HTTPError as error:
        message = f"Cannot reach {host}: {_one_line(error)}"
        return Finding("Mail provider", Level.ERROR, message, "Check the network and the firewall.")
    return Finding("Mail provider", Level.OK, f"{host} answers.")


def bounce_mailbox(_now: datetime) -> Findings:
    """Bounce mailbox."""
    if not settings.BOUNCE_MAILBOX_URL:
        return
    try:
        mailboxes.check_imap(settings.BOUNCE_MAILBOX_URL)
    except mailboxes.MailboxError as error:
        advice = "Check BOUNCE_MAILBOX_URL. Until then, bounces are not recorded."
        yield Finding("Bounce mailbox", Level.ERROR, redact(str(error)), advice)
    else:
        yield Finding("Bounce mailbox", Level.OK, "Logged in.")


def mail_domain(_now: datetime) -> Iterator[Finding]:
    """Mail domain."""
    return maildomain.check_mail_domain(
        settings.MAIL_DOMAIN, settings.DKIM_SELECTORS, maildomain.txt_lookup()
    )


# Advice for each server that does not answer, and the checks that need the server.
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
LOCAL_CHECKS: tuple[Check, ...] = (
    *(configuration, database, migrations, broker, workers, beat, waiting),
    *(sending, messages, time_zones, sources, clock),
)
NETWORK_CHECKS: tuple[Check, ...] = (mail_provider, bounce_mailbox, mail_domain)
