"""The order of topics, and topics that were deleted meanwhile."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from subscriptions.models import Subscriber
from subscriptions.profiles import topics

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(make_reader: Callable[..., Subscriber]) -> Subscriber:
    reader = make_reader(topic={"name": "a"})
    for name in "bc":
        topics.add_topic(reader, {"name": name, "text": name})
    return reader


def order(reader: Subscriber) -> list[tuple[int, str]]:
    return list(reader.topics.order_by("position").values_list("position", "name"))


def test_positions_have_no_gaps(reader: Subscriber) -> None:
    topics.move_topic(reader.topics.get(name="c").pk, -1)
    assert order(reader) == [(0, "a"), (1, "c"), (2, "b")]
    topics.move_topic(reader.topics.get(name="a").pk, -1)
    assert topics.delete_topic(reader.topics.get(name="c").pk)
    assert order(reader) == [(0, "a"), (1, "b")]


def test_a_topic_that_is_gone_is_neither_moved_nor_deleted_again(reader: Subscriber) -> None:
    gone = reader.topics.get(name="b").pk
    assert topics.delete_topic(gone)
    topics.move_topic(gone, 1)
    assert topics.delete_topic(gone)
    assert order(reader) == [(0, "a"), (1, "c")]
