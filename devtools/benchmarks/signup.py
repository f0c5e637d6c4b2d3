"""Sign-ups by the hundred a second: mails that went out, and how long an honest reader waited.
And what the time of an answer tells of an address.

The real way on loopback: gunicorn, PostgreSQL, Redis, a worker on the urgent queue, and an SMTP
server that accepts everything, each a process, in a folder of their own. The load stands where a
proxy of ours would: it names in X-Forwarded-For who speaks to it.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.parse import urlencode

import altcha
import redis
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from config.progress import step, track
from devtools import embedded
from subscriptions.mail import suppression
from subscriptions.models import Interests, Subscriber, Suppression
from subscriptions.readers import privacy
from web import rate_limit

THREADS = 8
PAUSE = 0.5  # seconds between two honest readers
STATES = ("new", "pending", "active", "unsubscribed", "suppressed", "blocked", "erased")
AT_ONCE = 100  # sign-ups, fewer than the limit for all lets in at once
PATIENCE = 20.0  # seconds that their last mail is waited for
VICTIM = "victim@example.net"
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')
CELERY = (sys.executable, "-W", "ignore", "-m", "celery", "-q", "-A", "config")


def _anywhere() -> str:
    """An address in any network of 198.18.0.0/15, which is set aside for benchmarks."""
    return f"198.{random.randrange(18, 20)}.{random.randrange(256)}.{random.randrange(256)}"  # noqa: S311


def _somebody() -> str:
    return f"s{random.getrandbits(60):x}@example.net"


# The address that is signed up, and what arrives as X-Forwarded-For: its end is what our own
# proxy wrote, all before it is what the attacker did.
ATTACKS: dict[str, Callable[[], tuple[str, str]]] = {
    "one address": lambda: (VICTIM, _anywhere()),
    "one prefix": lambda: (_somebody(), f"203.0.113.{random.randrange(256)}"),  # noqa: S311
    "forged headers": lambda: (_somebody(), f"{_anywhere()}, 203.0.113.9"),
    "many addresses": lambda: (_somebody(), _anywhere()),
    "many addresses, riddle": lambda: (_somebody(), _anywhere()),
}

CASES = {"nobody": None, **ATTACKS}


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--seconds", type=int, default=10, help="of each attack")
    parser.add_argument(
        "--answers", type=int, default=100, help="timed for each state of an address"
    )
    parser.add_argument("--attacks", nargs="+", choices=CASES, default=list(CASES), metavar="NAME")


def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """What became of each attack, and of the honest readers meanwhile and without one."""
    rows, answers = {}, {}
    for riddle in ("", "altcha"):
        wanted = [name for name in options["attacks"] if ("riddle" in name) == bool(riddle)]
        timed = options["answers"] * (not riddle)
        if not wanted and not timed:
            continue
        with place(riddle) as here:
            if timed:
                answers = told_apart(here, timed)
            for name in track(wanted, "Attacking"):
                here.forget_limits()
                rows[name] = measured(here, CASES[name], options["seconds"])
    return {"seconds": options["seconds"], "threads": THREADS, "rows": rows, "answers": answers}


def table(report: Mapping[str, Any]) -> str:
    """The report for people."""
    lines = [f"{report['seconds']} seconds of each attack, from {report['threads']} threads"]
    lines.append(
        f"{'attack':24}{'asked/s':>8}{'refused':>9}{'mails':>7}   honest: in, answer, mail"
    )
    for name, row in report["rows"].items():
        lines.append(
            f"{name:24}{row['asked_per_s']:8.0f}{row['refused']:9.0%}{row['mails']:7}   "
            f"{row['honest_in']} of {row['honest']}, "
            f"{row['answer_ms']:.0f} ms (most {row['answer_most_ms']:.0f}), "
            f"{row['mail_s']:.2f} s (most {row['mail_most_s']:.2f})"
        )
    for state, row in report["answers"].items():
        lines.append(
            f"answer to {state:14}{row['median_ms']:8.2f} ms ({row['from_ms']:.2f} to "
            f"{row['to_ms']:.2f}); quicker than to a new address: {row['quicker']:.0%}"
        )
    return "\n".join(lines)


@dataclass
class Place:
    """A running site: the web server's port, and where the mail server writes what it got."""

    port: int
    log: Path
    riddle: bool
    redis: redis.Redis
    environment: Mapping[str, str]

    def forget_limits(self) -> None:
        """As if some hours had passed."""
        for key in self.redis.scan_iter(f"{rate_limit.KEY_PREFIX}:*"):
            self.redis.delete(key)

    def mails(self) -> dict[str, float]:
        """When each recipient's first mail was accepted, by Unix time."""
        found: dict[str, float] = {}
        for line in self.log.read_text().splitlines():
            moment, _, to = line.partition(" ")
            found.setdefault(to, float(moment))
        return found


