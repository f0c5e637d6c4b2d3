"""A file of readers: exported, imported again, and with wrong values."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from subscriptions.models import ReaderImport, Subscriber, Subscription, Topic
from subscriptions.readers import exporting, importing, profile_columns
from tests.examples import examples

pytestmark = pytest.mark.django_db
GOOD = {
    "consent_at": "2024-05-01T10:00:00Z",
    "consent_text": "Send me papers",
    "confirmed_at": "2024-05-01T10:05:00Z",
}
DAY = timedelta(days=1)


def file_of(*rows: dict[str, Any]) -> str:
    """Return a CSV file of these rows, with the columns that any of them has."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, names)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def import_text(text: str) -> dict[int, str]:
    """Import a file and return the reasons of rejected lines."""
    checked, lines = importing.read_import_file(text.encode())
    work = ReaderImport.objects.create(
        name="x.csv", created_by="ada", created_at=timezone.now(), text=checked, lines=lines
    )
    importing.run_import(work.pk)
    importing.start_import(work.pk)
    importing.run_import(work.pk)
    work.refresh_from_db()
    return dict(work.rejections)


def import_one(**values: Any) -> str:
    """Import one reader and return the reason if the line is rejected."""
    return import_text(file_of({"email": "a@example.org", **GOOD, **values})).get(2, "")


def exported() -> list[list[str]]:
    return list(csv.reader(io.StringIO("".join(exporting.export_lines()), newline="")))


# --- Round trip -----------------------------------------------------------------------------
SIGNS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
TEXT = st.text(SIGNS, max_size=30) | st.sampled_from(
    ["=1+1", "'=x", "''@y", '"a","b"', "a\r\nb;\t"]
)
NAMES = st.lists(st.text(SIGNS, min_size=1, max_size=20), max_size=3)
FIRST = datetime(2020, 1, 1, tzinfo=UTC)
MOMENTS = st.none() | st.timedeltas(timedelta(0), timedelta(days=2000)).map(FIRST.__add__)
DAYS = st.none() | st.dates(date(2020, 1, 1), date(2030, 1, 1))
TOPICS = st.fixed_dictionaries(
    {
        "name": TEXT, "text": TEXT, "active": st.booleans(), "words": NAMES,
        "excluded_words": NAMES, "ignored_words": NAMES, "categories": NAMES, "authors": NAMES,
        "examples": NAMES, "strictness": st.sampled_from(Topic.Strictness.values),
        "references": st.lists(st.fixed_dictionaries({"title": TEXT, "doi": TEXT}), max_size=2),
        "query": TEXT, "all_matches": st.booleans(), "max_papers": st.none() | st.integers(1, 30),
        "author_page": TEXT, "author_page_status": TEXT, "author_page_requested_at": MOMENTS,
        "matched_on": DAYS, "quiet_notice_on": DAYS,
    }
)  # fmt: skip
SUBSCRIPTIONS = st.fixed_dictionaries(
    {
        "name": TEXT, "state": st.sampled_from(Subscription.State.values),
        "frequency": st.sampled_from(["daily", "weekly", "fortnightly", "monthly", "paused"]),
        "weekday": st.integers(0, 6), "month_day": st.integers(1, 31), "hour": st.integers(0, 23),
        "all_topics": st.booleans(), "trending": st.booleans(), "max_papers": st.integers(1, 30),
        "last_digest_day": DAYS, "covered_until": MOMENTS, "paused_until": MOMENTS,
        "stopped_at": MOMENTS,
    }
)  # fmt: skip
READERS = st.fixed_dictionaries(
    {
        "status": st.sampled_from(Subscriber.Status.values),
        "language": st.sampled_from(["en", "de"]),
        "timezone": st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Kiritimati"]),
        "muted_words": NAMES, "muted_authors": NAMES, "shared_authors": st.booleans(),
        "learns_from_opened": st.booleans(), "opened_recorded_since": MOMENTS,
        "consent_text": st.sampled_from(["=Yes", "Yes, please", "'@ or else"]),
        "consent_page": st.sampled_from(["/", "-x"]),
        "consent_ip": st.sampled_from([None, "192.0.2.1", "2001:db8::1"]),
        "unsubscribed_at": MOMENTS, "less_often_offered_at": MOMENTS,
    }
)  # fmt: skip


