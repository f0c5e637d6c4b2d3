"""Long lists in the admin, without counting them."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.http import HttpRequest

MOST_COUNTED = 10_000  # rows; what lies beyond is found by searching and filtering


class CappedPaginator(Paginator):
    """Counts no further than to MOST_COUNTED: exact for short lists, fast for long ones."""

    @cached_property
    def count(self) -> int:
        rows = self.object_list.order_by().values("pk")  # type: ignore[attr-defined]
        return rows[:MOST_COUNTED].count()


class LargeTableAdmin(admin.ModelAdmin):
    """A list that may grow to millions."""

    paginator = CappedPaginator
    show_facets = admin.ShowFacets.NEVER  # each would be a count
    show_full_result_count = False


class RecordAdmin(LargeTableAdmin):
    """Rows that are written by what happens and never by hand."""

    ordering = ("-pk",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