@contextmanager
def place(riddle: str) -> Iterator[Place]:
    """The site in a folder of its own, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="pb-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL may run as another account
        log = folder / "mails"
        log.touch()
        sink = _start("-m", "devtools.benchmarks.smtp_sink", name, "--log", stdin=subprocess.PIPE)
        assert sink.stdout  # noqa: S101 - it is a pipe
        mail_port = int(sink.stdout.readline())
        port = _free_port()
        ours = ("DATABASE_URL", "REDIS_URL", "ANYMAIL_PROVIDER")
        environment = {key: value for key, value in os.environ.items() if key not in ours} | {
            "DEBUG": "1",
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATA_DIR": str(folder / "data"),
            "EMAIL_URL": f"smtp://127.0.0.1:{mail_port}",
            "SITE_URL": f"http://127.0.0.1:{port}",
            "WEB_BIND": f"127.0.0.1:{port}",
            "TRUSTED_PROXIES": "127.0.0.1",
            "CHALLENGE": riddle,
            "LOG_LEVEL": "ERROR",
        }
        processes = [sink]
        try:
            with step("Starting a site"):
                _run_commands(environment)
                web = ("-m", "gunicorn", "-c", "python:config.gunicorn", "config.wsgi")
                processes.append(_start(*web, env=environment))
                worker = (*CELERY[1:], "worker", "-Q", "urgent", "-c", "1", "-l", "error")
                processes.append(_start(*worker, env=environment))
                url = embedded.redis_url(folder / "data")
                here = Place(port, log, bool(riddle), redis.Redis.from_url(url), environment)
                _warm_up(here)
            yield here
        finally:
            for process in processes:
                process.kill()
                process.wait()
            embedded.stop(folder / "data")


def _run_commands(environment: Mapping[str, str]) -> None:
    """Start the services and make the tables."""
    for command in (("manage.py", "services", "start"), ("manage.py", "migrate", "-v0")):
        subprocess.run(  # noqa: S603
            [sys.executable, *command], cwd=settings.BASE_DIR, env=environment, check=True
        )


def _start(*command: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603
        [sys.executable, *command],
        cwd=settings.BASE_DIR,
        text=True,
        stdout=subprocess.PIPE if "stdin" in options else subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **options,
    )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


@dataclass
class Browser:
    """A connection with the cookie and token that the form's page gave."""

    port: int
    cookie: str = ""
    token: str = ""
    connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def look(self) -> None:
        page, headers = self._ask("GET", "/subscribe/", "", {})[1:]
        self.cookie = (headers["Set-Cookie"] or "").partition(";")[0]
        found = TOKEN.search(page)
        self.token = found[1] if found else ""

    def sign_up(self, address: str, forwarded: str, answer: str = "") -> int:
        """The status of the answer."""
        given = {"csrfmiddlewaretoken": self.token, "email": address, "altcha": answer}
        return self._ask("POST", "/subscribe/", urlencode(given), {"X-Forwarded-For": forwarded})[0]

    def solve(self, forwarded: str) -> str:
        """As the script of the form does it."""
        riddle = json.loads(self._ask("GET", "/challenge/", "", {"X-Forwarded-For": forwarded})[1])
        solution = altcha.solve_challenge(altcha.Challenge.from_dict(riddle))
        assert solution  # noqa: S101 - there is always one
        whole = {"challenge": riddle, "solution": solution.to_dict()}
        return base64.b64encode(json.dumps(whole).encode()).decode()

    def _ask(
        self, method: str, path: str, body: str, headers: dict[str, str]
    ) -> tuple[int, str, Any]:
        form = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": self.cookie}
        try:
            self.connection.request(method, path, body, headers | form)
            answer = self.connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers
        except (OSError, http.client.HTTPException):
            self.connection.close()
            return 0, "", {"Set-Cookie": ""}


def _warm_up(here: Place) -> None:
    """Until the site answers and the worker mails."""
    for number in range(60):
        browser = Browser(here.port)
        browser.look()
        if browser.token:
            address = f"warm{number}@example.com"
            forwarded = f"192.0.2.{number}"
            browser.sign_up(address, forwarded, browser.solve(forwarded) if here.riddle else "")
            if _mailed(here, address, 2.0):
                return
        time.sleep(0.5)
    raise SystemExit("The site did not come up.")


def _mailed(here: Place, address: str, patience: float) -> float:
    """When the address got its mail; 0 for not in time."""
    give_up = time.time() + patience
    while not (moment := here.mails().get(address, 0.0)) and time.time() < give_up:
        time.sleep(0.1)
    return moment


