"""The pages that search engines should know: those of the site, of the newest days and papers."""

from __future__ import annotations

from datetime import date, datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.sitemaps import Sitemap
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from papers.models import Paper

DAYS = 60
PAPERS = 5_000


class OwnSite:
    """Addresses of a site map are those of `SITE_URL`, whatever host was asked."""

    protocol: str | None = urlsplit(settings.SITE_URL).scheme

    def get_domain(self, site: object = None) -> str:
        return urlsplit(settings.SITE_URL).netloc


class Pages(OwnSite, Sitemap):
    def items(self) -> list[str]:
        return ["home", "subscribe", "status", "privacy", "api-page"]

    def location(self, item: str) -> str:
        return reverse(item)


class Days(OwnSite, Sitemap):
    def items(self) -> list[date]:
        days = _shown().order_by("-day").values_list("day", flat=True).distinct()
        return list(days[:DAYS])

    def location(self, item: date) -> str:
        return reverse("day", args=[item])


class Papers(OwnSite, Sitemap):
    def items(self) -> list[Paper]:
        return list(_shown().order_by("-day", "-pk").only("pk", "text_seen_at")[:PAPERS])

    def lastmod(self, item: Paper) -> datetime:
        return item.text_seen_at


def _shown() -> QuerySet[Paper]:
    return Paper.objects.visible().filter(day__lte=timezone.now().date())


SITEMAPS = {"pages": Pages, "days": Days, "papers": Papers}
