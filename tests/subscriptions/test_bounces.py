"""Reading returned mail, on mails of the tests' own and on two collections. Promise 36."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscriptions import bounces
from subscriptions.bounces import Kind, Returned
from subscriptions.severity import is_hard, provider_says_hard
from tests.conftest import SHARED
from tests.subscriptions.returned import absence, complaint, delayed, dsn

SISIMAI = SHARED / "bad" / "sisimai_set_of_emails"
FLUFL = SHARED / "bad" / "flufl_bounce"
SLOWEST = 2.0  # seconds; some 0.03 on an idle machine


def test_a_standard_report_is_read() -> None:
    returned = bounces.read(dsn(status="5.1.1", diagnostic="smtp; 550 5.1.1 unknown user"))
    assert returned.kind == Kind.BOUNCE
    assert returned.hard
    assert returned.recipients == ("reader@example.org",)
    assert (returned.status, returned.diagnostic) == ("5.1.1", "550 5.1.1 unknown user")
    assert returned.message_ids == ("<some-id@localhost.localdomain>",)
    assert "bounces@example.net" in returned.sent_to


def test_line_ends_of_every_kind_are_the_same() -> None:
    raw = dsn().replace(b"\r\n", b"\n")
    read = {bounces.read(raw.replace(b"\n", end)) for end in (b"\n", b"\r\n", b"\r")}
    assert len(read) == 1
    assert read.pop().kind == Kind.BOUNCE


def test_what_is_still_being_tried_is_no_bounce() -> None:
    assert bounces.read(delayed()).kind == Kind.DELAYED


def test_a_feedback_report_is_a_complaint() -> None:
    returned = bounces.read(complaint())
    assert returned.kind == Kind.COMPLAINT
    assert returned.message_ids == ("<some-id@localhost.localdomain>",)


def test_a_report_that_something_is_not_spam_is_no_complaint() -> None:
    assert bounces.read(complaint(kind="not-spam")).kind == Kind.OTHER


@pytest.mark.parametrize(
    "subject", ["Out of office", "Automatic reply: Digest", "Abwesenheit bis Mai", "Hello"]
)
def test_an_absence_note_is_no_bounce(subject: str) -> None:
    assert bounces.read(absence(subject)).kind == Kind.AUTO_REPLY


@given(st.binary(max_size=2000))
def test_no_bytes_make_it_stumble(raw: bytes) -> None:
    assert isinstance(bounces.read(raw), Returned)


@given(st.data())
def test_no_damage_to_a_report_makes_it_stumble(data: st.DataObject) -> None:
    raw = bytearray(dsn())
    for _ in range(data.draw(st.integers(1, 30))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    assert isinstance(bounces.read(bytes(raw)), Returned)


@pytest.mark.parametrize(
    "raw",
    [
        b"From: a\n" + b"X: y\n" * 200_000,
        b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n" * 100_000,
        b"Subject: " + b"a@" * 300_000 + b"\n\nbody",
        b"From: MAILER-DAEMON\nSubject: failure notice\n\n" + b"<a@b.example>: " * 60_000,
        b"From: MAILER-DAEMON\nSubject: failure notice\n\n" + b"user " * 200_000,
    ],
    ids=["headers", "parts", "subject", "addresses", "words"],
)
def test_promise_36_huge_mails_are_read_in_bounded_time(raw: bytes) -> None:
    started = time.monotonic()
    bounces.read(raw * 20)
    assert time.monotonic() - started < 20


# --- Hard or soft ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "diagnostic", "hard"),
    [
        ("5.1.1", "", True),
        ("5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound", True),
        ("5.2.1", "mailbox disabled", True),
        ("5.0.0", "550 User unknown", True),
        ("", "550 5.1.1 The email account that you tried to reach does not exist", True),
        ("5.4.4", "Host not found, unable to look up domain: domain does not exist", True),
        ("5.2.2", "552 mailbox full", False),
        ("5.7.1", "550 5.7.1 message blocked as spam", False),
        ("5.7.26", "This mail is unauthenticated", False),
        ("5.3.4", "552 message too large", False),
        ("5.1.8", "550 sender domain does not exist", False),
        ("", "550 Mailbox unavailable: quota exceeded", False),
        ("", "554 sender address: domain not found", False),
        ("5.7.1", "RCPT: 550 5.7.1 relaying denied", False),
        ("", "RCPT: 550 No such user here", True),
        ("4.1.1", "450 user unknown, for now", False),
        ("", "450 mailbox unavailable", False),
        ("", "", False),
    ],
)
def test_the_address_is_at_fault_or_it_is_not(status: str, diagnostic: str, hard: bool) -> None:
    assert is_hard(status, diagnostic) is hard


def test_providers_say_it_each_in_their_own_way() -> None:
    assert provider_says_hard("Amazon SES", {"bounce": {"bounceType": "Permanent"}}) is True
    assert provider_says_hard("Amazon SES", {"bounce": {"bounceType": "Transient"}}) is False
    assert provider_says_hard("SparkPost", {"msys": {"message_event": {"bounce_class": "10"}}})
    for strange in (None, [], "text", {}, {"bounce": None}, {"bounce": {"bounceType": ["x"]}}):
        assert not provider_says_hard("Amazon SES", strange)
    assert provider_says_hard("Carrier pigeon", {"Type": "HardBounce"}) is None


# --- Collections ----------------------------------------------------------------------------------


def mails(place: Path) -> list[Path]:
    return [one for one in sorted(place.rglob("*")) if one.is_file()]


@pytest.mark.skipif(not FLUFL.is_dir(), reason="no shared data here")
def test_promise_36_the_collection_of_flufl_bounce_is_read_as_expected() -> None:
    agreed, wanted = 0, 0
    for line in FLUFL.with_name("flufl_bounce_expected.jsonl").read_text().splitlines():
        case = json.loads(line)
        if not case["expected"]:
            continue
        wanted += 1
        returned = bounces.read((FLUFL / case["file"]).read_bytes())
        addresses = {a.lower() for one in case["expected"] for a in one["expected_addresses"]}
        for_now = all(one["temporary"] for one in case["expected"])
        kind = Kind.DELAYED if for_now else Kind.BOUNCE
        agreed += set(returned.recipients) == addresses and (not addresses or returned.kind == kind)
    assert (agreed, wanted) == (59, 60)  # the other names an address that was made unreadable


@pytest.mark.skipif(not SISIMAI.is_dir(), reason="no shared data here")
def test_promise_36_the_collection_of_sisimai_is_read_without_a_crash_and_in_time() -> None:
    kinds: Counter[str] = Counter()
    for path in mails(SISIMAI):
        started = time.monotonic()
        returned = bounces.read(path.read_bytes())
        assert time.monotonic() - started < SLOWEST, path.name
        family = path.name.split("-")[0] if path.parent.name in ("bsd", "dos", "mac") else "other"
        kinds[f"{family} {returned.kind}"] += 1
    bounced = sum(n for name, n in kinds.items() if name.split()[1] in ("bounce", "delayed"))
    read = sum(n for name, n in kinds.items() if name.split()[0] in ("lhost", "rhost", "rfc3464"))
    assert bounced / read > 0.98
    assert kinds["arf other"] == 0
    assert kinds["rfc3834 bounce"] == kinds["rfc3834 delayed"] == 0


@pytest.mark.skipif(not SISIMAI.is_dir(), reason="no shared data here")
def test_what_is_not_a_bounce_is_not_taken_for_one() -> None:
    for path in mails(SISIMAI / "maildir" / "not"):
        kind = bounces.read(path.read_bytes()).kind
        # The third is a bounce all the same: Sisimai keeps it there for its subject's sake.
        assert kind == (Kind.BOUNCE if path.name.startswith("rb-issue") else Kind.OTHER)
