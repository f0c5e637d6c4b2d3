"""`manage.py demo`: import sample papers, send digests to sample readers and serve the site."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from threading import Event, Thread
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.crypto import get_random_string

from config.progress import step
from devtools import sample
from devtools.outbox import messages
from devtools.outbox_pages import read_message
from devtools.sample_pictures import store_pictures
from subscriptions import tasks
from subscriptions.mail import digest_mail
from subscriptions.matching.sections import group_items
from subscriptions.models import Digest, Subscriber, Subscription
from subscriptions.profiles.topics import add_topic
from subscriptions.readers import lifecycle, signup
from subscriptions.readers.subscriptions import add_subscription, change_subscription
from subscriptions.schedule import local_day

ADDRESS = "127.0.0.1:8000"
POLL_INTERVAL = 0.2  # seconds
RESTART_DELAY = 2.0  # seconds
TIMEOUT = 60  # seconds for sending the digests, and for starting the web server
CELERY = ("-W", "ignore:You're running the worker", "-m", "celery", "-q", "-A", "config")
SAMPLE_READERS: dict[str, Sequence[dict[str, Any]]] = {
    "language@reader.example": [
        {
            "text": "Large language models: reasoning, agents, long context, efficient inference",
            "categories": ["cs.CL", "cs.AI"],
        },
    ],
    "vision@reader.example": [
        {
            "name": "Image and video generation",
            "text": "Image and video generation with diffusion models",
            "categories": ["cs.CV", "cs.GR"],
        },
        {"name": "3D scenes", "text": "3D scenes, Gaussian splatting, view synthesis"},
    ],
    "robots@reader.example": [
        {
            "name": "Robots",
            "text": "Robot manipulation, reinforcement learning and control",
            "categories": ["cs.RO", "eess.SY"],
        },
        {"name": "Safety", "query": "title:safe* -survey"},
    ],
}
"""Topics by reader."""
WEEKLY = {"vision@reader.example": "3D scenes"}
"""Topics that a second, weekly subscription carries; the first one then carries the others."""


class Command(BaseCommand):
    help = "Import the sample papers, send digests to sample readers and serve the site."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--no-serve", dest="serve", action="store_false", help="Exit after sending the digests."
        )

    def handle(self, *_: Any, serve: bool, **__: Any) -> None:
        if not (settings.DEBUG and settings.EMAIL_BACKEND == "devtools.outbox.OutboxBackend"):
            raise CommandError(
                "The demo runs only in local mode. Unset DEBUG, EMAIL_URL and ANYMAIL_PROVIDER."
            )
        with step("Creating the tables"):
            call_command("migrate", verbosity=0)
        today = timezone.now().date()
        paths = sample.write_for(today, settings.DATA_DIR / "sample")
        self.stdout.write("Importing sample papers (dates shifted so that the last day is today):")
        call_command("ingest", *paths, stdout=self.stdout)
        store_pictures(timezone.now())
        with ExitStack() as running:
            running.enter_context(supervise("worker", *CELERY, *worker_options()))
            with step("Sending digests to three sample readers"):
                summary = self.send_digests([create_reader(email) for email in SAMPLE_READERS])
            if serve:
                self.stdout.write(summary)
                self.serve(running)
        if not serve:
            self.stdout.write(summary)

    def send_digests(self, readers: Sequence[Subscriber]) -> str:
        """Send today's digest of each subscription, print them and return a summary line."""
        now = timezone.now()
        earlier = Digest.objects.filter(subscriber__in=readers, sent_at__lt=now).count()
        Subscription.objects.active().filter(subscriber__in=readers).update(next_digest_at=now)
        tasks.build_digests.delay([reader.pk for reader in readers])
        digests = self.wait_for_digests(readers)
        paths = {read_message(path)["Message-ID"]: path for path in messages(settings.OUTBOX_DIR)}
        files = {digest.pk: paths.get(digest_mail.message_id(digest)) for digest in digests}
        self.print_digests(digests, files)
        if earlier:
            self.stdout.write(
                f"{earlier} of these were sent by an earlier run "
                "(one digest per subscription and day)."
            )
        sent = sum(digest.status == Digest.Status.SENT for digest in digests)
        count = sum(path is not None for path in files.values())
        return f"digests={sent} messages={count} outbox={settings.OUTBOX_DIR}"

    def wait_for_digests(self, readers: Sequence[Subscriber]) -> list[Digest]:
        """Return today's digests of these readers as soon as all of them are finished."""
        count = Subscription.objects.active().filter(subscriber__in=readers).count()
        unfinished = {Digest.Status.PENDING, Digest.Status.SENDING}
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            now = timezone.now()
            days = {reader.pk: local_day(reader.timezone, now) for reader in readers}
            rows = Digest.objects.filter(subscriber__in=readers)
            rows = rows.select_related("subscriber", "subscription")
            digests = [digest for digest in rows if digest.day == days[digest.subscriber_id]]
            statuses = {digest.status for digest in digests}
            if len(digests) == count and not unfinished & statuses:
                return sorted(digests, key=attrgetter("subscriber_id", "subscription.position"))
            time.sleep(POLL_INTERVAL)
        raise CommandError(f"The worker did not send the digests within {TIMEOUT} seconds.")

    def print_digests(self, digests: Sequence[Digest], files: dict[int, Path | None]) -> None:
        for digest in digests:
            path = files[digest.pk]
            self.stdout.write(f"\n{describe_digest(digest)}: {len(digest.new_items)} papers")
            if digest.new_items:
                sections = [f"{one.title} {len(one.items)}" for one in group_items(digest.items)]
                self.stdout.write(f"  sections:    {', '.join(sections)}")
                self.stdout.write(f"  first paper: {digest.items[0]['title']}")
                self.stdout.write(f"  reason:      {digest.items[0]['reason']}")
            self.stdout.write(
                f"  email:       {path.name if path else digest.reason or digest.status}"
            )
        self.stdout.write("")

    def serve(self, running: ExitStack) -> None:
        """Run the web server and beat until Ctrl-C."""
        account = create_curator()
        running.enter_context(supervise("beat", *CELERY, "beat", "-l", "warning"))
        web = running.enter_context(run_program("manage.py", "runserver", "--noreload", ADDRESS))
        with step("Starting the web server"):
            wait_for_site()
        self.stdout.write(f"Home    http://{ADDRESS}/\nOutbox  http://{ADDRESS}/outbox/")
        self.stdout.write(f"Admin   http://{ADDRESS}/admin/ ({account})\nPress Ctrl-C to stop.")
        self.stdout.flush()
        try:
            web.wait()
        except KeyboardInterrupt:
            self.stdout.write("\nStopping …")