def measured(
    here: Place, draw: Callable[[], tuple[str, str]] | None, seconds: int
) -> dict[str, Any]:
    """One attack, or none, and honest readers one after the other meanwhile."""
    until = time.time() + seconds
    answers: Counter[int] = Counter()
    before = here.log.read_text().count("@example.net")
    crowd = [
        threading.Thread(target=_attack, args=(here, draw, until, answers))
        for _ in range(THREADS if draw else 0)
    ]
    for thread in crowd:
        thread.start()
    honest = _honest(here, until, f"h{time.time_ns():x}")
    for thread in crowd:
        thread.join()
    came_in = {
        address: begun for address, (status, begun, _took) in honest.items() if status == 302
    }
    waits = [
        moment - begun
        for address, begun in came_in.items()
        if (moment := _mailed(here, address, PATIENCE))
    ]
    took = [1000 * seconds_ for _status, _begun, seconds_ in honest.values()]
    asked = sum(answers.values())
    return {
        "asked_per_s": asked / seconds,
        "answers": dict(answers),
        "refused": 1 - answers[302] / asked if asked else 0.0,
        "mails": here.log.read_text().count("@example.net") - before,
        "honest": len(honest),
        "honest_answers": dict(Counter(status for status, *_ in honest.values())),
        "honest_in": len(waits),
        "answer_ms": median(took),
        "answer_most_ms": max(took),
        "mail_s": median(waits) if waits else 0.0,
        "mail_most_s": max(waits, default=0.0),
    }


def _attack(
    here: Place, draw: Callable[[], tuple[str, str]], until: float, answers: Counter[int]
) -> None:
    browser = Browser(here.port)
    browser.look()
    while time.time() < until:
        answers[browser.sign_up(*draw())] += 1


def _honest(here: Place, until: float, name: str) -> dict[str, tuple[int, float, float]]:
    """By address: the answer's status, when the form was sent, and the seconds it took."""
    found: dict[str, tuple[int, float, float]] = {}
    while time.time() < until:
        number = len(found)
        browser = Browser(here.port)
        browser.look()
        forwarded = f"100.64.{number}.1"
        answer = browser.solve(forwarded) if here.riddle else ""
        begun = time.time()
        address = f"{name}-{number}@example.com"
        status = browser.sign_up(address, forwarded, answer)
        found[address] = (status, begun, time.time() - begun)
        time.sleep(PAUSE)
    return found


def told_apart(here: Place, count: int) -> dict[str, dict[str, float]]:
    """What the time of an answer says of an address's state, `count` of each, in random order.

    `quicker` is the part of pairs in which the answer came before that to a new address: a half
    where time tells nothing.
    """
    script = f"from devtools.benchmarks import signup; signup.prepare({count})"
    command = [sys.executable, "manage.py", "shell", "-v0", "-c", script]
    subprocess.run(command, cwd=settings.BASE_DIR, env=here.environment, check=True)  # noqa: S603
    addresses = [(state, _known(state, number)) for state in STATES for number in range(count)]
    random.shuffle(addresses)
    browser = Browser(here.port)
    browser.look()
    took: dict[str, list[float]] = {state: [] for state in STATES}
    timed = track(addresses, "Timing answers")
    for number, (state, address) in enumerate(timed):
        if number % AT_ONCE == 0:
            here.forget_limits()
        begun = time.perf_counter()
        if (status := browser.sign_up(address, _anywhere())) != 302:
            raise SystemExit(f"A sign-up of an address that is {state} was answered with {status}.")
        took[state].append(1000 * (time.perf_counter() - begun))
    return {state: _spread(found, took["new"]) for state, found in took.items()}


def _spread(took: list[float], new: list[float]) -> dict[str, float]:
    """The middle and the tenths at both ends, in milliseconds; and how it stands to new ones."""
    tenths = quantiles(took, n=10, method="inclusive")
    pairs = [0.5 if one == other else float(one < other) for one in took for other in new]
    return {
        "median_ms": median(took),
        "from_ms": tenths[0],
        "to_ms": tenths[-1],
        "quicker": sum(pairs) / len(pairs),
    }


def _known(state: str, number: int) -> str:
    return f"{state}{number}@example.com"


@transaction.atomic
def prepare(count: int) -> None:
    """Bring addresses into each state, in the database of the site that is measured."""
    now = timezone.now()
    for state in STATES[1:]:
        status = state if state in Subscriber.Status.values else Subscriber.Status.ACTIVE
        Subscriber.objects.bulk_create(
            Subscriber(
                email=_known(state, number),
                email_key=_known(state, number),
                status=status,
                confirmed_at=None if state == "pending" else now,
                created_at=now,
            )
            for number in range(count)
        )
    without = Subscriber.objects.filter(interests=None)
    Interests.objects.bulk_create(Interests(subscriber=one) for one in without)
    blocked = Subscriber.objects.filter(email_key__startswith="blocked").values_list(
        "pk", flat=True
    )
    suppression.suppress_readers(dict.fromkeys(blocked, Suppression.Reason.COMPLAINT), now)
    for reader in Subscriber.objects.filter(email_key__startswith="erased"):
        privacy.erase_reader(reader, now)