def make(number: int, values: dict[str, Any], topics: list[Any], subscriptions: list[Any]) -> None:
    at = datetime(2024, 1, 1, 8, 0, 1, 5, tzinfo=UTC)
    reader = Subscriber.objects.create(
        email=f"+{number}@example.org", email_key=f"+{number}@example.org", created_at=at,
        consent_at=at, signup_requested_at=at, confirmed_at=at + DAY, **values,
    )  # fmt: skip
    rows = [
        Topic.objects.create(subscriber=reader, position=place, created_at=at, **row)
        for place, row in enumerate(topics)
    ]
    for place, row in enumerate(subscriptions):
        first = at.date() if row["frequency"] == "fortnightly" else None
        one = Subscription.objects.create(
            subscriber=reader, position=place, created_at=at, first_week=first, **row
        )
        one.topics.set(rows[: place + 1])


@given(
    profiles=st.lists(
        st.tuples(
            READERS,
            st.lists(TOPICS, min_size=1, max_size=3),
            st.lists(SUBSCRIPTIONS, min_size=1, max_size=3),
        ),
        min_size=1,
        max_size=3,
    )
)
@settings(
    max_examples=examples(25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_an_export_imported_again_exports_the_same_rows(profiles: list[Any]) -> None:
    Subscriber.objects.all().delete()
    for number, profile in enumerate(profiles):
        make(number, *profile)
    before = exported()
    Subscriber.objects.all().delete()
    text = io.StringIO(newline="")
    csv.writer(text).writerows(before)
    assert import_text(text.getvalue()) == {}
    assert exported() == before


def test_no_column_is_forgotten() -> None:
    left_out = {"id", "subscriber", "position"}
    for model, exported_names in (
        (Topic, profile_columns.TOPIC_FIELDS),
        (Subscription, (*profile_columns.SUBSCRIPTION_FIELDS, "next_digest_at")),
    ):
        columns = {field.name for field in model._meta.concrete_fields}
        assert columns - left_out == set(exported_names)


def test_imported_subscriptions_are_scheduled() -> None:
    rows = [{"frequency": "weekly"}, {"frequency": "monthly", "state": "stopped"}]
    assert import_one(subscriptions=json.dumps(rows)) == ""
    due = Subscriber.objects.get().subscriptions.values_list("next_digest_at", flat=True)
    assert [at is not None for at in due] == [True, False]


def test_readers_who_left_stay_out() -> None:
    values = {"consent_text": "", "consent_at": "", "confirmed_at": ""}
    assert import_one(status="unsubscribed", **values) == ""
    reader = Subscriber.objects.get()
    assert reader.status == "unsubscribed"
    assert reader.default_subscription.next_digest_at is None


# --- Files that people write ----------------------------------------------------------------
def test_simple_columns_make_one_topic_and_one_subscription() -> None:
    reason = import_one(
        text="graphs", categories="cs.LG, math.CO", frequency="monthly", month_day="15",
        hour="6", max_papers="5", muted_words="survey, review", shared_authors="true",
    )  # fmt: skip
    assert reason == ""
    reader = Subscriber.objects.get()
    assert (reader.muted_words, reader.shared_authors) == (["survey", "review"], True)
    assert reader.first_topic.categories == ["cs.LG", "math.CO"]
    row = reader.default_subscription
    assert (row.frequency, row.month_day, row.hour, row.max_papers) == ("monthly", 15, 6, 5)


def test_fortnightly_digests_start_this_week_unless_the_file_says_otherwise() -> None:
    assert import_one(frequency="fortnightly") == ""
    row = Subscriber.objects.get().default_subscription
    assert row.first_week == timezone.now().date()


# --- Wrong values ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("topics", "graphs", "topics: This is not JSON as in an exported file."),
        ("topics", "[" * 100_000, "topics: This is not JSON as in an exported file."),
        ("topics", "{}", "topics: This is not a JSON list of objects"),
        ("topics", "[]", "topics: This is not a JSON list of objects"),
        ("topics", "[5]", "topics: This is not a JSON list of objects"),
        ("topics", [{}] * 21, "topics: There are 21 entries. The maximum is 20."),
        ("topics", [{}, {"size": 1}], "topics: Entry 2: Unknown fields: size."),
        ("topics", [{"text": 5}], "topics: Entry 1: text: The value has the wrong type."),
        ("topics", [{"text": None}], "topics: Entry 1: text: The value is missing."),
        ("topics", [{"text": "a\0b"}], "topics: Entry 1: A character cannot be stored."),
        ("topics", '[{"text": "\\ud800"}]', "topics: Entry 1: A character cannot be stored."),
        ("topics", [{"text": "a" * 2001}], "topics: Entry 1: text: It has more than 2000"),
        ("topics", [{"words": "a"}], "topics: Entry 1: words: The value has the wrong type."),
        ("topics", [{"words": [1]}], "topics: Entry 1: words: All entries must be text."),
        ("topics", [{"words": ["a" * 201]}], "topics: Entry 1: words: "),
        ("topics", [{"strictness": "very"}], "topics: Entry 1: strictness: "),
        ("topics", [{"matched_on": "yesterday"}], "topics: Entry 1: matched_on: "),
        ("topics", [{"matched_on": ""}], "topics: Entry 1: matched_on: The value is missing."),
        ("topics", [{"matched_on": 5}], "topics: Entry 1: matched_on: The value has the wrong"),
        ("topics", [{"active": 1}], "topics: Entry 1: active: The value has the wrong type."),
        ("subscriptions", [{}] * 11, "subscriptions: There are 11 entries."),
        ("subscriptions", [{"frequency": "hourly"}], "subscriptions: Entry 1: frequency: "),
        ("subscriptions", [{"month_day": 0}], "subscriptions: Entry 1: month_day: "),
        ("subscriptions", [{"hour": True}], "subscriptions: Entry 1: hour: The value has"),
        ("subscriptions", [{"hour": -1}], "subscriptions: Entry 1: hour: "),
        ("subscriptions", [{"topics": [1]}], "topics: Must be a list of numbers from 0 to 0."),
        ("subscriptions", [{"topics": ["0"]}], "topics: Must be a list of numbers from 0 to 0."),
        ("subscriptions", [{"last_digest_day": "9999-12-31"}], "The year is not plausible."),
        ("subscriptions", [{"paused_until": "2026-01-01T00:00"}], "The time zone is missing."),
        ("muted_words", '["a"', "muted_words: This is not a JSON list of texts."),
        ("muted_authors", "[5]", "muted_authors: This is not a JSON list of texts."),
        ("status", "away", "status: "),
        ("month_day", "32", "month_day: "),
        ("categories", "cs.XX", "categories: "),
        ("created_at", "0001-01-01T00:00:00Z", "A time is before 1990."),
    ],
)
def test_a_wrong_value_rejects_its_line_with_a_reason_and_no_other(
    column: str, cell: Any, reason: str
) -> None:
    wrong = {column: cell if isinstance(cell, str) else json.dumps(cell)}
    rows = [{"email": f"{name}@example.org", **GOOD} for name in ("a", "b", "c")]
    rejected = import_text(file_of(rows[0], rows[1] | wrong, rows[2]))
    assert list(rejected) == [3]
    assert reason in rejected[3]
    emails = Subscriber.objects.order_by("pk").values_list("email", flat=True)
    assert list(emails) == ["a@example.org", "c@example.org"]


@pytest.mark.parametrize(
    ("json_column", "simple"), [("topics", "text"), ("subscriptions", "frequency")]
)
def test_a_line_has_json_or_simple_columns(json_column: str, simple: str) -> None:
    reason = import_one(**{json_column: "[{}]", simple: "daily"})
    assert f"{json_column}: Leave it empty, or else {simple}." in reason


def test_an_active_reader_needs_consent() -> None:
    assert "confirmed_at: This field is required for active readers." in import_one(confirmed_at="")


@pytest.mark.parametrize("text", ["=x", "'=x", "''+x", "'", "x", "@", "-1", "\tx", "'x"])
def test_a_safe_cell_is_read_back_unchanged(text: str) -> None:
    cell = exporting.safe(text)
    assert not cell.startswith(exporting.FORMULA_PREFIXES)
    assert exporting.plain(cell) == text