def wait_for_site() -> None:
    """Wait until the web server accepts connections.

    Its startup messages then appear before the addresses, which stay at the end of the terminal.
    """
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        with (
            suppress(OSError),
            socket.create_connection(("127.0.0.1", int(ADDRESS.partition(":")[2])), timeout=1),
        ):
            return
        time.sleep(POLL_INTERVAL)


def worker_options() -> list[str]:
    queues = "urgent,mail,build,ingest"
    return ["worker", "-Q", queues, "--concurrency", "2", "-l", "warning", "-n", "demo@%h"]


@contextmanager
def run_program(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a Python program and terminate it on exit.

    On Ctrl-C the terminal sends SIGINT to the program as well, which is harmless.
    """
    process = subprocess.Popen([sys.executable, *arguments], cwd=settings.BASE_DIR)  # noqa: S603
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


@contextmanager
def supervise(name: str, *arguments: str) -> Iterator[None]:
    """Run a Python program in the background and restart it when it ends, until exit."""
    stopping = Event()

    def run_repeatedly() -> None:
        while not stopping.is_set():
            with run_program(*arguments) as program:
                while program.poll() is None and not stopping.wait(POLL_INTERVAL):
                    pass
            # Ctrl-C also reaches the program, which may end before `stopping` is set.
            if not stopping.wait(RESTART_DELAY):
                status = program.returncode
                print(f"The {name} exited with status {status}. Restarting it.", file=sys.stderr)

    thread = Thread(target=run_repeatedly)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def describe_digest(digest: Digest) -> str:
    """Return the reader's address and, for another subscription than the first, its frequency."""
    if digest.subscription and digest.subscription.position:
        frequency = digest.subscription.get_frequency_display().lower()
        return f"{digest.subscriber.email}, {frequency}"
    return digest.subscriber.email


def create_reader(email: str) -> Subscriber:
    """Sign up and confirm a sample reader, or return the one of an earlier run."""
    now = timezone.now()
    request = signup.SignUpRequest(email=email, timezone="UTC", page="demo", ip=None)
    reader = signup.request_sign_up(request, now)
    is_new = reader.topics.get(position=0).is_blank
    lifecycle.activate_reader(reader, now)
    reader.refresh_from_db()
    if is_new:
        for values in SAMPLE_READERS[email]:
            add_topic(reader, values)
        add_weekly_subscription(reader, WEEKLY.get(email, ""), now)
    return reader


def add_weekly_subscription(reader: Subscriber, name: str, now: datetime) -> None:
    """Send a topic once a week, and the others every day; without a name, change nothing."""
    if not name:
        return
    weekly = {"frequency": Subscription.Frequency.WEEKLY, "all_topics": False, "trending": False}
    add_subscription(reader, weekly, reader.topics.filter(name=name), now)
    daily, others = reader.default_subscription, reader.topics.exclude(name=name)
    change_subscription(daily.pk, {"all_topics": False}, others, now)


def create_curator() -> str:
    """Create the admin account on the first run and return a line that describes the account."""
    users = get_user_model().objects
    if users.filter(username="curator").exists():
        return "user: curator; to set a new password: manage.py changepassword curator"
    password = get_random_string(16)
    users.create_superuser("curator", "curator@reader.example", password)
    return f"user: curator, password: {password}; shown only once"
