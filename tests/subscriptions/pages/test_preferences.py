from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from papers.models import Paper
from subscriptions import tokens
from subscriptions.editions import digests
from subscriptions.models import Digest, Reaction, Subscriber, Topic
from subscriptions.profiles import topics
from subscriptions.readers import signup
from subscriptions.tokens import Purpose
from tests.pages import Page, forge
from tests.signing_in import subscribe

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
MakeReader = Callable[..., Subscriber]


@pytest.fixture
def visitor() -> Client:
    """A browser without cookies that is held to CSRF protection."""
    return Client(enforce_csrf_checks=True)


def url(name: str, purpose: Purpose, value: object, *args: object) -> str:
    return reverse(name, args=[*args, tokens.make_token(purpose, value)])


SAID = {
    "frequency": "weekly",
    "weekday": "4",
    "hour": "17",
    "timezone": "Asia/Tokyo",
    "max_papers": "5",
    "text": "protein design",
    "words": "diffusion, flow matching",
    "muted_words": "survey",
    "categories": "q-bio.BM cs.LG",
    "authors": "Jane Doe, John Roe",
    "examples": "https://arxiv.org/abs/2604.23536v2 2604.24013",
}
"""What a reader fills in."""


def topics_of(reader: Subscriber) -> list[tuple[str, list[str]]]:
    return list(reader.topics.order_by("position").values_list("text", "categories"))


def preferences(client: Client, reader: Subscriber) -> Page:
    return Page.open(client, url("preferences", Purpose.PREFERENCES, reader.pk))


def test_the_consent_on_record_is_the_sentence_on_the_page(client: Client) -> None:
    for page in ("/", reverse("subscribe")):
        assert str(signup.CONSENT) in " ".join(client.get(page).text.split())


@pytest.mark.parametrize("state", ["new", *Subscriber.Status.values])
def test_the_sign_up_answer_is_the_same_for_every_address(
    client: Client, make_reader: MakeReader, state: str
) -> None:
    if state != "new":
        make_reader("reader@example.org", status=state)
    page = subscribe(client, "reader@example.org")
    assert (page.status, page.url) == (200, reverse("check-inbox"))
    assert Subscriber.objects.count() == 1


@pytest.mark.parametrize(
    "email", ["", "nobody", "a@b", "a@b.org\r\nBcc: c@d.org", "<a@b.org>", "a@b.org, c@d.org"]
)
def test_what_is_no_address_is_refused_with_the_reason(client: Client, email: str) -> None:
    page = subscribe(client, email)
    assert page.status == 400
    assert Subscriber.objects.count() == 0
    assert page.tree.xpath("//form[@class='signup']//ul[contains(@class, 'errorlist')]/li")


def test_an_unknown_time_zone_does_not_keep_anybody_from_signing_up(client: Client) -> None:
    subscribe(client, "a@example.org", timezone="Moon/Crater")
    assert Subscriber.objects.get().timezone == "UTC"


def test_confirming_needs_a_post(client: Client, make_reader: MakeReader) -> None:
    reader = make_reader(status=Subscriber.Status.PENDING, next_digest_at=None)
    link = url("confirm", Purpose.CONFIRM, reader.pk)
    for _ in range(2):
        assert client.get(link).status_code == client.head(link).status_code == 200
    reader.refresh_from_db()
    assert reader.status == Subscriber.Status.PENDING
    page = Page.open(client, link).submit("Yes, send me papers")
    reader.refresh_from_db()
    assert reader.status == Subscriber.Status.ACTIVE
    assert page.url.startswith("/preferences/")


def test_confirming_leads_straight_to_what_the_reader_cares_about(
    client: Client, make_reader: MakeReader
) -> None:
    reader = make_reader(status=Subscriber.Status.PENDING, next_digest_at=None)
    link = url("confirm", Purpose.CONFIRM, reader.pk)
    page = Page.open(client, link).submit("Yes, send me papers")
    assert "Now tell us what you're interested in." in page.text
    assert page.fields("Save")["text"] == ""
    again = Page.open(client, link)
    assert "You're subscribed" in again.text
    assert again.submit("Choose your interests").fields("Save")["text"] == ""


def test_what_was_typed_in_the_preview_stands_in_the_preferences_in_the_same_words(
    client: Client, edition: list[Paper]
) -> None:
    typed = "Memory in “language” agents; <b>tools</b>\n2604.10001"
    page = Page.open(client, reverse("home"))
    page = page.submit("Show my papers", interests=typed, categories="cs.CL cs.ai")
    page.submit("Subscribe", email="new@example.org")
    reader = Subscriber.objects.get()
    confirmed = Page.open(client, url("confirm", Purpose.CONFIRM, reader.pk))
    fields = confirmed.submit("Yes, send me papers").fields("Save")
    assert fields["text"] == "Memory in “language” agents; <b>tools</b>"
    assert (fields["examples"], fields["categories"]) == ("2604.10001", "cs.CL\ncs.AI")


