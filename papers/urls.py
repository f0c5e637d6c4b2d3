from datetime import date

from django.urls import path, register_converter

from papers import paper_views, search_views, views


class DayConverter:
    """A date such as 2026-04-30; anything else is not found."""

    regex = r"\d{4}-\d{2}-\d{2}"

    def to_python(self, value: str) -> date:
        return date.fromisoformat(value)

    def to_url(self, value: date) -> str:
        return value.isoformat()


register_converter(DayConverter, "day")

urlpatterns = [
    path("", views.home, name="home"),
    path("days/<day:day>/", views.home, name="day"),
    path("papers/<int:pk>/", views.paper, name="paper"),
    path("papers/<int:pk>/bibtex/", paper_views.bibtex, name="bibtex"),
    path("search/", search_views.search_page, name="search"),
    path("status/", views.status, name="status"),
]
