"""The admin site: models and pages grouped by task, with technical tables for operators only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.http import HttpRequest
from django.urls import reverse


@dataclass(frozen=True, slots=True)
class Page:
    """A page other than a model's list: its label, URL name and required permission."""

    name: str
    url: str
    permission: str


@dataclass(frozen=True, slots=True)
class Table:
    """A model's list, with the label shown to curators."""

    model: str
    name: str = ""
    is_single: bool = False  # the table has one row, so there is no link to add another


Section = tuple[str, tuple[Page | Table, ...]]
SECTIONS: tuple[Section, ...] = (
    (
        "Editions",
        (
            Page(
                "Tomorrow's desk",
                "admin:subscriptions_edition_tomorrow",
                "subscriptions.view_edition",
            ),
            Table("subscriptions.Edition"),
            Page("Dashboard", "admin:subscriptions_dashboard", "subscriptions.view_edition"),
        ),
    ),
    (
        "Papers",
        (
            Table("papers.Paper"),
            Page("Queue", "admin:papers_queue", "papers.view_submission"),
            Table("papers.Source"),
            Page("Recommended sources", "admin:papers_source_recommended", "papers.add_source"),
        ),
    ),
    (
        "Readers",
        (
            Table("subscriptions.Subscriber", "Subscribers"),
            Table("subscriptions.Digest"),
            Table("subscriptions.ReaderImport", "Imports"),
            Table("subscriptions.SignUpSwitch", "Sign-up", is_single=True),
        ),
    ),
)
# Listed for operators only. Users with permission to view a table can still open its URL.
TECHNICAL: tuple[Section, ...] = (
    (
        "Operation",
        (
            Page("Doctor", "doctor", "subscriptions.change_edition"),
            Table("admin.LogEntry", "Log"),
            Table("papers.Document", "Documents read"),
            Table("papers.Submission", "All proposals"),
            Table("subscriptions.Message", "Messages"),
            Table("subscriptions.DeliveryEvent", "Delivery events"),
            Table("subscriptions.Suppression"),
            Table("subscriptions.Erasure"),
        ),
    ),
    (
        "Accounts",
        (
            Table("auth.User"),
            Table("auth.Group", "Roles"),
            Table("otp_totp.TOTPDevice", "Second factors"),
        ),
    ),
)
OPERATOR_PERMISSION = "subscriptions.change_edition"


class PaperboyAdminSite(AdminSite):
    """Django's admin with pages and models listed by task."""

    enable_nav_sidebar = True

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return the sections in the format of Django's app list.

        Models that no section names come last and are listed for operators only. The page of a
        single app (`app_label`) is Django's own.
        """
        if app_label:
            return super().get_app_list(request, app_label)
        models = {
            f"{app['app_label']}.{model['object_name']}": model
            for app in self._build_app_dict(request).values()
            for model in app["models"]
        }
        is_operator = request.user.has_perm(OPERATOR_PERMISSION)
        sections = [
            self._section(request, name, rows, models)
            for name, rows in (*SECTIONS, *(TECHNICAL if is_operator else ()))
        ]
        all_rows = [row for _, rows in (*SECTIONS, *TECHNICAL) for row in rows]
        listed = {row.model for row in all_rows if isinstance(row, Table)}
        others = [model for label, model in models.items() if label not in listed]
        if is_operator and others:
            sections.append(self._as_app("Other", others))
        return [section for section in sections if section["models"]]

    def _section(
        self,
        request: HttpRequest,
        name: str,
        rows: tuple[Page | Table, ...],
        models: dict[str, Any],
    ) -> dict[str, Any]:
        entries = []
        for row in rows:
            if isinstance(row, Page):
                if request.user.has_perm(row.permission):
                    entries.append(_page_entry(row))
            elif model := models.get(row.model):
                label = {"name": row.name} if row.name else {}
                entries.append(model | label | ({"add_url": None} if row.is_single else {}))
        return self._as_app(name, entries)

    def _as_app(self, name: str, models: list[dict[str, Any]]) -> dict[str, Any]:
        label = name.lower()
        url = f"{reverse('admin:index')}#{label}"
        return {
            "name": name,
            "app_label": label,
            "app_url": url,
            "has_module_perms": True,
            "models": models,
        }


def _page_entry(page: Page) -> dict[str, Any]:
    return {
        "model": None,
        "name": page.name,
        "object_name": page.url.rpartition("_")[2],
        "perms": {"view": True},
        "admin_url": reverse(page.url),
        "add_url": None,
        "view_only": True,
    }


class PaperboyAdminConfig(AdminConfig):
    """An admin app whose default site is `PaperboyAdminSite`."""

    default_site = "web.admin_site.PaperboyAdminSite"
