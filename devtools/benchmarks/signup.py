"""Sign-ups under attack: mails sent, waiting times of honest readers, and timing leaks.

A complete site runs on the loopback interface: gunicorn, PostgreSQL, Redis, a worker of the urgent
queue, and an SMTP server that accepts everything. The load takes the place of a trusted proxy and
names its clients in X-Forwarded-For.
"""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable, Mapping
from statistics import median, quantiles
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from config.progress import track
from devtools.benchmarks.live_site import Browser, Site, run_site, wait_for_mail
from subscriptions.mail import suppression
from subscriptions.models import Subscriber, Subscription, Suppression, Topic
from subscriptions.readers import privacy

THREADS = 8
PAUSE = 0.5  # seconds between two honest readers
STATES = ("new", "pending", "active", "unsubscribed", "suppressed", "blocked", "erased")
BURST = 100  # sign-ups, fewer than the global limit allows at once
MAIL_TIMEOUT = 20.0  # seconds to wait for the last mail
VICTIM = "victim@example.net"


def _random_client() -> str:
    """Return an IP address of 198.18.0.0/15, the range for benchmarks."""
    return f"198.{random.randrange(18, 20)}.{random.randrange(256)}.{random.randrange(256)}"  # noqa: S311


def _random_email() -> str:
    return f"s{random.getrandbits(60):x}@example.net"


# Each returns the address to sign up and the X-Forwarded-For header. The last part of the header is
# from the trusted proxy, the parts before it are from the attacker.
ATTACKS: dict[str, Callable[[], tuple[str, str]]] = {
    "one address": lambda: (VICTIM, _random_client()),
    "one prefix": lambda: (_random_email(), f"203.0.113.{random.randrange(256)}"),  # noqa: S311
    "forged headers": lambda: (_random_email(), f"{_random_client()}, 203.0.113.9"),
    "many addresses": lambda: (_random_email(), _random_client()),
    "many addresses, challenge": lambda: (_random_email(), _random_client()),
}

CASES = {"no attack": None, **ATTACKS}


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--seconds", type=int, default=10, help="duration of each attack")
    parser.add_argument(
        "--answers", type=int, default=100, help="responses timed for each state of an address"
    )
    parser.add_argument("--attacks", nargs="+", choices=CASES, default=list(CASES), metavar="NAME")


