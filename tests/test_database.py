"""A test leaves no changes in the database, even if it commits."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.db import connection

from papers.models import Paper
from subscriptions.models import Subscriber
from tests.database import DISK_SETTINGS, Snapshot


@pytest.mark.django_db(transaction=True)
def test_a_snapshot_reverts_added_changed_and_deleted_rows(
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
        assert snapshot.changed_tables(cursor) == {"papers_paper"}
        cursor.execute("DROP SCHEMA test_of_snapshots CASCADE")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("number", [1, 2])
def test_rows_committed_by_a_transactional_test_are_gone_in_the_next(
    number: int, make_reader: Callable[..., Subscriber]
) -> None:
    assert Subscriber.objects.count() == 0
    assert Permission.objects.exists()
    make_reader()


@pytest.mark.django_db
@pytest.mark.skipif(
    not settings.EMBEDDED_POSTGRES, reason="settings of an external server are not changed"
)
def test_the_test_server_does_not_wait_for_the_disk() -> None:
    with connection.cursor() as cursor:
        for name in DISK_SETTINGS:
            cursor.execute(f"SHOW {name}")
            assert cursor.fetchone() == ("off",), name
