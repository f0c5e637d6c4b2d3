"""Papers of Zotero collections as examples of a topic."""

from __future__ import annotations

from datetime import timedelta

import pytest

from papers.models import Paper
from subscriptions.models import Subscriber, ZoteroAccount, ZoteroCollection
from subscriptions.profiles import edits
from subscriptions.profiles.load import load_profiles
from subscriptions.profiles.references import MAX_EXAMPLES
from subscriptions.zotero import examples
from tests.subscriptions.zotero.conftest import IN, OUT, Clock
from tests.subscriptions.zotero.server import Fault, Zotero

pytestmark = pytest.mark.django_db


@pytest.fixture
def chosen(account: ZoteroAccount, reader: Subscriber, clock: Clock) -> ZoteroCollection:
    examples.choose_collection(account, IN, reader.first_topic, clock())
    return account.chosen.get()


def refresh(chosen: ZoteroCollection, clock: Clock) -> ZoteroCollection:
    examples.refresh_account(chosen.account_id, clock)
    chosen.refresh_from_db()
    return chosen


def titles(chosen: ZoteroCollection) -> list[str]:
    return [one["title"] for one in chosen.references]


def liked(reader: Subscriber) -> list[str]:
    topic = reader.first_topic
    [profile] = load_profiles([topic])
    return [text.title for text in profile.liked]


def test_the_collections_papers_are_examples_newest_first(
    chosen: ZoteroCollection, zotero: Zotero, reader: Subscriber, papers: list[Paper], clock: Clock
) -> None:
    zotero.add_item("AAAA2222", "An older paper", IN)
    zotero.add_item("BBBB2222", "Tool use", IN, extra="arXiv:2604.10001 [cs.AI]")
    zotero.add_item("CCCC2222", "A note", IN, itemType="note")
    zotero.add_item("DDDD2222", "Elsewhere", OUT)
    refresh(chosen, clock)
    assert titles(chosen) == ["Tool use", "An older paper"]
    assert liked(reader) == [papers[1].title, "An older paper"]


def test_deleted_and_moved_papers_disappear_and_those_given_by_hand_stay(
    chosen: ZoteroCollection, zotero: Zotero, reader: Subscriber, papers: list[Paper], clock: Clock
) -> None:
    topic = reader.first_topic
    topic.examples = ["2604.10001"]
    topic.references = [{"title": "By hand", "arxiv_id": "", "doi": ""}]
    topic.save()
    zotero.add_item("AAAA2222", "By hand", IN)
    zotero.add_item("BBBB2222", "Moved", IN)
    zotero.add_item("CCCC2222", papers[1].title, IN, archiveID="arXiv:2604.10001")
    zotero.add_item("DDDD2222", "Stays", IN)
    refresh(chosen, clock)
    assert len(titles(chosen)) == 4
    zotero.delete_item("AAAA2222")
    zotero.change_item("BBBB2222", collections=[OUT])
    zotero.delete_item("CCCC2222")
    clock.forward(days=1, minutes=1)
    refresh(chosen, clock)
    assert titles(chosen) == ["Stays"]
    assert liked(reader) == [papers[1].title, "By hand", "Stays"]


def test_an_unchanged_library_costs_one_short_answer(
    chosen: ZoteroCollection, zotero: Zotero, clock: Clock
) -> None:
    zotero.add_item("AAAA2222", "A paper", IN)
    refresh(chosen, clock)
    zotero.requests.clear()
    refresh(chosen, clock)
    assert zotero.requests == [], "it is due once a day"
    clock.forward(days=1)
    refresh(chosen, clock)
    [(_method, _path, headers)] = [one for one in zotero.requests if IN in one[1]]
    assert headers["If-Modified-Since-Version"] == str(zotero.version)
    assert (titles(chosen), chosen.refreshed_at) == (["A paper"], clock())


def test_a_large_collection_is_read_page_by_page_up_to_the_limit(
    chosen: ZoteroCollection, zotero: Zotero, clock: Clock
) -> None:
    for number in range(450):
        day = f"2026-{number // 28 % 12 + 1:02}-{number % 28 + 1:02}T08:00:00Z"
        zotero.add_item(f"AA{number:06}", f"Paper {number}", IN, dateAdded=day)
    refresh(chosen, clock)
    assert len(titles(chosen)) == MAX_EXAMPLES
    assert len(zotero.sent("GET", f"/collections/{IN}")) == 4
    newest = sorted(zotero.items.values(), key=lambda one: one["dateAdded"])[-1]["title"]
    assert titles(chosen)[0] == newest


def test_the_examples_of_a_deleted_collection_disappear(
    chosen: ZoteroCollection, zotero: Zotero, clock: Clock
) -> None:
    zotero.add_item("AAAA2222", "A paper", IN)
    refresh(chosen, clock)
    del zotero.collections[IN]
    zotero.version += 1
    clock.forward(days=1)
    refresh(chosen, clock)
    assert (chosen.is_gone, chosen.references) == (True, [])


@pytest.mark.parametrize(
    ("fault", "wait"),
    [
        (Fault(500, path=IN), timedelta(hours=1)),
        (Fault(503, headers={"Retry-After": "7200"}, path=IN), timedelta(hours=2)),
        (Fault(429, headers={"Retry-After": "10"}, path="/keys"), timedelta(hours=1)),
        (Fault(cut=True, path=IN), timedelta(hours=1)),
        (Fault(hang_up=True, path=IN), timedelta(hours=1)),
        (Fault(headers={"Backoff": "9000"}, path="/keys"), timedelta(seconds=9000)),
    ],
    ids=["500", "503", "429", "cut", "hung up", "Backoff"],
)
def test_after_a_fault_the_examples_stay_and_the_refresh_is_repeated(
    chosen: ZoteroCollection, zotero: Zotero, clock: Clock, fault: Fault, wait: timedelta
) -> None:
    zotero.add_item("AAAA2222", "A paper", IN)
    refresh(chosen, clock)
    zotero.add_item("BBBB2222", "Another", IN)
    zotero.faults.append(fault)
    clock.forward(days=1)
    refresh(chosen, clock)
    assert titles(chosen) == ["A paper"]
    account = ZoteroAccount.objects.get()
    assert account.next_refresh_at == clock() + wait
    clock.now = account.next_refresh_at
    refresh(chosen, clock)
    assert titles(chosen) == ["Another", "A paper"]


def test_a_library_that_changes_between_two_pages_is_read_again_later(
    chosen: ZoteroCollection, zotero: Zotero, clock: Clock
) -> None:
    for number in range(150):
        zotero.add_item(f"AA{number:06}", f"Paper {number}", IN)
    zotero.faults.append(Fault(headers={"Last-Modified-Version": "1"}, path="start=100"))
    refresh(chosen, clock)
    assert titles(chosen) == []
    clock.forward(hours=1)
    refresh(chosen, clock)
    assert len(titles(chosen)) == 150


def test_a_reset_topic_has_no_collections(chosen: ZoteroCollection, reader: Subscriber) -> None:
    edits.reset_topic(reader.first_topic.pk)
    assert not ZoteroCollection.objects.exists()
