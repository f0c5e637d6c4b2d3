"""Topics and subscriptions of a reader as JSON, in two columns of the exported CSV file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from subscriptions.models import TOPIC_TEXT_LENGTH, Subscription, Topic
from subscriptions.profiles.topics import MAX_TOPICS
from subscriptions.readers.subscriptions import MAX_SUBSCRIPTIONS

TOPIC_FIELDS = (
    *("name", "active", "created_at", "text", "words", "excluded_words", "ignored_words"),
    *("categories", "authors", "examples", "references", "strictness", "query", "all_matches"),
    *("max_papers", "may_split"),
    *("author_page", "author_page_status", "author_page_requested_at"),
    *("matched_on", "quiet_notice_on"),
)
SUBSCRIPTION_FIELDS = (
    *("name", "destination", "address", "state", "frequency", "weekday", "month_day"),
    *("first_week", "hour", "all_topics", "trending", "max_papers", "created_at", "stopped_at"),
    *("unread_weekday", "last_digest_day", "covered_until", "paused_until"),
)
"""All fields except the order, which is that of the list, and the next digest, which follows."""
JSON_TYPES: dict[type, type] = {
    models.IntegerField: int,
    models.BooleanField: bool,
    ArrayField: list,
    models.JSONField: list,
}
"""The JSON types of fields; text for all others, also for dates."""
FIRST_YEAR, LAST_YEAR = 1990, 2200  # of dates, so that no sum leaves the calendar


def dump_topics(topics: Iterable[Topic]) -> str:
    """Return topics, in order, as a JSON list of objects."""
    return _dump([_values(topic, TOPIC_FIELDS) for topic in topics])


def dump_subscriptions(subscriptions: Iterable[Subscription]) -> str:
    """Return subscriptions, in order, as a JSON list. Their topics are places from 0."""
    return _dump(
        [
            _values(one, SUBSCRIPTION_FIELDS)
            | {"topics": sorted(topic.position for topic in one.topics.all())}
            for one in subscriptions
        ]
    )


def _values(row: models.Model, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


class _ExactEncoder(DjangoJSONEncoder):
    """Writes times with microseconds, which Django's encoder cuts."""

    def default(self, o: Any) -> Any:
        return o.isoformat() if isinstance(o, date) else super().default(o)


def _dump(rows: list[dict[str, Any]]) -> str:
    return json.dumps(rows, cls=_ExactEncoder, ensure_ascii=False)


def parse_topics(cell: str) -> list[Topic]:
    """Return the topics of a cell, not saved; raise ValidationError with the reason."""
    rows = _parse(cell, MAX_TOPICS)
    topics = []
    for place, row in enumerate(rows):
        topic = Topic(position=place)
        _set_fields(topic, row, TOPIC_FIELDS, place)
        if len(topic.text) > TOPIC_TEXT_LENGTH:
            raise _error(place, f"text: It has more than {TOPIC_TEXT_LENGTH} characters.")
        topics.append(topic)
    return topics


def parse_subscriptions(cell: str, topics: int) -> list[tuple[Subscription, list[int]]]:
    """Return the subscriptions of a cell, not saved, each with the places of its topics.

    The reader has so many topics. Raise ValidationError with the reason.
    """
    found = []
    for place, row in enumerate(_parse(cell, MAX_SUBSCRIPTIONS)):
        places = row.pop("topics", [])
        if not isinstance(places, list) or not all(number in range(topics) for number in places):
            raise _error(place, f"topics: Must be a list of numbers from 0 to {topics - 1}.")
        subscription = Subscription(position=place)
        _set_fields(subscription, row, SUBSCRIPTION_FIELDS, place)
        found.append((subscription, sorted({int(number) for number in places})))
    return found


def parse_texts(cell: str) -> list[str]:
    """Return the texts of a JSON list; raise ValidationError if it is none."""
    try:
        texts = json.loads(cell)
    except (ValueError, RecursionError) as error:
        raise ValidationError("This is not a JSON list of texts.") from error
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValidationError("This is not a JSON list of texts.")
    if not all(map(_is_storable, texts)):
        raise ValidationError("A character cannot be stored.")
    return texts


def _parse(cell: str, most: int) -> list[dict[str, Any]]:
    try:
        rows = json.loads(cell)
    except (ValueError, RecursionError) as error:
        raise ValidationError("This is not JSON as in an exported file.") from error
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise ValidationError("This is not a JSON list of objects as in an exported file.")
    if len(rows) > most:
        raise ValidationError(f"There are {len(rows)} entries. The maximum is {most}.")
    for place, row in enumerate(rows):
        if not all(_is_storable(text) for text in _texts(row)):
            raise _error(place, "A character cannot be stored.")
    return rows


def _texts(value: Any) -> Iterator[str]:
    """Yield all texts in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from _texts(name)
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


def _is_storable(text: str) -> bool:
    """Return whether PostgreSQL stores this text: no null character, no half of a pair."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _set_fields(
    row: models.Model, values: Mapping[str, Any], names: Iterable[str], place: int
) -> None:
    """Set and validate fields of a row. Missing ones keep their defaults."""
    if unknown := sorted(set(values) - set(names)):
        raise _error(place, f"Unknown fields: {', '.join(unknown)}.")
    for name, value in values.items():
        _check_type(row, name, value, place)
        setattr(row, name, value)
    try:
        row.clean_fields(exclude={"subscriber", "position"})
    except ValidationError as error:
        reasons = (f"{name}: {' '.join(texts)}" for name, texts in error.message_dict.items())
        raise _error(place, "; ".join(reasons)) from error
    for name in values:
        moment = getattr(row, name)
        if isinstance(moment, date) and not FIRST_YEAR <= moment.year <= LAST_YEAR:
            raise _error(place, f"{name}: The year is not plausible.")
        if isinstance(moment, datetime) and moment.tzinfo is None:
            raise _error(place, f"{name}: The time zone is missing.")


def _check_type(row: models.Model, name: str, value: Any, place: int) -> None:
    """Check the JSON type, since models convert more types than a file should have."""
    field: Any = row._meta.get_field(name)
    kind = next((kind for base, kind in JSON_TYPES.items() if isinstance(field, base)), str)
    is_empty_date = value == "" and isinstance(field, models.DateField)
    if (value is None and not field.null) or is_empty_date:
        raise _error(place, f"{name}: The value is missing.")
    if value is not None and type(value) is not kind:
        raise _error(place, f"{name}: The value has the wrong type.")
    if isinstance(field, ArrayField) and not _has_only_texts(value):
        raise _error(place, f"{name}: All entries must be text.")


def _has_only_texts(value: Any) -> bool:
    return all(isinstance(entry, str) for entry in value)


def _error(place: int, reason: str) -> ValidationError:
    """Return an error about the entry at a place, counted from 1."""
    return ValidationError(f"Entry {place + 1}: {reason}")
