"""Promise 40, logs: a whole run with everything going wrong, and no line names a reader."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from config import logs
from papers.models import Paper
from subscriptions import tokens
from subscriptions.delivery import mailing_run
from subscriptions.editions import digests, recovery
from subscriptions.feedback.refusals import record_refusals
from subscriptions.feedback.settle import settle_uncertain
from subscriptions.mail import digest_mail
from subscriptions.models import Digest, Subscriber
from tests.pages import forge
from tests.signing_in import subscribe
from tests.subscriptions.conftest import Sink
from tests.subscriptions.messages import send_waiting, sign_up

pytestmark = [pytest.mark.usefixtures("redis"), pytest.mark.django_db]
NAMES = re.compile(r"(?:someone|poison|gone|slow|newcomer)[\w.+-]*@", re.IGNORECASE)


@pytest.fixture
def written() -> Iterator[tuple[io.StringIO, io.StringIO]]:
    """What the log says at its most talkative: as it is written, and as it would be without us."""
    ours, raw = io.StringIO(), io.StringIO()
    handlers = [logging.StreamHandler(ours), logging.StreamHandler(raw)]
    handlers[0].setFormatter(logs.Line())
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.DEBUG)
    logging.getLogger("mail.log").setLevel(logging.ERROR)  # the other side of the wire
    for handler in handlers:
        root.addHandler(handler)
    yield ours, raw
    root.setLevel(before)
    for handler in handlers:
        root.removeHandler(handler)


@pytest.mark.promise(40)
def test_logs_of_a_sending_run_hold_no_address_and_no_token(
    written: tuple[io.StringIO, io.StringIO],
    edition: list[Paper],
    make_reader: Callable[..., Subscriber],
    smtp: Sink,
    client: Client,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make = lambda name: make_reader(name, {"text": "language"})  # noqa: E731
    people = [make(f"someone.{n}@example.org") for n in range(5)]
    poison = make("poison@example.org")
    gone, slow = make("gone@example.org"), make("slow@example.org")
    smtp.never = {
        gone.email: f"550 5.1.1 <{gone.email}> no such user",
        slow.email: f"450 4.2.2 <{slow.email}> mailbox full",
    }
    subscribe(client, "newcomer@example.org")
    sign_up("newcomer@example.org", now)
    send_waiting(timezone.now())
    made = digest_mail.digest_message

    def trips(digest: Digest, *rest: Any, **more: Any) -> Any:
        if digest.subscriber_id == poison.pk:
            raise ValueError(f"cannot write to {digest.subscriber.email}")
        return made(digest, *rest, **more)

    monkeypatch.setattr(digest_mail, "digest_message", trips)
    pks = [reader.pk for reader in (*people, poison, gone, slow)]
    mailing_run.deliver_digests(digests.build_due_digests(pks, now), lambda: now)
    recovery.recover_digests(now)
    settle_uncertain(now)
    record_refusals(now)
    token = tokens.make_token(tokens.Purpose.PREFERENCES, people[0].pk)
    client.get(f"/profile/{token}x/")
    forge(client, f"/profile/{token}/mute/")
    logging.getLogger("paperboy.test").error("no route to %s", people[0].email)

    ours, raw = (text.getvalue() for text in written)
    totals = Digest.objects.all().totals()
    assert totals["sent"] == 5
    assert totals["failed"] >= 2, "the poisoned one and who is gone"
    assert NAMES.search(raw), "nothing was logged that needed to be hidden"
    assert token[:-4] in raw
    assert not NAMES.search(ours)
    assert token.rpartition(":")[2] not in ours