def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result of each attack, with that of honest readers at the same time."""
    rows, answers = {}, {}
    for challenge in ("", "altcha"):
        names = [name for name in options["attacks"] if ("challenge" in name) == bool(challenge)]
        timed = options["answers"] * (not challenge)
        if not names and not timed:
            continue
        with run_site(challenge) as site:
            if timed:
                answers = time_answers(site, timed)
            for name in track(names, "Attacking"):
                site.reset_limits()
                rows[name] = measure_attack(site, CASES[name], options["seconds"])
    return {"seconds": options["seconds"], "threads": THREADS, "rows": rows, "answers": answers}


def table(report: Mapping[str, Any]) -> str:
    """Return the report as text."""
    lines = [f"{report['seconds']} seconds per attack, from {report['threads']} threads"]
    lines.append(
        f"{'attack':24}{'tried/s':>8}{'refused':>9}{'mails':>7}   honest: signed up, response, mail"
    )
    for name, row in report["rows"].items():
        lines.append(
            f"{name:24}{row['tries_per_s']:8.0f}{row['refused']:9.0%}{row['mails']:7}   "
            f"{row['honest_signed_up']} of {row['honest']}, "
            f"{row['answer_ms']:.0f} ms (max {row['answer_max_ms']:.0f}), "
            f"{row['mail_s']:.2f} s (max {row['mail_max_s']:.2f})"
        )
    for state, row in report["answers"].items():
        lines.append(
            f"response for {state:14}{row['median_ms']:8.2f} ms ({row['from_ms']:.2f} to "
            f"{row['to_ms']:.2f}); faster than for a new address: {row['quicker']:.0%}"
        )
    return "\n".join(lines)


def measure_attack(
    site: Site, draw: Callable[[], tuple[str, str]] | None, seconds: int
) -> dict[str, Any]:
    """Run one attack, or none, and honest readers one by one at the same time."""
    until = time.time() + seconds
    answers: Counter[int] = Counter()
    before = site.log.read_text().count("@example.net")
    attackers = [
        threading.Thread(target=_attack, args=(site, draw, until, answers))
        for _ in range(THREADS if draw else 0)
    ]
    for thread in attackers:
        thread.start()
    honest = _sign_up_honestly(site, until, f"h{time.time_ns():x}")
    for thread in attackers:
        thread.join()
    accepted = {
        address: started for address, (status, started, _took) in honest.items() if status == 302
    }
    waits = [
        moment - started
        for address, started in accepted.items()
        if (moment := wait_for_mail(site, address, MAIL_TIMEOUT))
    ]
    took = [1000 * seconds_ for _status, _started, seconds_ in honest.values()]
    requests = sum(answers.values())
    return {
        "tries_per_s": requests / seconds,
        "answers": dict(answers),
        "refused": 1 - answers[302] / requests if requests else 0.0,
        "mails": site.log.read_text().count("@example.net") - before,
        "honest": len(honest),
        "honest_answers": dict(Counter(status for status, *_ in honest.values())),
        "honest_signed_up": len(waits),
        "answer_ms": median(took),
        "answer_max_ms": max(took),
        "mail_s": median(waits) if waits else 0.0,
        "mail_max_s": max(waits, default=0.0),
    }


def _attack(
    site: Site, draw: Callable[[], tuple[str, str]], until: float, answers: Counter[int]
) -> None:
    browser = Browser(site.port)
    browser.open_form()
    while time.time() < until:
        answers[browser.sign_up(*draw())] += 1


def _sign_up_honestly(site: Site, until: float, name: str) -> dict[str, tuple[int, float, float]]:
    """Return by address the status, the time of submission, and the seconds it took."""
    results: dict[str, tuple[int, float, float]] = {}
    while time.time() < until:
        number = len(results)
        browser = Browser(site.port)
        browser.open_form()
        forwarded = f"100.64.{number}.1"
        answer = browser.solve(forwarded) if site.has_challenge else ""
        started = time.time()
        address = f"{name}-{number}@example.com"
        status = browser.sign_up(address, forwarded, answer)
        results[address] = (status, started, time.time() - started)
        time.sleep(PAUSE)
    return results


def time_answers(site: Site, count: int) -> dict[str, dict[str, float]]:
    """Return response times by the state of an address, for `count` addresses of each.

    "quicker" is the share of pairs in which the response was faster than that for a new address;
    it is one half if times reveal nothing.
    """
    script = f"from devtools.benchmarks import signup; signup.prepare({count})"
    command = [sys.executable, "manage.py", "shell", "-v0", "-c", script]
    subprocess.run(command, cwd=settings.BASE_DIR, env=site.environment, check=True)  # noqa: S603
    addresses = [(state, _address(state, number)) for state in STATES for number in range(count)]
    random.shuffle(addresses)
    browser = Browser(site.port)
    browser.open_form()
    took: dict[str, list[float]] = {state: [] for state in STATES}
    timed = track(addresses, "Timing answers")
    for number, (state, address) in enumerate(timed):
        if number % BURST == 0:
            site.reset_limits()
        started = time.perf_counter()
        if (status := browser.sign_up(address, _random_client())) != 302:
            raise SystemExit(f"A sign-up of a {state} address got status {status}.")
        took[state].append(1000 * (time.perf_counter() - started))
    return {state: _summarize(times, took["new"]) for state, times in took.items()}


def _summarize(took: list[float], new: list[float]) -> dict[str, float]:
    """Return median, first and last decile in milliseconds, and the comparison with new ones."""
    deciles = quantiles(took, n=10, method="inclusive")
    pairs = [0.5 if a == b else float(a < b) for a in took for b in new]
    return {
        "median_ms": median(took),
        "from_ms": deciles[0],
        "to_ms": deciles[-1],
        "quicker": sum(pairs) / len(pairs),
    }


def _address(state: str, number: int) -> str:
    return f"{state}{number}@example.com"


@transaction.atomic
def prepare(count: int) -> None:
    """Create addresses in each state, in the database of the measured site."""
    now = timezone.now()
    for state in STATES[1:]:
        status = state if state in Subscriber.Status.values else Subscriber.Status.ACTIVE
        Subscriber.objects.bulk_create(
            Subscriber(
                email=_address(state, number),
                email_key=_address(state, number),
                status=status,
                confirmed_at=None if state == "pending" else now,
                created_at=now,
            )
            for number in range(count)
        )
    without = list(Subscriber.objects.filter(topics=None))
    Topic.objects.bulk_create(Topic(subscriber=reader) for reader in without)
    Subscription.objects.bulk_create(Subscription(subscriber=reader) for reader in without)
    blocked = Subscriber.objects.filter(email_key__startswith="blocked").values_list(
        "pk", flat=True
    )
    suppression.suppress_readers(dict.fromkeys(blocked, Suppression.Reason.COMPLAINT), now)
    for reader in Subscriber.objects.filter(email_key__startswith="erased"):
        privacy.erase_reader(reader, now)
