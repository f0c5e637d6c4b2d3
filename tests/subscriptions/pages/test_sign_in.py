"""One way to be signed in: a mailed link, a button, a row that ends it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from papers.models import Paper, Vote
from papers.pages.paper import MAX_SIMILAR
from papers.searching import indexing, search
from subscriptions import tokens
from subscriptions.mail import emails, links
from subscriptions.models import Message, Reaction, SignIn, Subscriber, Subscription, Topic
from subscriptions.readers import privacy
from subscriptions.tokens import Purpose
from tests.pages import Page, forge
from tests.signing_in import sign_in
from tests.subscriptions.conftest import MakeReader

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
OWN_PAGES = ("preferences", "profile", "rhythm", "propose", "data", "leave", "profile-reset")


@pytest.fixture
def reader(make_reader: MakeReader) -> Subscriber:
    return make_reader(topic={"text": "video"})


def link(reader: Subscriber, purpose: Purpose = Purpose.PREFERENCES, name: str = "sign-in") -> str:
    return reverse(name, args=[tokens.make_token(purpose, reader.pk)])


def is_in(client: Client) -> bool:
    return client.get(reverse("preferences")).status_code == 200


def test_looking_signs_nobody_in_and_the_button_does(client: Client, reader: Subscriber) -> None:
    client.get(link(reader)), client.head(link(reader))
    assert not SignIn.objects.exists()
    assert "Sign in" in Page.open(client, "/").text
    page = sign_in(client, reader)
    assert page.url == reverse("preferences")
    assert "You're signed in on this browser." in page.text
    home = Page.open(client, "/")
    assert "Sign out" in home.text
    assert "Sign in" not in home.text
    for name in OWN_PAGES:
        assert reader.email in Page.open(client, reverse(name)).html or name != "preferences"


@pytest.mark.parametrize("name", OWN_PAGES)
def test_a_browser_that_is_not_signed_in_is_asked_to(client: Client, name: str) -> None:
    back = urlencode({"next": reverse(name)})
    assert client.get(reverse(name))["Location"] == f"{reverse('sign-in')}?{back}"
    assert Page.open(client, reverse(name)).form("Email me the link") is not None


@pytest.mark.parametrize("start", ["/search/?q=video+models&x=1", "/", "/status/"])
def test_signing_in_leads_back_to_the_page_it_began_on(
    client: Client, reader: Subscriber, start: str
) -> None:
    page = Page.open(client, start)
    [there] = set(page.tree.xpath("//header//a[.='Sign in']/@href"))
    page = Page.open(client, there).submit("Email me the link", email="no address", follow=False)
    assert page.status == 400
    page.submit("Email me the link", email=reader.email)
    mailed = _mailed_link(Message.objects.get().pk)
    page = Page.open(client, mailed).submit("Sign in")
    assert page.url == start
    assert is_in(client)
    assert Page.open(client, there).url == start


def test_a_page_that_asks_to_sign_in_is_shown_after_it(client: Client, reader: Subscriber) -> None:
    Page.open(client, reverse("propose")).submit("Email me the link", email=reader.email)
    page = Page.open(client, _mailed_link(Message.objects.get().pk)).submit("Sign in")
    assert page.url == reverse("propose")


def _mailed_link(message: int) -> str:
    """The path of the link that signs in, as the message has it."""
    text = str(emails.RENDERERS["preferences_link"](Message.objects.get(pk=message)).text)
    [found] = re.findall(r"^https?://[^/]+(/sign-in/\S+)$", text, re.M)
    return found


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "http:evil.example",
        "/" + "a" * 2000,
    ],
)
def test_signing_in_leads_nowhere_else(client: Client, reader: Subscriber, wanted: str) -> None:
    query = urlencode({"next": wanted})
    page = Page.open(client, f"{reverse('sign-in')}?{query}")
    page.submit("Email me the link", email=reader.email)
    assert Message.objects.get().details == {}
    page = Page.open(client, f"{link(reader)}?{query}").submit("Sign in")
    assert page.url == reverse("preferences")
    assert Page.open(client, f"{reverse('sign-in')}?{query}").url == reverse("preferences")


def test_the_address_of_a_mailed_link_is_not_passed_on(client: Client, reader: Subscriber) -> None:
    page = Page.open(client, link(reader, name="rhythm"))
    assert page.tree.xpath("//header//a[.='Sign in']/@href") == [reverse("sign-in")]


def test_a_page_opened_by_a_link_offers_to_stay(client: Client, reader: Subscriber) -> None:
    page = Page.open(client, link(reader, name="profile"))
    page = page.submit("Stay signed in here")
    assert page.url == reverse("profile")
    assert is_in(client)
    assert "Stay signed in here" not in Page.open(client, link(reader, name="profile")).text


def test_confirming_signs_in(client: Client, make_reader: MakeReader) -> None:
    waiting = make_reader(status="pending", confirmed_at=None)
    confirm = Page.open(client, link(waiting, Purpose.CONFIRM, "confirm"))
    assert not is_in(client)
    assert confirm.submit("Yes, send me papers").url == reverse("preferences")
    assert is_in(client)


def test_it_lasts_90_days_from_when_the_link_was_mailed(
    client: Client, reader: Subscriber, now: datetime
) -> None:
    with time_machine.travel(now, tick=False) as clock:
        mailed = link(reader)
        clock.shift(timedelta(days=80))
        Page.open(client, mailed).submit("Sign in")
        assert SignIn.objects.get().expires_at == now + timedelta(days=90)
        clock.shift(timedelta(days=9))
        assert is_in(client)
        clock.shift(timedelta(days=1))
        assert not is_in(client)


def test_the_cookie_is_shut_away_and_names_nobody(
    client: Client, reader: Subscriber, settings: Any
) -> None:
    settings.SESSION_COOKIE_SECURE = True
    sign_in(client, reader)
    cookie = client.cookies[settings.SIGN_IN_COOKIE_NAME]
    flags = (cookie["httponly"], cookie["samesite"], cookie["secure"], cookie["path"])
    assert flags == (True, "Lax", True, "/")
    assert reader.email.partition("@")[0] not in cookie.value
    assert cookie.value.partition(":")[0] == str(SignIn.objects.get().pk)


def test_it_outlives_a_change_of_the_key_and_no_change_of_the_cookie(
    client: Client, reader: Subscriber, settings: Any
) -> None:
    sign_in(client, reader)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key of no importance"
    assert is_in(client)
    settings.SECRET_KEY_FALLBACKS = []
    assert not is_in(client)


@pytest.mark.parametrize("forged", ["", "x", "1", "1:1xVhgY:" + "A" * 43])
def test_a_forged_cookie_is_nobody(client: Client, settings: Any, forged: str) -> None:
    client.cookies[settings.SIGN_IN_COOKIE_NAME] = forged
    assert not is_in(client)
    client.cookies[settings.SIGN_IN_COOKIE_NAME] = tokens.make_token(Purpose.BROWSER, 17)
    assert not is_in(client)
    assert client.get("/").status_code == 200


def copy_of(client: Client) -> Client:
    copied = Client()
    copied.cookies.update(client.cookies)
    return copied


def test_signing_out_here_ends_a_copy_of_the_cookie_too_and_no_other_browser(
    client: Client, reader: Subscriber
) -> None:
    other = Client()
    sign_in(client, reader), sign_in(other, reader)
    stolen = copy_of(client)
    page = Page.open(client, "/")
    page.submit("Sign out")
    assert [is_in(one) for one in (client, stolen, other)] == [False, False, True]
    assert page.submit("Sign out").status == 200


def test_signing_out_everywhere_ends_browsers_links_and_feed_and_leaving_still_works(
    client: Client, reader: Subscriber, now: datetime, settings: Any
) -> None:
    with time_machine.travel(now, tick=False) as clock:
        other = Client()
        sign_in(client, reader), sign_in(other, reader)
        stolen, feed = copy_of(other), links.feed_url(reader).partition(settings.SITE_URL)[2]
        purposes = {"sign-in": Purpose.PREFERENCES, "data": Purpose.DATA, "rhythm": None}
        mailed = [link(reader, one or Purpose.PREFERENCES, name) for name, one in purposes.items()]
        waiting = Page.open(Client(), mailed[0])
        erase = Page.open(Client(), link(reader, Purpose.DATA, "data-erase"))
        leave = link(reader, Purpose.UNSUBSCRIBE, "unsubscribe")
        clock.shift(timedelta(minutes=1))
        page = Page.open(client, reverse("data"))
        assert page.text.count("Another browser") == page.text.count("This browser") == 1
        assert "signed out everywhere" in page.submit("Sign out everywhere").text
        assert not any(is_in(one) for one in (client, other, stolen))
        assert [client.get(one).status_code for one in mailed] == [410] * 3
        assert waiting.submit("Sign in").status == 410
        assert erase.submit("Delete everything").status == 410
        assert client.get(feed).status_code == 404
        assert client.get(leave).status_code == 200
        clock.shift(timedelta(minutes=1))
        sign_in(client, reader)
        assert is_in(client)


def test_a_mailed_data_link_signs_out_everywhere_too(client: Client, reader: Subscriber) -> None:
    other = Client()
    sign_in(other, reader)
    page = Page.open(client, link(reader, Purpose.DATA, "data"))
    page.submit("Sign out everywhere")
    assert not is_in(other)


def test_erasing_and_exporting_take_a_link_mailed_just_now(
    client: Client, reader: Subscriber
) -> None:
    sign_in(client, reader)
    page = Page.open(client, reverse("data"))
    assert "Download everything" not in page.text
    assert "Check your inbox" in page.submit("Email me the link").text
    assert reader.messages.get().kind == "preferences_link"
    assert privacy.export(reader)["sign_ins"][0]["expires_at"]


def test_another_site_presses_nothing(client: Client, reader: Subscriber, make_paper: Any) -> None:
    sign_in(client, reader)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies.update(client.cookies)
    names = ("sign-out", "sign-out-everywhere", "preferences", "leave", "propose", "mail-link")
    paper = make_paper()
    urls = [reverse(name) for name in names]
    urls += [reverse("vote", args=[paper.pk]), reverse("react", args=["more", paper.pk])]
    urls.append(reverse("keep", args=[paper.pk]))
    assert [forge(strict, url).status_code for url in urls] == [403] * len(urls)
    assert SignIn.objects.count() == 1


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "javascript:x", ""])
def test_no_form_leads_to_another_site(
    client: Client, reader: Subscriber, make_paper: Any, wanted: str
) -> None:
    answer = forge(client, link(reader), {"next": wanted})
    assert answer["Location"] == reverse("preferences")
    paper = make_paper()
    answer = forge(client, reverse("vote", args=[paper.pk]), {"next": wanted})
    assert answer["Location"] == paper.get_absolute_url()


# --- What one tap does ------------------------------------------------------------------------


def figures(page: Page) -> str:
    return page.text.replace("\xa0", " ")


def test_one_tap_votes_on_every_list_and_the_count_follows_at_once(
    client: Client, reader: Subscriber, edition: list[Paper], make_paper: Callable[..., Paper]
) -> None:
    paper = edition[0]
    Paper.objects.filter(pk=paper.pk).update(votes=41, site_votes=0)
    other = make_paper(f"{paper.title} again")
    indexing.index_changed(timezone.now())
    assert paper in search.similar_papers(other, MAX_SIMILAR)
    lists = ("/", "/search/?q=models", "/preview/?interests=models", other.get_absolute_url())
    sign_in(client, reader)
    for address in (*lists, paper.get_absolute_url()):
        page = Page.open(client, address)
        assert "41 votes" in figures(page)
        page = page.submit(f"▲ Vote for {paper.title}")
        assert page.url == address
        assert "42 votes (41 on Hugging Face · 1 here)" in figures(page)
        assert "42 votes" in figures(Page.open(Client(), address))
        page = page.submit(f"▲ Voted for {paper.title}")
        assert "41 votes" in figures(page)
        assert not Vote.objects.exists()


def test_where_scripts_run_only_the_button_and_its_figures_come_back(
    client: Client, reader: Subscriber, edition: list[Paper]
) -> None:
    sign_in(client, reader)
    page = Page.open(client, "/")
    page.headers = {"HTTP_HX_REQUEST": "true"}
    part = page.submit(f"▲ Vote for {edition[0].title}").html
    assert "<html" not in part
    assert 'aria-pressed="true"' in part
    assert f'name="next" value="/#votes-{edition[0].pk}"' in part


def test_a_visitor_and_a_reader_who_left_get_the_button_by_email(
    client: Client, reader: Subscriber, edition: list[Paper]
) -> None:
    page = Page.open(client, edition[0].get_absolute_url())
    assert reverse("vote", args=[edition[0].pk]) in page.html
    sign_in(client, reader)
    Subscriber.objects.update(status="unsubscribed")
    page = Page.open(client, reverse("vote", args=[edition[0].pk]))
    assert "Email me the link" in page.text
    forge(client, reverse("vote", args=[edition[0].pk]))
    assert not Vote.objects.exists()


def test_a_page_asks_for_the_reader_once_and_for_visitors_never(
    client: Client, reader: Subscriber, edition: list[Paper]
) -> None:
    before = queries_of_home(client)
    sign_in(client, reader)
    after = queries_of_home(client)
    assert not [sql for sql in before if "signin" in sql]
    # The sign-in with its reader, and their topics, votes and kept papers.
    assert len(after) == len(before) + 4


def queries_of_home(client: Client) -> list[str]:
    """Read them at once: a later request clears the log of the connection."""
    with CaptureQueriesContext(connection) as context:
        client.get("/")
    return [query["sql"] for query in context.captured_queries]


def test_a_reaction_is_undone_on_its_page(
    client: Client, reader: Subscriber, edition: list[Paper]
) -> None:
    react = reverse(
        "react", args=["more", edition[0].pk, tokens.make_token(Purpose.REACT, reader.pk)]
    )
    page = Page.open(client, react).submit("Show me more like this")
    assert Reaction.objects.exists()
    page = page.submit("Undo")
    assert "Undone" in page.text
    assert not Reaction.objects.exists()
    page.submit("Show me more like this")
    assert Reaction.objects.get().kind == "more"
    sign_in(client, reader)
    page = Page.open(client, edition[0].get_absolute_url()).submit("Less like this")
    assert Reaction.objects.get().kind == "less"
    page.submit("Undo")
    assert Reaction.objects.get().kind == "more"  # as before


@pytest.fixture
def leaving(make_reader: MakeReader) -> Subscriber:
    now = timezone.now()
    return make_reader(
        consent_at=now - timedelta(days=9), consent_text="Yes", confirmed_at=now - timedelta(days=9)
    )


@pytest.mark.parametrize("way", ["link", "signed in"])
def test_that_was_a_mistake(client: Client, leaving: Subscriber, way: str) -> None:
    before = Subscriber.objects.values().get(), Subscription.objects.values().get()
    if way == "link":
        page = Page.open(client, link(leaving, Purpose.UNSUBSCRIBE, "unsubscribe"))
    else:
        sign_in(client, leaving)
        page = Page.open(client, reverse("leave"))
    page = page.submit("Unsubscribe")
    assert Subscriber.objects.get().status == "unsubscribed"
    assert "Undo" in Page.open(client, page.url).text  # as after a reload
    back = page.submit("Undo")
    assert back.tree.xpath("//h1/text()") == ["You're subscribed"]
    assert "Your subscription continues as before" in back.text
    assert not back.tree.xpath("//main//form")
    after = Subscriber.objects.values().get(), Subscription.objects.values().get()
    assert after[1].pop("next_digest_at")
    assert before[1].pop("next_digest_at")
    assert after == before


def test_a_mistake_is_noticed_within_an_hour(client: Client, leaving: Subscriber) -> None:
    page = Page.open(client, link(leaving, Purpose.UNSUBSCRIBE, "unsubscribe"))
    page = page.submit("Unsubscribe")
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        assert "no longer possible" in page.submit("Undo").text
        assert "Undo" not in Page.open(client, page.url).text
    assert Subscriber.objects.get().status == "unsubscribed"


@pytest.mark.parametrize(
    "changed",
    [
        {"status": "pending", "confirmed_at": None},
        {"status": "suppressed"},
        {"consent_at": datetime.fromisoformat("2099-01-01T00:00:00Z")},
    ],
)
def test_nobody_is_brought_in_who_was_not(
    client: Client, leaving: Subscriber, changed: dict[str, Any]
) -> None:
    """Who never confirmed, who complained, and who was signed up again by somebody since."""
    Subscriber.objects.update(**changed)
    url = link(leaving, Purpose.UNSUBSCRIBE, "unsubscribe")
    assert "Undo" not in Page.open(client, url).submit("Unsubscribe").text
    forge(client, link(leaving, Purpose.UNSUBSCRIBE, "unsubscribe-undo"))
    assert Subscriber.objects.get().status != "active"


def test_a_paper_that_is_here_is_offered_for_a_vote(
    client: Client, reader: Subscriber, edition: list[Paper]
) -> None:
    sign_in(client, reader)
    page = Page.open(client, reverse("propose"))
    typed = f"https://arxiv.org/abs/{edition[0].arxiv_id}v3"
    page = page.submit("Propose it", paper=typed)
    assert "We already have this paper" in page.text
    assert edition[0].title in page.text
    assert "Your vote counts" in page.submit("Vote for it").text
    assert Vote.objects.get().paper == edition[0]
    page = Page.open(client, reverse("propose")).submit("Propose it", paper=typed)
    assert "You voted for it." in page.text
    assert Topic.objects.get().text == "video"
