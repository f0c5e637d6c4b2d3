"""Set up from nothing, send today's edition to three sample readers, and serve the site."""

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
from devtools.outbox_pages import read
from devtools.sample_pictures import store_pictures
from subscriptions import tasks
from subscriptions.mail import digest_mail
from subscriptions.models import Digest, Interests, Subscriber
from subscriptions.readers import lifecycle, signup
from subscriptions.schedule import local_day

ADDRESS = "127.0.0.1:8000"
LOOK = 0.2  # seconds between two looks at whether a program still runs
RESTART_AFTER = 2.0  # seconds
PATIENCE = 60  # seconds until three digests must have gone through the worker
CELERY = ("-W", "ignore:You're running the worker", "-m", "celery", "-q", "-A", "config")
SAMPLE_READERS: dict[str, dict[str, Any]] = {
    "language@reader.example": {
        "topics": "Large language models: reasoning, agents, long context, efficient inference",
        "categories": ["cs.CL", "cs.AI"],
    },
    "vision@reader.example": {
        "topics": "Image and video generation with diffusion models, 3D scenes",
        "categories": ["cs.CV", "cs.GR"],
    },
    "robots@reader.example": {
        "topics": "Robot manipulation, reinforcement learning and control",
        "categories": ["cs.RO", "eess.SY"],
    },
}


class Command(BaseCommand):
    help = "Run the whole loop on the sample: papers in, personal digests out."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--no-serve", dest="serve", action="store_false")

    def handle(self, *_: Any, serve: bool, **__: Any) -> None:
        if not (settings.DEBUG and settings.EMAIL_BACKEND == "devtools.outbox.OutboxBackend"):
            raise CommandError("The demo only runs locally: unset DEBUG, EMAIL_URL and the like.")
        with step("Making the tables"):
            call_command("migrate", verbosity=0)
        today = timezone.now().date()
        paths = sample.write_for(today, settings.DATA_DIR / "sample")
        self.stdout.write("Papers in (the sample's days are moved so that the last one is today):")
        call_command("ingest", *paths, stdout=self.stdout)
        store_pictures(timezone.now())
        with ExitStack() as running:
            running.enter_context(kept_running("worker", *CELERY, *worker_options()))
            with step("Sending three digests through a worker"):
                closing = self.send_edition([sample_reader(email) for email in SAMPLE_READERS])
            if serve:
                self.stdout.write(closing)
                self.serve(running)
        if not serve:
            self.stdout.write(closing)

    def send_edition(self, audience: Sequence[Subscriber]) -> str:
        """Send for today's digests, wait for them, print the table; returns the closing line."""
        now = timezone.now()
        sent_before = Digest.objects.filter(subscriber__in=audience, sent_at__lt=now).count()
        for reader in audience:
            tasks.build_digest_now.delay(reader.pk)
        made = self.wait_for(audience)
        by_id = {read(path)["Message-ID"]: path for path in messages(settings.OUTBOX_DIR)}
        files = {digest.pk: by_id.get(digest_mail.message_id(digest)) for digest in made}
        self.table(made, files)
        if sent_before:
            self.stdout.write(
                f"{sent_before} of these were sent before; nothing is sent twice on one day."
            )
        sent = sum(digest.status == Digest.Status.SENT for digest in made)
        count = sum(path is not None for path in files.values())
        return f"digests={sent} messages={count} outbox={settings.OUTBOX_DIR}"

    def wait_for(self, audience: Sequence[Subscriber]) -> list[Digest]:
        """Today's digests of these readers, once none is under way any more."""
        under_way = {Digest.Status.PENDING, Digest.Status.SENDING}
        give_up = time.monotonic() + PATIENCE
        while time.monotonic() < give_up:
            now = timezone.now()
            days = {reader.pk: local_day(reader.timezone, now) for reader in audience}
            found = Digest.objects.filter(subscriber__in=audience).select_related("subscriber")
            made = [digest for digest in found if digest.day == days[digest.subscriber_id]]
            if len(made) == len(audience) and not under_way & {digest.status for digest in made}:
                return sorted(made, key=lambda digest: digest.subscriber_id)
            time.sleep(0.2)
        raise CommandError(f"The worker did not send the edition within {PATIENCE} seconds.")

    def table(self, made: Sequence[Digest], files: dict[int, Path | None]) -> None:
        for digest in made:
            path = files[digest.pk]
            self.stdout.write(f"\n{digest.subscriber.email}: {len(digest.items)} papers")
            if digest.items:
                self.stdout.write(f"  first: {digest.items[0]['title']}")
                self.stdout.write(f"  why:   {digest.items[0]['reason']}")
            self.stdout.write(f"  mail:  {path.name if path else digest.reason or digest.status}")
        self.stdout.write("")

    def serve(self, running: ExitStack) -> None:
        """Web, worker and beat until Ctrl-C."""
        account = curator_account()
        running.enter_context(kept_running("beat", *CELERY, "beat", "-l", "warning"))
        web = running.enter_context(process("manage.py", "runserver", "--noreload", ADDRESS))
        with step("Starting the site"):
            wait_for_site()
        self.stdout.write(f"Home    http://{ADDRESS}/\nOutbox  http://{ADDRESS}/outbox/")
        self.stdout.write(f"Admin   http://{ADDRESS}/admin/ ({account})\nCtrl-C stops.")
        self.stdout.flush()
        try:
            web.wait()
        except KeyboardInterrupt:
            self.stdout.write("\nStopping.")


