from datetime import date

from django.contrib.sitemaps.views import sitemap
from django.urls import path, re_path, register_converter
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from config.guard import guard
from papers import feed_views, paper_views, search_views, views
from papers.api import api, nowhere
from papers.api_page import api_page
from papers.sitemaps import SITEMAPS
from papers.syndication import TYPES

sitemap_xml = require_safe(guard("search")(cache_control(public=True, max_age=3600)(sitemap)))


class DayConverter:
    """A date such as 2026-04-30; anything else is not found."""

    regex = r"\d{4}-\d{2}-\d{2}"

    def to_python(self, value: str) -> date:
        return date.fromisoformat(value)

    def to_url(self, value: date) -> str:
        return value.isoformat()


class FeedConverter:
    """atom or json."""

    regex = "|".join(TYPES)

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(DayConverter, "day")
register_converter(FeedConverter, "feed")

urlpatterns = [
    path("", views.home, name="home"),
    path("days/<day:day>/", views.home, name="day"),
    path("papers/<int:pk>/", views.paper, name="paper"),
    path("papers/<int:pk>/bibtex/", paper_views.bibtex, name="bibtex"),
    path("search/", search_views.search_page, name="search"),
    path("papers/<int:pk>/picture/", views.thumbnail, name="picture"),
    path("papers/<int:pk>/ranking/", views.ranking, name="ranking"),
    path("feeds/trending.<feed:kind>", feed_views.day, name="feed-trending"),
    path("feeds/days/<day:day>.<feed:kind>", feed_views.day, name="feed-day"),
    path("feeds/fields/<str:name>.<feed:kind>", feed_views.field, name="feed-field"),
    path("feeds/search.<feed:kind>", feed_views.found, name="feed-search"),
    path("api/", api_page, name="api-page"),
    path("api/", api.urls),
    re_path(r"^api/", nowhere, name="api-nowhere"),
    path("sitemap.xml", sitemap_xml, {"sitemaps": SITEMAPS}, name="sitemap"),
    path("status/", views.status, name="status"),
]
