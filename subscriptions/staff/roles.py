"""Roles in the admin: three groups, which every `migrate` resets to the table below.

For other permissions, create your own groups.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db.models import Q, QuerySet

READ_ONLY, CURATOR, OPERATOR = "Read-only", "Curator", "Operator"
VISIBLE_APPS = ("papers", "subscriptions")  # to all roles
PERMISSIONS = {
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
    """,
}


def grant_permissions(**_: Any) -> None:
    """Create the groups and set their permissions. Runs after each migrate."""
    for role in PERMISSIONS:
        group, _new = Group.objects.get_or_create(name=role)
        group.permissions.set(permissions(role))


def permissions(role: str) -> QuerySet[Permission]:
    """Return the permissions of a role: to view all models of VISIBLE_APPS, and its own."""
    condition = Q(content_type__app_label__in=VISIBLE_APPS, codename__startswith="view_")
    for app, codename in _parse_permissions(role):
        condition |= Q(content_type__app_label=app, codename=codename)
    return Permission.objects.filter(condition)


def _parse_permissions(role: str) -> Iterator[tuple[str, str]]:
    for name in PERMISSIONS[role].split():
        app, _, codename = name.partition(".")
        yield app, codename
