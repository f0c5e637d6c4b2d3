from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from lxml import etree

from papers.models import Paper
from papers.pages import sitemaps
from tests.pages import Page

pytestmark = pytest.mark.django_db
MakePaper = Callable[..., Paper]


def locations(client: Client) -> list[str]:
    answer = client.get("/sitemap.xml")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/xml"
    return etree.fromstring(answer.content).xpath("//*[local-name()='loc']/text()")


def test_the_sitemap_lists_public_pages(client: Client, make_paper: MakePaper) -> None:
    shown, hidden = make_paper("Shown"), make_paper("Hidden", hidden=True)
    later = make_paper("Later", listed_on=timezone.now().date() + timedelta(days=3))
    found = locations(client)
    assert f"{settings.SITE_URL}{shown.get_absolute_url()}" in found
    assert f"{settings.SITE_URL}/days/{shown.day}/" in found
    for paper in (hidden, later):
        assert f"{settings.SITE_URL}{paper.get_absolute_url()}" not in found
    for address in found:
        assert client.get(urlsplit(address).path).status_code == 200


def test_the_sitemap_is_limited(
    client: Client, make_paper: MakePaper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sitemaps, "MAX_PAPERS", 3)
    monkeypatch.setattr(sitemaps, "MAX_DAYS", 2)
    for number in range(5):
        make_paper(f"Paper {number}", listed_on=timezone.now().date() - timedelta(days=number))
    found = locations(client)
    assert sum("/papers/" in address for address in found) == 3
    assert sum("/days/" in address for address in found) == 2


def test_robots_txt_names_the_sitemap(client: Client) -> None:
    answer = client.get("/robots.txt")
    assert answer["Content-Type"].startswith("text/plain")
    assert f"Sitemap: {settings.SITE_URL}/sitemap.xml" in answer.text
    assert "Disallow: /admin/" in answer.text


def test_favicon_ico_redirects_to_the_icon(client: Client) -> None:
    answer = client.get("/favicon.ico")
    assert answer.status_code == 302
    assert answer["Location"].endswith(".ico")
    assert 'href="/static/favicon' in client.get("/").text
    icon = Path(settings.BASE_DIR, "static", "favicon.ico").read_bytes()
    assert icon[:4] == b"\x00\x00\x01\x00"


@pytest.mark.parametrize(
    ("path", "is_private"),
    [
        ("/preferences/x/", True),
        ("/profile/x/", True),
        ("/data/x/", True),
        ("/unsubscribe/x/", True),
        ("/digest/x/", True),
        ("/feeds/digests/x.atom", True),
        ("/admin/", True),
        ("/admin/login/", True),
        ("/", False),
        ("/privacy/", False),
        ("/feeds/trending.atom", False),
    ],
)
def test_private_pages_are_not_indexed(client: Client, path: str, is_private: bool) -> None:
    assert ("X-Robots-Tag" in client.get(path)) == is_private


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "", "javascript:x"])
def test_a_login_with_an_unsafe_next_url_leads_to_the_admin(
    client: Client, wanted: str, django_user_model: type[User]
) -> None:
    django_user_model.objects.create_superuser("curator", password="long enough for this")
    page = Page.open(client, f"/admin/login/?next={wanted}")
    page = page.submit("Log in", username="curator", password="long enough for this")
    assert (page.status, urlsplit(page.url).path) == (200, "/admin/")


def test_each_language_is_offered_by_its_own_name(client: Client) -> None:
    for chosen, offered in (("de", "English"), ("en", "Deutsch")):
        page = Page.open(client, "/", headers={"Accept-Language": chosen})
        [button] = page.tree.xpath("//form[@class='languages']/button")
        assert button.text == offered
