"""The admin's site: its pages listed by task, technical tables only for those who may see all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.http import HttpRequest
from django.urls import reverse


@dataclass(frozen=True, slots=True)
class Page:
    """A page that is no list of a model: its address by name, and the permission it needs."""

    name: str
    url: str
    needs: str


@dataclass(frozen=True, slots=True)
class Table:
    """A model's list, under the name that curators know it by."""

    model: str
    name: str = ""
    is_single: bool = False  # one row: nothing is added to it


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
            Table("subscriptions.Subscriber", "Readers"),
            Table("subscriptions.Digest"),
            Table("subscriptions.ReaderImport", "Imports"),
            Table("subscriptions.SignUpSwitch", "Sign-up", is_single=True),
        ),
    ),
)
# Seen by operators and superusers only; whoever may view them still opens them by address.
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
OPERATES = "subscriptions.change_edition"


class PaperboyAdminSite(AdminSite):
    """Django's admin with pages and models listed by task."""

    enable_nav_sidebar = True

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return the sections in the form of Django's list of apps; one app's own page is Django's.

        A model that no section names stands at the end, for operators.
        """
        if app_label:
            return super().get_app_list(request, app_label)
        models = {
            f"{app['app_label']}.{model['object_name']}": model
            for app in self._build_app_dict(request).values()
            for model in app["models"]
        }
        operates = request.user.has_perm(OPERATES)
        found = [
            self._section(request, name, rows, models)
            for name, rows in (*SECTIONS, *(TECHNICAL if operates else ()))
        ]
        everywhere = [row for _, rows in (*SECTIONS, *TECHNICAL) for row in rows]
        named = {row.model for row in everywhere if isinstance(row, Table)}
        others = [model for label, model in models.items() if label not in named]
        if operates and others:
            found.append(self._as_app("Other", others))
        return [section for section in found if section["models"]]

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
                if request.user.has_perm(row.needs):
                    entries.append(_entry(row))
            elif model := models.get(row.model):
                named = {"name": row.name} if row.name else {}
                entries.append(model | named | ({"add_url": None} if row.is_single else {}))
        return self._as_app(name, entries)

    def _as_app(self, name: str, models: list[dict[str, Any]]) -> dict[str, Any]:
        label = name.lower()
        address = f"{reverse('admin:index')}#{label}"
        return {
            "name": name,
            "app_label": label,
            "app_url": address,
            "has_module_perms": True,
            "models": models,
        }


def _entry(page: Page) -> dict[str, Any]:
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
    """Makes `django.contrib.admin.site` this one."""

    default_site = "web.admin_site.PaperboyAdminSite"
