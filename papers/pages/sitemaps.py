"""Sitemaps for search engines: the site's pages, the newest days and the newest papers."""

from __future__ import annotations

from datetime import date, datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.sitemaps import Sitemap
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from papers.models import Paper

MAX_DAYS = 60
MAX_PAPERS = 5_000


class SiteUrlMixin:
    """Build URLs from `SITE_URL` instead of the request's host."""

    protocol: str | None = urlsplit(settings.SITE_URL).scheme

    def get_domain(self, site: object = None) -> str:
        return urlsplit(settings.SITE_URL).netloc


class PageSitemap(SiteUrlMixin, Sitemap):
    def items(self) -> list[str]:
        return ["home", "subscribe", "status", "privacy", "api-reference"]

    def location(self, item: str) -> str:
        return reverse(item)


class DaySitemap(SiteUrlMixin, Sitemap):
    def items(self) -> list[date]:
        days = _public_papers().order_by("-day").values_list("day", flat=True).distinct()
        return list(days[:MAX_DAYS])

    def location(self, item: date) -> str:
        return reverse("day", args=[item])


class PaperSitemap(SiteUrlMixin, Sitemap):
    def items(self) -> list[Paper]:
        newest = _public_papers().order_by("-day", "-pk")
        return list(newest.only("pk", "text_seen_at")[:MAX_PAPERS])

    def lastmod(self, item: Paper) -> datetime:
        return item.text_seen_at


def _public_papers() -> QuerySet[Paper]:
    return Paper.objects.visible().filter(day__lte=timezone.now().date())


SITEMAPS = {"pages": PageSitemap, "days": DaySitemap, "papers": PaperSitemap}
