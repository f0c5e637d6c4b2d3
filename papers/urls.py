"""URLs of the papers app."""

from datetime import date

from django.contrib.sitemaps.views import sitemap
from django.urls import path, re_path, register_converter
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from papers.citations.export import FORMATS
from papers.pages import exports, feeds, home, paper, ranking, search, status
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


class EndingConverter:
    """Match the endings of a kind of file."""

    regex = ""

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class FeedConverter(EndingConverter):
    """Match the formats of a feed: atom or json."""

    regex = "|".join(TYPES)


class CitationConverter(EndingConverter):
    """Match the formats of citations: bib, ris, json or csv."""

    regex = "|".join(FORMATS)


register_converter(DayConverter, "day")
register_converter(FeedConverter, "feed")
register_converter(CitationConverter, "citation")

urlpatterns = [
    path("", home.home, name="home"),
    path("days/<day:day>/", home.home, name="day"),
    path("papers/<int:pk>/", paper.paper_page, name="paper"),
    path("papers/<int:pk>/bibtex/", exports.paper_citation, name="bibtex"),
    path("papers/<int:pk>/cite.<citation:ending>", exports.paper_citation, name="cite"),
    path("search/", search.search_page, name="search"),
    path("papers/<int:pk>/picture/", paper.thumbnail, name="picture"),
    path("papers/<int:pk>/ranking/", ranking.ranking_page, name="ranking"),
    path("export/days/<day:day>.<citation:ending>", exports.day_citations, name="export-day"),
    path("export/search.<citation:ending>", exports.search_citations, name="export-search"),
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
