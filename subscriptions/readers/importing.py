"""Readers from a CSV file: tried first, then brought in, with a reason for each line refused.

Only who agreed and confirmed elsewhere comes in, with both on record. Whoever is here already, in
whatever state, stays as they are; whoever bounced, complained or asked to be forgotten stays out.
A file is worked off in pieces; each is one transaction together with how far it came, so that a
run that breaks off goes on where it stopped.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django import forms
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from subscriptions.mail import suppression
from subscriptions.mail.addresses import email_key
from subscriptions.models import Erasure, Interests, ReaderImport, Subscriber, Suppression
from subscriptions.readers import lifecycle
from subscriptions.readers.exporting import plain
from subscriptions.readers.fields import AddressField, ZoneField

NEEDED = ("email", "consent_at", "consent_text", "confirmed_at")
OPTIONAL = (
    *("consent_page", "consent_ip", "timezone", "language", "frequency", "hour", "weekday"),
    *("max_papers", "topics", "categories"),
)
IGNORED = ("status", "created_at", "signup_requested_at", "unsubscribed_at")  # of an export
MAX_BYTES = 20_000_000
MOST_TOLD = 1_000  # refused lines that are named; the others are counted
PIECE = 500  # lines
IS_HERE = "This address already exists. It is left unchanged."
STANDS_BEFORE = "Duplicate address in this file."
BOUNCED = "Mail to this address bounced or was reported as spam."
FORGOTTEN = "The reader asked to be erased."
State = ReaderImport.State
RUNNING = (State.CHECKING, State.IMPORTING)


class ImportFileError(ValueError):
    """The file as a whole cannot be read; says why."""


class ReaderRow(forms.Form):
    """One line. What is left out is as for somebody who signs up."""

    email = AddressField(max_length=254)
    consent_at = forms.DateTimeField()
    consent_text = forms.CharField(max_length=2000)
    confirmed_at = forms.DateTimeField()
    consent_page = forms.CharField(max_length=200, required=False)
    consent_ip = forms.GenericIPAddressField(required=False)
    timezone = ZoneField(required=False)
    language = forms.ChoiceField(choices=settings.LANGUAGES, required=False)
    frequency = forms.ChoiceField(choices=Subscriber.Frequency.choices, required=False)
    hour = forms.IntegerField(min_value=0, max_value=23, required=False)
    weekday = forms.IntegerField(min_value=0, max_value=6, required=False)
    max_papers = forms.IntegerField(min_value=1, max_value=30, required=False)
    topics = forms.CharField(max_length=2000, required=False)
    categories = forms.CharField(max_length=2000, required=False)

    def clean(self) -> None:
        now, agreed = timezone.now(), self.cleaned_data.get("consent_at")
        confirmed = self.cleaned_data.get("confirmed_at")
        if any(moment and moment > now for moment in (agreed, confirmed)):
            raise forms.ValidationError("The consent is dated in the future.")
        if agreed and confirmed and confirmed < agreed:
            raise forms.ValidationError("The confirmation is dated before the consent.")

    def said(self) -> str:
        """What is wrong, in one line."""
        return "; ".join(
            f"{'' if name == '__all__' else name + ': '}{' '.join(map(str, errors))}"
            for name, errors in self.errors.items()
        )

    def reader(self, name: str, now: datetime) -> Subscriber:
        given = {key: value for key, value in self.cleaned_data.items() if value not in ("", None)}
        for key in ("topics", "categories"):
            given.pop(key, None)
        page = given.pop("consent_page", "") or f"import: {name}"
        return Subscriber(
            **given,
            email_key=email_key(given["email"]),
            consent_page=page[:200],
            status=Subscriber.Status.ACTIVE,
            signup_requested_at=given["consent_at"],
            created_at=now,
        )

    def interests(self, reader: Subscriber) -> Interests:
        categories = self.cleaned_data["categories"].replace(",", " ").split()
        return Interests(
            subscriber=reader, topics=self.cleaned_data["topics"], categories=categories
        )


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file: its number there, and its form."""

    number: int
    row: ReaderRow

    @property
    def key(self) -> str:
        """The identity of its address, be that one or not."""
        return email_key(self.row.data.get("email", ""))


