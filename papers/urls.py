"""URLs of the papers app."""

from datetime import date

from django.contrib.sitemaps.views import sitemap
from django.urls import path, re_path, register_converter
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from papers.pages import feeds, home, paper, ranking, search, status
from papers.pages.api import api, endpoint_not_found
from papers.pages.api_reference import api_page
from papers.pages.sitemaps import SITEMAPS
from papers.pages.syndication import TYPES
from web.rate_limit import rate_limited

sitemap_xml = require_safe(
    rate_limited("search")(cache_control(public=True, max_age=3600)(sitemap))
)


class DayConverter:
    """Convert dates such as 2026-04-30; other text does not match."""

    regex = r"\d{4}-\d{2}-\d{2}"

    def to_python(self, value: str) -> date:
        return date.fromisoformat(value)

    def to_url(self, value: date) -> str:
        return value.isoformat()


class FeedConverter:
    """Match the formats of a feed: atom or json."""

    regex = "|".join(TYPES)

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(DayConverter, "day")
register_converter(FeedConverter, "feed")

urlpatterns = [
    path("", home.home, name="home"),
    path("days/<day:day>/", home.home, name="day"),
    path("papers/<int:pk>/", paper.paper_page, name="paper"),
    path("papers/<int:pk>/bibtex/", paper.bibtex_file, name="bibtex"),
    path("search/", search.search_page, name="search"),
    path("papers/<int:pk>/picture/", paper.thumbnail, name="picture"),
    path("papers/<int:pk>/ranking/", ranking.ranking_page, name="ranking"),
    path("feeds/trending.<feed:kind>", feeds.day_feed, name="feed-trending"),
    path("feeds/days/<day:day>.<feed:kind>", feeds.day_feed, name="feed-day"),
    path("feeds/fields/<str:name>.<feed:kind>", feeds.field_feed, name="feed-field"),
    path("feeds/search.<feed:kind>", feeds.search_feed, name="feed-search"),
    path("api/", api_page, name="api-reference"),
    path("api/", api.urls),
    re_path(r"^api/", endpoint_not_found, name="api-not-found"),
    path("sitemap.xml", sitemap_xml, {"sitemaps": SITEMAPS}, name="sitemap"),
    path("status/", status.status_page, name="status"),
]
