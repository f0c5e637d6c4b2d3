"""`manage.py demo`: import sample papers, send digests to sample readers and serve the site."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
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
from subscriptions.models import Digest, Subscriber
from subscriptions.readers import lifecycle, signup
from subscriptions.schedule import local_day

ADDRESS = "127.0.0.1:8000"
POLL_INTERVAL = 0.2  # seconds
RESTART_DELAY = 2.0  # seconds
TIMEOUT = 60  # seconds for sending the digests, and for starting the web server
CELERY = ("-W", "ignore:You're running the worker", "-m", "celery", "-q", "-A", "config")
SAMPLE_READERS: dict[str, dict[str, Any]] = {
    "language@reader.example": {
        "text": "Large language models: reasoning, agents, long context, efficient inference",
        "categories": ["cs.CL", "cs.AI"],
    },
    "vision@reader.example": {
        "text": "Image and video generation with diffusion models, 3D scenes",
        "categories": ["cs.CV", "cs.GR"],
    },
    "robots@reader.example": {
        "text": "Robot manipulation, reinforcement learning and control",
        "categories": ["cs.RO", "eess.SY"],
    },
}


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
        """Send today's digests, print them and return a summary line."""
        now = timezone.now()
        earlier = Digest.objects.filter(subscriber__in=readers, sent_at__lt=now).count()
        for reader in readers:
            tasks.build_digest_now.delay(reader.pk)
        digests = self.wait_for_digests(readers)
        paths = {read_message(path)["Message-ID"]: path for path in messages(settings.OUTBOX_DIR)}
        files = {digest.pk: paths.get(digest_mail.message_id(digest)) for digest in digests}
        self.print_digests(digests, files)
        if earlier:
            self.stdout.write(
                f"{earlier} of these were sent by an earlier run (one digest per reader and day)."
            )
        sent = sum(digest.status == Digest.Status.SENT for digest in digests)
        count = sum(path is not None for path in files.values())
        return f"digests={sent} messages={count} outbox={settings.OUTBOX_DIR}"

    def wait_for_digests(self, readers: Sequence[Subscriber]) -> list[Digest]:
        """Return today's digests of these readers as soon as all of them are finished."""
        unfinished = {Digest.Status.PENDING, Digest.Status.SENDING}
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            now = timezone.now()
            days = {reader.pk: local_day(reader.timezone, now) for reader in readers}
            rows = Digest.objects.filter(subscriber__in=readers).select_related("subscriber")
            digests = [digest for digest in rows if digest.day == days[digest.subscriber_id]]
            statuses = {digest.status for digest in digests}
            if len(digests) == len(readers) and not unfinished & statuses:
                return sorted(digests, key=lambda digest: digest.subscriber_id)
            time.sleep(POLL_INTERVAL)
        raise CommandError(f"The worker did not send the digests within {TIMEOUT} seconds.")

    def print_digests(self, digests: Sequence[Digest], files: dict[int, Path | None]) -> None:
        for digest in digests:
            path = files[digest.pk]
            self.stdout.write(f"\n{digest.subscriber.email}: {len(digest.items)} papers")
            if digest.items:
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


def create_reader(email: str) -> Subscriber:
    """Sign up and confirm a sample reader, or return the one of an earlier run."""
    now = timezone.now()
    request = signup.SignUpRequest(email=email, timezone="UTC", page="demo", ip=None)
    reader = signup.request_sign_up(request, now)
    reader.topics.filter(position=0, text="").update(**SAMPLE_READERS[email])
    lifecycle.activate_reader(reader, now)
    return reader


def create_curator() -> str:
    """Create the admin account on the first run and return a line that describes the account."""
    users = get_user_model().objects
    if users.filter(username="curator").exists():
        return "user: curator; to set a new password: manage.py changepassword curator"
    password = get_random_string(16)
    users.create_superuser("curator", "curator@reader.example", password)
    return f"user: curator, password: {password}; shown only once"