def read_import_file(data: bytes) -> tuple[str, int]:
    """The text of a file and how many readers it lists; raises BadFile."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ImportFileError("The file isn't UTF-8. Save it as “CSV UTF-8”.") from error
    if "\0" in text:
        raise ImportFileError("The file isn't a text file.")
    head = [name.strip().lower() for name in next(_reader(text), [])]
    if missing := [name for name in NEEDED if name not in head]:
        raise ImportFileError(
            f"The first line must name the columns. Missing: {', '.join(missing)}."
        )
    if unknown := [name for name in head if name not in NEEDED + OPTIONAL + IGNORED]:
        raise ImportFileError(f"Unknown columns: {', '.join(unknown)}.")
    try:
        return text, sum(1 for row in _reader(text) if row) - 1
    except csv.Error as error:
        raise ImportFileError(f"The file can't be read as CSV: {error}.") from error


def _reader(text: str) -> Iterator[list[str]]:
    """Rows of cells; commas, semicolons or tabs between them, as the first line has it."""
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)


def run_import(pk: int) -> None:
    """Work a file off, as a trial or for real; twice at once does nothing twice."""
    work = ReaderImport.objects.filter(pk=pk, state__in=RUNNING).first()
    if work is None:
        return
    lines, listed, position = _lines(work.text), set[str](), work.processed
    listed.update(line.key for line in islice(lines, position))
    while piece := list(islice(lines, PIECE)):
        if not _worked_off(pk, position, piece, listed):
            return
        position += len(piece)
    _end(pk, position)


@transaction.atomic
def _worked_off(pk: int, position: int, piece: Sequence[Line], listed: set[str]) -> bool:
    """The next lines of a file; False where it is in other hands, or was discarded."""
    rows = ReaderImport.objects.filter(pk=pk, state__in=RUNNING, processed=position)
    work = rows.defer("text").select_for_update(skip_locked=True).first()
    if work is None:
        return False
    good, bad = _sorted(piece, listed)
    if work.state == State.IMPORTING:
        _bring_in(good, work.name)
    work.accepted += len(good)
    work.rejected += len(bad)
    work.rejections = [*work.rejections, *bad][:MOST_TOLD]
    work.processed += len(piece)
    work.save(update_fields=["accepted", "rejected", "rejections", "processed"])
    return True


def _end(pk: int, position: int) -> None:
    """After the trial it waits for a word; after the real run nothing is kept of the file."""
    rows = ReaderImport.objects.filter(pk=pk, processed=position)
    rows.filter(state=State.IMPORTING).update(state=State.DONE, text="", ended_at=timezone.now())
    rows.filter(state=State.CHECKING).update(state=State.CHECKED)


def start_import(pk: int) -> bool:
    """Bring in what was tried; False where there is nothing to bring in."""
    fresh = {"processed": 0, "accepted": 0, "rejected": 0, "rejections": []}
    tried = ReaderImport.objects.filter(pk=pk, state=State.CHECKED, accepted__gt=0)
    return bool(tried.update(state=State.IMPORTING, **fresh))


def running() -> list[int]:
    """Return the files that are being worked off, or whose task was lost."""
    return list(ReaderImport.objects.filter(state__in=RUNNING).values_list("pk", flat=True))


def discard_import(pk: int) -> bool:
    """Forget a file that is not brought in."""
    kept = ReaderImport.objects.filter(pk=pk, state__in=(State.CHECKING, State.CHECKED))
    return bool(kept.update(state=State.DISCARDED, text="", ended_at=timezone.now()))


def _lines(text: str) -> Iterator[Line]:
    rows = _reader(text)
    head = [name.strip().lower() for name in next(rows)]
    for number, row in enumerate(rows, start=2):
        if row:
            cells = {name: plain(cell) for name, cell in zip(head, row, strict=False)}
            yield Line(number, ReaderRow(cells))


def _sorted(lines: Sequence[Line], listed: set[str]) -> tuple[list[Line], list[tuple[int, str]]]:
    """Which of these may come in, and why the others may not. `listed` are the addresses of the
    lines before, and afterwards of these too."""
    good: list[Line] = []
    bad = [(line.number, line.row.said()) for line in lines if not line.row.is_valid()]
    valid = [line for line in lines if line.row.is_valid()]
    out = _kept_out([line.key for line in valid])
    for line in valid:
        why = STANDS_BEFORE if line.key in listed else out.get(line.key, "")
        listed.add(line.key)
        if why:
            bad.append((line.number, why))
        else:
            good.append(line)
    return good, sorted(bad)


def _kept_out(keys: Collection[str]) -> dict[str, str]:
    """Of these addresses, those that stay as they are, and those that nothing brings back but
    their owners; with the reason."""
    here = Subscriber.objects.filter(email_key__in=keys).values_list("email_key", flat=True)
    found = dict.fromkeys(here, IS_HERE)
    of_hash = {digest: key for key in keys for digest in suppression.address_hashes(key)}
    for rows, why in (
        (
            Suppression.objects.in_force(timezone.now()),
            BOUNCED,
        ),
        (Erasure.objects.all(), FORGOTTEN),
    ):
        for digest in rows.filter(address_hash__in=of_hash).values_list("address_hash", flat=True):
            found[of_hash[digest]] = why
    return found


def _bring_in(lines: Sequence[Line], name: str) -> None:
    """Active at once: they agreed and confirmed."""
    now = timezone.now()
    made = Subscriber.objects.bulk_create([line.row.reader(name, now) for line in lines])
    for reader in made:
        lifecycle.set_next_digest(reader, now)
    Subscriber.objects.bulk_update(made, ["next_digest_at"])
    pairs = zip(lines, made, strict=True)
    Interests.objects.bulk_create([line.row.interests(reader) for line, reader in pairs])
