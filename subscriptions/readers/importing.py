"""Import of readers from a CSV file: checked first, then imported, with a reason per rejected line.

Each active reader must have a consent and a confirmation given elsewhere. A line has the whole
profile as an export writes it, or simple columns for one topic and one subscription. Addresses
that already exist, in any state, are left unchanged; addresses that bounced, complained or were
erased are rejected. A file is processed in chunks. Each chunk and its progress are saved in one
transaction, so an interrupted run continues where it stopped.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import Any

from django import forms
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from subscriptions.mail import suppression
from subscriptions.mail.addresses import email_key
from subscriptions.models import (
    TOPIC_TEXT_LENGTH,
    Erasure,
    ReaderImport,
    Subscriber,
    Subscription,
    Suppression,
    Topic,
)
from subscriptions.readers import scheduling
from subscriptions.readers.exporting import plain
from subscriptions.readers.fields import AddressField, CategoriesField, ListField, ZoneField
from subscriptions.readers.profile_columns import (
    FIRST_YEAR,
    parse_subscriptions,
    parse_texts,
    parse_topics,
)

REQUIRED = ("email", "consent_at", "consent_text", "confirmed_at")
READER_COLUMNS = (
    *("consent_page", "consent_ip", "timezone", "language", "status", "created_at"),
    *("signup_requested_at", "unsubscribed_at", "less_often_offered_at", "muted_words"),
    *("muted_authors", "shared_authors", "learns_from_kept", "learns_from_opened"),
    "opened_recorded_since",
)
TOPIC_COLUMNS = ("text", "categories")
SUBSCRIPTION_COLUMNS = ("frequency", "weekday", "month_day", "hour", "max_papers")
"""Columns of files that people write: one topic and one subscription."""
JSON_COLUMNS = ("topics", "subscriptions")
OPTIONAL = (*READER_COLUMNS, *TOPIC_COLUMNS, *SUBSCRIPTION_COLUMNS, *JSON_COLUMNS)
MAX_BYTES = 20_000_000
MAX_REJECTIONS = 1_000  # rejected lines listed with a reason; further ones are only counted
CHUNK_SIZE = 500  # lines
EXISTS = "This address already exists. It is left unchanged."
DUPLICATE = "Duplicate address in this file."
BOUNCED = "Mail to this address bounced or was reported as spam."
ERASED = "The reader asked to be erased."
csv.field_size_limit(MAX_BYTES)  # the default is too small for the topics of some readers
State = ReaderImport.State
RUNNING = (State.CHECKING, State.IMPORTING)


class ImportFileError(ValueError):
    """The file as a whole cannot be read. The message is the reason."""


class TextsField(ListField):
    """Texts as an export writes them, in JSON, or separated by commas."""

    def clean(self, value: Any) -> Any:
        cell = str(value or "").strip()
        return parse_texts(cell) if cell.startswith("[") else super().clean(value)


class ReaderRow(forms.Form):
    """One line of the file. Missing values get the defaults of a sign-up."""

    email = AddressField(max_length=254)
    status = forms.ChoiceField(choices=Subscriber.Status.choices, required=False)
    consent_at = forms.DateTimeField(required=False)
    consent_text = forms.CharField(max_length=2000, required=False)
    confirmed_at = forms.DateTimeField(required=False)
    consent_page = forms.CharField(max_length=200, required=False)
    consent_ip = forms.GenericIPAddressField(required=False)
    created_at = forms.DateTimeField(required=False)
    signup_requested_at = forms.DateTimeField(required=False)
    unsubscribed_at = forms.DateTimeField(required=False)
    less_often_offered_at = forms.DateTimeField(required=False)
    opened_recorded_since = forms.DateTimeField(required=False)
    timezone = ZoneField(required=False)
    language = forms.ChoiceField(choices=settings.LANGUAGES, required=False)
    muted_words = TextsField()
    muted_authors = TextsField()
    shared_authors = forms.BooleanField(required=False)
    learns_from_kept = forms.NullBooleanField(required=False)
    learns_from_opened = forms.BooleanField(required=False)
    text = forms.CharField(max_length=TOPIC_TEXT_LENGTH, required=False)
    categories = CategoriesField()
    frequency = forms.ChoiceField(choices=Subscription.Frequency.choices, required=False)
    hour = forms.IntegerField(min_value=0, max_value=23, required=False)
    weekday = forms.IntegerField(min_value=0, max_value=6, required=False)
    month_day = forms.IntegerField(min_value=1, max_value=31, required=False)
    max_papers = forms.IntegerField(min_value=1, max_value=30, required=False)
    topics = forms.CharField(required=False)
    subscriptions = forms.CharField(required=False)

    def clean_status(self) -> str:
        return self.cleaned_data["status"] or Subscriber.Status.ACTIVE

    def clean(self) -> None:
        now, cleaned = timezone.now(), self.cleaned_data
        if cleaned.get("status") == Subscriber.Status.ACTIVE:
            self._require_consent()
        moments = [value for value in cleaned.values() if isinstance(value, datetime)]
        if any(moment > now for moment in moments):
            raise forms.ValidationError(
                "A time, for example of the consent, is dated in the future."
            )
        if any(moment.year < FIRST_YEAR for moment in moments):
            raise forms.ValidationError(f"A time is before {FIRST_YEAR}.")
        self._parse_json()

    def _require_consent(self) -> None:
        """Report what active readers lack. Others get no email until they confirm."""
        for name in REQUIRED:
            if name not in self.errors and not self.cleaned_data.get(name):
                self.add_error(name, "This field is required for active readers.")
        consented, confirmed = map(self.cleaned_data.get, ("consent_at", "confirmed_at"))
        if consented and confirmed and confirmed < consented:
            self.add_error(None, "The confirmation is dated before the consent.")

    def _parse_json(self) -> None:
        """Replace the JSON of topics and subscriptions by rows that are not saved."""
        columns = (("topics", TOPIC_COLUMNS), ("subscriptions", SUBSCRIPTION_COLUMNS))
        for name, others in columns:
            given = [other for other in others if self.data.get(other)]
            if self.cleaned_data.get(name) and given:
                self.add_error(name, f"Leave it empty, or else {' and '.join(given)}.")
        self._parse_column("topics", parse_topics)
        count = len(self.cleaned_data.get("topics") or [Topic()])
        self._parse_column("subscriptions", lambda cell: parse_subscriptions(cell, count))

    def _parse_column(self, name: str, parse: Callable[[str], Any]) -> None:
        if not (cell := self.cleaned_data.get(name)):
            return
        try:
            self.cleaned_data[name] = parse(cell)
        except forms.ValidationError as error:
            self.add_error(name, error)

    def error_text(self) -> str:
        """Return all errors in one line."""
        return " ".join(
            f"{'' if name == '__all__' else name + ': '}{' '.join(map(str, errors))}"
            for name, errors in self.errors.items()
        )

    def build_reader(self, name: str, now: datetime) -> Subscriber:
        """Return a reader, not saved; `name` is the file's."""
        names = ("email", "consent_at", "consent_text", "confirmed_at", *READER_COLUMNS)
        given = {key: self.cleaned_data[key] for key in names}
        values = {key: value for key, value in given.items() if value not in ("", None)}
        values.setdefault("consent_page", f"import: {name}"[:200])
        values.setdefault("created_at", now)
        if values["status"] == Subscriber.Status.ACTIVE:
            values.setdefault("signup_requested_at", values["consent_at"])
        return Subscriber(**values, email_key=email_key(values["email"]))

    def build_topics(self, reader: Subscriber) -> list[Topic]:
        """Return the topics of the saved reader, not saved."""
        values = {name: self.cleaned_data[name] for name in TOPIC_COLUMNS}
        topics: list[Topic] = self.cleaned_data["topics"] or [Topic(**values)]
        for topic in topics:
            topic.subscriber = reader
        return topics

    def build_subscriptions(self, reader: Subscriber) -> list[tuple[Subscription, list[int]]]:
        """Return the subscriptions of the saved reader, not saved, with places of topics."""
        values = {name: self.cleaned_data[name] for name in SUBSCRIPTION_COLUMNS}
        given = {name: value for name, value in values.items() if value not in ("", None)}
        pairs = self.cleaned_data["subscriptions"] or [(Subscription(**given), [])]
        for subscription, _places in pairs:
            subscription.subscriber = reader
        return list(pairs)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file with its number."""

    number: int
    row: ReaderRow

    @property
    def key(self) -> str:
        """Return the key of the address, valid or not."""
        return email_key(self.row.data.get("email", ""))


def read_import_file(data: bytes) -> tuple[str, int]:
    """Return the text and the number of readers; raise ImportFileError if it is unreadable."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ImportFileError("The file isn't UTF-8. Save it as “CSV UTF-8”.") from error
    if "\0" in text:
        raise ImportFileError("The file isn't a text file.")
    head = [name.strip().lower() for name in next(_reader(text), [])]
    if missing := [name for name in REQUIRED if name not in head]:
        raise ImportFileError(
            f"The first line must name the columns. Missing: {', '.join(missing)}."
        )
    if unknown := [name for name in head if name not in REQUIRED + OPTIONAL]:
        raise ImportFileError(f"Unknown columns: {', '.join(unknown)}.")
    try:
        return text, sum(1 for row in _reader(text) if row) - 1
    except csv.Error as error:
        raise ImportFileError(f"The file can't be read as CSV: {error}.") from error


