"""Admin lists of tables that are too large to count."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.http import HttpRequest

MAX_COUNT = 10_000  # rows; later ones are reached by searching and filtering


class CappedPaginator(Paginator):
    """A paginator that stops counting at `MAX_COUNT` rows."""

    @cached_property
    def count(self) -> int:
        rows = self.object_list.order_by().values("pk")  # type: ignore[attr-defined]
        return rows[:MAX_COUNT].count()


class LargeTableAdmin(admin.ModelAdmin):
    """An admin for tables that may have millions of rows."""

    paginator = CappedPaginator
    show_facets = admin.ShowFacets.NEVER  # each facet runs a count
    show_full_result_count = False


class RecordAdmin(LargeTableAdmin):
    """A read-only admin for rows that only the software writes."""

    ordering = ("-pk",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
