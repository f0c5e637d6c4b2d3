"""Flows on a reader's own pages, with scripts and without.

With scripts, axe-core checks every page on the way; most of these are slow.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.urls import reverse
from django.utils import timezone
from selenium.webdriver.common.by import By

from papers.models import Paper, Report, Submission, Vote
from subscriptions import tokens
from subscriptions.editions import digests
from subscriptions.mail import cards, digest_mail
from subscriptions.models import Digest, Reaction, Subscriber, Topic
from subscriptions.readers import lifecycle, signup
from subscriptions.tokens import Purpose
from tests.browser.axe import violations
from tests.browser.conftest import Browser

BIBTEX = "@article{one, title={Attention is not all}, year={2026}, author={One, Author}}"


@dataclass
class Flow:
    """A signed-up reader using the browser."""

    browser: Browser
    reader: Subscriber
    paper: Paper
    scripts: bool

    def open(self, name: str, *args: object, purpose: Purpose = Purpose.PREFERENCES) -> None:
        self.browser.open(reverse(name, args=[*args, tokens.make_token(purpose, self.reader.pk)]))

    def press(self, label: str, then: str) -> None:
        """Press a button and check the next page."""
        self.browser.press(label)
        self.sees(then)

    def press_beside(self, field: str, then: str) -> None:
        """Press the button of the form that contains a field."""
        form = self.browser.find(f"//form[.//*[@id={field!r}]]", field)
        form.find_element(By.TAG_NAME, "button").click()
        self.sees(then)

    def sees(self, text: str) -> None:
        self.browser.sees(text)
        if self.scripts:
            assert violations(self.browser) == [], text

    @property
    def muted_words(self) -> list[str]:
        return Subscriber.objects.get().muted_words


SCRIPTS = pytest.param(True, id="scripts")
SLOW_SCRIPTS = pytest.param(True, id="scripts", marks=pytest.mark.slow)
NO_SCRIPTS = pytest.param(False, id="no scripts")
with_and_without_scripts = pytest.mark.parametrize("flow", [SCRIPTS, NO_SCRIPTS], indirect=True)
without_scripts = pytest.mark.parametrize("flow", [SLOW_SCRIPTS, NO_SCRIPTS], indirect=True)


@pytest.fixture
def flow(request: pytest.FixtureRequest, browser: Browser, papers: str) -> Flow:
    now = timezone.now()
    made = signup.request_sign_up(signup.SignUpRequest("ada@reader.example", "UTC", "/", None), now)
    Topic.objects.filter(subscriber=made).update(text="Long context language models")
    lifecycle.activate_reader(made, now)
    browser.emulate("setScriptExecutionDisabled", value=not request.param)
    return Flow(browser, made, Paper.objects.order_by("-score")[0], request.param)


@with_and_without_scripts
def test_changing_preferences(flow: Flow) -> None:
    flow.open("preferences")
    flow.browser.fill("arXiv categories", "cs.nonsense!")
    flow.press("Save", "Not saved yet")
    flow.browser.fill("arXiv categories", "cs.CV")
    flow.press("Save", "Saved. Your next digest comes on")
    assert Topic.objects.get().categories == ["cs.CV"]


@without_scripts
def test_fewer_emails_a_pause_and_resuming(flow: Flow) -> None:
    flow.open("rhythm")
    flow.press("Once a week", "Saved. You'll get fewer emails from now on.")
    flow.press("Two weeks", "Paused.")
    flow.press("Resume now", "Welcome back")
    subscription = flow.reader.default_subscription
    assert (subscription.frequency, subscription.paused_until) == ("weekly", None)


@with_and_without_scripts
def test_editing_the_profile(flow: Flow, tmp_path: Path) -> None:
    flow.open("profile")
    flow.browser.fill("Mute a word or phrase", "diffusion")
    flow.press_beside("mute-word", "Muted. Your digests won't include it any more.")
    library = tmp_path / "library.bib"
    library.write_text(BIBTEX)
    flow.browser.find("//*[@id='id_file']", "the file").send_keys(str(library))
    flow.press("Upload", "Attention is not all")
    flow.browser.fill("arXiv ID or link", flow.paper.arxiv_id or "")
    flow.browser.press("Explain")
    flow.sees("Why not this paper?")
    assert flow.muted_words == ["diffusion"]
    flow.press("Reset my profile…", "Reset your profile?")
    assert flow.muted_words == ["diffusion"]
    flow.press("Reset my profile", "Profile cleared.")
    assert (Topic.objects.get().text, flow.muted_words) == ("", [])


@without_scripts
@pytest.mark.parametrize("kind", ["more", "less"])
def test_reacting(flow: Flow, kind: str) -> None:
    flow.open("react", kind, flow.paper.pk, purpose=Purpose.REACT)
    flow.sees(f"{kind.title()} like this?")
    assert not Reaction.objects.exists()
    flow.press(f"Show me {kind} like this", "Got it")
    assert Reaction.objects.get().kind == kind
    if kind == "less":
        flow.press("Report this paper", "Report this paper?")
        flow.browser.fill("What's wrong with it? (for the curator)", "The same as another one")
        flow.press("Send report", "A curator will look at it.")
        assert Report.objects.get().paper == flow.paper


@without_scripts
def test_voting_and_removing_the_vote(flow: Flow) -> None:
    flow.open("vote", flow.paper.pk, purpose=Purpose.REACT)
    flow.press("Vote for it", "Your vote counts")
    assert Vote.objects.count() == 1
    flow.press("Take it back", "Your vote was removed")
    assert not Vote.objects.exists()


@without_scripts
def test_proposing_a_paper(flow: Flow) -> None:
    flow.open("propose")
    flow.browser.fill("arXiv link or ID", "no paper")
    flow.press("Propose it", "This isn't an arXiv link or ID.")
    flow.browser.fill("arXiv link or ID", "https://arxiv.org/abs/2604.00001")
    flow.press("Propose it", "A curator will review it before it's added.")
    assert Submission.objects.get().arxiv_id == "2604.00001"


@without_scripts
def test_changing_the_feed_address(flow: Flow) -> None:
    flow.open("preferences")
    flow.browser.find("//summary[contains(., 'My feed address has leaked')]", "the summary").click()
    flow.press("Create a new feed address", "The old one no longer works")
    flow.reader.refresh_from_db()
    assert flow.reader.feed_key_version == 1


@without_scripts
def test_downloading_and_deleting_the_data(flow: Flow) -> None:
    flow.open("data", purpose=Purpose.DATA)
    flow.sees("Download everything")
    flow.press("Delete everything", "Delete all your data?")
    assert Subscriber.objects.exists()
    flow.press("Delete everything", "Your data has been deleted")
    assert not Subscriber.objects.exists()


@without_scripts
def test_unsubscribing_or_choosing_fewer_emails(flow: Flow) -> None:
    flow.open("unsubscribe", purpose=Purpose.UNSUBSCRIBE)
    flow.sees("Or would fewer emails help?")
    flow.press("Monday to Friday", "Saved. You'll get fewer emails from now on.")
    flow.open("unsubscribe", purpose=Purpose.UNSUBSCRIBE)
    flow.press("Unsubscribe", "You're unsubscribed")
    flow.reader.refresh_from_db()
    frequency = flow.reader.default_subscription.frequency
    assert (flow.reader.status, frequency) == ("unsubscribed", "weekdays")


@with_and_without_scripts
def test_a_second_schedule_and_stopping_it_by_its_email(flow: Flow) -> None:
    robots = Topic.objects.create(subscriber=flow.reader, position=1, text="Agents and robots")
    flow.open("subscriptions")
    flow.browser.find("//a[.='Add another schedule']", "the link").click()
    flow.sees("Add a schedule")
    flow.browser.find("//label[contains(., 'Only the topics')]", "the choice").click()
    flow.press("Save", "Choose at least one topic, or all of them.")
    flow.browser.find("//label[contains(., 'Agents and robots')]", "the topic").click()
    flow.press("Save", "Saved. Its next digest comes on")
    weekly = flow.reader.subscriptions.get(position=1)
    assert (weekly.frequency, list(weekly.topics.all())) == ("weekly", [robots])
    flow.browser.open(unsubscribe_path(flow.reader))
    flow.sees("your digest “every Monday at 08:00”")
    flow.press("Stop this digest", "This digest is stopped")
    flow.press("Undo", "Your subscription continues as before.")
    flow.browser.open(unsubscribe_path(flow.reader))
    flow.press("Stop this digest", "Your other schedules continue as before.")
    assert not flow.reader.subscriptions.get(position=1).is_active
    flow.press("Stop all email", "You're unsubscribed")
    flow.reader.refresh_from_db()
    assert flow.reader.status == "unsubscribed"


def unsubscribe_path(reader: Subscriber) -> str:
    """Return the path of the unsubscribe link in a digest of the second subscription."""
    digest = digests.build_digest(reader.pk, timezone.now(), position=1)
    assert digest
    digest = Digest.objects.select_related("subscriber").get(pk=digest.pk)
    mail = digest_mail.digest_message(digest, cards.visible_cards(digest.paper_ids))
    return urlsplit(mail.headers["List-Unsubscribe"].split(">")[0][1:]).path


@without_scripts
def test_browsing_home_by_week_and_field(flow: Flow) -> None:
    flow.browser.open("/")
    flow.press("Week", "Trending in the week to")
    flow.press("Month", "Trending in the month to")
    flow.browser.find("//nav//a[starts-with(., 'cs.CV (')]", "a field").click()
    flow.sees("Trending in the month to")
    extract = flow.browser.find("//details[contains(@class, 'extract')]/summary", "an extract")
    extract.click()
    assert flow.browser.chrome.find_elements(By.CSS_SELECTOR, "details.extract[open] .abstract")