def test_preferences_are_saved_and_the_next_digest_follows_them(
    client: Client, make_reader: MakeReader
) -> None:
    reader = make_reader()
    page = preferences(client, reader).submit("Save", **SAID)
    assert (page.status, "Saved." in page.text) == (200, True)
    reader.refresh_from_db()
    subscription = reader.default_subscription
    assert (subscription.frequency, subscription.weekday, subscription.hour) == ("weekly", 4, 17)
    assert subscription.next_digest_at is not None
    assert (subscription.next_digest_at.hour, subscription.next_digest_at.weekday()) == (8, 4)
    interests = Topic.objects.get(subscriber=reader)
    assert interests.examples == ["2604.23536", "2604.24013"]
    assert interests.words == ["diffusion", "flow matching"]
    assert interests.categories == ["q-bio.BM", "cs.LG"]
    assert interests.authors == ["Jane Doe", "John Roe"]
    assert reader.muted_words == ["survey"]
    assert page.fields("Save")["examples"] == "2604.23536\n2604.24013"


def test_ids_among_the_words_are_papers_as_in_the_preview(
    client: Client, make_reader: MakeReader
) -> None:
    reader = make_reader()
    typed = "protein folding; 2604.23536, arxiv.org/abs/2604.24013"
    preferences(client, reader).submit("Save", text=typed, examples="2604.23536")
    interests = Topic.objects.get(subscriber=reader)
    assert interests.text.startswith("protein folding")
    assert interests.examples[0] == "2604.23536"


def test_a_place_is_taken_as_its_time_zone(client: Client, make_reader: MakeReader) -> None:
    reader = make_reader()
    page = preferences(client, reader)
    assert '<option value="Munich">Europe/Berlin</option>' in page.html
    page = page.submit("Save", timezone="munich")
    reader.refresh_from_db()
    assert reader.timezone == page.fields("Save")["timezone"] == "Europe/Berlin"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("timezone", "Moon/Crater", "don't know the place or time zone"),
        ("timezone", "Berln", "Did you mean Berlin"),
        ("timezone", "localtime", "don't know the place or time zone"),
        ("categories", "cs.CL; drop table", "“drop” isn't an arXiv category"),
        ("categories", "cs.XY", "Did you mean cs.SY, cs.CY"),
        ("examples", "https://example.org/paper", "isn't an arXiv ID"),
        *(("max_papers", value, "from 1 to 30") for value in ("31", "0", "-3", "many", "")),
        ("words", "\n".join(map(str, range(101))), "too many"),
        ("text", "x" * 2001, "2,000"),
        ("authors", "x" * 201, "too long"),
    ],
)
def test_wrong_preferences_are_refused_with_the_reason_and_nothing_is_lost(
    client: Client, make_reader: MakeReader, field: str, value: str, said: str
) -> None:
    reader = make_reader()
    typed = SAID | {field: value}
    page = preferences(client, reader).submit("Save", **typed)
    assert page.status == 400
    assert said in page.text
    assert {name: page.fields("Save")[name] for name in typed} == typed
    reader.refresh_from_db()
    assert reader.default_subscription.frequency == "daily"
    assert Topic.objects.get(subscriber=reader).text == ""


def test_an_hour_that_the_page_does_not_offer_is_refused(
    client: Client, make_reader: MakeReader
) -> None:
    reader = make_reader()
    page = preferences(client, reader)
    answer = forge(client, page.url, page.fields("Save") | {"hour": "24"})
    assert (answer.status_code, "24" in answer.text) == (400, True)


@pytest.mark.parametrize(
    ("interests", "typed", "unfolded"),
    [
        ({"text": "agents", "categories": ["cs.CL"]}, {}, 0),
        ({"words": ["diffusion"]}, {}, 1),
        ({}, {"timezone": "Moon/Crater"}, 0),
        ({}, {"authors": "x" * 201}, 1),
        ({}, {"max_papers": "0", "words": "agents", "timezone": "Moon/Crater"}, 2),
    ],
)
def test_what_is_folded_opens_by_itself_where_it_holds_a_value_or_an_error(
    client: Client,
    make_reader: MakeReader,
    interests: dict[str, Any],
    typed: dict[str, str],
    unfolded: int,
) -> None:
    page = preferences(client, make_reader(topic=interests))
    if typed:
        page = page.submit("Save", **typed)
    assert len(page.tree.xpath("//details[@class='more'][@open]")) == unfolded
    assert len(page.tree.xpath("//details[@class='more']")) == 2


