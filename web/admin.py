"""The admin's log: readable for users with permission, and changed by nobody."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.http import HttpRequest

from web.pagination import RecordAdmin

admin.site.site_header = admin.site.site_title = settings.SITE_NAME
admin.site.index_title = "Overview"


@admin.register(LogEntry)
class LogEntryAdmin(RecordAdmin):
    """The list of log entries.

    Entries cannot be deleted, so neither can the accounts they belong to: make those inactive.
    """

    list_display = ("action_time", "user", "content_type", "object_repr", "change_message")
    list_filter = ("action_flag", "content_type")
    search_fields = ("=user__username", "=object_id", "object_repr")
    list_select_related = ("user", "content_type")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show the account as text: its page is for superusers only."""
        names = super().get_fields(request, obj)
        return ["account" if name == "user" else str(name) for name in names]

    @admin.display(description="user")
    def account(self, entry: LogEntry) -> str:
        return str(entry.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