def _reader(text: str) -> Iterator[list[str]]:
    """Return the rows of cells, separated by commas, semicolons or tabs as in the first line."""
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)


def run_import(pk: int) -> None:
    """Check or import the rest of a file. Safe to run concurrently."""
    work = ReaderImport.objects.filter(pk=pk, state__in=RUNNING).first()
    if work is None:
        return
    lines, listed, position = _lines(work.text), set[str](), work.processed
    listed.update(line.key for line in islice(lines, position))
    while chunk := list(islice(lines, CHUNK_SIZE)):
        if not _process_chunk(pk, position, chunk, listed):
            return
        position += len(chunk)
    _finish(pk, position)


@transaction.atomic
def _process_chunk(pk: int, position: int, chunk: Sequence[Line], listed: set[str]) -> bool:
    """Process the next lines; return False if another worker has them or the file is discarded."""
    rows = ReaderImport.objects.filter(pk=pk, state__in=RUNNING, processed=position)
    work = rows.defer("text").select_for_update(skip_locked=True).first()
    if work is None:
        return False
    accepted, rejected = _judge_lines(chunk, listed)
    if work.state == State.IMPORTING:
        _create_readers(accepted, work.name)
    work.accepted += len(accepted)
    work.rejected += len(rejected)
    work.rejections = [*work.rejections, *rejected][:MAX_REJECTIONS]
    work.processed += len(chunk)
    work.save(update_fields=["accepted", "rejected", "rejections", "processed"])
    return True


