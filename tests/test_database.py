"""A test leaves the database as it found it, however it wrote to it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.db import connection

from papers.models import Paper
from subscriptions.models import Subscriber
from tests.database import WAITING_FOR_DISK, Snapshot


@pytest.mark.django_db(transaction=True)
def test_a_snapshot_brings_back_what_was_added_changed_and_deleted(
    make_paper: Callable[..., Paper], make_reader: Callable[..., Subscriber]
) -> None:
    paper = make_paper("Kept")
    before = set(Permission.objects.values_list())
    snapshot = Snapshot("test_of_snapshots")
    snapshot.take()
    Paper.objects.update(title="Changed")
    make_paper("Added")
    make_reader()
    Permission.objects.all().delete()
    Group.objects.all().delete()
    groups = Group.objects.count()

    snapshot.restore()

    assert [row.title for row in Paper.objects.all()] == ["Kept"]
    paper.refresh_from_db()
    assert (paper.field, paper.title) == (Paper.objects.get().field, "Kept")
    assert Subscriber.objects.count() == 0
    assert set(Permission.objects.values_list()) == before
    assert Group.objects.count() > groups
    make_paper("Added afterwards")
    with connection.cursor() as cursor:
        assert snapshot.changed(cursor) == {"papers_paper"}
        cursor.execute("DROP SCHEMA test_of_snapshots CASCADE")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("number", [1, 2])
def test_what_a_transactional_test_commits_is_gone_in_the_next(
    number: int, make_reader: Callable[..., Subscriber]
) -> None:
    assert Subscriber.objects.count() == 0
    assert Permission.objects.exists()
    make_reader()


@pytest.mark.django_db
@pytest.mark.skipif(not settings.EMBEDDED_POSTGRES, reason="a server of your own is left alone")
def test_the_tests_server_does_not_wait_for_the_disk() -> None:
    with connection.cursor() as cursor:
        for name in WAITING_FOR_DISK:
            cursor.execute(f"SHOW {name}")
            assert cursor.fetchone() == ("off",), name