def test_every_field_of_the_preferences_has_a_help_text(
    client: Client, make_reader: MakeReader
) -> None:
    page = preferences(client, make_reader())
    for field in page.form("Save").xpath(".//select | .//textarea | .//input[@type!='hidden']"):
        assert field.get("aria-describedby"), field.get("name")


def test_pausing_stops_the_mail(client: Client, make_reader: MakeReader) -> None:
    reader = make_reader()
    preferences(client, reader).submit("Save", frequency="paused")
    reader.refresh_from_db()
    assert reader.default_subscription.next_digest_at is None


def test_one_click_unsubscribe_as_rfc_8058_has_it(visitor: Client, make_reader: MakeReader) -> None:
    reader = make_reader()
    link = url("unsubscribe", Purpose.UNSUBSCRIBE, reader.pk)
    for _ in range(2):
        answer = forge(visitor, link, {"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
    reader.refresh_from_db()
    assert reader.status == Subscriber.Status.UNSUBSCRIBED


def test_unsubscribing_by_link_shows_a_button_first(
    client: Client, make_reader: MakeReader
) -> None:
    reader = make_reader()
    link = url("unsubscribe", Purpose.UNSUBSCRIBE, reader.pk)
    assert "<button" in client.get(link).text
    client.head(link)
    reader.refresh_from_db()
    assert reader.status == Subscriber.Status.ACTIVE


def test_a_reader_who_is_gone_sees_success(client: Client, make_reader: MakeReader) -> None:
    reader = make_reader()
    link = url("unsubscribe", Purpose.UNSUBSCRIBE, reader.pk)
    reader.delete()
    assert Page.open(client, link).submit("Unsubscribe").status == 200


def test_a_complaint_is_not_undone_by_unsubscribing(
    client: Client, make_reader: MakeReader
) -> None:
    reader = make_reader(status=Subscriber.Status.SUPPRESSED)
    Page.open(client, url("unsubscribe", Purpose.UNSUBSCRIBE, reader.pk)).submit("Unsubscribe")
    reader.refresh_from_db()
    assert reader.status == Subscriber.Status.SUPPRESSED


@pytest.mark.parametrize("name", ["confirm", "preferences", "unsubscribe", "digest"])
@pytest.mark.parametrize("token", ["1:changed:token", "x", "1:1xVhgY:" + "A" * 43])
def test_a_changed_link_changes_nothing_and_offers_help(
    client: Client, make_reader: MakeReader, name: str, token: str
) -> None:
    reader = make_reader()
    link = reverse(name, args=[token])
    answers = [client.get(link)] + ([] if name == "digest" else [forge(client, link)])
    for answer in answers:
        assert answer.status_code == 400
        assert reverse("sign-in") in answer.text
    reader.refresh_from_db()
    assert reader.status == Subscriber.Status.ACTIVE


@pytest.mark.parametrize("kind", Reaction.Kind.values)
def test_reacting_needs_a_post_and_counts_once(
    client: Client, make_reader: MakeReader, edition: list[Paper], kind: str
) -> None:
    reader = make_reader()
    link = url("react", Purpose.REACT, reader.pk, kind, edition[0].pk)
    assert client.get(link).status_code == client.head(link).status_code == 200
    assert Reaction.objects.count() == 0
    page = Page.open(client, link)
    for _ in range(2):
        assert page.submit(f"Show me {kind} like this").status == 200
    reaction = Reaction.objects.get()
    assert (reaction.kind, reaction.paper) == (kind, edition[0])


def test_changing_ones_mind_replaces_the_reaction(
    client: Client, make_reader: MakeReader, edition: list[Paper]
) -> None:
    reader = make_reader()
    for kind in ("more", "less"):
        link = url("react", Purpose.REACT, reader.pk, kind, edition[0].pk)
        Page.open(client, link).submit(f"Show me {kind} like this")
    assert Reaction.objects.get().kind == "less"


def test_the_web_view_shows_the_digest_as_it_was_mailed(
    client: Client, make_reader: MakeReader, edition: list[Paper]
) -> None:
    reader = make_reader()
    made = Digest.objects.create(
        subscriber=reader,
        subscription=reader.default_subscription,
        day=timezone.now().date(),
        items=[{"paper": edition[0].pk, "section": "for_you", "reason": "Because", "title": "x"}],
        paper_ids=[edition[0].pk],
        created_at=timezone.now(),
        expires_at=timezone.now(),
        next_attempt_at=timezone.now(),
    )
    page = client.get(url("digest", Purpose.DIGEST, made.public_id)).text
    assert edition[0].title in page
    assert "Because" in page


def test_links_do_not_leak_by_referer(client: Client, make_reader: MakeReader) -> None:
    answer = client.get(url("preferences", Purpose.PREFERENCES, make_reader().pk))
    assert answer["Referrer-Policy"] == "same-origin"
    assert "no-store" in answer["Cache-Control"]


def test_asking_for_the_preferences_link_never_tells_who_is_known(
    client: Client, make_reader: MakeReader
) -> None:
    make_reader("known@example.org")
    page = Page.open(client, reverse("sign-in"))
    answers = [
        page.submit("Email me the link", follow=False, email=email).response
        for email in ("known@example.org", "unknown@example.org")
    ]
    assert [(one.status_code, one["Location"]) for one in answers] == [(302, "/check-inbox/")] * 2
    assert Subscriber.objects.count() == 1


def test_forms_are_held_to_csrf(visitor: Client, make_reader: MakeReader) -> None:
    assert forge(visitor, reverse("subscribe"), {"email": "a@example.org"}).status_code == 403
    reader = make_reader()
    assert forge(visitor, url("preferences", Purpose.PREFERENCES, reader.pk)).status_code == 403


def test_preview_and_digest_choose_alike(
    make_reader: MakeReader, edition: list[Paper], now: Any
) -> None:
    reader = make_reader(topic={"text": "language models"})
    shown = digests.preview_digest(reader, now).items
    digests.build_due_digests([reader.pk], now)
    assert reader.digests.get().items == shown


def test_who_reads_already_is_offered_what_a_search_asked_for_and_adds_it(
    client: Client, make_reader: MakeReader
) -> None:
    """Typing an address changes nobody's profile; its owner adds what was typed, or does not."""
    reader = make_reader(topic={"text": "agents", "categories": ["cs.AI"]})
    assert "entered your address" not in preferences(client, reader).text
    searched = "/subscribe/?text={}&categories=cs.CV,cs.AI"
    found = Page.open(client, searched.format("gaussian+splatting"))
    found.submit("Subscribe", email=reader.email)
    own = ("agents", ["cs.AI"])
    assert topics_of(reader) == [own]
    page = preferences(client, reader)
    assert "gaussian splatting" in page.text
    offer = reverse("offer", args=[tokens.make_token(Purpose.PREFERENCES, reader.pk)])
    assert client.get(offer).status_code == 405
    taken = ("gaussian splatting", ["cs.CV", "cs.AI"])
    for said in ("Added.", "Nothing was added."):
        assert said in page.submit("Add to my topics").text
        assert topics_of(reader) == [own, taken]
        reader.refresh_from_db()
        assert reader.suggestion is None
    Page.open(client, searched.format("cats")).submit("Subscribe", email=reader.email)
    assert "Nothing was added." in preferences(client, reader).submit("No").text
    reader.refresh_from_db()
    assert (topics_of(reader), reader.suggestion) == ([own, taken], None)


def test_an_offer_that_does_not_fit_is_kept_and_the_page_says_so(
    client: Client, make_reader: MakeReader
) -> None:
    reader = make_reader(topic={"text": "agents"}, suggestion={"text": "one too many"})
    for number in range(1, topics.MAX_TOPICS):
        topics.add_topic(reader, {"text": f"topic {number}"})
    page = preferences(client, reader).submit("Add to my topics")
    assert "You have 20 topics, which is the maximum." in page.text
    reader.refresh_from_db()
    assert (reader.topics.count(), reader.suggestion) == (20, {"text": "one too many"})


def test_all_past_digests_are_found_thirty_at_a_time(
    client: Client, make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader()
    days = [now.date() - timedelta(days=ago) for ago in range(31)]
    Digest.objects.bulk_create(
        Digest(
            subscriber=reader,
            subscription=reader.default_subscription,
            day=day,
            status=Digest.Status.SENT,
            subject=f"Of {day}",
            created_at=now,
            expires_at=now,
            next_attempt_at=now,
        )
        for day in days
    )
    address = url("preferences", Purpose.PREFERENCES, reader.pk)
    first = client.get(address).text
    assert f"Of {days[29]}" in first
    assert f"Of {days[30]}" not in first
    earlier = re.search(r'href="([?]before=[^"#]+)#past"', first)
    assert earlier
    rest = client.get(address + earlier[1]).text
    assert re.findall(r"<bdi>Of (.*?)</bdi>", rest) == [f"{days[30]}"]
    assert "Earlier digests" not in rest
    assert client.get(address + "?before=soon").text.count("<bdi>Of ") == 30