def wait_for_site() -> None:
    """What runserver says as it starts comes before the addresses, which stay in sight."""
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        with (
            suppress(OSError),
            socket.create_connection(("127.0.0.1", int(ADDRESS.partition(":")[2])), timeout=1),
        ):
            return
        time.sleep(0.2)


def worker_options() -> list[str]:
    queues = "urgent,mail,build,ingest"
    return ["worker", "-Q", queues, "--concurrency", "2", "-l", "warning", "-n", "demo@%h"]


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """One of our own programs, ended with us. A second SIGINT from the terminal is harmless."""
    started = subprocess.Popen([sys.executable, *arguments], cwd=settings.BASE_DIR)  # noqa: S603
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(20)
        except subprocess.TimeoutExpired:
            started.kill()


@contextmanager
def kept_running(name: str, *arguments: str) -> Iterator[None]:
    """One of our own programs, started again whenever it ends before we do."""
    stopping = Event()

    def keep() -> None:
        while not stopping.is_set():
            with process(*arguments) as program:
                while program.poll() is None and not stopping.wait(LOOK):
                    pass
            # Ctrl-C reaches the program too, which may end before we are told to stop.
            if not stopping.wait(RESTART_AFTER):
                status = program.returncode
                print(f"The {name} ended ({status}) and is started again.", file=sys.stderr)

    keeper = Thread(target=keep)
    keeper.start()
    try:
        yield
    finally:
        stopping.set()
        keeper.join()


def sample_reader(email: str) -> Subscriber:
    """A sample reader, signed up and confirmed as any other; there already from an earlier run."""
    now = timezone.now()
    asked = signup.SignUpRequest(email=email, timezone="UTC", page="demo", ip=None)
    reader = signup.request_sign_up(asked, now)
    Interests.objects.filter(subscriber=reader, topics="").update(**SAMPLE_READERS[email])
    lifecycle.activate_reader(reader, now)
    return reader


def curator_account() -> str:
    """Make an account for the admin on the first run; its password is shown once."""
    users = get_user_model().objects
    if users.filter(username="curator").exists():
        return "user curator; manage.py changepassword curator sets a new password"
    password = get_random_string(16)
    users.create_superuser("curator", "curator@reader.example", password)
    return f"user curator, password {password}, shown this once"
