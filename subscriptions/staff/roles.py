"""Who may do what in the admin: three roles, as groups that every `migrate` brings up to date.

The table is the truth. For other wishes make groups of your own; these are set back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db.models import Q, QuerySet

READ_ONLY, CURATOR, OPERATOR = "Read-only", "Curator", "Operator"
SEEN_BY_ALL = ("papers", "subscriptions")  # apps
MAY = {
    READ_ONLY: "admin.view_logentry",
    CURATOR: """
        admin.view_logentry
        papers.add_source papers.change_source
        papers.change_paper papers.change_submission papers.change_report
        papers.add_block papers.delete_block papers.add_merge papers.delete_merge
        subscriptions.curate_edition
    """,
    OPERATOR: """
        admin.view_logentry
        papers.add_source papers.change_source papers.delete_source
        subscriptions.change_edition subscriptions.change_message
        subscriptions.add_signupswitch subscriptions.change_signupswitch
        subscriptions.change_subscriber subscriptions.delete_subscriber
        subscriptions.import_subscriber subscriptions.export_subscriber
        subscriptions.add_signupswitch subscriptions.change_signupswitch
    """,
}


def grant_permissions(**_: Any) -> None:
    """After each migrate: the groups, holding just what the table says."""
    for role in MAY:
        group, _new = Group.objects.get_or_create(name=role)
        group.permissions.set(permissions(role))


def permissions(role: str) -> QuerySet[Permission]:
    """What a role may: see all there is of readers and papers, and what the table says."""
    wanted = Q(content_type__app_label__in=SEEN_BY_ALL, codename__startswith="view_")
    for app, codename in _named(role):
        wanted |= Q(content_type__app_label=app, codename=codename)
    return Permission.objects.filter(wanted)


def _named(role: str) -> Iterator[tuple[str, str]]:
    for name in MAY[role].split():
        app, _, codename = name.partition(".")
        yield app, codename