def _finish(pk: int, position: int) -> None:
    """Mark the file as checked, or as done and delete its text."""
    rows = ReaderImport.objects.filter(pk=pk, processed=position)
    rows.filter(state=State.IMPORTING).update(state=State.DONE, text="", ended_at=timezone.now())
    rows.filter(state=State.CHECKING).update(state=State.CHECKED)


def start_import(pk: int) -> bool:
    """Start importing a checked file; return False if it has no acceptable lines."""
    initial = {"processed": 0, "accepted": 0, "rejected": 0, "rejections": []}
    checked = ReaderImport.objects.filter(pk=pk, state=State.CHECKED, accepted__gt=0)
    return bool(checked.update(state=State.IMPORTING, **initial))


def running() -> list[int]:
    """Return the keys of files in progress, including those whose task was lost."""
    return list(ReaderImport.objects.filter(state__in=RUNNING).values_list("pk", flat=True))


def discard_import(pk: int) -> bool:
    """Discard a file that was not imported."""
    kept = ReaderImport.objects.filter(pk=pk, state__in=(State.CHECKING, State.CHECKED))
    return bool(kept.update(state=State.DISCARDED, text="", ended_at=timezone.now()))


def _lines(text: str) -> Iterator[Line]:
    rows = _reader(text)
    head = [name.strip().lower() for name in next(rows)]
    for number, row in enumerate(rows, start=2):
        if row:
            cells = {name: plain(cell) for name, cell in zip(head, row, strict=False)}
            yield Line(number, ReaderRow(cells))


def _judge_lines(
    lines: Sequence[Line], listed: set[str]
) -> tuple[list[Line], list[tuple[int, str]]]:
    """Return the acceptable lines, and the numbers of the others with the reason.

    `listed` has the address keys of earlier lines; those of these lines are added to it.
    """
    accepted: list[Line] = []
    rejected = [(line.number, line.row.error_text()) for line in lines if not line.row.is_valid()]
    valid = [line for line in lines if line.row.is_valid()]
    reasons = _find_blocked([line.key for line in valid])
    for line in valid:
        reason = DUPLICATE if line.key in listed else reasons.get(line.key, "")
        if reason == BOUNCED and line.row.cleaned_data["status"] == Subscriber.Status.SUPPRESSED:
            reason = ""  # and stays suppressed
        listed.add(line.key)
        if reason:
            rejected.append((line.number, reason))
        else:
            accepted.append(line)
    return accepted, sorted(rejected)


def _find_blocked(keys: Collection[str]) -> dict[str, str]:
    """Return the address keys that must not be imported, with the reason."""
    existing = Subscriber.objects.filter(email_key__in=keys).values_list("email_key", flat=True)
    reasons = dict.fromkeys(existing, EXISTS)
    key_of_hash = {digest: key for key in keys for digest in suppression.address_hashes(key)}
    for rows, reason in (
        (
            Suppression.objects.in_force(timezone.now()),
            BOUNCED,
        ),
        (Erasure.objects.all(), ERASED),
    ):
        for digest in rows.filter(address_hash__in=key_of_hash).values_list(
            "address_hash", flat=True
        ):
            reasons[key_of_hash[digest]] = reason
    return reasons


def _create_readers(lines: Sequence[Line], name: str) -> None:
    """Create readers. Active ones have their consent and confirmation on record."""
    now = timezone.now()
    readers = Subscriber.objects.bulk_create([line.row.build_reader(name, now) for line in lines])
    pairs = list(zip(lines, readers, strict=True))
    topics = [line.row.build_topics(reader) for line, reader in pairs]
    Topic.objects.bulk_create(chain.from_iterable(topics))
    subscriptions = [line.row.build_subscriptions(reader) for line, reader in pairs]
    all_subscriptions = [one for own in subscriptions for one, _places in own]
    for subscription in all_subscriptions:
        scheduling.set_first_week(subscription, now)
        scheduling.set_next_digest(subscription, now)
    Subscription.objects.bulk_create(all_subscriptions)
    through = Subscription.topics.through
    through.objects.bulk_create(
        through(subscription=subscription, topic=own_topics[place])
        for own_topics, own in zip(topics, subscriptions, strict=True)
        for subscription, places in own
        for place in places
    )
